/** Two figures of each day against each other. */

import { html, useMemo } from "../lib.js";
import { dateLabel } from "../format.js";
import { Chart } from "./chart.js";
import { grid, valueAxis } from "./options.js";
import { colourOf, faint } from "./palette.js";
import { scaleOf, words } from "./scale.js";

/**
 * @param rows  `[{day, x, y}]`
 * @param x     the metric across, `{name, label, unit, …}`; y: the metric upwards
 * @param note  what stands between the dates: "the day before" for a lag
 */
export function Scatter({ rows, x, y, prefs, height = 300, lag = 0 }) {
  const across = useMemo(
    () =>
      scaleOf(
        x,
        rows.map((row) => row.x),
        prefs,
      ),
    [rows, x, prefs],
  );
  const up = useMemo(
    () =>
      scaleOf(
        y,
        rows.map((row) => row.y),
        prefs,
      ),
    [rows, y, prefs],
  );
  const before = lag ? ", day before" : "";
  const named = (label, { unit }) => (unit ? `${label}, ${unit}` : label);
  const draw = useMemo(
    () => (p, width) => ({
      grid: grid({ left: width < 480 ? 44 : 56, bottom: 52, top: 32 }),
      xAxis: {
        ...valueAxis(p, { label: across.label, step: across.step }),
        name: named(`${x.label}${before}`, across),
        nameLocation: "middle",
        nameGap: 32,
        nameTextStyle: { color: p["ink-2"], fontSize: 12 },
        splitLine: { show: false },
        axisLine: { show: true, lineStyle: { color: p.line }, onZero: false },
      },
      yAxis: {
        ...valueAxis(p, { label: up.label, step: up.step }),
        name: named(y.label, up),
        nameLocation: "end",
        nameGap: 14,
        nameTextStyle: { color: p["ink-2"], fontSize: 12, align: "left", padding: [0, 0, 0, width < 480 ? -36 : -48] },
      },
      series: [
        {
          type: "scatter",
          data: rows.map((row) => [across.plot(row.x), up.plot(row.y)]),
          large: rows.length > 2000,
          symbolSize: rows.length > 200 ? 6 : 8,
          itemStyle: { color: faint(p[colourOf(x)], 0.55), borderColor: p[colourOf(x)], borderWidth: rows.length > 2000 ? 0 : 1 },
          emphasis: { itemStyle: { color: p[colourOf(x)] } },
        },
      ],
    }),
    [rows, across, up],
  );
  const tip = (i) => ({
    title: dateLabel(rows[i].day, "full"),
    lines: [
      { label: `${x.label}${before}`, text: words(x, rows[i].x, prefs) },
      { label: y.label, text: words(y, rows[i].y, prefs) },
    ],
  });
  const index = useMemo(() => rows.map((_, i) => i), [rows]);
  return html`<${Chart} label=${`${y.label} against ${x.label}${before}, a point for each of ${rows.length} days.`} draw=${draw} height=${height}
    steps=${index} tip=${tip} trigger="item"
    table=${{
      columns: [
        { name: "day", label: "Date" },
        { name: "x", label: `${x.label}${before}`, align: "right" },
        { name: "y", label: y.label, align: "right" },
      ],
      rows: () =>
        rows.map((row) => ({ day: dateLabel(row.day, "medium"), x: words(x, row.x, prefs), y: words(y, row.y, prefs) })).reverse(),
    }} />`;
}
