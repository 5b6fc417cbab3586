/** The stages of each night, one upon the other. */

import { html, useMemo } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { AnswerCard } from "../charts/room.js";
import { Stack } from "../charts/stack.js";
import { STATES } from "../charts/days.js";
import { words } from "../charts/scale.js";
import { dateLabel, duration } from "../format.js";
import { metric } from "../metrics.js";
import { Figure } from "../ui.js";

const STAGES = [
  { name: "deep_sleep_s", label: "Deep", colour: "stage-deep" },
  { name: "rem_sleep_s", label: "REM", colour: "stage-rem" },
  { name: "light_sleep_s", label: "Light", colour: "stage-light" },
  { name: "awake_s", label: "Awake", colour: "stage-awake" },
];
export const HOURS = { label: (plotted) => `${plotted}h`, step: 1 };

/** Seconds as hours, and nothing as nothing. */
export const hours = (seconds) => (seconds === null ? null : seconds / 3600);

export function Stages({ answer, member, span, onPick }) {
  return html`<${AnswerCard} title="Stages" about="Deep, REM and light sleep, and the time awake between lying down and rising." answer=${answer}
    height=${400}>
    ${({ metrics }) => html`<${Means} metrics=${metrics} member=${member} span=${span} /><${Nights} metrics=${metrics} onPick=${onPick} />`}
  <//>`;
}

function Nights({ metrics, onPick }) {
  const { day, state } = metrics.sleep_duration_s.series;
  const parts = useMemo(() => STAGES.map((stage) => ({ ...stage, values: metrics[stage.name].series.value.map(hours) })), [metrics]);
  const seconds = (name, i) => metrics[name].series.value[i];
  const tip = (i) => ({
    title: dateLabel(day[i], "long"),
    lines:
      seconds("sleep_duration_s", i) === null
        ? [{ label: STATES[state[i]] ?? "nothing recorded" }]
        : [
            { label: "Asleep", text: duration(seconds("sleep_duration_s", i)) },
            ...STAGES.map(({ name, label, colour }) => ({ label, colour, text: duration(seconds(name, i)) })).reverse(),
          ],
  });
  return html`<${Stack} label="Stages of each night in hours." days=${day} parts=${parts} states=${state} axis=${HOURS} tip=${tip} height=${300}
    onPick=${onPick}
      table=${{
        columns: [
          { name: "day", label: "Night" },
          { name: "asleep", label: "Asleep", align: "right" },
          ...STAGES.map(({ name, label }) => ({ name, label, align: "right" })),
          { name: "state", label: "State" },
        ],
        rows: () =>
          day
            .map((each, i) => ({
              day: dateLabel(each, "medium"),
              asleep: shown(seconds("sleep_duration_s", i)),
              state: STATES[state[i]] ?? "",
              ...Object.fromEntries(STAGES.map(({ name }) => [name, shown(seconds(name, i))])),
            }))
            .reverse(),
      }} />`;
}

const shown = (seconds) => (seconds === null ? "–" : duration(seconds));

function Means({ metrics, member, span }) {
  const efficiency = useAnalysis(member, "trend", { metric: "sleep_efficiency_pct", from: span.from, to: span.to }).data?.rows[0];
  const { trend } = metrics.sleep_duration_s;
  const share = (name) =>
    trend.mean && metrics[name].trend.mean !== null ? `${Math.round((100 * metrics[name].trend.mean) / trend.mean)} % of the sleep` : "";
  const mean = (name) => shown(metrics[name].trend.mean);
  return html`<div class="room-figures">
    <${Figure} label="Asleep, on average" value=${mean("sleep_duration_s")} note=${`of ${trend.n} nights`} />
    <${Figure} label="Deep" value=${mean("deep_sleep_s")} note=${share("deep_sleep_s")} />
    <${Figure} label="REM" value=${mean("rem_sleep_s")} note=${share("rem_sleep_s")} />
    <${Figure} label="Efficiency" value=${words(metric("sleep_efficiency_pct"), efficiency?.mean, {})} note="asleep of the time in bed" />
  </div>`;
}
