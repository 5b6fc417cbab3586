// Webhooks as they came: what became of each, and trying one again.

import { send, useApi } from "../api.js";
import { ago, words } from "../format.js";
import { html, useState } from "../lib.js";
import { Badge, Button, Card, Segmented, Skeleton, Table, toast } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { sentence, Trouble } from "../welcome/trouble.js";

const STATES = {
  settled: ["Answered", "good"],
  waiting: ["Waiting", undefined],
  parked: ["Given up", "bad"],
  unknown: ["Nobody known", "warn"],
};
const CHOICES = [{ value: "", label: "All" }, ...Object.entries(STATES).map(([value, [label]]) => ({ value, label }))];
const REPLAYED = ["settled", "parked"];
const LOOK_AGAIN_MS = 10_000;

export function Deliveries() {
  const [state, setState] = useState("");
  const path = `/api/v1/admin/deliveries${state && `?state=${state}`}`;
  const deliveries = useApi(path, { every: LOOK_AGAIN_MS });
  const replay = useDeed(async (each) => {
    await send("POST", `/api/v1/admin/deliveries/${each.id}/replay`);
    toast("It is answered anew");
    await deliveries.reload();
  });
  const rows = deliveries.data?.deliveries;
  const columns = [
    { name: "received_at", label: "Came", show: (each) => ago(each.received_at) },
    { name: "type", label: "About", show: (each) => html`<strong>${words(each.type.replace(".", " "))}</strong>` },
    { name: "whoop_user_id", label: "WHOOP account" },
    { name: "state", label: "State", show: (each) => html`<${Badge} tone=${STATES[each.state][1]}>${STATES[each.state][0]}<//>` },
    { name: "note", label: "Note", show: (each) => html`<span class="wrap quiet">${note(each)}</span>` },
    {
      name: "replay",
      label: html`<span class="visually-hidden">Replay</span>`,
      align: "right",
      show: (each) => REPLAYED.includes(each.state) && html`<${Button} kind="quiet" busy=${replay.busy} onClick=${() => replay.run(each)}>Replay<//>`,
    },
  ];
  return html`<${Card} title="Webhooks">
    <${Segmented} label="State" options=${CHOICES} value=${state} onChange=${setState} />
    <${Trouble} error=${deliveries.error ?? replay.error} />
    ${!rows && !deliveries.error && html`<${Skeleton} height=${200} />`}
    ${rows?.length === 0 && html`<p>${state ? "None of these." : "None has come yet. Without webhooks new days arrive by schedule."}</p>`}
    ${rows?.length > 0 && html`<${Table} caption="Webhooks, newest first" columns=${columns} rows=${rows} />`}
  <//>`;
}

function note(each) {
  if (each.error) return sentence(each.error);
  if (each.state === "waiting" && each.attempts) return `tried ${each.attempts} times, again ${ago(each.next_try_at)}`;
  if (each.settled_at) return `answered ${Math.max(0, Math.round((Date.parse(each.settled_at) - Date.parse(each.received_at)) / 1000))} s later`;
  return "";
}
