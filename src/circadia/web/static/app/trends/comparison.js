/** Two stretches of a metric against each other: the stretch shown, and the one before it or a year ago. */

import { html, useState } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { between, difference, extent, toneOf } from "../charts/change.js";
import { plusDays } from "../charts/days.js";
import { Intervals } from "../charts/intervals.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { dateLabel } from "../format.js";
import { Figure, Segmented } from "../ui.js";

const AGAINST = [
  { value: "before", label: "The stretch before" },
  { value: "year", label: "A year ago" },
];
const MOST = 365;

/** The dates compared: those shown (of a long stretch its last year), and as many before them or a year earlier. */
function periods(span, against) {
  const days = Math.min(span.days, MOST);
  const from = plusDays(span.to, 1 - days);
  const shift = against === "year" ? 365 : days;
  return { before_from: plusDays(from, -shift), before_to: plusDays(span.to, -shift), from, to: span.to };
}

export function Comparison({ member, metric, span, prefs }) {
  const [against, setAgainst] = useState("before");
  const given = periods(span, against);
  const answer = useAnalysis(member, "compare", { metric: metric.name, ...given });
  const dates = (from, to) => `${dateLabel(from, "medium")} – ${dateLabel(to, "medium")}`;
  return html`<${AnswerCard} title="Two periods" about="Means of the days that count, and the difference with its 95 % interval (Welch)."
    answer=${answer} height=${240}
    actions=${html`<${Segmented} label="Against" options=${AGAINST} value=${against} onChange=${setAgainst} />`}>
    ${({ rows: [row] }) => html`<div class="room-figures">
        <${Figure} label=${dates(given.before_from, given.before_to)} value=${words(metric, row.mean_before, prefs)}
          note=${spread(metric, row.sd_before, row.n_before, prefs)} />
        <${Figure} label=${dates(given.from, given.to)} value=${words(metric, row.mean, prefs)} note=${spread(metric, row.sd, row.n, prefs)} />
      </div>
      ${
        row.note
          ? html`<p class="room-note">${capital(row.note)}.</p>`
          : html`<${Intervals} label="Difference" ends=${["lower now", "higher now"]} rows=${[
              {
                key: "difference",
                label: capital(row.verdict),
                sub: `${row.size} effect (Hedges g ${row.effect_size.toFixed(2)})`,
                point: row.difference,
                low: row.low,
                high: row.high,
                clear: row.verdict !== "no difference found",
                tone: toneOf(row.good),
                text: `${difference(metric, row.difference, prefs)} (${between(metric, row.low, row.high, prefs)})`,
              },
            ]} />`
      }`}
  <//>`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

const spread = (metric, sd, n, prefs) => `${n} ${n === 1 ? "day" : "days"}${sd === null ? "" : `, SD ${extent(metric, sd, prefs)}`}`;
