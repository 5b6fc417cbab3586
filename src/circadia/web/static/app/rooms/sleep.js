/** Sleep: its stages night by night, what was got against what was needed, the debt, the rhythm. */

import { html } from "../lib.js";
import { DAYS_ALONE, RANGES, spanOf, useCourses, useExtent } from "../charts/ask.js";
import { RoomHead, Whole, useChoices } from "../charts/room.js";
import { useMetrics } from "../metrics.js";
import { go } from "../router.js";
import { useSession } from "../session.js";
import { Segmented } from "../ui.js";
import { Debt } from "../sleep/debt.js";
import { Need } from "../sleep/need.js";
import { Rhythm } from "../sleep/rhythm.js";
import { Stages } from "../sleep/stages.js";
import { MetricCard } from "../trends/metric.js";

const NIGHTS = [
  "sleep_duration_s",
  "deep_sleep_s",
  "rem_sleep_s",
  "light_sleep_s",
  "awake_s",
  "nap_s",
  "sleep_need_s",
  "bed_time_min",
  "wake_time_min",
];

export default function Sleep() {
  const { member, prefs } = useSession();
  const { metrics } = useMetrics();
  const [choices, choose] = useChoices({ range: "28" }, { range: RANGES.map((each) => each.value) });
  const extent = useExtent(member);
  const span = spanOf(choices.range, extent);
  const nights = useCourses(member, NIGHTS, span, DAYS_ALONE);
  const consistency = useCourses(member, ["sleep_consistency_pct"], span);
  const open = (day) => go(`/day/${day}`);
  const shared = { answer: nights, member, span, prefs, onPick: open };
  return html`<div class="charts-room room-sleep">
    <${RoomHead} title="Sleep" about="The main sleep of each night; a night carries the date of its morning.">
      <${Segmented} label="Range" options=${RANGES} value=${choices.range} onChange=${(range) => choose({ range })} />
    <//>
    <${Whole} extent=${extent}>${() => html`
      <${Stages} ...${shared} />
      <div class="room-columns">
        <${Need} ...${shared} />
        <${Debt} member=${member} span=${span} onPick=${open} />
      </div>
      <${Rhythm} ...${shared} last=${extent.last} />
      <${MetricCard} metric=${metrics.find((each) => each.name === "sleep_consistency_pct")} answer=${consistency} span=${span} prefs=${prefs}
        onPick=${open} />
    `}<//>
  </div>`;
}
