// Which days are complete: a year of small months, told by shape as much as by shade, and in words below.

import { useApi } from "../api.js";
import { dateLabel, today } from "../format.js";
import { html, useMemo, useState } from "../lib.js";
import { go, Link } from "../router.js";
import { Card, Select, Skeleton } from "../ui.js";
import { Trouble } from "../welcome/trouble.js";

const PARTS = { recovery_score: "recovery", sleep_performance_pct: "sleep", strain: "strain" };
const SETTLED = ["scored", "calibrating", "estimated"];
const CELL = 14;
const BOX = 11;
const LEGEND = {
  whole: "Complete",
  part: "A part is missing",
  waiting: "Not over, or score pending",
  unscorable: "WHOOP could not score it",
  missing: "Nothing",
};

export function Coverage({ userId, weekStarts }) {
  const kept = useApi(`/api/v1/whoop/statistics/${encodeURIComponent(userId)}`);
  const firsts = Object.values(kept.data?.types ?? {}).map((each) => each.first).filter(Boolean).sort();
  const now = today();
  const first = firsts[0]?.slice(0, 10);
  const years = useMemo(() => yearsFrom(first ?? now, now), [first, now]);
  const [year, setYear] = useState(null);
  const shown = year ?? years[0];
  const chooser = years.length > 1 && html`<${Select} label="Year" hideLabel value=${shown} onChange=${(value) => setYear(Number(value))}
    options=${years.map((each) => ({ value: each, label: String(each) }))} />`;
  return html`<${Card} title="Which days are complete" actions=${chooser}>
    <${Trouble} error=${kept.error} />
    ${kept.data && (first
      ? html`<${Year} userId=${userId} year=${shown} first=${first} today=${now} weekStarts=${weekStarts} />`
      : html`<p class="quiet">No day is here yet.</p>`)}
    ${!kept.data && !kept.error && html`<${Skeleton} height=${220} />`}
  <//>`;
}

function yearsFrom(first, today) {
  const [from, to] = [first, today].map((each) => Number(each.slice(0, 4)));
  return Array.from({ length: to - from + 1 }, (_, i) => to - i);
}

function Year({ userId, year, first, today, weekStarts }) {
  const from = first > `${year}-01-01` ? first : `${year}-01-01`;
  const to = today < `${year}-12-31` ? today : `${year}-12-31`;
  const path = `/api/v1/whoop/trends/${encodeURIComponent(userId)}?from=${from}&to=${to}&metrics=${Object.keys(PARTS).join(",")}&columns=state`;
  const { data, error } = useApi(path);
  const days = useMemo(() => data && data.from === from && daysOf(data.metrics), [data, from]);
  if (error) return html`<${Trouble} error=${error} title="The days could not be looked at" />`;
  if (!days) return html`<${Skeleton} height=${220} />`;
  const all = [...days.values()];
  const whole = all.filter((each) => each.kind === "whole").length;
  return html`<div class="coverage">
    <p><strong>${whole} of ${all.length} days</strong> ${year === Number(today.slice(0, 4)) ? "of this year so far" : `of ${year}`} are complete.</p>
    <div class="months">${Array.from({ length: 12 }, (_, month) => html`<${Month} year=${year} month=${month} days=${days} weekStarts=${weekStarts} />`)}</div>
    <${Legend} kinds=${new Set(all.map((each) => each.kind))} />
    <${Incomplete} days=${days} />
  </div>`;
}

/** By date what the day has: its kind, and the parts that are not settled with their state. */
function daysOf(metrics) {
  const found = new Map();
  for (const [name, part] of Object.entries(PARTS)) {
    const { day, state } = metrics[name].series;
    day.forEach((date, i) => {
      const each = found.get(date) ?? { states: {} };
      each.states[part] = state[i];
      found.set(date, each);
    });
  }
  for (const each of found.values()) each.kind = kindOf(Object.values(each.states));
  return found;
}

