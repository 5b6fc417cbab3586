/** Differences in words, which say no more than the numbers do. */

import { MINUS, duration, number, shown } from "../format.js";

/** A difference of a metric with its sign and unit: "+4 ms", "−12m", of a percentage "+4 points". A small one keeps the
 * digits that tell it from none. */
export function difference(metric, figure, prefs) {
  if (figure === null || figure === undefined) return "–";
  const { text, unit } = parts(metric, figure, figure, prefs, Math.abs(figure));
  return unit ? `${text} ${unit}` : text;
}

/** The size of a difference, without a sign. */
export const extent = (metric, figure, prefs) => difference(metric, Math.abs(figure), prefs).slice(1);

/** "−1 to +5 ms": both ends with the digits of the wider one, and the unit once. Where both are on one side of zero,
 * neither is rounded to it. */
export function between(metric, low, high, prefs) {
  const sizes = [low, high].map(Math.abs);
  const least = low * high > 0 ? Math.min(...sizes) : Infinity;
  const [from, to] = [low, high].map((each) => parts(metric, each, Math.max(...sizes), prefs, least));
  return `${from.text} to ${to.text}${to.unit && ` ${to.unit}`}`;
}

/** Good, bad or neither, as a tone of the page. */
export const toneOf = (good) => ({ true: "good", false: "bad" })[String(good)];

const MOST_DIGITS = 4;

/** Digits that a size needs so that it does not read as zero. */
const needed = (size) => (size > 0 && size < 1 ? Math.min(MOST_DIGITS, Math.ceil(-Math.log10(2 * size))) : 0);

/** A figure in as many digits as the widest and the least of those beside it ask for. */
function parts(metric, figure, widest, prefs, least = Infinity) {
  const as = shown(metric.name, figure, prefs);
  const sign = figure < 0 ? MINUS : "+";
  if (as.kind !== "number") return { text: sign + brief(Math.abs(as.kind === "clock" ? figure * 60 : figure)), unit: "" };
  const origin = shown(metric.name, 0, prefs).number;
  const size = (each) => Math.abs(shown(metric.name, each, prefs).number - origin);
  const most = size(widest);
  const digits = Math.max(as.digits, most < 1 ? 2 : most < 10 ? 1 : 0, needed(least === Infinity ? 0 : size(least)));
  return { text: sign + number(size(figure), digits), unit: as.unit === "%" ? "points" : as.unit };
}

/** A time in minutes, or in seconds where it would be none. */
const brief = (seconds) => (seconds > 0 && seconds < 30 ? `${number(seconds, seconds < 0.5 ? 1 : 0)}s` : duration(seconds));
