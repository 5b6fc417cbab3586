/** The strain of each day above, the recovery it began with below, on one axis of days. */

import { html, useMemo } from "../lib.js";
import { bandsByDay } from "../charts/bands.js";
import { Chart } from "../charts/chart.js";
import { STATES, instant } from "../charts/days.js";
import { floor, floorMarks } from "../charts/floor.js";
import { Legend } from "../charts/legend.js";
import { LARGE, MANY, grid, points, timeAxis, valueAxis, zoom } from "../charts/options.js";
import { bandColour, faint } from "../charts/palette.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { dateLabel } from "../format.js";
import { metric } from "../metrics.js";
import { Figure } from "../ui.js";

const UPPER = { top: 12, height: 170 };
const LOWER = { top: 218, height: 90 };
const SYMBOLS = { green: "roundRect", yellow: "circle", red: "diamond" };

export function OverRecovery({ answer, bands, prefs, onPick }) {
  return html`<${AnswerCard} title="Strain over recovery" about="Strain is WHOOP's, 0 to 21. Below: the recovery the day began with, in its band."
    answer=${{ ...answer, data: bands.data && answer.data }} height=${440}>
    ${({ metrics }) => html`<${Days} metrics=${metrics} bands=${bands.data} prefs=${prefs} onPick=${onPick} />`}
  <//>`;
}

function Days({ metrics, bands, prefs, onPick }) {
  const { strain, recovery_score: recovery } = metrics;
  const days = strain.series.day;
  const steps = useMemo(() => days.map(instant), [days]);
  const byDay = useMemo(() => bandsByDay(bands), [bands]);
  const draw = useMemo(() => picture(strain.series, recovery.series, steps, byDay), [metrics, byDay]);
  const value = (name, i) => words(metric(name), metrics[name].series.value[i], prefs);
  const state = (name, i) => (STATES[metrics[name].series.state[i]] ? [{ label: STATES[metrics[name].series.state[i]] }] : []);
  const tip = (i) => ({
    title: dateLabel(days[i], "full"),
    lines: [
      { label: "Strain", colour: "strain", text: value("strain", i) },
      ...state("strain", i),
      {
        label: "Recovery",
        colour: byDay.has(days[i]) ? bandColour(byDay.get(days[i])) : "ink-3",
        text: `${value("recovery_score", i)}${byDay.has(days[i]) ? `, ${byDay.get(days[i])}` : ""}`,
      },
      ...state("recovery_score", i),
    ],
  });
  const counts = ["green", "yellow", "red"].map((band) => [band, days.filter((day) => byDay.get(day) === band).length]);
  return html`<div class="room-figures">
      <${Figure} label="Strain, on average" value=${words(metric("strain"), strain.trend.mean, prefs)}
        note=${`of ${strain.trend.n} finished days`} />
      <${Figure} label="Highest strain" value=${words(metric("strain"), strain.trend.highest, prefs)} />
      <${Figure} label="Energy, on average" value=${words(metric("energy_kj"), metrics.energy_kj.trend.mean, prefs)} note="a day" />
      <${Figure} label="Recovery, on average" value=${words(metric("recovery_score"), recovery.trend.mean, prefs)}
        note=${counts.map(([band, n]) => `${n} ${band}`).join(", ")} />
    </div>
    <${Chart} label="Strain of each day above the recovery it began with." draw=${draw} height=${steps.length > MANY ? 384 : 340} steps=${steps}
      tip=${tip} onPick=${(i) => onPick(days[i])}
      table=${{
        columns: [
          { name: "day", label: "Date" },
          { name: "strain", label: "Strain", align: "right" },
          { name: "recovery", label: "Recovery", align: "right" },
          { name: "band", label: "Band" },
          { name: "state", label: "State" },
        ],
        rows: () =>
          days
            .map((day, i) => ({
              day: dateLabel(day, "medium"),
              strain: value("strain", i),
              recovery: value("recovery_score", i),
              band: byDay.get(day) ?? "",
              state: [...state("strain", i), ...state("recovery_score", i)].map(({ label }) => label).join(", "),
            }))
            .reverse(),
      }}><${Legend} marks=${[
        { kind: "square", tone: "strain", text: "Strain" },
        strain.series.state.includes("open") && { kind: "hollow-square", tone: "strain", text: "Strain so far" },
        { kind: "square", tone: "recovery-green", text: "Green" },
        { kind: "circle", tone: "recovery-yellow", text: "Yellow" },
        { kind: "diamond", tone: "recovery-red", text: "Red" },
        recovery.series.state.includes("calibrating") && { kind: "square", tone: "ink-3", text: "Calibrating" },
        ...floorMarks([...strain.series.state, ...recovery.series.state]),
      ]} /><//>`;
}

const picture = (strain, recovery, steps, byDay) => (p, width) => {
  const left = width < 480 ? 34 : 44;
  const zoomed = steps.length > MANY;
  const slot = (width - left - 12) / Math.min(steps.length, MANY);
  const chosen = (series, wanted) => steps.map((x, i) => [x, wanted(i) ? series.value[i] : null]);
  const open = (i) => strain.state[i] === "open";
  const bar = {
    type: "bar",
    emphasis: { disabled: true },
    barGap: "-100%",
    large: true,
    largeThreshold: LARGE,
    barWidth: zoomed ? "68%" : Math.max(2, Math.min(20, slot * 0.66)),
  };
  const lower = { xAxisIndex: 1, yAxisIndex: 1 };
  const band = (name) => {
    const color = name ? p[bandColour(name)] : p["ink-3"];
    const data = chosen(recovery, (i) => byDay.get(strain.day[i]) === name).filter(([, value]) => value !== null);
    return [
      { ...bar, ...lower, barWidth: 1, silent: true, itemStyle: { color: faint(color, 0.5) }, data },
      points({
        ...lower,
        symbol: SYMBOLS[name] ?? "emptyCircle",
        symbolSize: Math.max(4, Math.min(10, slot * 0.7)),
        itemStyle: { color },
        data,
      }),
    ];
  };
  return {
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    grid: [grid({ left, ...UPPER }), grid({ left, ...LOWER })],
    xAxis: [timeAxis(p, steps, { bare: true }), timeAxis(p, steps, { gridIndex: 1 })],
    yAxis: [
      valueAxis(p, { label: String, step: 1, min: 0, max: 21, interval: 7, scale: false }),
      valueAxis(p, { gridIndex: 1, label: String, unit: "%", step: 1, min: 0, max: 100, interval: 50, scale: false }),
    ],
    ...(zoomed && { dataZoom: zoom(p, { from: steps.at(-MANY), to: steps.at(-1), axes: [0, 1], left }) }),
    series: [
      { ...bar, itemStyle: { color: p.strain, borderRadius: [3, 3, 0, 0] }, data: chosen(strain, (i) => !open(i)) },
      {
        ...bar,
        itemStyle: { color: faint(p.strain, 0.2), borderColor: p.strain, borderType: "dashed", borderWidth: 1.5 },
        data: chosen(strain, open),
      },
      ...["green", "yellow", "red", undefined].flatMap(band),
      floor(p, steps, strain.state),
      floor(p, steps, recovery.state, undefined, lower),
    ],
  };
};
