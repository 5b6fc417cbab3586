/** The calendar of recovery: the newest year, or all of them. */

import { html, useMemo, useState } from "../lib.js";
import { DAYS_ALONE, spanOf, useCourses } from "../charts/ask.js";
import { bandsByDay, useBands } from "../charts/bands.js";
import { Heatmap, calendar } from "../charts/heatmap.js";
import { Legend } from "../charts/legend.js";
import { AnswerCard } from "../charts/room.js";
import { Segmented } from "../ui.js";

const STRETCHES = [
  { value: "365", label: "1 year" },
  { value: "all", label: "All years" },
];
const MARKS = [
  { kind: "square", tone: "recovery-green", text: "Green" },
  { kind: "circle", tone: "recovery-yellow", text: "Yellow" },
  { kind: "diamond", tone: "recovery-red", text: "Red" },
  { kind: "ring", tone: "ink-3", text: "Pending or calibrating" },
  { kind: "cross", tone: "ink-3", text: "Could not be scored" },
  { kind: "speck", tone: "ink-3", text: "Nothing recorded" },
];

export function Calendar({ member, extent, onPick }) {
  const [stretch, setStretch] = useState("365");
  const span = spanOf(stretch, extent);
  const courses = useCourses(member, ["recovery_score"], span, DAYS_ALONE);
  const bands = useBands(member, span);
  const days = useMemo(
    () => (courses.data && bands.data ? calendar(courses.data.metrics.recovery_score.series, bandsByDay(bands.data)) : null),
    [courses.data, bands.data],
  );
  return html`<${AnswerCard} title="Calendar of recovery" answer=${{ ...courses, data: days }} height=${180}
    actions=${html`<${Segmented} label="Stretch" options=${STRETCHES} value=${stretch} onChange=${setStretch} />`}>
    ${(found) => html`<${Heatmap} days=${found} onPick=${onPick} /><${Legend} marks=${MARKS} />`}
  <//>`;
}
