/** Several courses on one axis, each a line of its own kind, over an optional range. */

import { html, useMemo } from "../lib.js";
import { Chart } from "./chart.js";
import { instant } from "./days.js";
import { Legend } from "./legend.js";
import { MANY, grid, line, range, timeAxis, valueAxis, zoom } from "./options.js";
import { faint } from "./palette.js";

const YEAR = 366;

/**
 * @param lines  `[{label, colour, dashed, values}]`
 * @param band   `{low, high, label}`: a range of the value axis that is shaded; numbers, or columns of a range that moves
 * @param axis   `{label(plotted), step, unit, …}` of the value axis
 */
export function Lines({ label, days, lines, band, axis, height = 240, tip, table, group, onPick }) {
  const steps = useMemo(() => days.map(instant), [days]);
  const draw = useMemo(
    () => (p, width) => {
      const left = width < 480 ? 44 : 52;
      const zoomed = steps.length > MANY;
      const moving = Array.isArray(band?.low);
      const shade = band &&
        !moving && { silent: true, itemStyle: { color: faint(p["ink-3"], 0.16) }, data: [[{ yAxis: band.low }, { yAxis: band.high }]] };
      return {
        grid: grid({ left, zoomed, unit: axis.unit }),
        xAxis: timeAxis(p, steps),
        yAxis: valueAxis(p, axis),
        ...(zoomed && { dataZoom: zoom(p, { from: steps.at(-YEAR) ?? steps[0], to: steps.at(-1), left }) }),
        series: [
          ...lines.map((each, i) =>
            line({
              data: each.values.map((value, at) => [steps[at], value]),
              sampling: steps.length > YEAR ? "lttb" : undefined,
              lineStyle: { color: p[each.colour], type: each.dashed ? "dashed" : "solid" },
              itemStyle: { color: p[each.colour] },
              ...(i === 0 && shade && { markArea: shade }),
            }),
          ),
          ...(moving ? [range(faint(p["ink-3"], 0.16), steps, band.low, band.high)] : []),
        ],
      };
    },
    [steps, lines, band, axis],
  );
  const marks = [
    ...lines.map((each) => ({ kind: each.dashed ? "dashes" : "line", tone: each.colour, text: each.label })),
    band && { kind: "range", tone: "ink-3", text: band.label },
  ];
  return html`<${Chart} label=${label} draw=${draw} height=${height} steps=${steps} tip=${tip} table=${table} group=${group}
    onPick=${onPick && ((i) => onPick(days[i]))}><${Legend} marks=${marks} /><//>`;
}
