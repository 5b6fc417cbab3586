// The days around: each with its recovery, one press away. Two weeks on wide screens, one on phones.
import { html, useEffect, useState } from "../lib.js";
import { dayPath } from "../api.js";
import { Ring } from "../charts/ring.js";
import { addDays, dateLabel, today } from "../format.js";
import { recoveryBand } from "../metrics.js";
import { recall } from "../offline.js";
import { BANDS } from "./words.js";
import { open } from "./gestures.js";

const FIRST = { monday: 1, sunday: 0 };

/** The fourteen days that end with the week of a date. */
function days(date, prefs) {
  const weekday = new Date(`${date}T12:00:00Z`).getUTCDay();
  const begin = addDays(date, -((weekday - FIRST[prefs.week_starts] + 7) % 7) - 7);
  return Array.from({ length: 14 }, (_, index) => addDays(begin, index));
}

/** The recoveries of those days that this device kept, while nothing answers: by date, null for a day without one. */
function useKept(member, dates, away) {
  const [kept, set] = useState({});
  useEffect(() => {
    let wanted = away;
    if (away)
      Promise.all(dates.map(async (date) => [date, await recall(dayPath(member, date))])).then((found) => {
        const here = found.filter(([, day]) => day);
        if (wanted) set(Object.fromEntries(here.map(([date, { data }]) => [date, data.recovery?.score ?? null])));
      });
    return () => {
      wanted = false;
    };
  }, [member, dates[0], away]);
  return kept;
}

/** What is known of a day's recovery; `score` is undefined for one that was not loaded. */
function told(score, { away, waits }) {
  const band = recoveryBand(score);
  if (band) return `recovery ${score} %, ${BANDS[band].toLowerCase()}`;
  if (score === null) return "no recovery";
  return away ? "not kept here" : waits ? "being loaded" : "not loaded";
}

function Day({ date, chosen, score, state, earlier }) {
  const band = recoveryBand(score);
  const known = told(score, state);
  const unknown = score === undefined && date <= today() && !state.waits;
  const more = `${dateLabel(date, "month")}${date > today() ? "" : `, ${known}`}`;
  return html`<li class=${earlier ? "week-earlier" : ""}>
    <button type="button" class=${unknown ? "week-day week-unknown" : "week-day"} title=${unknown ? known : undefined} aria-current=${chosen ? "date" : undefined} disabled=${date > today()} onClick=${() => open(date)}>
      <span class="week-name">${dateLabel(date, "weekday").slice(0, 2)}</span>
      <${Ring} small value=${score} colour=${band ? `recovery-${band}` : "surface-3"}>${Number(date.slice(8))}<//>
      <span class="visually-hidden">${more}</span>
    </button>
  </li>`;
}

/** `series`: the answer that has the recoveries of the days around. */
export function Week({ date, member, series, prefs }) {
  const around = days(date, prefs);
  const recovery = series.data?.metrics?.recovery_score?.series;
  const state = { away: series.kept || series.error?.status === 0, waits: series.loading };
  const kept = useKept(member, around, state.away);
  const heard = (day) => recovery?.value[recovery.day.indexOf(day)];
  const score = (day) => heard(day) ?? (day in kept ? kept[day] : heard(day));
  return html`<nav aria-label="Days around">
    <ol class="week">
      ${around.map((day, index) => html`<${Day} key=${day} date=${day} chosen=${day === date} score=${score(day)} state=${state} earlier=${index < 7} />`)}
    </ol>
  </nav>`;
}
