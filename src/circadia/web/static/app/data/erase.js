// Erasing: the export offered once more, a typed word, and the report of every table afterwards.

import { send } from "../api.js";
import { number } from "../format.js";
import { html, useState } from "../lib.js";
import { forgetEverything } from "../offline.js";
import { Banner, Button, Dialog, Field } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Trouble } from "../welcome/trouble.js";
import { ExportLinks } from "./exporting.js";

let last = null;

/** What was erased on this page: the session went with it, and the room that told it may be gone, too. */
export const lastReport = () => last;

export function Erase({ userId, mine, connected, onClose }) {
  const [typed, setTyped] = useState("");
  const [report, setReport] = useState(null);
  const erase = useDeed(async () => {
    const told = await send("POST", `/api/v1/whoop/erase/${encodeURIComponent(userId)}`, { confirm: userId });
    last = { ...told, connected };
    if (mine) await forgetEverything();
    setReport(last);
  });
  // the session went with the rest: only a whole new page knows that
  const leave = () => location.assign(mine ? "/welcome" : "/admin");
  if (report) {
    const close = html`<${Button} kind="primary" onClick=${leave}>Close<//>`;
    return html`<${Dialog} open=${true} title="Erased" onClose=${leave} actions=${close}><${Report} report=${report} /><//>`;
  }
  const submit = (event) => {
    event.preventDefault();
    if (typed === userId) erase.run();
  };
  return html`<${Dialog} open=${true} title="Erase everything?" onClose=${onClose}>
    <form class="erase" onSubmit=${submit}>
      <p><strong>Take your data with you first.</strong> Afterwards nobody can bring them back, the owner neither.</p>
      <${ExportLinks} userId=${userId} />
      <p>What goes: the connection to WHOOP, every day and record, the journal, settings, shares, links and sessions. What stays: the
        note in the log that this happened.</p>
      <${Field} label=${html`Type <code>${userId}</code> to confirm`} value=${typed} onInput=${setTyped} autocomplete="off" autocapitalize="off"
        spellcheck=${false} />
      <${Trouble} error=${erase.error} title="Nothing was erased" />
      <div class="actions actions-end">
        <${Button} kind="quiet" onClick=${onClose}>Keep everything<//>
        <${Button} kind="danger" type="submit" disabled=${typed !== userId} busy=${erase.busy}>Erase everything<//>
      </div>
    </form>
  <//>`;
}

export function Report({ report }) {
  const rows = report.erased.reduce((sum, each) => sum + each.rows, 0);
  const tables = [...report.erased].sort((a, b) => b.left - a.left || b.rows - a.rows);
  const left = report.erased.reduce((sum, each) => sum + each.left, 0);
  return html`<div class="erase-report">
    <${Banner} tone=${left ? "bad" : "good"} title=${left ? `${number(left)} rows are still here` : "Nothing is left"}>
      ${number(rows)} rows were erased, and every table was counted again afterwards.
      ${atWhoop(report)}
    <//>
    <div class="scroll" tabindex="0" role="region" aria-label="What was erased, table by table">
      <table class="table plain">
        <caption class="visually-hidden">What was erased</caption>
        <thead><tr><th scope="col">Table</th><th scope="col">Erased</th><th scope="col">Left</th></tr></thead>
        <tbody>${tables.map(
          (each) => html`<tr>
            <th scope="row"><code>${each.table}</code></th><td>${number(each.rows)}</td><td>${number(each.left)}</td>
          </tr>`,
        )}</tbody>
      </table>
    </div>
    ${report.kept.length > 0 &&
    html`<h3>Kept</h3><ul class="kept">${report.kept.map(
      (each) => html`<li><code>${each.table}</code> (${number(each.rows)}): ${each.why}</li>`,
    )}</ul>`}
  </div>`;
}

function atWhoop({ connected, revoked_at_whoop: revoked }) {
  if (revoked) return " The access ended at WHOOP, too.";
  return connected ? " WHOOP could not be told: end the access in the WHOOP app, too." : "";
}
