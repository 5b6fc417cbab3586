// The connection to WHOOP: how it stands, since when, what it may read, and the ways to mend or renew it.

import { send, useApi } from "../api.js";
import { ago, dateLabel, number } from "../format.js";
import { html, useState } from "../lib.js";
import { follow } from "../live.js";
import { Badge, Button, Card, Figure, toast } from "../ui.js";
import { ended } from "../today/refresh.js";
import { useDeed } from "../welcome/act.js";
import { ConnectButton } from "../welcome/connect.js";
import { sentence, Trouble } from "../welcome/trouble.js";
import { CONNECTIONS, SCOPES } from "./words.js";

export function Connection({ userId, status, wanted, mine, canWrite, onChange }) {
  const grant = useApi(`/api/v1/whoop/connection/${encodeURIComponent(userId)}`).data;
  const { state, reason, scopes } = status.connection;
  const [label, tone] = CONNECTIONS[state];
  const records = Object.values(status.types).reduce((sum, each) => sum + each.total_records, 0);
  return html`<${Card} title="Connection" actions=${html`<${Badge} tone=${tone}>${label}<//>`}>
    <div class="figures">
      <${Figure} label="Last looked" value=${status.as_of ? ago(status.as_of) : "never"} />
      <${Figure} label="Records here" value=${number(records)} />
      <${Figure} label=${state === "not_connected" ? "Was connected since" : "Connected since"} value=${grant?.connection_date ? dateLabel(grant.connection_date.slice(0, 10), "medium") : "–"} />
    </div>
    ${reason && state !== "connected" && html`<p>${sentence(reason)} The data stay.</p>`}
    ${state !== "not_connected" && html`<${Scopes} scopes=${scopes} wanted=${wanted} own=${canWrite && mine} />`}
    ${canWrite && html`<div class="actions">
      ${state === "connected" && html`<${SyncNow} userId=${userId} onDone=${onChange} />`}
      ${mine && (state === "connected"
        ? html`<${ConnectButton} kind="quiet">Connect again<//>`
        : html`<${ConnectButton}>${state === "needs_reconnect" ? "Connect again" : "Connect WHOOP"}<//>`)}
    </div>`}
  <//>`;
}

function Scopes({ scopes, wanted, own }) {
  const asked = Object.keys(SCOPES).filter((scope) => wanted.includes(scope));
  const left = asked.filter((scope) => !scopes.includes(scope));
  return html`<div class="scopes">
    <ul class="scope-chips" aria-label="What WHOOP lets Circadia read">
      ${asked.map((scope) => {
        const granted = scopes.includes(scope);
        const [name, what] = SCOPES[scope];
        return html`<li class=${granted ? "chip" : "chip chip-off"} title=${what}>
          <span aria-hidden="true">${granted ? "✓" : "–"}</span> ${name}
          <span class="visually-hidden">${granted ? "allowed" : "not allowed"}</span>
        </li>`;
      })}
    </ul>
    ${left.length > 0 && html`<p class="quiet">Not allowed: ${left.map((scope) => SCOPES[scope][0]).join(", ")}.
      ${own && ` Connect again and leave ${left.length === 1 ? "it" : "them"} ticked to have ${left.length === 1 ? "it" : "them"} too.`}</p>`}
  </div>`;
}

function SyncNow({ userId, onDone }) {
  const [going, setGoing] = useState(false);
  const sync = useDeed(async () => {
    const { run_id } = await send("POST", `/api/v1/whoop/sync/${encodeURIComponent(userId)}`, {});
    setGoing(true);
    follow(run_id, (run) => {
      if (!["succeeded", "partial", "failed"].includes(run.state)) return;
      setGoing(false);
      toast(ended(run));
      onDone();
    });
  });
  return html`<${Button} busy=${sync.busy || going} onClick=${() => sync.run()}>${going ? "Fetching…" : "Sync now"}<//>
    <${Trouble} error=${sync.error} title="Nothing was fetched" />`;
}
