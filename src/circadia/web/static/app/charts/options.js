/** The parts charts are made of: axes, grid, zoom, lines and ranges, in the colours and the type of the page. */

import { dateLabel } from "../format.js";
import { dateOf } from "./days.js";
import { faint } from "./palette.js";

const DAY = 86_400_000;
const TEXT = 12;
/** A stretch of more steps can be zoomed. */
export const MANY = 100;
/** From so many bars on they are drawn in one go, without corners of their own. */
export const LARGE = 800;
const MONDAY = 1;
const DATES = { month: "{first|{MMM}}", year: "{first|{yyyy}}", day: "{d}", hour: "", minute: "", second: "", millisecond: "" };

/** What every chart has: nothing moves, no decoration, the page's type. */
export const basis = (p) => ({
  animation: false,
  useUTC: true,
  textStyle: { fontFamily: p.font, fontSize: TEXT, color: p["ink-2"] },
  aria: { enabled: false },
});

/** A time axis over `steps`, each `step` days. `bare`: without labels, for the upper of two grids. A stretch of weeks has
 * its Mondays for labels, a longer one whatever its zoom has room for. */
export const timeAxis = (p, steps, { gridIndex = 0, bare = false, step = 1, ...rest } = {}) => ({
  type: "time",
  gridIndex,
  min: steps[0] - (step * DAY) / 2,
  max: steps.at(-1) + (step * DAY) / 2,
  axisLine: { show: !bare, lineStyle: { color: p.line }, onZero: false },
  axisTick: { show: false },
  splitLine: { show: false },
  minInterval: DAY,
  axisLabel: {
    show: !bare,
    color: p["ink-2"],
    fontSize: TEXT,
    hideOverlap: true,
    margin: 10,
    ...labels(steps),
    rich: { first: { color: p["ink-1"], fontWeight: 600, fontSize: TEXT } },
  },
  axisPointer: { show: true, snap: true, type: "line", lineStyle: { color: p["ink-3"], type: "solid", width: 1 }, label: { show: false } },
  ...rest,
});

const labels = (steps) =>
  steps.length > MANY || steps.at(-1) - steps[0] > MANY * DAY
    ? { formatter: DATES }
    : { customValues: steps.filter((at) => new Date(at).getUTCDay() === MONDAY), formatter: (at) => dateLabel(dateOf(at), "short") };

/** A value axis with few, quiet lines. Its `unit` stands above it, where the grid leaves room. */
export const valueAxis = (p, { gridIndex = 0, label, step, unit, ...rest } = {}) => ({
  type: "value",
  gridIndex,
  scale: true,
  splitNumber: 4,
  minInterval: step,
  axisLine: { show: false },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: p.line, width: 1 } },
  axisLabel: { color: p["ink-2"], fontSize: TEXT, formatter: label, margin: 8 },
  axisPointer: { show: false },
  ...(unit && {
    name: unit,
    nameLocation: "end",
    nameGap: 12,
    nameTextStyle: { color: p["ink-2"], fontSize: TEXT, align: "right", padding: [0, 8, 0, 0] },
  }),
  ...rest,
});

/** A grid that leaves room for its labels. `zoomed`: and for the zoom below it; `unit`: and for that above. */
export const grid = ({ top, bottom, left = 52, right = 12, zoomed = false, unit, ...rest } = {}) => ({
  top: top ?? (unit ? 32 : 12),
  left,
  right,
  bottom: bottom ?? (zoomed ? 74 : 28),
  outerBoundsMode: "none",
  ...rest,
});

/** The zoom of a long stretch: a slider of 24 px with handles a thumb can hold; `from` is where its window begins. */
export const zoom = (p, { from, to, axes = [0], left = 52 }) => [
  {
    type: "slider",
    xAxisIndex: axes,
    left,
    right: 12,
    height: 24,
    bottom: 8,
    startValue: from,
    endValue: to,
    filterMode: "weakFilter",
    throttle: 16,
    brushSelect: false,
    showDetail: false,
    showDataShadow: true,
    borderColor: "transparent",
    backgroundColor: faint(p["ink-3"], 0.1),
    fillerColor: faint(p["ink-3"], 0.22),
    dataBackground: { lineStyle: { color: p["ink-3"], opacity: 0.5 }, areaStyle: { opacity: 0 } },
    selectedDataBackground: { lineStyle: { color: p["ink-2"] }, areaStyle: { opacity: 0 } },
    handleSize: "100%",
    handleStyle: { color: p["surface-1"], borderColor: p["ink-3"] },
    moveHandleSize: 0,
    emphasis: { handleStyle: { borderColor: p["ink-1"] } },
  },
  {
    type: "inside",
    xAxisIndex: axes,
    startValue: from,
    endValue: to,
    filterMode: "weakFilter",
    zoomOnMouseWheel: "ctrl",
    moveOnMouseWheel: false,
    moveOnMouseMove: false,
    preventDefaultMouseMove: false,
  },
];

/** Points of a series without a line. */
export const points = (rest) => ({
  type: "scatter",
  symbolSize: 5,
  z: 4,
  emphasis: { disabled: true },
  ...rest,
  itemStyle: { opacity: 1, ...rest.itemStyle },
});

/** A line with its gaps left open. */
export const line = (rest) => ({
  type: "line",
  showSymbol: false,
  connectNulls: false,
  z: 3,
  emphasis: { disabled: true },
  lineStyle: { width: 2, ...rest.lineStyle },
  ...without(rest, "lineStyle"),
});

/** A range between two courses: one area for each stretch without a gap, with no more corners than there are pixels. */
export function range(colour, xs, lows, highs) {
  const runs = [];
  xs.forEach((x, i) => {
    if (lows[i] === null || highs[i] === null) return;
    if (!runs.length || runs.at(-1).last !== i - 1) runs.push({ first: i, last: i });
    runs.at(-1).last = i;
  });
  const edge = (api, { first, last }, values) => {
    const corners = [];
    for (let i = first; i <= last; i += 1) {
      const corner = api.coord([xs[i], values[i]]);
      if (!corners.length || i === last || corner[0] - corners.at(-1)[0] >= 1) corners.push(corner);
    }
    return corners;
  };
  const most = (values, { first, last }, pick) => values.slice(first, last + 1).reduce((one, other) => pick(one, other));
  return {
    type: "custom",
    silent: true,
    z: 1,
    clip: true,
    encode: { x: [0, 1], y: [2, 3] },
    data: runs.map((run) => [xs[run.first], xs[run.last], most(lows, run, Math.min), most(highs, run, Math.max)]),
    renderItem: (params, api) => {
      const run = runs[params.dataIndex];
      return { type: "polygon", shape: { points: [...edge(api, run, lows), ...edge(api, run, highs).reverse()] }, style: { fill: colour } };
    },
  };
}

const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([each]) => each !== name));
