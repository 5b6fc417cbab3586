/** Differences in words, which say no more than the numbers do. */

import { MINUS, duration, number, shown } from "../format.js";

/** A difference of a metric with its sign and unit: "+4 ms", "−12m". A small one keeps the digits that tell it from none. */
export function difference(metric, figure, prefs) {
  if (figure === null || figure === undefined) return "–";
  const { text, unit } = parts(metric, figure, figure, prefs);
  return unit ? `${text} ${unit}` : text;
}

/** The size of a difference, without a sign. */
export const extent = (metric, figure, prefs) => difference(metric, Math.abs(figure), prefs).slice(1);

/** "−1 to +5 ms": both ends with the digits of the wider one, and the unit once. */
export function between(metric, low, high, prefs) {
  const widest = Math.max(Math.abs(low), Math.abs(high));
  const [from, to] = [low, high].map((each) => parts(metric, each, widest, prefs));
  return `${from.text} to ${to.text}${to.unit && ` ${to.unit}`}`;
}

/** Good, bad or neither, as a tone of the page. */
export const toneOf = (good) => ({ true: "good", false: "bad" })[String(good)];

function parts(metric, figure, widest, prefs) {
  const as = shown(metric.name, figure, prefs);
  const sign = figure < 0 ? MINUS : "+";
  if (as.kind !== "number") return { text: sign + duration(Math.abs(as.kind === "clock" ? figure * 60 : figure)), unit: "" };
  const origin = shown(metric.name, 0, prefs).number;
  const most = Math.abs(shown(metric.name, widest, prefs).number - origin);
  return { text: sign + number(Math.abs(as.number - origin), Math.max(as.digits, most < 1 ? 2 : most < 10 ? 1 : 0)), unit: as.unit };
}
