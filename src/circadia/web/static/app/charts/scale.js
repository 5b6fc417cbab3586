/** How a metric goes on an axis: durations in hours or minutes, clock times in hours, all else as it is shown. */

import { axisTime, number, shown, value } from "../format.js";

const TWO_HOURS = 7_200;

/**
 * For a row of the description table: `plot(figure)` the number on the axis, `label(plotted)` its words there, `step`
 * the least distance of two labels, `unit` where the labels do not have it.
 *
 * @param figures  those to be drawn: they decide between minutes and hours
 */
export function scaleOf(metric, figures, prefs) {
  if (metric.unit === "s") {
    const short = figures.every((each) => each === null || Math.abs(each) < TWO_HOURS);
    const [seconds, unit] = short ? [60, "m"] : [3600, "h"];
    return scale(
      (each) => each / seconds,
      (plotted) => `${brief(plotted)}${unit}`,
      1,
    );
  }
  if (metric.unit === "min")
    return scale(
      (each) => each / 60,
      (plotted) => axisTime(plotted * 60, prefs),
      1,
    );
  const { digits, unit } = shown(metric.name, 0, prefs);
  return { ...scale((each) => shown(metric.name, each, prefs).number, brief, 10 ** -digits), unit };
}

/** A number of an axis, with the digits it needs. */
const brief = (plotted) => number(plotted, Number.isInteger(plotted) ? 0 : 1);

const scale = (plot, label, step) => ({ plot: (each) => (each === null || each === undefined ? null : plot(each)), label, step });

/** A value with its unit in one string, or a dash. */
export function words(metric, figure, prefs) {
  const { text, unit } = value(metric.name, figure, prefs);
  return unit ? `${text} ${unit}` : text;
}
