/** Runs of days, the one going on and the longest. */

import { html } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { AnswerCard } from "../charts/room.js";
import { dateLabel } from "../format.js";
import { Table } from "../ui.js";

const days = (count) => `${count} ${count === 1 ? "day" : "days"}`;

export function Streaks({ member, extent }) {
  const answer = useAnalysis(member, "streaks", { from: extent.first, to: extent.last });
  const columns = [
    { name: "kind", label: "Streak", show: (row) => row.kind[0].toUpperCase() + row.kind.slice(1) },
    {
      name: "current",
      label: "Now",
      align: "right",
      show: (row) =>
        html`<b>${days(row.current)}</b>${row.current > 0 && html`<small>since ${dateLabel(row.current_since, "short")}</small>`}`,
    },
    {
      name: "longest",
      label: "Longest",
      align: "right",
      show: (row) => html`<b>${days(row.longest)}</b>${row.longest > 0 && html`<small>to ${dateLabel(row.longest_to, "medium")}</small>`}`,
    },
  ];
  return html`<${AnswerCard} title="Streaks"
    about="Days in a row. A day whose score is pending or that is not over neither ends nor lengthens one; a missing day ends it." answer=${answer}
      height=${320}>
    ${({ rows }) => html`<div class="tall-rows"><${Table} caption="Streaks, now and longest" columns=${columns} rows=${rows} /></div>`}
  <//>`;
}
