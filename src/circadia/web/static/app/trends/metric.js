/** A metric over a stretch: its figures first, then its course. */

import { html } from "../lib.js";
import { Course } from "../charts/course.js";
import { between, difference, toneOf } from "../charts/change.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { value } from "../format.js";
import { Figure } from "../ui.js";

const DIRECTIONS = { rising: "Rising", falling: "Falling", "no change": "No change" };

export function MetricCard({ metric, answer, span, bands, prefs, group, onPick }) {
  return html`<${AnswerCard} title=${metric.label} about=${metric.about} answer=${answer} height=${430}>
    ${(data) => {
      const found = data.metrics[metric.name];
      return (
        found &&
        html`<${Figures} metric=${metric} trend=${found.trend} series=${found.series} prefs=${prefs} days=${span.days} />
        <${Course} metric=${metric} series=${found.series} bands=${bands} prefs=${prefs} group=${group} height=${group ? 240 : 320}
          onPick=${onPick} />`
      );
    }}
  <//>`;
}

function Figures({ metric, trend, series, prefs, days }) {
  const last = series.mean_30d.findLastIndex((each) => each !== null);
  return html`<div class="room-figures">
    <${Figure} label="Mean of the days" value=${words(metric, trend.mean, prefs)} note=${`${trend.n} of ${days} days count`} />
    ${
      trend.note
        ? html`<${Figure} label="Trend" value="–" note=${trend.note} />`
        : html`<${Figure} label="Trend" value=${DIRECTIONS[trend.direction]} tone=${toneOf(trend.good)}
          note=${`${difference(metric, trend.slope_per_week, prefs)} a week (95 %: ${between(metric, trend.slope_low, trend.slope_high, prefs)})`} />`
    }
    <${Figure} label="Lowest and highest" value=${reach(metric, trend, prefs)} note="of the days that count" />
    <${Figure} label="Usual now" value=${last < 0 ? "–" : words(metric, series.mean_30d[last], prefs)}
      note=${last < 0 || series.low[last] === null ? "needs 14 of 30 days" : `${words(metric, series.low[last], prefs)} to ${words(metric, series.high[last], prefs)}`} />
  </div>`;
}

/** "28 – 115 ms": a unit once. */
function reach(metric, { lowest, highest }, prefs) {
  if (lowest === null) return "–";
  const [from, to] = [lowest, highest].map((each) => value(metric.name, each, prefs));
  return `${from.text} – ${to.text}${to.unit && ` ${to.unit}`}`;
}
