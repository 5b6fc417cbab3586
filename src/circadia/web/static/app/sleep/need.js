/** What was slept against what WHOOP says was needed. */

import { html, useMemo } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { STATES } from "../charts/days.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { Stack } from "../charts/stack.js";
import { dateLabel, duration, wholeMinutes } from "../format.js";
import { metric } from "../metrics.js";
import { Figure } from "../ui.js";
import { HOURS, hours } from "./stages.js";

export function Need({ answer, member, span, onPick }) {
  return html`<${AnswerCard} title="Need against got" about="Sleep of the night and its naps against WHOOP's sleep need." answer=${answer}
    height=${400}>
    ${({ metrics }) => html`<${Got} metrics=${metrics} member=${member} span=${span} onPick=${onPick} />`}
  <//>`;
}

function Got({ metrics, member, span, onPick }) {
  const { day, state } = metrics.sleep_duration_s.series;
  const column = (name) => metrics[name].series.value;
  const parts = useMemo(
    () => [
      { label: "Asleep", colour: "sleep", values: column("sleep_duration_s").map(hours) },
      { label: "Naps", colour: "stage-light", values: column("nap_s").map(hours) },
    ],
    [metrics],
  );
  const target = useMemo(() => ({ label: "Needed", values: column("sleep_need_s").map(hours) }), [metrics]);
  const line = (label, name, colour, i) => (column(name)[i] === null ? [] : [{ label, colour, text: duration(column(name)[i]) }]);
  const tip = (i) => ({
    title: dateLabel(day[i], "long"),
    lines: [
      ...line("Asleep", "sleep_duration_s", "sleep", i),
      ...(column("nap_s")[i] ? line("Naps", "nap_s", "stage-light", i) : []),
      ...line("Needed", "sleep_need_s", "ink-1", i),
      ...(STATES[state[i]] ? [{ label: STATES[state[i]] }] : []),
    ],
  });
  const { mean } = metrics.sleep_duration_s.trend;
  const need = metrics.sleep_need_s.trend.mean;
  const performance = useAnalysis(member, "trend", { metric: "sleep_performance_pct", from: span.from, to: span.to }).data?.rows[0];
  const shown = (seconds) => (seconds === null ? "–" : duration(seconds));
  const less = wholeMinutes(1000 * need) - wholeMinutes(1000 * mean);
  return html`<div class="room-figures">
      <${Figure} label="Needed, on average" value=${shown(need)}
        note=${mean === null || need === null ? "" : `${duration(Math.abs(less))} ${less < 0 ? "less" : "more"} than slept at night`} />
      <${Figure} label="Sleep performance" value=${words(metric("sleep_performance_pct"), performance?.mean, {})}
        note=${`WHOOP's own, mean of ${performance?.n ?? "–"} ${performance?.n === 1 ? "night" : "nights"}`} />
    </div>
    <${Stack} label="Sleep got and sleep needed, in hours." days=${day} parts=${parts} target=${target} states=${state} axis=${HOURS} tip=${tip}
      height=${260} onPick=${onPick}
      table=${{
        columns: [
          { name: "day", label: "Night" },
          { name: "asleep", label: "Asleep", align: "right" },
          { name: "naps", label: "Naps", align: "right" },
          { name: "needed", label: "Needed", align: "right" },
        ],
        rows: () =>
          day
            .map((each, i) => ({
              day: dateLabel(each, "medium"),
              asleep: shown(column("sleep_duration_s")[i]),
              naps: shown(column("nap_s")[i]),
              needed: shown(column("sleep_need_s")[i]),
            }))
            .reverse(),
      }} />`;
}
