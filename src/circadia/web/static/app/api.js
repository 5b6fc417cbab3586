// The public API, and what has been heard from it. An answer is shown again at once and asked for anew behind it.
import { useCallback, useEffect, useState } from "./lib.js";
import { recall, remember } from "./offline.js";

const FRESH_MS = 30_000;
const MOST_KEPT = 400;

/** What went wrong, in the API's words. `status` 0: no answer came. */
export class ApiError extends Error {
  constructor(status, { type = "", detail, remedy, ...others } = {}) {
    super(detail ?? "Circadia did not answer.");
    this.status = status;
    this.kind = type.split(":").pop() || (status ? "error" : "offline");
    this.detail = this.message;
    this.remedy = remedy ?? (status ? null : "Check the connection of this device.");
    this.problem = others;
  }
}

const heard = new Map(); // path -> {data, error, at, kept}
const asking = new Map(); // path -> promise
const watchers = new Map(); // path -> set of functions

function note(path, entry) {
  heard.delete(path);
  heard.set(path, entry);
  for (const oldest of heard.keys()) {
    if (heard.size <= MOST_KEPT) break;
    if (!watchers.has(oldest)) heard.delete(oldest);
    else break;
  }
  watchers.get(path)?.forEach((tell) => tell());
}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, credentials: "same-origin", ...options });
  } catch {
    throw new ApiError(0);
  }
  const json = /json/.test(response.headers.get("content-type") ?? "");
  const body = json && response.status !== 204 ? await response.json() : null;
  if (!response.ok) {
    if (response.status === 401 && path !== "/api/v1/me") window.dispatchEvent(new Event("circadia:signed-out"));
    throw new ApiError(response.status, body ?? {});
  }
  return body;
}

async function load(path) {
  const before = heard.get(path);
  try {
    const data = await answer(path);
    note(path, { data, at: new Date().toISOString(), kept: false });
    remember(path, data);
    return data;
  } catch (error) {
    const kept = error.status === 0 ? await recall(path) : null;
    if (kept) {
      note(path, { data: kept.data, at: kept.at, kept: true });
      return kept.data;
    }
    note(path, { data: error.status === 0 || error.status >= 500 ? before?.data : undefined, at: before?.at, error });
    throw error;
  }
}

/** The JSON of a path. What was heard within half a minute is taken as it is, unless `fresh`. */
export function get(path, { fresh = false } = {}) {
  const known = heard.get(path);
  if (!fresh && known?.data !== undefined && !known.kept && Date.now() - Date.parse(known.at) < FRESH_MS) {
    return Promise.resolve(known.data);
  }
  if (!asking.has(path)) asking.set(path, load(path).finally(() => asking.delete(path)));
  return asking.get(path);
}

/** Do something: POST, PUT or DELETE with a JSON body. The JSON of the answer, or null. */
export function send(method, path, body) {
  const headers = { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  return answer(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

/** Ask again for every answer whose path contains `part`: what is on the page now, the rest when it is next wanted. */
export function renew(part) {
  for (const path of [...heard.keys()].filter((each) => each.includes(part))) {
    if (watchers.has(path)) get(path, { fresh: true }).catch(() => {});
    else heard.delete(path);
  }
}

/** Have this device keep what was heard before it was told to keep anything. */
export function keepHeard() {
  for (const [path, { data, at, kept }] of heard) if (data !== undefined && !kept) remember(path, data, at);
}

/** Forget everything that was heard. */
export function forget() {
  heard.clear();
}

/** Fetch ahead, when the browser has nothing better to do. */
export function ahead(paths) {
  const idle = window.requestIdleCallback ?? ((run) => setTimeout(run, 60));
  idle(() => paths.forEach((path) => heard.has(path) || get(path).catch(() => {})));
}

/** The path of a day document; without a date that of the newest. */
export const dayPath = (userId, date) =>
  `/api/v1/whoop/daily-data/${encodeURIComponent(userId)}${date ? `?date=${date}` : ""}`;

/** An answer that the page shows: `{data, error, loading, reload, asOf, kept}`. A null path asks nothing. `every`:
 * milliseconds after which it is asked again. `kept`: from this device's store, because nothing answered. */
export function useApi(path, { every } = {}) {
  const [, turn] = useState(0);
  const shown = path && heard.get(path);
  useEffect(() => {
    if (!path) return undefined;
    const tell = () => turn((n) => n + 1);
    const all = watchers.get(path) ?? new Set();
    watchers.set(path, all.add(tell));
    if (heard.get(path) !== shown) tell(); // what was fetched ahead came before anybody watched
    get(path).catch(() => {});
    const timer = every && setInterval(() => document.hidden || get(path, { fresh: true }).catch(() => {}), every);
    return () => {
      all.delete(tell);
      if (!all.size) watchers.delete(path);
      clearInterval(timer);
    };
  }, [path, every]);
  const reload = useCallback(() => (path ? get(path, { fresh: true }).catch(() => {}) : undefined), [path]);
  const { data, error, at, kept = false } = shown || {};
  return { data, error, loading: Boolean(path) && data === undefined && !error, reload, asOf: at, kept };
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const path of watchers.keys()) get(path).catch(() => {});
});
window.addEventListener("online", () => {
  for (const path of watchers.keys()) get(path, { fresh: true }).catch(() => {});
});
