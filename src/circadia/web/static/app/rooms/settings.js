// Settings: how figures look, whom to believe, who may see them, where one is signed in, and the log.

import { html } from "../lib.js";
import { useSession } from "../session.js";
import { Device } from "../settings/device.js";
import { Audit } from "../settings/audit.js";
import { Preferences } from "../settings/preferences.js";
import { Sessions } from "../settings/sessions.js";
import { Shares } from "../settings/shares.js";
import { Sources } from "../settings/sources.js";

export default function Settings() {
  const { me, instance, prefs, reload } = useSession();
  const coach = me.role === "coach";
  return html`<div class="room settings">
    <header class="room-head"><h1>Settings</h1></header>
    <div class="columns">
      <div class="column">
        <${Preferences} userId=${me.user_id} prefs=${prefs} fetches=${!coach} onChange=${reload} />
        <${Device} userId=${me.user_id} />
      </div>
      <div class="column">
        ${!coach && html`<${Shares} userId=${me.user_id} />`}
        <${Sessions} />
        <${Audit} path=${`/api/v1/audit/${encodeURIComponent(me.user_id)}`} />
      </div>
    </div>
    ${instance.gateway && !coach && html`<${Sources} userId=${me.user_id} />`}
    <p class="quiet about">Circadia ${instance.version}. Not affiliated with WHOOP; not a medical device.</p>
  </div>`;
}
