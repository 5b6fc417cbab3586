// A sync on request, in words while it runs.
import { useEffect, useRef, useState } from "../lib.js";
import { renew, send } from "../api.js";
import { follow } from "../live.js";
import { toast } from "../ui.js";
import { sentence } from "../welcome/trouble.js";

const UNFINISHED = new Set(["queued", "running"]);

function told(run) {
  if (run.paused) return "Paused";
  if (run.state === "queued") return "Waiting for its turn";
  const types = Object.values(run.progress?.types ?? run.progress ?? {});
  const fetched = types.reduce((all, each) => all + (each?.fetched ?? 0), 0);
  return fetched ? `${fetched} records read` : "Asking WHOOP";
}

/** How a sync ended, in a sentence. */
export function ended({ state, outcome, error }) {
  const trouble = error ?? Object.values(outcome?.errors ?? {})[0];
  if (state === "failed") return `${sentence(trouble?.message ?? "WHOOP could not be read")} What is stored stays.`;
  const written = Object.values(outcome?.types ?? {}).reduce((all, each) => all + (each.written ?? 0), 0);
  const news = written ? `${written} ${written === 1 ? "record is" : "records are"} new` : "Nothing new at WHOOP";
  return trouble ? `${news}; not everything could be fetched` : news;
}

/** A sync on request: `[words while it runs, refresh]`. Who may not ask WHOOP reads anew what is stored. */
export function useRefresh(member, writes) {
  const [words, set] = useState(null);
  const stop = useRef(null);
  useEffect(() => () => stop.current?.(), []);
  const refresh = async () => {
    if (words) return;
    set("Asking WHOOP");
    const over = () => {
      set(null);
      renew(`/${encodeURIComponent(member)}`);
    };
    if (!writes) return over();
    try {
      const { run_id: runId } = await send("POST", `/api/v1/whoop/sync/${encodeURIComponent(member)}`, {});
      stop.current = follow(runId, (run) => {
        if (UNFINISHED.has(run.state)) return set(told(run));
        toast(ended(run));
        over();
      });
    } catch (error) {
      toast([error.detail, error.remedy].filter(Boolean).join(" "));
      over();
    }
  };
  return [words, refresh];
}
