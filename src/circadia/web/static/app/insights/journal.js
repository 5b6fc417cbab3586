/** Journal: how the days answered yes differ from those answered no. */

import { html } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { between, difference, toneOf } from "../charts/change.js";
import { Intervals } from "../charts/intervals.js";
import { AnswerCard } from "../charts/room.js";

const GOOD = { up: 1, down: -1 };

export function Journal({ member, metric, span, prefs }) {
  const answer = useAnalysis(member, "journal-effects", { metric: metric.name, from: span.from, to: span.to });
  return html`<${AnswerCard} title=${`Journal and ${metric.label}`} answer=${answer} height=${260}
    about="Mean of the days answered yes less that of the days answered no, with its 95 % interval (Welch), corrected for
      many questions (Benjamini and Hochberg). Going together is not a cause.">
    ${({ rows }) =>
      rows.length
        ? html`<${Intervals} label="Journal" ends=${["lower on yes", "higher on yes"]}
        rows=${[...rows]
          .sort((one, other) => Math.abs(other.effect_size ?? 0) - Math.abs(one.effect_size ?? 0))
          .map((row) => {
            const clear = !row.note && (row.low > 0 || row.high < 0) && row.q < 0.05;
            const polarity = GOOD[metric.polarity];
            return {
              key: row.question,
              label: row.question,
              sub: `${row.n_yes} yes, ${row.n_no} no`,
              note: row.note,
              point: row.difference,
              low: row.low,
              high: row.high,
              clear,
              tone: clear && polarity ? toneOf(polarity * row.difference > 0) : "plain",
              text: html`<b>${difference(metric, row.difference, prefs)}</b> <span>${between(metric, row.low, row.high, prefs)}</span>`,
            };
          })} />`
        : html`<p class="room-note">No journal in this stretch. WHOOP's API does not hand it out; it comes with an export file (room Data, import).</p>`}
  <//>`;
}
