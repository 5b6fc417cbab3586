/** How the days of the week differ from the mean of all. */

import { html } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { difference } from "../charts/change.js";
import { Intervals } from "../charts/intervals.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";

const NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** The rows as the reader's weeks run. */
function inOrder(rows, { week_starts: first }) {
  const place = ({ isodow }) => (first === "sunday" ? isodow % 7 : isodow);
  return [...rows].sort((one, other) => place(one) - place(other));
}

export function Weekdays({ member, metric, span, prefs }) {
  const answer = useAnalysis(member, "weekdays", { metric: metric.name, from: span.from, to: span.to });
  return html`<${AnswerCard} title="By weekday" about="Difference of each weekday from the mean of all days, with its 95 % interval." answer=${answer}
    height=${300}>
    ${({ rows }) =>
      html`<${Intervals} label=${`${metric.label} by weekday`} ends=${["below the mean", "above"]} rows=${inOrder(rows, prefs).map((row) => ({
        key: row.isodow,
        label: NAMES[row.isodow - 1],
        note: row.note,
        point: row.difference,
        low: row.low,
        high: row.high,
        clear: row.low > 0 || row.high < 0,
        tone: "plain",
        text: `${words(metric, row.mean, prefs)} (${difference(metric, row.difference, prefs)})`,
      }))} />`}
  <//>`;
}
