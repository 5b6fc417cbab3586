// Why this can be believed: when WHOOP was last heard, and what is still to come.
import { html } from "../lib.js";
import { ago, moment, words } from "../format.js";
import { Link } from "../router.js";

export function Trust({ status, doctor, prefs }) {
  if (!status) return null;
  const waiting = Object.entries(status.types).filter(([, each]) => each.pending > 0);
  const rejected = Object.values(status.types).reduce((all, each) => all + each.rejects, 0);
  const webhook = doctor?.evidence?.webhooks?.last_at;
  const facts = [
    ["Last sync", status.as_of ? html`<time datetime=${status.as_of} title=${moment(status.as_of, prefs)}>${ago(status.as_of)}</time>` : "never"],
    ["Last webhook", webhook ? html`<time datetime=${webhook} title=${moment(webhook, prefs)}>${ago(webhook)}</time>` : "none yet"],
    ["Pending", waiting.length ? waiting.map(([name, each]) => `${each.pending} ${words(name).toLowerCase()}`).join(", ") : "nothing"],
    ...(rejected ? [["Not understood", `${rejected} records`]] : []),
  ];
  return html`<footer class="trust">
    <dl>${facts.map(([name, fact]) => html`<div key=${name}><dt>${name}</dt><dd>${fact}</dd></div>`)}</dl>
    <${Link} to="/data">Why is something missing?<//>
  </footer>`;
}
