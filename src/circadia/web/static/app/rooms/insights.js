/** Insights: what moves together, days that stand out, records, streaks, and what the journal goes with. */

import { html } from "../lib.js";
import { RANGES, spanOf, useExtent } from "../charts/ask.js";
import { RoomHead, Whole, useChoices } from "../charts/room.js";
import { metric, useMetrics } from "../metrics.js";
import { go } from "../router.js";
import { useSession, useWhose } from "../session.js";
import { Segmented, Select } from "../ui.js";
import { Journal } from "../insights/journal.js";
import { Records } from "../insights/records.js";
import { Streaks } from "../insights/streaks.js";
import { StrainRecovery } from "../insights/strain.js";
import { Together } from "../insights/together.js";
import { Unusual } from "../insights/unusual.js";

const STANDARD = { metric: "recovery_score", range: "365" };
const STRETCHES = RANGES.filter((each) => each.value !== "28");

export default function Insights() {
  const { member, prefs } = useSession();
  const whose = useWhose();
  const { metrics } = useMetrics();
  const [choices, choose] = useChoices(STANDARD, { metric: metrics.map((each) => each.name), range: STRETCHES.map((each) => each.value) });
  const extent = useExtent(member);
  const span = spanOf(choices.range, extent);
  const open = (day) => go(`/day/${day}`);
  return html`<div class="charts-room room-insights">
    <${RoomHead} title="Insights" about=${`What goes with what in ${whose.your} own days, with how sure that is. Going together is not a cause.`}>
      <${Select} label="About" value=${choices.metric} options=${metrics.map((each) => ({ value: each.name, label: each.label }))}
        onChange=${(name) => choose({ metric: name })} />
      <${Segmented} label="Range" options=${STRETCHES} value=${choices.range} onChange=${(range) => choose({ range })} />
    <//>
    <${Whole} extent=${extent}>${() => html`
      <${Together} key=${choices.metric} member=${member} metric=${metric(choices.metric)} span=${span} prefs=${prefs} />
      <div class="room-columns">
        <${StrainRecovery} member=${member} span=${span} prefs=${prefs} />
        <${Unusual} member=${member} span=${span} prefs=${prefs} onPick=${open} />
      </div>
      <${Journal} member=${member} metric=${metric(choices.metric)} span=${span} prefs=${prefs} />
      <div class="room-columns">
        <${Streaks} member=${member} extent=${extent} />
        <${Records} member=${member} extent=${extent} prefs=${prefs} onPick=${open} />
      </div>
    `}<//>
  </div>`;
}
