// Ending the connection, and erasing everything.

import { send } from "../api.js";
import { html, useState } from "../lib.js";
import { Button, Card, Dialog, toast } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Trouble } from "../welcome/trouble.js";
import { Erase } from "./erase.js";

export function Leaving({ userId, connected, mine, onChange }) {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  return html`<${Card} title="Leave">
    <div class="leave">
      ${connected && html`<div class="leave-way">
        <div><h3>Disconnect</h3><p>Ends the access at WHOOP. What is here stays, and nothing new comes in.</p></div>
        <${Button} onClick=${() => setOpen("disconnect")}>Disconnect…<//>
      </div>`}
      <div class="leave-way">
        <div><h3>Erase everything</h3><p>Ends the access and removes all of it from this installation, table by table. There is no way back.</p></div>
        <${Button} kind="danger" onClick=${() => setOpen("erase")}>Erase…<//>
      </div>
    </div>
    ${open === "disconnect" && html`<${Disconnect} userId=${userId} onClose=${close} onDone=${onChange} />`}
    ${open === "erase" && html`<${Erase} userId=${userId} mine=${mine} connected=${connected} onClose=${close} />`}
  <//>`;
}

function Disconnect({ userId, onClose, onDone }) {
  const end = useDeed(async () => {
    const told = await send("DELETE", `/api/v1/whoop/connection/${encodeURIComponent(userId)}`);
    toast(told?.revoked_at_whoop === false ? "Disconnected here; WHOOP could not be told" : "Disconnected");
    onClose();
    onDone();
  });
  return html`<${Dialog} open=${true} title="Disconnect from WHOOP?" onClose=${onClose}
    actions=${html`<${Button} kind="quiet" onClick=${onClose}>Keep it<//><${Button} kind="danger" busy=${end.busy} onClick=${() => end.run()}>Disconnect<//>`}>
    <p>The access ends at WHOOP too. Every day that is here stays readable, and you can connect again at any time.</p>
    <${Trouble} error=${end.error} />
  <//>`;
}
