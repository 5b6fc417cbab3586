/** Trends: any metric over any stretch, beside another, against the stretch before, by weekday, week and month. */

import { html, useMemo } from "../lib.js";
import { bandsByDay, useBands } from "../charts/bands.js";
import { RANGES, spanOf, useCourses, useExtent } from "../charts/ask.js";
import { RoomHead, Whole, useChoices } from "../charts/room.js";
import { useMetrics } from "../metrics.js";
import { go } from "../router.js";
import { useSession, useWhose } from "../session.js";
import { Segmented, Select } from "../ui.js";
import { Baselines } from "../trends/baselines.js";
import { Calendar } from "../trends/calendar.js";
import { Comparison } from "../trends/comparison.js";
import { Glance } from "../trends/glance.js";
import { MetricCard } from "../trends/metric.js";
import { Weekdays } from "../trends/weekdays.js";

const GROUPS = { recovery: "Recovery", sleep: "Sleep", strain: "Strain" };
const STANDARD = { metric: "recovery_score", with: "", range: "91" };

/** The metrics as a select takes them, by what they are about. */
const options = (metrics) => metrics.map((each) => ({ value: each.name, label: each.label, group: GROUPS[each.group] }));

export default function Trends() {
  const { member, prefs } = useSession();
  const whose = useWhose();
  const { metrics } = useMetrics();
  const all = metrics.map((each) => each.name);
  const [choices, choose] = useChoices(STANDARD, { metric: all, with: all, range: RANGES.map((each) => each.value) });
  const extent = useExtent(member);
  const span = spanOf(choices.range, extent);
  const names = [choices.metric, choices.with].filter((name, i, all) => name && all.indexOf(name) === i);
  const courses = useCourses(member, names, span);
  const bands = useBands(member, span);
  const byDay = useMemo(() => bandsByDay(bands.data), [bands.data]);
  const open = (day) => go(`/day/${day}`);
  return html`<div class="charts-room room-trends">
    <${RoomHead} title="Trends" about=${`Every figure of every day, against ${whose.your} own normal.`}>
      <${Select} label="Metric" value=${choices.metric} options=${options(metrics)} onChange=${(metric) => choose({ metric })} />
      <${Select} label="Beside" value=${choices.with} options=${[{ value: "", label: "Nothing" }, ...options(metrics)]}
        onChange=${(name) => choose({ with: name })} />
      <${Segmented} label="Range" options=${RANGES} value=${choices.range} onChange=${(range) => choose({ range })} />
    <//>
    <${Whole} extent=${extent}>${() => html`
      ${names.map(
        (name) => html`<${MetricCard} key=${name} metric=${metrics.find((each) => each.name === name)} answer=${courses} span=${span}
        bands=${byDay} prefs=${prefs} group=${names.length > 1 ? "trends" : undefined} onPick=${open} />`,
      )}
      <div class="room-columns">
        <${Comparison} member=${member} metric=${metrics.find((each) => each.name === choices.metric)} span=${span} prefs=${prefs} />
        <${Weekdays} member=${member} metric=${metrics.find((each) => each.name === choices.metric)} span=${span} prefs=${prefs} />
      </div>
      <${Baselines} member=${member} span=${span} prefs=${prefs} onPick=${open} />
      <${Calendar} member=${member} extent=${extent} onPick=${open} />
      <${Glance} member=${member} extent=${extent} prefs=${prefs} />
    `}<//>
  </div>`;
}
