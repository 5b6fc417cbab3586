// The page. A room is a module app/rooms/<name>.js whose default export is its component (no props), with its own
// styles/<name>.css; both are fetched when it is first entered.
import { html, render, useEffect, useErrorBoundary, useState } from "./lib.js";
import { Link, useRoute } from "./router.js";
import { SessionProvider, useSession } from "./session.js";
import { Shell } from "./shell.js";
import { Button, Card, Empty, Skeleton } from "./ui.js";
import { useMetrics } from "./metrics.js";
import { keepShell, keepsDays, refreshDays } from "./offline.js";
import Today from "./rooms/today.js";

const STATIC = document.querySelector('meta[name="circadia-static"]').content;
const LATER = {
  "/trends": () => import("./rooms/trends.js"),
  "/sleep": () => import("./rooms/sleep.js"),
  "/strain": () => import("./rooms/strain.js"),
  "/insights": () => import("./rooms/insights.js"),
  "/data": () => import("./rooms/data.js"),
  "/settings": () => import("./rooms/settings.js"),
  "/admin": () => import("./rooms/admin.js"),
  "/welcome": () => import("./rooms/welcome.js"),
};
const entered = new Map([["/", Today]]);

function stylesheet(path) {
  return new Promise((done) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: `${STATIC}/styles${path}.css`, onload: done, onerror: done });
    document.head.append(link);
  });
}

async function enter(path) {
  const [module] = await Promise.all([LATER[path](), stylesheet(path)]);
  entered.set(path, module.default);
}

const title = (path) => path.slice(1, 2).toUpperCase() + path.slice(2);

/** Which room is open: without a person, or before any data, it is the welcome. An owner may be without data of their own
 * and look at others, but not before WHOOP is set up. */
function place({ path, query }, me, instance) {
  const asked = path.startsWith("/day/") ? "/" : path;
  if (!isRoom(asked)) return asked;
  if (!me) return "/welcome";
  const hasNothing = !me.has_data && !me.shared_with_me?.length;
  if (me.role === "coach" && hasNothing) return asked === "/settings" ? asked : "/welcome";
  const mayStay = me.role === "owner" && (instance?.whoop_configured || query.member);
  return asked === "/" && hasNothing && !mayStay ? "/welcome" : asked;
}

const isRoom = (path) => path === "/" || path in LATER;

function Waiting() {
  return html`<div class="waiting" aria-busy="true">
    <${Skeleton} height=${40} width="50%" /><${Skeleton} height=${220} radius="20px" /><${Skeleton} height=${320} radius="20px" />
  </div>`;
}

/** An address that nothing is at. */
function Nowhere({ title }) {
  const home = html`<${Link} to="/" class="button button-primary">Go to the newest day<//>`;
  return html`<${Card}><${Empty} icon="calendar" title=${title} action=${home}>The address may have been cut short or mistyped.<//><//>`;
}

function Failed({ error, again }) {
  return html`<${Card}>
    <${Empty} icon="warn" title=${error?.detail ?? "This room could not be opened."} action=${html`<${Button} kind="primary" onClick=${again}>Try again<//>`}>
      ${error?.remedy ?? "It may be that a newer version is there: load the page again."}
    <//>
  <//>`;
}

function Room() {
  const route = useRoute();
  const { me, instance, member, loading, error, reload } = useSession();
  const known = me || error?.status === undefined;
  const here = loading || !known ? null : place(route, me, instance);
  const exists = isRoom(here);
  const noDate = here === "/" && route.path !== "/" && !route.params.date;
  const nowhere = here === null ? null : !exists ? "There is no such page" : noDate ? "There is no such date" : null;

  useEffect(() => {
    if (here === null) return;
    // a day is titled by its room, which knows which it is
    if (nowhere || here !== "/") document.title = `${nowhere ?? title(here)} · Circadia`;
  }, [here, nowhere]);

  if (!loading && !known) return html`<${Failed} error=${error} again=${reload} />`;
  if (here === null) return html`<${Waiting} />`;
  if (nowhere) return html`<${Nowhere} title=${nowhere} />`;
  return html`<${Opened} key=${`${here} ${member}`} path=${here} />`;
}

/** A room once it is fetched. One that fails is told in the console and leaves the others alone. */
function Opened({ path }) {
  const [broken, recover] = useErrorBoundary((error) => console.error(error));
  const [failure, setFailure] = useState(null);
  const [, turn] = useState(0);
  useEffect(() => {
    if (entered.has(path)) return;
    enter(path).then(
      () => turn((n) => n + 1),
      (error) => {
        console.error(error);
        setFailure(error);
      },
    );
  }, [path]);
  if (broken || failure) return html`<${Failed} again=${() => (broken ? recover() : window.location.reload())} />`;
  const Open = entered.get(path);
  return Open ? html`<${Open} />` : html`<${Waiting} />`;
}

function App() {
  return html`<${SessionProvider}><${Shell}><${Room} /><//><${Signed} /><//>`;
}

/** What only somebody who is signed in needs. */
function Signed() {
  const { me } = useSession();
  return me && html`<${Known} /><${Keeper} />`;
}

/** The table of the figures, fetched before a room asks for it. */
function Known() {
  useMetrics();
  return null;
}

/** Brings this device's store up to date, where it keeps days. */
function Keeper() {
  const { me, member } = useSession();
  useEffect(() => {
    if (me && keepsDays()) refreshDays(member).catch(() => {});
  }, [me?.user_id, member]);
  return null;
}

render(html`<${App} />`, document.getElementById("app"));
keepShell();
