/** Strain: each day over its recovery, the load of weeks, time in zones, and the workouts. */

import { html } from "../lib.js";
import { DAYS_ALONE, RANGES, spanOf, useCourses, useExtent } from "../charts/ask.js";
import { useBands } from "../charts/bands.js";
import { RoomHead, Whole, useChoices } from "../charts/room.js";
import { go } from "../router.js";
import { useSession } from "../session.js";
import { Segmented } from "../ui.js";
import { Load } from "../strain/load.js";
import { OverRecovery } from "../strain/recovery.js";
import { Workouts } from "../strain/workouts.js";
import { ZoneWeeks } from "../strain/zones.js";

export default function Strain() {
  const { member, prefs } = useSession();
  const [choices, choose] = useChoices({ range: "28" }, { range: RANGES.map((each) => each.value) });
  const extent = useExtent(member);
  const span = spanOf(choices.range, extent);
  const courses = useCourses(member, ["strain", "recovery_score", "energy_kj"], span, DAYS_ALONE);
  const bands = useBands(member, span);
  const open = (day) => go(`/day/${day}`);
  return html`<div class="charts-room room-strain">
    <${RoomHead} title="Strain" about="What the days asked of the body, and what it had to give.">
      <${Segmented} label="Range" options=${RANGES} value=${choices.range} onChange=${(range) => choose({ range })} />
    <//>
    <${Whole} extent=${extent}>${() => html`
      <${OverRecovery} answer=${courses} bands=${bands} prefs=${prefs} onPick=${open} />
      <${Load} member=${member} span=${span} onPick=${open} />
      <${ZoneWeeks} member=${member} extent=${extent} span=${span} />
      <${Workouts} member=${member} prefs=${prefs} />
    `}<//>
  </div>`;
}
