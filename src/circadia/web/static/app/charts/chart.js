/** A chart on a canvas: its library comes when the first one is shown, its colours follow the page, its twin is a table. */

import { html, useEffect, useRef, useState } from "../lib.js";
import { Table } from "../ui.js";
import { basis } from "./options.js";
import { onColours, palette } from "./palette.js";
import { spoken, tooltip } from "./tip.js";

let loading = null;
/** One after the other, each in a task of its own, so that a room of charts does not hold the page. */
let turn = Promise.resolve();
const inTurn = (run) => {
  turn = turn.then(() => new Promise((done) => setTimeout(() => done(run()))));
};
const library = () => (loading ??= import("../../vendor/echarts/echarts.esm.min.js"));

/**
 * @param label   what is to be seen, in a sentence: the accessible name
 * @param draw    (palette, width) -> the option, without what every chart has
 * @param height  in pixels, kept before the library is there, so that nothing jumps
 * @param steps   x of each step of the arrow keys and of each tip
 * @param tip     index -> `{title, lines}`, shown by the pointer and read to the arrow keys
 * @param trigger "axis" (a tip for all there is at an x) or "item"
 * @param group   charts of one group show the same x together
 * @param onPick  called with the index that is clicked, or on which Enter is pressed
 * @param table   `{columns, rows: () => […]}`: the same in words
 * @param children  the legend, between the canvas and the table
 */
export function Chart({ label, draw, height, steps, tip, trigger = "axis", group, onPick, table, children }) {
  const place = useRef(null);
  const chart = useRef(null);
  const at = useRef(null);
  const [read, setRead] = useState("");
  const [failed, setFailed] = useState(false);
  const latest = useRef(null);
  latest.current = { draw, steps, tip, trigger, onPick };

  const drawn = useRef({});
  const redraw = useRef((anew = false) => {
    if (!chart.current) return;
    const now = latest.current;
    const width = chart.current.getWidth();
    if (!width || (!anew && drawn.current.draw === now.draw && drawn.current.width === width)) return;
    drawn.current = { draw: now.draw, width };
    const colours = palette();
    const index = new Map(now.steps.map((x, i) => [x, i]));
    const indexOf = (found) => (now.trigger === "axis" ? index.get(found.axisValue) : found.dataIndex);
    chart.current.setOption(
      { ...basis(colours), tooltip: tooltip(colours, now.trigger, indexOf, (i) => latest.current.tip(i)), ...now.draw(colours, width) },
      { notMerge: true },
    );
  }).current;

  useEffect(() => {
    let gone = false;
    let observer = null;
    let last = 0;
    library().then(
      (echarts) => {
        if (gone) return;
        chart.current = echarts.init(place.current, null, { renderer: "canvas" });
        if (group) {
          chart.current.group = group;
          echarts.connect(group);
        }
        chart.current.getZr().on("click", (event) => {
          const now = latest.current;
          const point = [event.offsetX, event.offsetY];
          if (!now.onPick || !chart.current.containPixel("grid", point)) return;
          const x = chart.current.convertFromPixel({ xAxisIndex: 0 }, event.offsetX);
          now.onPick(nearest(now.steps, x));
        });
        observer = new ResizeObserver(([entry]) => {
          const width = Math.round(entry.contentRect.width);
          if (!width || width === last) return;
          last = width;
          inTurn(() => {
            chart.current?.resize();
            redraw();
          });
        });
        observer.observe(place.current);
      },
      () => setFailed(true),
    );
    const stop = onColours(() => redraw(true));
    return () => {
      gone = true;
      stop();
      observer?.disconnect();
      chart.current?.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => inTurn(() => redraw()), [draw]);

  const walk = (event) => {
    const count = latest.current.steps.length;
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -count, End: count };
    if (!chart.current || !count) return;
    if (event.key === "Enter" && at.current !== null) return onPick?.(at.current);
    if (event.key === "Escape") return chart.current.dispatchAction({ type: "hideTip" });
    if (!(event.key in moves)) return;
    event.preventDefault();
    at.current = Math.min(count - 1, Math.max(0, (at.current ?? (moves[event.key] < 0 ? count : -1)) + moves[event.key]));
    if (trigger === "axis") {
      const x = chart.current.convertToPixel({ xAxisIndex: 0 }, steps[at.current]);
      chart.current.dispatchAction({ type: "showTip", x, y: height / 2 });
    } else {
      chart.current.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: at.current });
    }
    setRead(spoken(tip(at.current)));
  };

  return html`<figure class="chart">
    ${
      failed
        ? html`<p class="chart-failed">The chart could not be loaded; its numbers are in the table below.</p>`
        : html`<div class="chart-canvas" ref=${place} style=${{ height: `${height}px` }} role="img" tabindex="0"
        aria-label=${`${label} Arrow keys walk through it.`} onKeyDown=${walk}></div>`
    }
    <p class="chart-read" aria-live="polite">${read}</p>
    ${children}
    ${table && html`<${Twin} label=${label} ...${table} />`}
  </figure>`;
}

function Twin({ label, columns, rows }) {
  const [open, setOpen] = useState(false);
  return html`<details class="chart-table" onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>As a table</summary>
    ${open && html`<div class="chart-rows"><${Table} caption=${label} columns=${columns} rows=${rows()} /></div>`}
  </details>`;
}

function nearest(steps, x) {
  let best = 0;
  for (let i = 1; i < steps.length; i += 1) if (Math.abs(steps[i] - x) < Math.abs(steps[best] - x)) best = i;
  return best;
}
