// Where the reader is: the address is the only state of navigation. `member` is carried along, so that an owner or a
// coach who looks at somebody stays with them.
import { html, useEffect, useState } from "./lib.js";

const DAY = /^\/day\/(\d{4}-\d{2}-\d{2})$/;
const watchers = new Set();

/** Whether there is such a date: 2026-02-30 is none. */
function isDate(text) {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

function read() {
  const { pathname, search } = window.location;
  const path = pathname.length > 1 ? pathname.replace(/\/+$/, "") : pathname;
  const date = DAY.exec(path)?.[1];
  return { path, params: isDate(date) ? { date } : {}, query: Object.fromEntries(new URLSearchParams(search)) };
}

let route = read();

function changed() {
  route = read();
  watchers.forEach((tell) => tell(route));
}

window.addEventListener("popstate", changed);

/** An address within the app, with the member being looked at. */
export function address(path) {
  const url = new URL(path, window.location.origin);
  if (route.query.member && !url.searchParams.has("member")) url.searchParams.set("member", route.query.member);
  return url.pathname + url.search + url.hash;
}

/** Go to a path of the app. `replace` leaves no step back. */
export function go(path, { replace = false } = {}) {
  const samePage = new URL(path, window.location.origin).pathname === window.location.pathname;
  window.history[replace ? "replaceState" : "pushState"](null, "", address(path));
  if (!samePage && !path.startsWith("/day/")) window.scrollTo(0, 0);
  changed();
}

/** `{path, params, query}`; `params.date` under /day/. */
export function useRoute() {
  const [now, set] = useState(route);
  useEffect(() => {
    watchers.add(set);
    set(route);
    return () => watchers.delete(set);
  }, []);
  return now;
}

/** A link within the app. */
export function Link({ to, children, ...others }) {
  const follow = (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return html`<a href=${address(to)} onClick=${follow} ...${others}>${children}</a>`;
}
