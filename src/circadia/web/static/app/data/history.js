// The walk through a member's history: its progress, and holding it back or letting it go on.

import { send } from "../api.js";
import { ago, dateLabel, number } from "../format.js";
import { html } from "../lib.js";
import { Badge, Button, Card } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { coded, sentence, Trouble } from "../welcome/trouble.js";
import { moving, Progress, reached } from "./progress.js";

export function History({ userId, status, proof, canWrite, onChange }) {
  const { backfill } = status;
  const steer = useDeed(async (action) => {
    await send("POST", `/api/v1/whoop/backfill/${encodeURIComponent(userId)}`, { action });
    onChange();
  });
  const [word, tone] = standing(backfill, proof);
  const action = moving(backfill) ? ["pause", "Hold back"] : backfill?.paused ? ["resume", "Go on"] : ["start", "Fetch what is missing"];
  const whole = backfill?.state === "succeeded";
  return html`<${Card} title="History" actions=${html`<${Badge} tone=${tone}>${word}<//>`}>
    ${!backfill && html`<p class="quiet">No history was asked for yet. Connect WHOOP, and it comes by itself.</p>`}
    ${backfill && !whole && html`<${Progress} status=${status} />`}
    ${backfill?.error && html`<p>${sentence(backfill.error.message)} ${coded(backfill.error.remedy)}</p>`}
    ${whole && html`<p>The whole history is here${reached(status) && html`, back to <strong>${dateLabel(reached(status), "medium")}</strong>`}.
      <span class="quiet"> Finished ${ago(backfill.finished_at)}.</span></p>`}
    ${proof && whole && html`<${Proof} proof=${proof} />`}
    <${Trouble} error=${steer.error} />
    ${canWrite && backfill && status.connection.state === "connected" && !whole && html`<div class="actions">
      <${Button} busy=${steer.busy} onClick=${() => steer.run(action[0])}>${action[1]}<//></div>`}
  <//>`;
}

function standing(backfill, proof) {
  if (!backfill) return ["None"];
  if (backfill.paused) return ["Held back", "warn"];
  if (moving(backfill)) return ["Arriving"];
  if (backfill.state === "succeeded") return proof?.complete === false ? ["Not accounted for", "warn"] : ["Complete", "good"];
  return ["Stopped", "warn"];
}

function Proof({ proof }) {
  const types = Object.values(proof.types);
  const sum = (name) => types.reduce((all, each) => all + each[name], 0);
  const parts = [
    [sum("stored"), "stored"],
    [sum("deleted"), "deleted at WHOOP since"],
    [sum("rejected"), "kept aside as unreadable"],
    [sum("read_later"), "read by a later version"],
    [sum("lost"), "lost"],
  ].filter(([n]) => n);
  return html`<p class="quiet">${number(sum("got"))} records arrived: ${parts.map(([n, word]) => `${number(n)} ${word}`).join(", ")}.
    ${proof.reasons.map((each) => html` ${sentence(each.message)}`)}</p>`;
}
