// What this device keeps for times without a network: the page itself (the service worker), and, only where the person
// has turned it on for this device, the last thirty days.
import { addDays, today } from "./format.js";

const SWITCH = "circadia-keep-days"; // holds the user id of whoever turned it on
const DAYS = 30;
const FIRST_PAINT_MS = 2000;
const KEPT = /^\/api\/v1\/(me$|instance$|preferences\/|whoop\/(metrics$|daily-data\/|trends\/|sync-status\/))/;

let opened;

function database() {
  opened ??= new Promise((done, failed) => {
    const asked = indexedDB.open("circadia", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("answers");
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
  return opened;
}

async function store(mode, act) {
  const answers = (await database()).transaction("answers", mode).objectStore("answers");
  const asked = act(answers);
  return new Promise((done, failed) => {
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
}

/** Whether this device keeps the last days. */
export const keepsDays = () => localStorage.getItem(SWITCH) !== null;

/** Keep an answer, heard at an instant, if this device keeps any. */
export function remember(path, data, at = new Date().toISOString()) {
  if (keepsDays() && KEPT.test(path)) {
    store("readwrite", (answers) => answers.put({ data, at }, path)).catch(() => {});
  }
}

/** A kept answer with its time: `{data, at}`, or null. */
export async function recall(path) {
  if (!keepsDays()) return null;
  return (await store("readonly", (answers) => answers.get(path)).catch(() => null)) ?? null;
}

/** Turn keeping on or off on this device. A user who turns it on has their last thirty days fetched; off forgets them. */
export async function keepDays(on, userId) {
  if (!on) {
    localStorage.removeItem(SWITCH);
    await forgetDays();
    return;
  }
  localStorage.setItem(SWITCH, userId);
  await refreshDays(userId);
}

/** Fetch the last thirty days of a user into the store of this device, and let go of older ones. */
export async function refreshDays(userId) {
  if (!keepsDays()) return;
  const user = encodeURIComponent(userId);
  const date = (ago) => addDays(today(), -ago);
  const response = await fetch(`/api/v1/whoop/days/${user}?from=${date(DAYS - 1)}&to=${date(0)}`);
  if (!response.ok) return;
  const { days } = await response.json();
  const path = `/api/v1/whoop/daily-data/${user}`;
  days.forEach((day) => remember(`${path}?date=${day.date}`, day));
  const newest = days.findLast((day) => day.state !== "empty");
  if (newest) remember(path, newest);
  const old = await store("readonly", (answers) => answers.getAllKeys());
  for (const key of old.filter((each) => /date=(.*)$/.exec(each)?.[1] < date(DAYS))) {
    await store("readwrite", (answers) => answers.delete(key));
  }
}

/** Forget every kept answer. */
async function forgetDays() {
  await store("readwrite", (answers) => answers.clear());
}

/** Forget what this device keeps for anybody but a user; null is nobody. */
export async function keepOnlyFor(userId) {
  if (keepsDays() && localStorage.getItem(SWITCH) !== userId) await forgetEverything();
}

/** Forget all that this device has of anybody: at sign-out. */
export async function forgetEverything() {
  localStorage.removeItem(SWITCH);
  await forgetDays().catch(() => {});
}

/** Have the service worker keep the page, once it is there. Browsers have none where the connection is not private. */
export function keepShell() {
  if ("serviceWorker" in navigator) setTimeout(() => navigator.serviceWorker.register("/sw.js").catch(() => {}), FIRST_PAINT_MS);
}
