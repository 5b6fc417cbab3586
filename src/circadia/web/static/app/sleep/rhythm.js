/** When each night began and ended, and how regular that is. */

import { html, useMemo, useState } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { Chart } from "../charts/chart.js";
import { instant } from "../charts/days.js";
import { floor, floorMarks } from "../charts/floor.js";
import { Legend } from "../charts/legend.js";
import { MANY, grid, timeAxis, valueAxis, zoom } from "../charts/options.js";
import { Answer, AnswerCard } from "../charts/room.js";
import { axisTime, dateLabel, duration, minutesOfDay } from "../format.js";
import { Figure, Segmented } from "../ui.js";

const NIGHTS = [
  { value: "7", label: "7 nights" },
  { value: "14", label: "14" },
  { value: "28", label: "28" },
];

export function Rhythm({ answer, member, last, prefs, onPick }) {
  const [nights, setNights] = useState("28");
  const regularity = useAnalysis(member, "regularity", last && { day: last, nights });
  const row = regularity.data?.rows[0];
  return html`<${AnswerCard} title="Rhythm" answer=${answer} height=${420}
    about="Bed and wake times on the clock of the place. Spread: circular standard deviation. Social jet lag: mid-sleep of
      the nights to Saturday and Sunday against the others (Wittmann 2006)."
    actions=${html`<${Segmented} label="Nights of the figures" options=${NIGHTS} value=${nights} onChange=${setNights} />`}>
    ${({ metrics }) => html`<${Answer} answer=${regularity} height=${68}>${() => html`<${Figures} row=${row} prefs=${prefs} />`}<//>
      <${Clock} bed=${metrics.bed_time_min.series} wake=${metrics.wake_time_min.series} row=${row} prefs=${prefs} onPick=${onPick} />`}
  <//>`;
}

function Figures({ row, prefs }) {
  if (row.note) return html`<p class="room-note">Regularity: ${row.note}</p>`;
  const spread = (minutes) => `± ${duration(minutes * 60)}`;
  const jet = row.social_jet_lag_min;
  return html`<div class="room-figures">
    <${Figure} label="To bed" value=${minutesOfDay(row.bed_mean_min, prefs)} note=${`${spread(row.bed_sd_min)} spread, ${row.n} nights`} />
    <${Figure} label="Up" value=${minutesOfDay(row.wake_mean_min, prefs)} note=${`${spread(row.wake_sd_min)} spread`} />
    <${Figure} label="Social jet lag" value=${jet === null ? "–" : duration(Math.abs(jet) * 60)}
      note=${jet === null ? "needs free nights and others" : `free nights ${jet < 0 ? "earlier" : "later"}`} />
  </div>`;
}

function Clock({ bed, wake, row, prefs, onPick }) {
  const steps = useMemo(() => bed.day.map(instant), [bed]);
  const mean = row && !row.note ? row : null;
  const draw = useMemo(
    () => (p, width) => {
      const left = width < 480 ? 48 : 56;
      const zoomed = steps.length > MANY;
      const nights = steps.flatMap((x, i) =>
        bed.value[i] === null || wake.value[i] === null ? [] : [[x, bed.value[i] / 60, wake.value[i] / 60]],
      );
      const across = (minutes) => ({
        yAxis: minutes / 60,
        lineStyle: { color: p["ink-1"], type: "dashed", width: 1 },
        label: { show: false },
      });
      return {
        grid: grid({ left, zoomed }),
        xAxis: timeAxis(p, steps),
        yAxis: valueAxis(p, {
          inverse: true,
          label: (hours) => axisTime(hours * 60, prefs),
          step: 1,
          interval: 3,
          min: ({ min }) => 3 * Math.floor(min / 3),
          max: ({ max }) => 3 * Math.ceil(max / 3),
        }),
        ...(zoomed && { dataZoom: zoom(p, { from: steps.at(-MANY), to: steps.at(-1), left }) }),
        series: [
          {
            type: "custom",
            clip: true,
            data: nights,
            encode: { x: 0, y: [1, 2] },
            renderItem: (params, api) => {
              const [x, top] = api.coord([api.value(0), api.value(1)]);
              const bottom = api.coord([api.value(0), api.value(2)])[1];
              const thick = Math.max(1.5, Math.min(14, api.size([86_400_000, 0])[0] * 0.64));
              return {
                type: "rect",
                shape: { x: x - thick / 2, y: top, width: thick, height: bottom - top, r: Math.min(4, thick / 2) },
                style: { fill: p.sleep },
              };
            },
            markLine: mean
              ? {
                  silent: true,
                  symbol: "none",
                  animation: false,
                  data: [across(mean.bed_mean_min), across(mean.wake_mean_min)],
                }
              : undefined,
          },
          floor(p, steps, bed.state),
        ],
      };
    },
    [bed, wake, mean, prefs],
  );
  const times = (i) => [minutesOfDay(bed.value[i], prefs), minutesOfDay(wake.value[i], prefs)];
  const tip = (i) => ({
    title: dateLabel(bed.day[i], "full"),
    lines:
      bed.value[i] === null
        ? [{ label: "no sleep recorded" }]
        : [
            { label: "To bed", colour: "sleep", text: times(i)[0] },
            { label: "Up", colour: "sleep", text: times(i)[1] },
          ],
  });
  return html`<${Chart} label="Bed and wake times of each night." draw=${draw} height=${300} steps=${steps} tip=${tip}
    onPick=${(i) => onPick(bed.day[i])}
      table=${{
        columns: [
          { name: "day", label: "Night" },
          { name: "bed", label: "To bed", align: "right" },
          { name: "wake", label: "Up", align: "right" },
        ],
        rows: () => bed.day.map((day, i) => ({ day: dateLabel(day, "medium"), bed: times(i)[0], wake: times(i)[1] })).reverse(),
      }}><${Legend} marks=${[
        { kind: "square", tone: "sleep", text: "From bed time to wake time" },
        mean && { kind: "dashes", tone: "ink-1", text: `Means of ${mean.n} nights` },
        ...floorMarks(bed.state),
      ]} /><//>`;
}
