/** Minutes in heart rate zones, week by week. */

import { html, useMemo } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { plusDays } from "../charts/days.js";
import { AnswerCard } from "../charts/room.js";
import { Stack } from "../charts/stack.js";
import { dateLabel, duration } from "../format.js";

const ZONES = [0, 1, 2, 3, 4, 5];
const LEAST = 83;
const AXIS = { label: (hours) => `${hours}h`, step: 1 };

export function ZoneWeeks({ member, span, extent }) {
  const early = plusDays(span.to, -LEAST);
  const from = [span.from, early > extent.first ? early : extent.first].sort()[0];
  const longer = from < span.from;
  const answer = useAnalysis(member, "zone-minutes", { from, to: span.to });
  return html`<${AnswerCard} title="Zones by week" about="Time in heart rate zones during workouts, in weeks from Monday." answer=${answer}
    height=${340}>
    ${({ rows }) => html`${longer && html`<p class="room-note">The last ${rows.length} weeks, because fewer show no course. Weeks run Monday to Sunday.</p>`}
      <${Weeks} rows=${rows} last=${span.to} />`}
  <//>`;
}

function Weeks({ rows, last }) {
  const weeks = useMemo(() => rows.map((row) => row.week), [rows]);
  const parts = useMemo(
    () =>
      ZONES.map((zone) => ({
        label: `Zone ${zone}`,
        colour: `zone-${zone}`,
        values: rows.map((row) => (row[`zone_${zone}`] === null ? null : row[`zone_${zone}`] / 60)),
      })),
    [rows],
  );
  const time = (minutes) => (minutes === null ? "–" : duration(minutes * 60));
  const name = (week) => `${dateLabel(week, "medium")}${plusDays(week, 6) >= last ? ", so far" : ""}`;
  const tip = (i) => ({
    title: `Week from ${name(weeks[i])}`,
    lines: [
      { label: "Workouts", text: rows[i].workouts === null ? "–" : String(rows[i].workouts) },
      ...ZONES.map((zone) => ({ label: `Zone ${zone}`, colour: `zone-${zone}`, text: time(rows[i][`zone_${zone}`]) })).reverse(),
      ...(rows[i].n_days < 7 ? [{ label: `${rows[i].n_days} of 7 days count` }] : []),
    ],
  });
  return html`<${Stack} label="Time in heart rate zones, week by week, in hours." days=${weeks} parts=${parts} step=${7} axis=${AXIS} tip=${tip}
    height=${260}
    table=${{
      columns: [
        { name: "week", label: "Week from" },
        ...ZONES.map((zone) => ({ name: `zone_${zone}`, label: `Zone ${zone}`, align: "right" })),
        { name: "workouts", label: "Workouts", align: "right" },
        { name: "n_days", label: "Days", align: "right" },
      ],
      rows: () =>
        rows
          .map((row) => ({
            week: name(row.week),
            workouts: row.workouts,
            n_days: row.n_days,
            ...Object.fromEntries(ZONES.map((zone) => [`zone_${zone}`, time(row[`zone_${zone}`])])),
          }))
          .reverse(),
    }} />`;
}