function kindOf(states) {
  if (states.every((each) => SETTLED.includes(each))) return "whole";
  if (states.some((each) => each === "open" || each === "pending")) return "waiting";
  if (states.every((each) => each === "missing")) return "missing";
  return states.includes("unscorable") ? "unscorable" : "part";
}

function Month({ year, month, days, weekStarts }) {
  const first = new Date(Date.UTC(year, month, 1));
  const length = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const lead = weekStarts === "sunday" ? first.getUTCDay() : (first.getUTCDay() + 6) % 7;
  const name = first.toLocaleDateString("en", { month: "short", timeZone: "UTC" });
  const cells = Array.from({ length }, (_, i) => {
    const date = `${year}-${String(month + 1).padStart(2, "0")}-${String(i + 1).padStart(2, "0")}`;
    return { date, at: lead + i, day: days.get(date) };
  });
  const here = cells.filter((each) => each.day);
  const whole = here.filter((each) => each.day.kind === "whole").length;
  const open = (event) => {
    const { date } = event.target.dataset;
    if (date) go(`/day/${date}`);
  };
  return html`<figure class="month">
    <figcaption>${name}</figcaption>
    <svg viewBox=${`0 0 ${7 * CELL} ${6 * CELL}`} role="img" onClick=${open}
      aria-label=${here.length ? `${name} ${year}: ${whole} of ${here.length} days complete` : `${name} ${year}: no days`}>
      ${cells.map(({ date, at, day }) => html`<${Cell} kind=${day?.kind} date=${day && date} title=${day && `${dateLabel(date, "medium")}: ${told(day)}`}
        x=${(at % 7) * CELL} y=${Math.floor(at / 7) * CELL} />`)}
    </svg>
  </figure>`;
}

function Cell({ kind = "outside", date, title, x, y }) {
  const [cx, cy] = [x + BOX / 2, y + BOX / 2];
  return html`<g class=${`cell cell-${kind}`}>
    <rect class="cell-box" x=${x + 0.5} y=${y + 0.5} width=${BOX - 1} height=${BOX - 1} rx="2.5" data-date=${date}>${title && html`<title>${title}</title>`}</rect>
    ${kind === "part" && html`<path class="cell-mark" d=${`M${x + 0.5} ${y + BOX - 3}V${y + 3}a2.5 2.5 0 0 1 2.5-2.5H${x + BOX - 3}z`} />`}
    ${kind === "waiting" && html`<circle class="cell-mark" cx=${cx} cy=${cy} r="2" />`}
    ${kind === "unscorable" && html`<path class="cell-stroke" d=${`M${cx - 2} ${cy - 2}l4 4m0-4l-4 4`} />`}
  </g>`;
}

function told({ kind, states }) {
  if (kind === "whole") return "complete";
  if (kind === "missing") return "nothing";
  return Object.entries(states).filter(([, state]) => !SETTLED.includes(state)).map(([part, state]) => `${part} ${state}`).join(", ");
}

function Legend({ kinds }) {
  return html`<ul class="legend">${Object.entries(LEGEND).filter(([kind]) => kinds.has(kind)).map(
    ([kind, words]) => html`<li><svg viewBox=${`0 0 ${BOX} ${BOX}`} width=${BOX} height=${BOX} aria-hidden="true"><${Cell} kind=${kind} x=${0} y=${0} /></svg>${words}</li>`,
  )}</ul>`;
}

function Incomplete({ days }) {
  const lacking = [...days].filter(([, each]) => each.kind !== "whole").reverse();
  if (!lacking.length) return null;
  return html`<details class="fold"><summary>${lacking.length === 1 ? "The day that lacks something" : `The ${lacking.length} days that lack something`}</summary>
    <ul class="lacking">${lacking.map(([date, each]) => html`<li><${Link} to=${`/day/${date}`}>${dateLabel(date, "medium")}<//> <span>${told(each)}</span></li>`)}</ul>
  </details>`;
}
