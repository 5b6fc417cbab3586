// Thirty days as a line, over the range that is usual for this person. Gaps stay gaps; what does not count is hollow.
import { html } from "../lib.js";

const WIDTH = 168;
const HEIGHT = 56;
const EDGE = 6;

const path = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** Stretches without a gap. */
function stretches(length, isThere) {
  const found = [];
  let now = [];
  for (let index = 0; index < length; index += 1) {
    if (isThere(index)) now.push(index);
    if ((!isThere(index) || index === length - 1) && now.length) {
      found.push(now);
      now = [];
    }
  }
  return found;
}

/** `values`, and `low` and `high` of the usual range, one each day, the last being the day shown. `counts`: false where
 * a value is not final. `tone`: good, warn, bad or none, of the last. */
export function Spark({ values, low = [], high = [], counts = [], label, tone }) {
  const told = [...values, ...low, ...high].filter((each) => each !== null && each !== undefined);
  if (!told.length) return html`<div class="spark spark-empty" role="img" aria-label=${label}></div>`;
  const [least, most] = [Math.min(...told), Math.max(...told)];
  const last = values.length - 1;
  const x = (index) => EDGE + (index / Math.max(last, 1)) * (WIDTH - 2 * EDGE);
  const y = (value) => (most === least ? HEIGHT / 2 : HEIGHT - EDGE - ((value - least) / (most - least)) * (HEIGHT - 2 * EDGE));
  const there = (list) => (index) => list[index] !== null && list[index] !== undefined;
  const lines = stretches(values.length, there(values));
  const bands = stretches(values.length, (index) => there(low)(index) && there(high)(index));
  return html`<svg class=${`spark ${tone ? `tone-${tone}` : ""}`} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
    ${bands.map((each) => {
      const edge = [...each.map((i) => [x(i), y(high[i])]), ...each.toReversed().map((i) => [x(i), y(low[i])])];
      return html`<path class="spark-band" d=${`${path(edge)}Z`} />`;
    })}
    ${lines.map((each) => html`<path class="spark-line" d=${path(each.map((i) => [x(i), y(values[i])]))} />`)}
    ${values.map(
      (value, i) =>
        i < last && there(values)(i) && counts[i] === false && html`<circle class="spark-open" cx=${x(i)} cy=${y(value)} r="2" />`,
    )}
    ${there(values)(last) &&
    html`<circle class=${counts[last] === false ? "spark-last spark-open" : "spark-last"} cx=${x(last)} cy=${y(values[last])} r="4" />`}
  </svg>`;
}
