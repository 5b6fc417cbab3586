// Where more than WHOOP tells of this day: side by side what each source says, the reading that counts in full ink.
import { html } from "../lib.js";
import { clock, duration, number, words } from "../format.js";
import { metric, readingLabel } from "../metrics.js";
import { Card, Dash } from "../ui.js";

const SOURCES = { whoop: "WHOOP", sahha: "Sahha" };
const sourceName = (source) => SOURCES[source] ?? words(source);
const ABOUT =
  "Where two sources tell the same, the order in Settings decides which counts. The other is kept, and shown in grey.";
const AT_ONCE = 6;
const NO_UNIT = new Set(["0..100", "0..1", "0..21", "count", "boolean"]);
const WRITTEN = { "kg/m2": "kg/m²" };

/** Digits of a metric's readings, the same for all sources: its own, or as many as one of them needs. */
function digitsOf(name, { value, unit, lost }) {
  const own = metric(name)?.precision;
  if (own !== undefined) return own;
  const whole = [value, ...lost.map((each) => each.value)].every((each) => Number.isInteger(each) || Math.abs(each) >= 100);
  return whole ? 0 : unit === "m" ? 2 : 1;
}

/** A reading in words: `{text, unit}`. An instant is what the clock showed where `prefs.offset` held. */
function told({ value, unit }, digits, prefs) {
  if (unit === "instant") return { text: clock(value, prefs.offset, prefs), unit: "" };
  if (typeof value !== "number") return { text: String(value ?? "–"), unit: "" };
  if (unit === "s") return { text: duration(value), unit: "" };
  if (unit === "°C" && prefs.units === "imperial") return { text: number(value * 1.8 + 32, 1), unit: "°F" };
  return { text: number(value, digits), unit: NO_UNIT.has(unit) ? "" : (WRITTEN[unit] ?? unit) };
}

function Reading({ why, of, digits, counts, prefs }) {
  if (!of) return html`<td><${Dash} reason="not told by this source" /></td>`;
  const { text, unit } = told(of, digits, prefs);
  return html`<td class=${counts ? "merged-counts" : ""} title=${why}>${text}${unit && html` <small>${unit}</small>`}</td>`;
}

/** One row a metric: `[name, reading]`. */
function Readings({ rows, sources, prefs }) {
  return html`<table class="merged">
    <caption class="visually-hidden">What each source says</caption>
    <thead><tr>
      <th scope="col"><span class="visually-hidden">Reading</span></th>
      ${sources.map((each) => html`<th scope="col" key=${each}>${sourceName(each)}</th>`)}
    </tr></thead>
    <tbody>
      ${rows.map(
        ([name, reading]) => html`<tr key=${name}>
          <th scope="row">${readingLabel(name)}</th>
          ${sources.map((source) => {
            const counts = reading.source === source;
            const of = counts ? reading : reading.lost.find((each) => each.source === source);
            return html`<${Reading} key=${source} why=${counts ? reading.why : of?.why} of=${of} digits=${digitsOf(name, reading)} counts=${counts} prefs=${prefs} />`;
          })}
        </tr>`,
      )}
    </tbody>
  </table>`;
}

const two = (number) => String(number).padStart(2, "0");

/** Seconds from UTC as a day writes them: `+05:30`. */
const written = (seconds = 0) => `${seconds < 0 ? "-" : "+"}${two(Math.floor(Math.abs(seconds) / 3600))}:${two((Math.abs(seconds) % 3600) / 60)}`;

const readings = (answer) => Object.entries(answer?.days?.[0]?.metrics ?? {});

/** What is not WHOOP's alone, first where two tell the same. */
function rowsOf(answer) {
  const [both, alone] = [true, false].map((wanted) => readings(answer).filter(([, each]) => each.lost.length > 0 === wanted));
  return [...both, ...alone.filter(([, each]) => each.source !== "whoop")];
}

/** Whether any other source tells of the day. */
export const tellsSomething = (answer) => rowsOf(answer).length > 0;

/** `answer`: one day of the unified readings. What only WHOOP tells stands above already. `offset` is the
 * day's own from UTC; without one, that of where the member last was. */
export function Merged({ answer, offset, prefs: habits }) {
  const prefs = { ...habits, offset: offset ?? written(answer?.timezone_offset_s) };
  const rows = rowsOf(answer);
  if (!rows.length) return null;
  const telling = new Set(readings(answer).flatMap(([, each]) => [each.source, ...each.lost.map((lost) => lost.source)]));
  const columns = [...telling].sort((one, other) => (other === "whoop") - (one === "whoop"));
  const half = Math.min(AT_ONCE, rows.length);
  const rest = rows.slice(half * 2);
  return html`<${Card} title=${columns.length > 1 ? "All sources" : sourceName(columns[0])} about=${columns.length > 1 && ABOUT} className="merged-card">
    <div class="merged-columns">
      <${Readings} rows=${rows.slice(0, half)} sources=${columns} prefs=${prefs} />
      ${rows.length > half && html`<${Readings} rows=${rows.slice(half, half * 2)} sources=${columns} prefs=${prefs} />`}
    </div>
    ${rest.length > 0 &&
    html`<details class="merged-more">
      <summary>${rest.length} more</summary>
      <div class="merged-columns">
        <${Readings} rows=${rest.slice(0, Math.ceil(rest.length / 2))} sources=${columns} prefs=${prefs} />
        <${Readings} rows=${rest.slice(Math.ceil(rest.length / 2))} sources=${columns} prefs=${prefs} />
      </div>
    </details>`}
  <//>`;
}
