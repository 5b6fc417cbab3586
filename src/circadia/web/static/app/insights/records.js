/** The highest and the lowest of all days. */

import { html } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { dateLabel } from "../format.js";
import { metric } from "../metrics.js";
import { Dash, Table } from "../ui.js";

const METRICS = ["recovery_score", "hrv_rmssd_ms", "resting_heart_rate_bpm", "sleep_duration_s", "sleep_performance_pct", "strain"];

export function Records({ member, extent, prefs, onPick }) {
  const answers = METRICS.map((name) => useAnalysis(member, "records", { metric: name, from: extent.first, to: extent.last }));
  const data = answers.every((each) => each.data) ? answers.map((each) => each.data.rows) : undefined;
  const error = answers.find((each) => each.error)?.error;
  const cell = (kind) => (record) => {
    const row = record.rows.find((each) => each.kind === kind);
    if (!row || row.value === null) return html`<${Dash} reason=${row?.note} />`;
    return html`<b>${words(metric(record.name), row.value, prefs)}</b><small><button type="button" class="text-link"
      onClick=${() => onPick(row.day)}>${dateLabel(row.day, "medium")}</button></small>`;
  };
  const columns = [
    { name: "figure", label: "Figure", show: (record) => metric(record.name).label },
    { name: "highest", label: "Highest", align: "right", show: cell("highest") },
    { name: "lowest", label: "Lowest", align: "right", show: cell("lowest") },
  ];
  return html`<${AnswerCard} title="Records" about="Of all days that count." answer=${{ data, error }} height=${380}>
    ${(records) => html`<div class="tall-rows"><${Table} caption="Highest and lowest of each figure" columns=${columns}
      rows=${METRICS.map((name, i) => ({ name, rows: records[i] }))} /></div>`}
  <//>`;
}
