/** A calendar of recovery: weeks side by side, each day in the colour and the shape of its band. */

import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { dateLabel } from "../format.js";
import { STATES, instant } from "./days.js";

const CELL = 14;
const LEFT = 36;
const TOP = 20;
const ONE_ROW = 371;
const DAY = 86_400_000;
const MONTH = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" });

/** What a day is drawn as, around the middle of its cell. */
const SHAPES = {
  green: (x, y) => `M${x - 5} ${y - 5}h10v10h-10z`,
  yellow: (x, y) => `M${x - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z`,
  red: (x, y) => `M${x} ${y - 6}l6 6l-6 6l-6 -6z`,
  waiting: (x, y) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`,
  unscorable: (x, y) => `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`,
  missing: (x, y) => `M${x - 1} ${y}a1 1 0 1 0 2 0a1 1 0 1 0 -2 0z`,
};

/**
 * Up to a year is one row that ends with its last day; more has a row for each year of the calendar.
 *
 * @param days    `[{day, value, state, band}]` without holes, oldest first
 * @param onPick  called with the date
 */
export function Heatmap({ days, onPick }) {
  const rows = useMemo(() => calendarRows(days), [days]);
  const scroller = useRef(null);
  useEffect(() => {
    scroller.current.scrollLeft = rows[0].cells.at(-1).x;
  }, [rows]);
  const [at, setAt] = useState(null);
  const index = at === null ? days.length - 1 : at;
  const shown = days[index];
  const move = (step) => setAt(Math.min(days.length - 1, Math.max(0, index + step)));
  const key = (event) => {
    const step = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      move(step);
    } else if (event.key === "Enter") onPick(shown.day);
  };
  return html`<div class="heatmap">
    <div class="heatmap-years" ref=${scroller} tabindex="0" role="group"
      aria-label="Calendar of recovery. Arrow keys walk through it, Enter opens a day." onKeyDown=${key}>
      ${rows.map((row) => html`<${Row} key=${row.first} ...${row} at=${at} onAt=${setAt} onPick=${onPick} days=${days} />`)}
    </div>
    <p class="heatmap-read" aria-live="polite">${reading(shown)}</p>
  </div>`;
}

function reading({ day, value, state, band }) {
  const told = value === null ? [STATES[state] ?? "no recovery"] : [`${Math.round(value)} %`, band, STATES[state]];
  return `${dateLabel(day, "long")}: ${told.filter(Boolean).join(", ")}`;
}

function Row({ name, cells, weeks, months, paths, at, onAt, onPick, days }) {
  const width = LEFT + weeks * CELL;
  const height = TOP + 7 * CELL;
  const found = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const scale = width / box.width;
    const week = Math.floor(((event.clientX - box.left) * scale - LEFT) / CELL);
    const row = Math.floor(((event.clientY - box.top) * scale - TOP) / CELL);
    return cells.find((cell) => cell.week === week && cell.row === row)?.index ?? null;
  };
  const marked = cells.find((cell) => cell.index === at);
  return html`<svg viewBox=${`0 0 ${width} ${height}`} style=${{ minWidth: `${width}px` }} aria-hidden="true"
      onPointerMove=${(event) => onAt(found(event))} onPointerLeave=${() => onAt(null)}
      onClick=${(event) => {
        const index = found(event);
        if (index !== null) onPick(days[index].day);
      }}>
      <text class="heatmap-name" x="0" y="12">${name}</text>
      ${months.map(({ x, label }) => html`<text key=${x} class="heatmap-label" x=${x} y="12">${label}</text>`)}
      ${["Mon", "Wed", "Fri"].map((label, i) => html`<text key=${label} class="heatmap-label" x="0" y=${TOP + i * 2 * CELL + 11}>${label}</text>`)}
      ${Object.entries(paths).map(([kind, d]) => html`<path key=${kind} class=${`heat heat-${kind}`} d=${d} />`)}
      ${marked && html`<rect class="heatmap-at" x=${marked.x - 7} y=${marked.y - 7} width=${CELL} height=${CELL} rx="3" />`}
  </svg>`;
}

const kindOf = ({ value, state, band }) => {
  if (band && state !== "calibrating") return band;
  if (state === "unscorable") return "unscorable";
  return value !== null || state === "pending" || state === "calibrating" ? "waiting" : "missing";
};

/** The Monday of the week of a date, as an instant. */
function monday(day) {
  const at = instant(day);
  return at - ((new Date(at).getUTCDay() + 6) % 7) * DAY;
}

/** Rows of the calendar, newest first: of each its cells, its months, and one path for each kind of day. */
function calendarRows(days) {
  const rows = new Map();
  const single = days.length <= ONE_ROW;
  days.forEach((each, index) => {
    const year = each.day.slice(0, 4);
    const first = single ? days[0].day : `${year}-01-01`;
    if (!rows.has(first)) rows.set(first, { first, name: single ? "" : year, cells: [], months: [], paths: {}, weeks: single ? 1 : 53 });
    const row = rows.get(first);
    const nth = Math.round((instant(each.day) - monday(first)) / DAY);
    const cell = { index, week: Math.floor(nth / 7), row: nth % 7 };
    cell.x = LEFT + cell.week * CELL + CELL / 2;
    cell.y = TOP + cell.row * CELL + CELL / 2;
    row.cells.push(cell);
    row.weeks = Math.max(row.weeks, cell.week + 1);
    const kind = kindOf(each);
    row.paths[kind] = (row.paths[kind] ?? "") + SHAPES[kind](cell.x, cell.y);
    if (each.day.endsWith("-01"))
      row.months.push({ x: cell.x - CELL / 2, label: single && each.day.slice(5, 7) === "01" ? year : MONTH.format(instant(each.day)) });
  });
  return [...rows.values()].reverse();
}

/** Every date of a stretch with its value, state and band, from the columns of the API and the rows of the bands. */
export const calendar = (series, bands) =>
  series.day.map((day, i) => ({ day, value: series.value[i], state: series.state[i], band: bands.get(day) }));
