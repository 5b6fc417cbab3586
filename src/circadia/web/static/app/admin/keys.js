// API keys for programs: made, shown once, revoked.

import { send, useApi } from "../api.js";
import { ago, dateLabel } from "../format.js";
import { html, useState } from "../lib.js";
import { Badge, Button, Card, Dialog, Field, Select, Skeleton, Table, toast } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Copy } from "../welcome/copy.js";
import { Trouble } from "../welcome/trouble.js";

const PATH = "/api/v1/admin/keys";
const SCOPES = [
  { value: "read", label: "Read: every member's data" },
  { value: "write", label: "Write: read, sync, import" },
  { value: "admin", label: "Admin: everything" },
];
const TERMS = [
  { value: "90", label: "90 days" },
  { value: "365", label: "A year" },
  { value: "", label: "No end" },
];

export function Keys() {
  const keys = useApi(PATH);
  const [making, setMaking] = useState(false);
  const revoke = useDeed(async (key) => {
    await send("DELETE", `${PATH}/${key.id}`);
    toast(`${key.name} no longer works`);
    await keys.reload();
  });
  const columns = [
    { name: "name", label: "Name", show: (key) => html`<strong>${key.name}</strong> <code class="quiet">${key.id}</code>` },
    { name: "scopes", label: "May", show: (key) => key.scopes.join(", ") },
    { name: "state", label: "State", show: (key) => html`<${State} each=${key} />` },
    { name: "last_used_at", label: "Last used", show: (key) => ago(key.last_used_at) },
    { name: "created_at", label: "Made", show: (key) => dateLabel(key.created_at.slice(0, 10), "medium") },
    {
      name: "end",
      label: html`<span class="visually-hidden">Revoke</span>`,
      align: "right",
      show: (key) => key.state === "good" && html`<${Button} kind="quiet" busy=${revoke.busy} onClick=${() => revoke.run(key)}>Revoke<//>`,
    },
  ];
  const close = () => {
    setMaking(false);
    keys.reload();
  };
  return html`<${Card} title="API keys" actions=${html`<${Button} onClick=${() => setMaking(true)}>New key…<//>`}>
    <p class="quiet">For your own programs: send it as <code>X-API-Key</code>. A revoked key stops working within five seconds.</p>
    <${Trouble} error=${keys.error ?? revoke.error} />
    ${!keys.data && !keys.error && html`<${Skeleton} height=${160} />`}
    ${keys.data?.keys.length === 0 && html`<p>There is none.</p>`}
    ${keys.data?.keys.length > 0 && html`<${Table} caption="Keys, newest first" columns=${columns} rows=${keys.data.keys} />`}
    ${making && html`<${NewKey} onClose=${close} />`}
  <//>`;
}

function State({ each }) {
  if (each.state === "revoked") return html`<${Badge}>Revoked<//>`;
  if (each.state === "expired") return html`<${Badge}>Run out<//>`;
  return html`<${Badge} tone="good">${each.expires_at ? `Until ${dateLabel(each.expires_at.slice(0, 10), "medium")}` : "Works"}<//>`;
}

function NewKey({ onClose }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState("read");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState(null);
  const make = useDeed(async () => setMade(await send("POST", PATH, { name: name.trim(), scope, ...(days && { expires_days: Number(days) }) })));
  if (made) {
    return html`<${Dialog} title="Your new key" open=${true} onClose=${onClose} actions=${html`<${Button} kind="primary" onClick=${onClose}>I have kept it<//>`}>
      <p>Copy it now. It is shown this once; only a hash of it is kept.</p>
      <${Copy} label="API key" value=${made.key} />
    <//>`;
  }
  const submit = (event) => {
    event.preventDefault();
    if (name.trim()) make.run();
  };
  return html`<${Dialog} title="New API key" open=${true} onClose=${onClose}>
    <form class="form" onSubmit=${submit}>
      <${Field} label="Name" hint="What uses it, such as Grafana." value=${name} maxlength="80" autocomplete="off" onInput=${setName} />
      <${Select} label="What it may do" value=${scope} options=${SCOPES} onChange=${setScope} />
      <${Select} label="How long" value=${days} options=${TERMS} onChange=${setDays} />
      <${Trouble} error=${make.error} />
      <div class="actions actions-end">
        <${Button} kind="quiet" onClick=${onClose}>Cancel<//>
        <${Button} kind="primary" type="submit" disabled=${!name.trim()} busy=${make.busy}>Make the key<//>
      </div>
    </form>
  <//>`;
}
