/** Two baselines that athletes go by: HRV on its logarithm, and the resting heart rate of a week against a month. */

import { html, useMemo } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { difference } from "../charts/change.js";
import { Lines } from "../charts/lines.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { dateLabel, number } from "../format.js";
import { metric } from "../metrics.js";
import { Figure } from "../ui.js";

const HRV = "hrv_rmssd_ms";
const PULSE = "resting_heart_rate_bpm";
const BAND = { below: "Below the range", within: "Within the range", above: "Above the range" };
const PULSES = { raised: "Raised", normal: "As usual", lowered: "Lowered" };
const TONES = { below: "bad", raised: "bad", above: "good", lowered: "good" };
const axis = (unit) => ({ label: (each) => number(each, 0), step: 1, unit });
const AXES = { [HRV]: axis("ms"), [PULSE]: axis("bpm") };

/** From the logarithm back to milliseconds. */
const ms = (ln) => (ln === null ? null : Math.exp(ln));

export function Baselines({ member, span, prefs, onPick }) {
  const shared = { member, span, prefs, onPick };
  return html`<div class="room-columns"><${Hrv} ...${shared} /><${Pulse} ...${shared} /></div>`;
}

function Hrv({ member, span, prefs, onPick }) {
  const answer = useAnalysis(member, "hrv-baseline", { from: span.from, to: span.to });
  return html`<${AnswerCard} title="HRV baseline" answer=${answer} height=${420}
    about="Mean of 7 days against the 60-day mean, on the logarithm of RMSSD; the range is half a standard deviation either
      way, the smallest change held to be worth a thought (Plews 2013).">
    ${({ rows }) => html`<${HrvCourse} rows=${rows} prefs=${prefs} onPick=${onPick} />`}
  <//>`;
}

function HrvCourse({ rows, prefs, onPick }) {
  const days = useMemo(() => rows.map((row) => row.day), [rows]);
  const lines = useMemo(() => [{ label: "7-day mean", colour: "hrv", values: rows.map((row) => ms(row.mean_7d)) }], [rows]);
  const band = useMemo(
    () => ({ low: rows.map((row) => ms(row.low)), high: rows.map((row) => ms(row.high)), label: "60-day mean ± half an SD" }),
    [rows],
  );
  const last = rows.at(-1);
  const shown = (ln) => words(metric(HRV), ms(ln), prefs);
  const tip = (i) => ({
    title: dateLabel(days[i], "full"),
    lines: [
      { label: "7-day mean", colour: "hrv", text: shown(rows[i].mean_7d) },
      ...(rows[i].note
        ? [{ label: rows[i].note }]
        : [{ label: "Range", text: `${shown(rows[i].low)} to ${shown(rows[i].high)}` }, { label: BAND[rows[i].verdict] }]),
    ],
  });
  return html`<div class="room-figures">
      <${Figure} label="7-day mean" value=${shown(last.mean_7d)} note=${last.note ?? `range ${shown(last.low)} to ${shown(last.high)}`} />
      <${Figure} label="Verdict" value=${BAND[last.verdict] ?? "–"} tone=${TONES[last.verdict]}
        note=${last.cv_7d_pct === null ? "" : `varies by ${number(last.cv_7d_pct, 1)} % (CV of 7 days)`} />
    </div>
    <${Lines} label="HRV: 7-day mean against its 60-day range." days=${days} lines=${lines} band=${band} axis=${AXES[HRV]} tip=${tip} height=${230}
      onPick=${onPick}
      table=${{
        columns: [
          { name: "day", label: "Date" },
          { name: "mean", label: "7-day mean", align: "right" },
          { name: "range", label: "Range", align: "right" },
          { name: "cv", label: "CV", align: "right" },
          { name: "verdict", label: "Verdict" },
        ],
        rows: () =>
          rows
            .map((row) => ({
              day: dateLabel(row.day, "medium"),
              mean: shown(row.mean_7d),
              range: row.note ?? `${shown(row.low)} to ${shown(row.high)}`,
              cv: row.cv_7d_pct === null ? "–" : `${number(row.cv_7d_pct, 1)} %`,
              verdict: BAND[row.verdict] ?? "",
            }))
            .reverse(),
      }} />`;
}

function Pulse({ member, span, prefs, onPick }) {
  const answer = useAnalysis(member, "resting-heart-rate", { from: span.from, to: span.to });
  return html`<${AnswerCard} title="Resting heart rate, week against month" answer=${answer} height=${420}
    about="Mean of 7 days against that of 28. Raised: more than one standard deviation or at least 3 bpm above. Our own convention.">
    ${({ rows }) => html`<${PulseCourse} rows=${rows} prefs=${prefs} onPick=${onPick} />`}
  <//>`;
}

function PulseCourse({ rows, prefs, onPick }) {
  const days = useMemo(() => rows.map((row) => row.day), [rows]);
  const lines = useMemo(
    () => [
      { label: "7-day mean", colour: "heart", values: rows.map((row) => row.mean_7d) },
      { label: "28-day mean", colour: "ink-2", dashed: true, values: rows.map((row) => row.mean_28d) },
    ],
    [rows],
  );
  const last = rows.at(-1);
  const shown = (figure) => words(metric(PULSE), figure, prefs);
  const verdict = (row) => row.note ?? PULSES[row.verdict] ?? "";
  const tip = (i) => ({
    title: dateLabel(days[i], "full"),
    lines: [
      { label: "7-day mean", colour: "heart", text: shown(rows[i].mean_7d) },
      { label: "28-day mean", colour: "ink-2", text: shown(rows[i].mean_28d) },
      { label: verdict(rows[i]) },
    ],
  });
  return html`<div class="room-figures">
      <${Figure} label="7-day mean" value=${shown(last.mean_7d)} note=${last.note ?? `28-day mean ${shown(last.mean_28d)}`} />
      <${Figure} label="Verdict" value=${PULSES[last.verdict] ?? "–"} tone=${TONES[last.verdict]}
        note=${last.difference === null ? "" : `${difference(metric(PULSE), last.difference, prefs)} against the month`} />
    </div>
    <${Lines} label="Resting heart rate: 7-day mean and 28-day mean." days=${days} lines=${lines} axis=${AXES[PULSE]} tip=${tip} height=${230}
      onPick=${onPick}
      table=${{
        columns: [
          { name: "day", label: "Date" },
          { name: "week", label: "7-day mean", align: "right" },
          { name: "month", label: "28-day mean", align: "right" },
          { name: "verdict", label: "Verdict" },
        ],
        rows: () =>
          rows
            .map((row) => ({
              day: dateLabel(row.day, "medium"),
              week: shown(row.mean_7d),
              month: shown(row.mean_28d),
              verdict: verdict(row),
            }))
            .reverse(),
      }} />`;
}
