/** Marks on the floor of a chart, under days that have no value yet, never will, or have one that is an estimate. */

import { STATES } from "./days.js";

const DRAWN = {
  pending: (x, y) => ({ type: "circle", shape: { cx: x, cy: y, r: 3.5 } }),
  unscorable: (x, y) => ({ type: "path", shape: { pathData: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6` } }),
  estimated: (x, y) => ({ type: "path", shape: { pathData: `M${x} ${y - 4}l4 7h-8z` } }),
};
const KINDS = { pending: "ring", unscorable: "cross", estimated: "triangle" };

/**
 * The series of the marks.
 *
 * @param states  of each step, as the API tells them
 * @param kinds   those that are drawn
 */
export function floor(p, steps, states, kinds = Object.keys(DRAWN), axis = {}) {
  const days = steps.flatMap((x, i) => (kinds.includes(states[i]) ? [[x, states[i]]] : []));
  return {
    type: "custom",
    silent: true,
    z: 6,
    clip: true,
    data: days.map(([x]) => [x]),
    encode: { x: 0, y: -1 },
    ...axis,
    renderItem: (params, api) => {
      const [x] = api.coord([api.value(0), 0]);
      const state = days[params.dataIndex][1];
      const style = { stroke: p["ink-2"], lineWidth: 1.5, fill: state === "unscorable" ? "none" : p["surface-1"] };
      return { ...DRAWN[state](x, params.coordSys.y + params.coordSys.height - 7), style };
    },
  };
}

/** Their entries in the legend: only of those there are. */
export const floorMarks = (states, kinds = Object.keys(KINDS)) =>
  kinds
    .filter((kind) => states.includes(kind))
    .map((kind) => ({ kind: KINDS[kind], tone: "ink-2", text: STATES[kind][0].toUpperCase() + STATES[kind].slice(1) }));
