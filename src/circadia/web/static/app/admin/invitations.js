// Who may become a member: what this installation allows, invitations, and the list of addresses.

import { send, useApi } from "../api.js";
import { dateLabel } from "../format.js";
import { html, useState } from "../lib.js";
import { Banner, Button, Card, Field, toast } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Copy } from "../welcome/copy.js";
import { Trouble } from "../welcome/trouble.js";

const MODES = {
  owner: ["Nobody new", "Only who is here already can sign in. SIGNUP=invite, allowlist or open changes that."],
  invite: ["By invitation", "Whoever has one of your links can join, with a WHOOP account of their own."],
  allowlist: ["By e-mail address", "Whoever's address at WHOOP is on the list below can join."],
  open: ["Everybody", "Anybody with a WHOOP account who finds this page can join."],
};

export function Invitations({ instance }) {
  const [word, what] = MODES[instance.signup];
  return html`<div class="pair">
    <${Card} title="Who may join">
      <p><strong>${word}.</strong> ${what}</p>
      <${Banner} tone="info" title="WHOOP allows ten members">to an app that it has not approved, so whoever joins takes one of ten places.<//>
    <//>
    <${Invite} effective=${instance.signup === "invite"} />
    <${Allowlist} effective=${instance.signup === "allowlist"} />
  </div>`;
}

function Invite({ effective }) {
  const [note, setNote] = useState("");
  const [made, setMade] = useState(null);
  const make = useDeed(async () => setMade(await send("POST", "/api/v1/admin/invitations", note.trim() ? { note: note.trim() } : {})));
  const submit = (event) => {
    event.preventDefault();
    make.run();
  };
  return html`<${Card} title="Invite somebody">
    ${!effective && html`<p class="quiet">Invitations count when SIGNUP is <code>invite</code>.</p>`}
    <form class="form" onSubmit=${submit}>
      <${Field} disabled=${!effective} label="For whom?" hint="A note for the log; they do not see it." value=${note} maxlength="200" autocomplete="off" onInput=${setNote} />
      <div class="actions"><${Button} kind="primary" type="submit" disabled=${!effective} busy=${make.busy}>Make an invitation<//></div>
    </form>
    <${Trouble} error=${make.error} />
    ${made && html`<${Copy} label="Invitation" value=${made.url} note=${`Good for one person, until ${dateLabel(made.expires_at.slice(0, 10), "day")}. It is shown only now.`} />`}
  <//>`;
}

function Allowlist({ effective }) {
  const path = "/api/v1/admin/allowlist";
  const list = useApi(path);
  const [text, setText] = useState(null);
  const shown = text ?? (list.data?.emails ?? []).join("\n");
  const save = useDeed(async () => {
    const emails = shown.split(/[\s,;]+/).filter(Boolean);
    await send("PUT", path, { emails });
    await list.reload();
    setText(null);
    toast("The list is kept");
  });
  return html`<${Card} title="Addresses that may join">
    ${!effective && html`<p class="quiet">The list counts when SIGNUP is <code>allowlist</code>.</p>`}
    <${Trouble} error=${list.error ?? save.error} />
    <div class="field">
      <label class="field-label" for="allowlist">E-mail addresses at WHOOP, one a line</label>
      <textarea id="allowlist" rows="5" spellcheck=${false} value=${shown} onInput=${(event) => setText(event.currentTarget.value)}></textarea>
    </div>
    <div class="actions"><${Button} disabled=${text === null} busy=${save.busy} onClick=${() => save.run()}>Keep the list<//></div>
  <//>`;
}
