/** The course of a metric: its days, their 7-day mean, the usual range of the 30 days before, and every gap as a gap. */

import { html, useMemo } from "../lib.js";
import { dateLabel } from "../format.js";
import { Chart } from "./chart.js";
import { MARKED, STATES, instant } from "./days.js";
import { floor, floorMarks } from "./floor.js";
import { Legend } from "./legend.js";
import { MANY, grid, line, points, range, timeAxis, valueAxis, zoom } from "./options.js";
import { bandColour, colourOf, faint } from "./palette.js";
import { scaleOf, words } from "./scale.js";

/** From so many days on a 7-day mean is but a thicket: the 30-day mean is drawn. */
const LONG = 800;
const SHAPES = { green: "roundRect", yellow: "circle", red: "diamond" };
const FLOOR = ["pending", "unscorable"];

/**
 * @param metric  the row of the description table
 * @param series  the columns of the API: day, value, state, mean_7d, mean_30d, low, high
 * @param bands   date -> band of recovery, to colour the days of recovery with
 */
export function Course({ metric, series, prefs, bands, height = 300, group, onPick }) {
  const { draw, steps, tip } = useMemo(() => course(metric, series, prefs, bands), [metric, series, prefs, bands]);
  const there = new Set(series.state);
  const banded = bands && metric.name === "recovery_score";
  const marks = [
    ...(banded
      ? [
          ["square", "green", "Green"],
          ["circle", "yellow", "Yellow"],
          ["diamond", "red", "Red"],
        ].map(([kind, tone, text]) => ({ kind, tone: `recovery-${tone}`, text }))
      : [{ kind: "dot", tone: colourOf(metric), text: "Each day" }]),
    {
      kind: "line",
      tone: banded ? "ink-1" : colourOf(metric),
      text: series.day.length > LONG ? "Mean of the 30 days before" : "7-day mean",
    },
    { kind: "range", tone: "ink-3", text: "Usual range (30 days before, ± 1 SD)" },
    there.has("calibrating") && { kind: "hollow-diamond", tone: colourOf(metric), text: "Calibrating" },
    there.has("open") && { kind: "ring", tone: colourOf(metric), text: "So far" },
    there.has("estimated") && { kind: "triangle", tone: colourOf(metric), text: "Estimated, from an export" },
    ...floorMarks(series.state, FLOOR),
  ];
  return html`<div class="course">
    <${Chart} label=${`${metric.label}, ${dateLabel(series.day[0], "medium")} to ${dateLabel(series.day.at(-1), "medium")}.`}
      draw=${draw} height=${height} steps=${steps} tip=${tip} group=${group} onPick=${onPick && ((i) => onPick(series.day[i]))}
      table=${{ columns: COLUMNS, rows: () => rows(metric, series, prefs) }}><${Legend} marks=${marks} /><//>
  </div>`;
}

const COLUMNS = [
  { name: "day", label: "Date" },
  { name: "value", label: "Value", align: "right" },
  { name: "mean", label: "7-day mean", align: "right" },
  { name: "usual", label: "Usual range", align: "right" },
  { name: "state", label: "State" },
];

const usual = (metric, series, i, prefs) =>
  series.low[i] === null ? "–" : `${words(metric, series.low[i], prefs)} to ${words(metric, series.high[i], prefs)}`;

const rows = (metric, series, prefs) =>
  series.day
    .map((day, i) => ({
      day: dateLabel(day, "medium"),
      value: words(metric, series.value[i], prefs),
      mean: words(metric, series.mean_7d[i], prefs),
      usual: usual(metric, series, i, prefs),
      state: STATES[series.state[i]] ?? "",
    }))
    .reverse();

function course(metric, series, prefs, bands) {
  const steps = series.day.map(instant);
  const scale = scaleOf(metric, series.value, prefs);
  const column = (name) => series[name].map(scale.plot);
  const pairs = (values) => values.map((value, i) => [steps[i], value]);
  const colour = colourOf(metric);
  const plain = column("value").map((value, i) => (series.state[i] in MARKED ? null : value));
  const long = steps.length > LONG;
  const banded = bands && metric.name === "recovery_score";
  const middle = long ? "mean_30d" : "mean_7d";

  const tip = (i) => ({
    title: dateLabel(series.day[i], "long"),
    lines: [
      {
        label: metric.label,
        colour: banded && bands.has(series.day[i]) ? bandColour(bands.get(series.day[i])) : colour,
        text: words(metric, series.value[i], prefs),
      },
      ...(series.state[i] in STATES ? [{ label: sentence(STATES[series.state[i]]) }] : []),
      ...(series.mean_7d[i] === null ? [] : [{ label: "7-day mean", text: words(metric, series.mean_7d[i], prefs) }]),
      ...(series.low[i] === null ? [] : [{ label: "Usual", text: usual(metric, series, i, prefs) }]),
    ],
  });

  const draw = (p, width) => {
    const zoomed = steps.length > MANY;
    const left = width < 480 ? 44 : 56;
    const size = long ? 2.5 : width / steps.length > 9 ? 8 : width / steps.length > 4 ? 6 : 4;
    const days = (values, rest) =>
      points({
        data: pairs(values),
        large: long,
        largeThreshold: 1,
        symbolSize: size,
        ...rest,
        itemStyle: { opacity: long ? 0.5 : 1, ...rest.itemStyle },
      });
    const dots = banded
      ? [...Object.entries(SHAPES), [undefined, "circle"]].map(([band, symbol]) =>
          days(
            plain.map((value, i) => (bands.get(series.day[i]) === band ? value : null)),
            { symbol, itemStyle: { color: band ? p[bandColour(band)] : p[colour] } },
          ),
        )
      : [days(plain, { itemStyle: { color: p[colour] } })];
    return {
      grid: grid({ left, zoomed, unit: scale.unit }),
      xAxis: timeAxis(p, steps),
      yAxis: valueAxis(p, { label: scale.label, step: scale.step, unit: scale.unit, inverse: metric.unit === "min" }),
      ...(zoomed && { dataZoom: zoom(p, { from: steps[0], to: steps.at(-1), left }) }),
      series: [
        line({ data: pairs(column(middle)), lineStyle: { color: p[banded ? "ink-1" : colour] }, itemStyle: { color: p[colour] } }),
        ...dots,
        range(faint(p["ink-3"], 0.16), steps, column("low"), column("high")),
        ...marked(p, series, steps, column("value"), p[colour]),
        floor(p, steps, series.state, FLOOR),
      ],
    };
  };
  return { draw, steps, tip };
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1);

/** Values that do not count yet, hollow and each state in a shape of its own. */
const marked = (p, series, steps, values, colour) =>
  Object.entries(MARKED).map(([state, symbol]) =>
    points({
      symbol,
      symbolSize: state === "estimated" ? 7 : 9,
      z: 5,
      itemStyle: state === "estimated" ? { color: colour } : { color: p["surface-1"], borderColor: colour, borderWidth: 2 },
      data: steps.flatMap((x, i) => (series.state[i] === state && values[i] !== null ? [[x, values[i]]] : [])),
    }),
  );
