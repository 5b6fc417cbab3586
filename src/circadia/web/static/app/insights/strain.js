/** The question everybody asks: does a hard day cost the next recovery? */

import { html, useMemo } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { AnswerCard } from "../charts/room.js";
import { Scatter } from "../charts/scatter.js";
import { number } from "../format.js";
import { metric } from "../metrics.js";
import { Figure } from "../ui.js";

const WORDS = {
  together: "higher strain went with higher recovery the next day",
  against: "higher strain went with lower recovery the next day",
  "nothing found": "no connection that chance would not show",
};

export function StrainRecovery({ member, span, prefs }) {
  const stretch = { from: span.from, to: span.to };
  const said = useAnalysis(member, "strain-recovery", stretch);
  const points = useAnalysis(member, "correlation", { metric: "recovery_score", with: "strain", lag: 1, ...stretch });
  const both = useMemo(() => said.data && points.data && { row: said.data.rows[0], rows: points.data.rows }, [said.data, points.data]);
  return html`<${AnswerCard} title="Strain, and the next recovery" about="Strain of each day that is over with the recovery of the morning after."
    answer=${{ ...said, data: both, error: said.error ?? points.error }} height=${440}>
    ${({ row, rows }) => html`<div class="room-figures">
        ${
          row.note
            ? html`<${Figure} label="Correlation" value="–" note=${row.note} />`
            : html`<${Figure} label="Correlation" value=${number(row.pearson, 2)}
            note=${`${WORDS[row.verdict]} (95 %: ${number(row.low, 2)} to ${number(row.high, 2)})`} />
              <${Figure} label="Pairs of days" value=${row.n} note=${`worth ${row.n_effective} that are independent`} />`
        }
      </div>
      ${
        rows.length > 0 &&
        html`<${Scatter} rows=${rows} x=${metric("strain")} y=${metric("recovery_score")} lag=${1} prefs=${prefs}
        height=${300} />`
      }`}
  <//>`;
}
