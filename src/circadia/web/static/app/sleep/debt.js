/** Two accounts of what is owed: our own over 14 nights, and WHOOP's. They are never mixed. */

import { html, useMemo } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { Lines } from "../charts/lines.js";
import { AnswerCard } from "../charts/room.js";
import { dateLabel, duration } from "../format.js";
import { Figure } from "../ui.js";
import { HOURS, hours } from "./stages.js";

const shown = (seconds) => (seconds === null ? "–" : duration(seconds));

export function Debt({ member, span, onPick }) {
  const answer = useAnalysis(member, "sleep-debt", span && { from: span.from, to: span.to });
  return html`<${AnswerCard} title="Sleep debt"
    about="Ours: what was short of the baseline need, summed over 14 nights. WHOOP's: the part of its sleep need that it
      calls debt. Two measures, never added." answer=${answer} height=${400}>
    ${({ rows }) => html`<${Owed} rows=${rows} onPick=${onPick} />`}
  <//>`;
}

function Owed({ rows, onPick }) {
  const days = useMemo(() => rows.map((row) => row.day), [rows]);
  const lines = useMemo(
    () => [
      { label: "Ours, 14 nights", colour: "sleep", values: rows.map((row) => hours(row.debt_14d_s)) },
      { label: "WHOOP's", colour: "ink-2", dashed: true, values: rows.map((row) => hours(row.whoop_debt_s)) },
    ],
    [rows],
  );
  const last = rows.at(-1);
  const axis = useMemo(() => ({ ...HOURS, scale: false, min: 0 }), []);
  const tip = (i) => ({
    title: dateLabel(days[i], "long"),
    lines: [
      { label: "Ours, 14 nights", colour: "sleep", text: rows[i].debt_14d_s === null ? rows[i].note : duration(rows[i].debt_14d_s) },
      { label: "WHOOP's", colour: "ink-2", text: shown(rows[i].whoop_debt_s) },
      ...(rows[i].deficit_s === null ? [] : [{ label: "Short that night", text: duration(rows[i].deficit_s) }]),
    ],
  });
  return html`<div class="room-figures">
      <${Figure} label="Ours, 14 nights" value=${shown(last.debt_14d_s)} note=${last.note ?? `to ${dateLabel(last.day, "medium")}`} />
      <${Figure} label="WHOOP's" value=${shown(last.whoop_debt_s)} note="part of its sleep need" />
    </div>
    <${Lines} label="Sleep debt in hours, ours and WHOOP's." days=${days} lines=${lines} axis=${axis} tip=${tip} height=${260} onPick=${onPick}
      table=${{
        columns: [
          { name: "day", label: "Night" },
          { name: "ours", label: "Ours, 14 nights", align: "right" },
          { name: "whoop", label: "WHOOP's", align: "right" },
          { name: "short", label: "Short that night", align: "right" },
        ],
        rows: () =>
          rows
            .map((row) => ({
              day: dateLabel(row.day, "medium"),
              ours: row.debt_14d_s === null ? row.note : duration(row.debt_14d_s),
              whoop: shown(row.whoop_debt_s),
              short: shown(row.deficit_s),
            }))
            .reverse(),
      }} />`;
}
