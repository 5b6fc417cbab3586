// Where more than WHOOP tells of this day: side by side what each source says, the reading that counts in full ink.
import { html } from "../lib.js";
import { clock, duration, number, words } from "../format.js";
import { readingLabel } from "../metrics.js";
import { Card, Dash } from "../ui.js";

const SOURCES = { whoop: "WHOOP", sahha: "Sahha" };
const ABOUT =
  "Where two sources tell the same, the order in your settings decides which counts. The other is kept, and shown in grey.";
const AT_ONCE = 6;
const NO_UNIT = new Set(["0..100", "0..1", "0..21", "count", "boolean"]);
const WRITTEN = { "kg/m2": "kg/m²" };

/** A reading in words: `{text, unit}`. An instant is what the clock showed where `prefs.offset` held. */
function told({ value, unit }, prefs) {
  if (unit === "instant") return { text: clock(value, prefs.offset, prefs), unit: "" };
  if (typeof value !== "number") return { text: String(value ?? "–"), unit: "" };
  if (unit === "s") return { text: duration(value), unit: "" };
  if (unit === "°C" && prefs.units === "imperial") return { text: number(value * 1.8 + 32, 1), unit: "°F" };
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : unit === "m" ? 2 : 1;
  return { text: number(value, digits), unit: NO_UNIT.has(unit) ? "" : (WRITTEN[unit] ?? unit) };
}

function Reading({ why, of, counts, prefs }) {
  if (!of) return html`<td><${Dash} reason="not told by this source" /></td>`;
  const { text, unit } = told(of, prefs);
  return html`<td class=${counts ? "merged-counts" : ""} title=${why}>${text}${unit && html` <small>${unit}</small>`}</td>`;
}

/** One row a metric: `[name, reading]`. */
function Readings({ rows, sources, prefs }) {
  return html`<table class="merged">
    <caption class="visually-hidden">What each source says</caption>
    <thead><tr>
      <th scope="col"><span class="visually-hidden">Reading</span></th>
      ${sources.map((each) => html`<th scope="col" key=${each}>${SOURCES[each] ?? words(each)}</th>`)}
    </tr></thead>
    <tbody>
      ${rows.map(
        ([name, reading]) => html`<tr key=${name}>
          <th scope="row">${readingLabel(name)}</th>
          ${sources.map((source) => {
            const counts = reading.source === source;
            const of = counts ? reading : reading.lost.find((each) => each.source === source);
            return html`<${Reading} key=${source} why=${counts ? reading.why : of?.why} of=${of} counts=${counts} prefs=${prefs} />`;
          })}
        </tr>`,
      )}
    </tbody>
  </table>`;
}

/** `answer`: one day of the unified readings. What only WHOOP tells stands above already. `offset` is the
 * day's own from UTC. */
export function Merged({ answer, offset, prefs: habits }) {
  const prefs = { ...habits, offset };
  const metrics = Object.entries(answer?.days?.[0]?.metrics ?? {});
  const both = metrics.filter(([, each]) => each.lost.length > 0);
  const others = metrics.filter(([, each]) => each.lost.length === 0 && each.source !== "whoop");
  if (!both.length && !others.length) return null;
  const sources = ["whoop", ...new Set([...both, ...others].flatMap(([, each]) => [each.source, ...each.lost.map((lost) => lost.source)]))];
  const columns = [...new Set(sources)];
  const rows = [...both, ...others];
  const half = Math.min(AT_ONCE, rows.length);
  const rest = rows.slice(half * 2);
  return html`<${Card} title="All sources" about=${ABOUT} className="merged-card">
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
