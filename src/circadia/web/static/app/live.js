// A run as it goes. One stream per browser: the tab that holds the lock listens and tells the others.
import { get } from "./api.js";

const POLL_MS = 2000;
const OVER = new Set(["succeeded", "partial", "failed"]);

/** Follow a run until it is over: `onRun(run)` whenever it changed. Gives the function that stops. */
export function follow(runId, onRun) {
  const path = `/api/v1/whoop/runs/${runId}`;
  const channel = new BroadcastChannel(`circadia-run-${runId}`);
  const stopping = new AbortController();
  let over = false;

  const stop = () => {
    stopping.abort();
    channel.close();
  };
  const tell = (run) => {
    if (stopping.signal.aborted || over) return;
    over = OVER.has(run.state);
    onRun(run);
    if (over) stop();
  };
  const pass = (run) => {
    if (stopping.signal.aborted) return;
    channel.postMessage(run);
    tell(run);
  };
  channel.onmessage = ({ data }) => tell(data);

  const listen = () => stream(path, pass, stopping.signal);
  if (navigator.locks) {
    navigator.locks.request(`circadia-run-${runId}`, { signal: stopping.signal }, listen).catch(() => {});
  } else {
    listen();
  }
  return stop;
}

function stream(path, pass, signal) {
  return new Promise((done) => {
    let timer;
    const source = new EventSource(`${path}/events`);
    const finish = () => {
      source.close();
      clearTimeout(timer);
      done();
    };
    const read = (event) => pass(JSON.parse(event.data));
    source.addEventListener("run", read);
    source.addEventListener("end", (event) => {
      read(event);
      finish();
    });
    const poll = async () => {
      const run = await get(path, { fresh: true }).catch(() => null);
      if (run) pass(run);
      if (signal.aborted || (run && OVER.has(run.state))) finish();
      else timer = setTimeout(poll, POLL_MS);
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED && !signal.aborted && !timer) poll();
    };
    signal.addEventListener("abort", finish);
    if (signal.aborted) finish();
  });
}
