// Whom a member lets see their data: made by a link, taken up once, ended at any time.

import { send, useApi } from "../api.js";
import { ago, dateLabel } from "../format.js";
import { html, useState } from "../lib.js";
import { Badge, Button, Card, Dialog, Field, Select, toast } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Copy } from "../welcome/copy.js";
import { Trouble } from "../welcome/trouble.js";

const TERMS = [
  { value: "", label: "Until I end it" },
  { value: "7", label: "For a week" },
  { value: "30", label: "For a month" },
  { value: "90", label: "For three months" },
];

export function Shares({ userId }) {
  const path = `/api/v1/shares/${encodeURIComponent(userId)}`;
  const shares = useApi(path);
  const [making, setMaking] = useState(false);
  const revoke = useDeed(async (share) => {
    await send("DELETE", `${path}/${share.id}`);
    toast(`${share.name} no longer sees your data`);
    await shares.reload();
  });
  const live = (shares.data?.shares ?? []).filter((each) => ["offered", "active"].includes(each.state));
  return html`<${Card} title="Who may see your data" actions=${html`<${Button} onClick=${() => setMaking(true)}>Share…<//>`}>
    <p class="quiet">A coach, a partner, a doctor: they see your days and trends, change nothing, and never see your settings.</p>
    <${Trouble} error=${shares.error ?? revoke.error} />
    ${shares.data && !live.length && html`<p>Nobody but you${" "}<span class="quiet">(and the owner, who runs this installation).</span></p>`}
    <ul class="rows">
      ${live.map((share) => html`<li class="row" key=${share.id}>
        <div class="row-words"><strong>${share.name}</strong><span>${standing(share)}</span></div>
        ${share.state === "offered" && html`<${Badge}>Not taken up<//>`}
        <${Button} kind="quiet" busy=${revoke.busy} aria-label=${`End the share with ${share.name}`} onClick=${() => revoke.run(share)}>End<//>
      </li>`)}
    </ul>
    ${making && html`<${NewShare} path=${path} onClose=${() => { setMaking(false); shares.reload(); }} />`}
  <//>`;
}

function standing(share) {
  const until = share.expires_at ? `until ${dateLabel(share.expires_at.slice(0, 10), "medium")}` : "until you end it";
  return share.state === "active" ? `sees your data since ${dateLabel(share.accepted_at.slice(0, 10), "medium")}, ${until}` : `link made ${ago(share.made_at)}, ${until}`;
}

function NewShare({ path, onClose }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState("");
  const [made, setMade] = useState(null);
  const make = useDeed(async () => setMade(await send("POST", path, { name: name.trim(), ...(days && { expires_days: Number(days) }) })));
  if (made) {
    return html`<${Dialog} open=${true} title=${`Send this to ${name.trim()}`} onClose=${onClose} actions=${html`<${Button} kind="primary" onClick=${onClose}>Done<//>`}>
      <p>The link works once and for seven days. It is shown only now.</p>
      <${Copy} label="Share link" value=${made.url} />
    <//>`;
  }
  const submit = (event) => {
    event.preventDefault();
    if (name.trim()) make.run();
  };
  return html`<${Dialog} open=${true} title="Share your data" onClose=${onClose}>
    <form onSubmit=${submit} class="form">
      <${Field} label="With whom?" hint="A name that tells you later who it is." value=${name} maxlength="100" autocomplete="off" onInput=${setName} />
      <${Select} label="How long?" value=${days} options=${TERMS} onChange=${setDays} />
      <${Trouble} error=${make.error} />
      <div class="actions actions-end">
        <${Button} kind="quiet" onClick=${onClose}>Cancel<//>
        <${Button} kind="primary" type="submit" disabled=${!name.trim()} busy=${make.busy}>Make the link<//>
      </div>
    </form>
  <//>`;
}
