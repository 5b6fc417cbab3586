// Which day it is, the way to others, how fresh it is and the button that asks again.
import { html, useEffect, useRef, useState } from "../lib.js";
import { renew, send } from "../api.js";
import { addDays, ago, dateLabel, moment, today } from "../format.js";
import { follow } from "../live.js";
import { go } from "../router.js";
import { Button, toast } from "../ui.js";
import { Icon } from "../icons.js";

const ENOUGH_PX = 64;
const UNFINISHED = new Set(["queued", "running"]);

const relative = (date) => {
  const now = today();
  return date === now ? "Today" : date === addDays(now, -1) ? "Yesterday" : null;
};

/** To a date; today and what comes after has the short address. */
export const open = (date) => date <= today() && go(`/day/${date}`, { replace: window.location.pathname.startsWith("/day/") });

/** Arrow keys and sideways swipes change the day, a pull from the top asks again. */
export function useGestures(date, refresh) {
  const begun = useRef(null); // outlives what is drawn anew under the finger
  useEffect(() => {
    const busy = (target) => target.closest?.("input, select, textarea, dialog, .table-frame, .segmented");
    const key = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.shiftKey || busy(event.target)) return;
      if (event.key === "ArrowLeft") open(addDays(date, -1));
      if (event.key === "ArrowRight") open(addDays(date, 1));
      if (event.key === "t") go("/");
    };
    const down = ({ touches, target }) => {
      begun.current = touches.length === 1 && !busy(target) ? { x: touches[0].clientX, y: touches[0].clientY, top: window.scrollY <= 0 } : null;
    };
    const up = ({ changedTouches: [touch] }) => {
      const start = begun.current;
      if (!start) return;
      begun.current = null;
      const [dx, dy] = [touch.clientX - start.x, touch.clientY - start.y];
      if (Math.abs(dx) > ENOUGH_PX && Math.abs(dx) > 2 * Math.abs(dy)) open(addDays(date, dx > 0 ? -1 : 1));
      else if (start.top && dy > 2 * ENOUGH_PX && dy > 2 * Math.abs(dx)) refresh();
    };
    document.addEventListener("keydown", key);
    document.addEventListener("touchstart", down, { passive: true });
    document.addEventListener("touchend", up, { passive: true });
    return () => {
      document.removeEventListener("keydown", key);
      document.removeEventListener("touchstart", down);
      document.removeEventListener("touchend", up);
    };
  }, [date, refresh]);
}

function told(run) {
  if (run.paused) return "Paused";
  if (run.state === "queued") return "Waiting for its turn";
  const fetched = Object.values(run.progress?.types ?? run.progress ?? {}).reduce((all, each) => all + (each?.fetched ?? 0), 0);
  return fetched ? `${fetched} records read` : "Asking WHOOP";
}

function ended(run) {
  if (run.state === "failed") return run.error?.message ?? "WHOOP could not be read.";
  const written = Object.values(run.outcome ?? {}).reduce((all, each) => all + (each?.written ?? 0), 0);
  return written ? `${written} ${written === 1 ? "record is" : "records are"} new` : "Nothing new at WHOOP";
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

/** `date` and what is known of its freshness: `asOf` is when WHOOP was last heard or, with `kept`, when this device
 * kept the day. */
export function Head({ date, asOf, kept, words, refresh, prefs }) {
  const picker = useRef(null);
  const pick = () => (picker.current.showPicker ? picker.current.showPicker() : picker.current.focus());
  const near = relative(date);
  const year = date.slice(0, 4) === today().slice(0, 4) ? "" : ` ${date.slice(0, 4)}`;
  const chosen = (event) => /^\d{4}-\d{2}-\d{2}$/.test(event.currentTarget.value) && open(event.currentTarget.value);
  const fresh = words ?? (asOf ? html`<span title=${moment(asOf, prefs)}>${kept ? "Kept here" : "Synced"} ${ago(asOf)}</span>` : "");
  return html`<header class="day-head">
    <div class="day-title">
      <p class="day-near">${near ?? ago(`${date}T12:00:00Z`).replace(/^./, (first) => first.toUpperCase())}${(words || kept) && html`<span class="day-news"> · ${fresh}</span>`}</p>
      <h1>
        <button type="button" class="day-pick" onClick=${pick}><span class="wide-only">${dateLabel(date)}${year}</span><span class="phone-only">${dateLabel(date, year ? "medium" : "day")}</span><span class="visually-hidden">, choose another date</span><${Icon} name="calendar" size=${20} /></button>
      </h1>
      <input ref=${picker} class="day-input" type="date" tabindex="-1" aria-hidden="true" value=${date} max=${today()} onChange=${chosen} />
    </div>
    <div class="day-buttons">
      <p class="day-fresh" role="status">${fresh}</p>
      <${Button} icon="refresh" busy=${Boolean(words)} onClick=${refresh} aria-label="Ask WHOOP for what is new" title="Refresh" />
      <span class="day-steps">
        <${Button} icon="left" aria-label="The day before" title="The day before (←)" onClick=${() => open(addDays(date, -1))} />
        <${Button} icon="right" aria-label="The day after" title="The day after (→)" disabled=${date >= today()} onClick=${() => open(addDays(date, 1))} />
      </span>
    </div>
  </header>`;
}
