/** Days on which a figure was far from what is usual. Unusual is not ill. */

import { html, useState } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { dateLabel, number } from "../format.js";
import { metric } from "../metrics.js";
import { Badge, Button } from "../ui.js";

const FIRST = 8;

export function Unusual({ member, span, prefs, onPick }) {
  const [all, setAll] = useState(false);
  const answer = useAnalysis(member, "unusual-days", { from: span.from, to: span.to });
  return html`<${AnswerCard} title="Unusual days"
    about="Days with a figure two standard deviations or more from its 30 days before. With eight figures that happens by
      chance on every third day or so. No diagnosis." answer=${answer} height=${440}>
    ${({ rows }) => {
      const days = rows.filter((row) => row.metrics?.length).sort((one, other) => (one.day < other.day ? 1 : -1));
      const note = rows.find((row) => row.note)?.note;
      if (!days.length) return html`<p class="room-note">${note ?? "No day of this stretch stands out."}</p>`;
      return html`<ul class="unusual" tabindex=${all ? 0 : undefined} aria-label="Unusual days, newest first">
          ${days.slice(0, all ? days.length : FIRST).map(
            (row) => html`<li key=${row.day}>
            <button type="button" class="text-link" onClick=${() => onPick(row.day)}>${dateLabel(row.day, "medium")}</button>
            ${row.illness_hint && html`<${Badge} tone="warn" title=${row.words}>several signals at once<//>`}
            <ul class="unusual-metrics">${row.metrics.map(
              (each) => html`<li key=${each.metric}
              title=${`${number(Math.abs(each.z), 1)} standard deviations ${each.z > 0 ? "above" : "below"} the 30 days before`}>
              <i class=${`chart-mark mark-${each.z > 0 ? "up" : "down"}`}
                aria-hidden="true"></i>${metric(each.metric).label} <b>${words(metric(each.metric), each.value, prefs)}</b> <span>${each.z > 0 ? "above" : "below"}, ${number(Math.abs(each.z), 1)} SD</span></li>`,
            )}</ul>
          </li>`,
          )}
        </ul>
        ${
          days.length > FIRST &&
          html`<p class="more-rows"><${Button}
          onClick=${() => setAll(!all)}>${all ? "Fewer" : `All ${days.length}`}<//></p>`
        }`;
    }}
  <//>`;
}
