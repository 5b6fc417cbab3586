// Everybody who is here, and a way in for each when WHOOP is none.

import { get, send, useApi } from "../api.js";
import { CONNECTIONS } from "../data/words.js";
import { ago, number } from "../format.js";
import { html, useState } from "../lib.js";
import { Badge, Button, Card, Dialog, Skeleton, Table } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Copy } from "../welcome/copy.js";
import { Trouble } from "../welcome/trouble.js";

const PAGE = 50;
const ROLES = { owner: "Owner", member: "Member", coach: "Coach" };

export function Members() {
  const path = `/api/v1/admin/members?limit=${PAGE}`;
  const first = useApi(path);
  const [more, setMore] = useState([]);
  const [link, setLink] = useState(null);
  const pages = first.data ? [first.data, ...more] : [];
  const members = pages.flatMap((page) => page.members);
  const next = pages.at(-1)?.next_after;
  const older = useDeed(async () => {
    const page = await get(`${path}&after=${encodeURIComponent(next)}`);
    setMore((all) => [...all, page]);
  });
  const make = useDeed(async (userId) => setLink({ userId, ...(await send("POST", "/api/v1/admin/signin-links", { user_id: userId })) }));
  const columns = [
    { name: "user_id", label: "Member", show: (row) => html`<${Who} row=${row} />` },
    { name: "role", label: "Role", show: (row) => ROLES[row.role] ?? "Never signed in" },
    { name: "connection", label: "WHOOP", show: (row) => html`<${Badge} tone=${CONNECTIONS[row.connection][1]}>${CONNECTIONS[row.connection][0]}<//>` },
    { name: "as_of", label: "Last looked", show: (row) => (row.as_of ? ago(row.as_of) : "–") },
    { name: "records", label: "Records", align: "right", show: (row) => number(row.records) },
    {
      name: "link",
      label: html`<span class="visually-hidden">Sign-in link</span>`,
      align: "right",
      show: (row) => html`<${Button} kind="quiet" busy=${make.busy} onClick=${() => make.run(row.user_id)}>Sign-in link<//>`,
    },
  ];
  return html`<${Card} title="Members">
    <${Trouble} error=${first.error ?? older.error ?? make.error} />
    ${!first.data && !first.error && html`<${Skeleton} height=${240} />`}
    ${first.data && html`<${Table} caption="Everybody who is here" columns=${columns} rows=${members} />`}
    ${next && html`<${Button} kind="quiet" busy=${older.busy} onClick=${() => older.run()}>More<//>`}
    <${Dialog} title=${`A way in for ${link?.userId}`} open=${Boolean(link)} onClose=${() => setLink(null)}
      actions=${html`<${Button} kind="primary" onClick=${() => setLink(null)}>Done<//>`}>
      <p>Works once, for 15 minutes, and signs in whoever opens it. It is shown only now.</p>
      <${Copy} label="Sign-in link" value=${link?.url} />
    <//>
  <//>`;
}

function Who({ row }) {
  const name = html`<strong>${row.name || row.user_id}</strong>`;
  return html`${row.role === "coach" ? name : html`<a href=${`/data?member=${encodeURIComponent(row.user_id)}`}>${name}</a>`}
    ${row.name && html` <span class="quiet">${row.user_id}</span>`}`;
}
