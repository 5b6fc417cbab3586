// The days around: each with its recovery, one press away. Two weeks on wide screens, one on phones.
import { html } from "../lib.js";
import { Ring } from "../charts/ring.js";
import { addDays, dateLabel, today } from "../format.js";
import { recoveryBand } from "../metrics.js";
import { BANDS } from "./words.js";
import { open } from "./head.js";

const FIRST = { monday: 1, sunday: 0 };

/** The fourteen days that end with the week of a date. */
function days(date, prefs) {
  const weekday = new Date(`${date}T12:00:00Z`).getUTCDay();
  const begin = addDays(date, -((weekday - FIRST[prefs.week_starts] + 7) % 7) - 7);
  return Array.from({ length: 14 }, (_, index) => addDays(begin, index));
}

function Day({ date, chosen, score, earlier }) {
  const band = recoveryBand(score);
  const more = `${dateLabel(date, "month")}, ${band ? `recovery ${score} %, ${BANDS[band].toLowerCase()}` : "no recovery"}`;
  return html`<li class=${earlier ? "week-earlier" : ""}>
    <button type="button" class="week-day" aria-current=${chosen ? "date" : undefined} disabled=${date > today()} onClick=${() => open(date)}>
      <span class="week-name">${dateLabel(date, "weekday").slice(0, 2)}</span>
      <${Ring} small value=${score} colour=${band ? `recovery-${band}` : "surface-3"}>${Number(date.slice(8))}<//>
      <span class="visually-hidden">${more}</span>
    </button>
  </li>`;
}

export function Week({ date, series, prefs }) {
  const recovery = series?.metrics?.recovery_score?.series;
  const score = (day) => recovery?.value[recovery.day.indexOf(day)] ?? null;
  return html`<nav aria-label="Days around">
    <ol class="week">
      ${days(date, prefs).map((day, index) => html`<${Day} key=${day} date=${day} chosen=${day === date} score=${score(day)} earlier=${index < 7} />`)}
    </ol>
  </nav>`;
}
