/** Bars of several parts for each day or week, one upon the other, with marks for what they are measured against. */

import { html, useMemo } from "../lib.js";
import { Chart } from "./chart.js";
import { instant } from "./days.js";
import { floor, floorMarks } from "./floor.js";
import { Legend } from "./legend.js";
import { LARGE, MANY, grid, points, timeAxis, valueAxis, zoom } from "./options.js";
import { faint } from "./palette.js";

/**
 * @param days   dates of the bars
 * @param parts  `[{name, label, colour, share, values}]` from the floor up; `share` how much of the colour is seen
 * @param target `{label, values}` drawn as a line across each bar
 * @param states of each day, to be marked on the floor
 * @param step   days a bar stands for
 * @param axis   `{label(plotted), step}` of the value axis
 * @param tip    index -> `{title, lines}`
 */
export function Stack({ label, days, parts, target, states, step = 1, axis, height = 280, tip, table, group, onPick }) {
  const steps = useMemo(() => days.map(instant), [days]);
  const draw = useMemo(
    () => (p, width) => {
      const left = width < 480 ? 44 : 52;
      const zoomed = steps.length > MANY;
      const slot = (width - left - 12) / steps.length;
      const thick = Math.max(2, Math.min(40, slot * 0.7));
      return {
        grid: grid({ left, zoomed }),
        xAxis: timeAxis(p, steps, { step }),
        yAxis: valueAxis(p, { ...axis, scale: false }),
        ...(zoomed && { dataZoom: zoom(p, { from: steps.at(-MANY), to: steps.at(-1), left }) }),
        series: [
          ...parts.map((part, i) => ({
            type: "bar",
            stack: "all",
            large: true,
            largeThreshold: LARGE,
            barWidth: zoomed ? "72%" : thick,
            z: 2,
            emphasis: { disabled: true },
            data: part.values.map((value, at) => [steps[at], value]),
            itemStyle: {
              color: faint(p[part.colour], part.share ?? 1),
              borderRadius: i === parts.length - 1 ? [2, 2, 0, 0] : 0,
              borderColor: p["surface-1"],
              borderWidth: slot > 9 ? 0.5 : 0,
            },
          })),
          ...(target
            ? [
                points({
                  symbol: "rect",
                  symbolSize: [Math.max(3, Math.min(44, slot * 0.95)), 2],
                  itemStyle: { color: p["ink-1"] },
                  data: target.values.map((value, at) => [steps[at], value]),
                  z: 5,
                }),
              ]
            : []),
          ...(states ? [floor(p, steps, states)] : []),
        ],
      };
    },
    [steps, parts, target, states, axis],
  );
  const marks = [
    ...parts.map((part) => ({ kind: "square", tone: part.tone ?? part.colour, text: part.label })),
    target && { kind: "dash", tone: "ink-1", text: target.label },
    ...(states ? floorMarks(states) : []),
  ];
  return html`<${Chart} label=${label} draw=${draw} height=${height} steps=${steps} tip=${tip} table=${table} group=${group}
    onPick=${onPick && ((i) => onPick(days[i]))}><${Legend} marks=${marks} /><//>`;
}
