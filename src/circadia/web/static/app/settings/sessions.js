// The browsers that are signed in, and signing out of one or all of them.

import { send, useApi } from "../api.js";
import { ago } from "../format.js";
import { html } from "../lib.js";
import { signOut } from "../session.js";
import { Badge, Button, Card } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Trouble } from "../welcome/trouble.js";
import { WAYS } from "./words.js";

const SYSTEMS = [[/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Android/, "Android"], [/Mac OS X/, "Mac"], [/Windows/, "Windows"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]];
const BROWSERS = [[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\/|FxiOS/, "Firefox"], [/Chrome\/|CriOS/, "Chrome"], [/Safari\//, "Safari"]];

export function Sessions() {
  const sessions = useApi("/api/v1/me/sessions");
  const end = useDeed(async (id) => {
    await send("DELETE", `/api/v1/me/sessions/${id}`);
    await sessions.reload();
  });
  const leave = useDeed((everywhere) => signOut({ everywhere }));
  const others = (sessions.data?.sessions ?? []).length > 1;
  return html`<${Card} title="Signed in">
    <${Trouble} error=${sessions.error ?? end.error ?? leave.error} />
    <ul class="rows">
      ${sessions.data?.sessions.map((each) => {
        return html`<li class="row" key=${each.id}>
          <div class="row-words"><strong>${browser(each.agent)}</strong>
            <span>${each.current ? "this device" : `used ${ago(each.seen_at)}`}, signed in ${ago(each.created_at)} ${WAYS[each.how] ?? ""}</span></div>
          ${each.current ? html`<${Badge} tone="good">Here<//>` : html`<${Button} kind="quiet" busy=${end.busy} aria-label=${`End ${browser(each.agent)}`}
            onClick=${() => end.run(each.id)}>End<//>`}
        </li>`;
      })}
    </ul>
    <div class="actions">
      <${Button} busy=${leave.busy} onClick=${() => leave.run(false)}>Sign out<//>
      ${others && html`<${Button} kind="quiet" busy=${leave.busy} onClick=${() => leave.run(true)}>Sign out everywhere<//>`}
    </div>
    <p class="quiet">Signing out also removes the days kept on this device.</p>
  <//>`;
}

function browser(agent) {
  const named = (names) => names.find(([pattern]) => pattern.test(agent ?? ""))?.[1];
  const [name, system] = [named(BROWSERS), named(SYSTEMS)];
  return name && system ? `${name} on ${system}` : (name ?? system ?? "Unknown browser");
}
