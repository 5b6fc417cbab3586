// The log: what was done, by whom, when. It can be read and not changed.

import { get, useApi } from "../api.js";
import { moment } from "../format.js";
import { html, useState } from "../lib.js";
import { Button, Card, Skeleton } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Trouble } from "../welcome/trouble.js";
import { useSession } from "../session.js";
import { actorOf, deedOf, saidOf } from "./words.js";

export function Audit({ path, everybody, first: rows = 8 }) {
  const { me, prefs } = useSession();
  const first = useApi(`${path}?limit=${rows}`);
  const [more, setMore] = useState([]);
  const pages = first.data ? [first.data, ...more] : [];
  const next = pages.at(-1)?.next_before;
  const older = useDeed(async () => {
    const page = await get(`${path}?limit=50&before=${next}`);
    setMore((pages) => [...pages, page]);
  });
  const entries = pages.flatMap((page) => page.entries);
  return html`<${Card} title="Log">
    <p class="quiet">Sign-ins, connections, exports, shares, keys and erasures. Entries are only ever added.</p>
    <${Trouble} error=${first.error ?? older.error} />
    ${!first.data && !first.error && html`<${Skeleton} height=${160} />`}
    ${first.data && !entries.length && html`<p>Nothing yet.</p>`}
    <ol class="log">
      ${entries.map((entry) => html`<li key=${entry.id}>
        <time datetime=${entry.at}>${moment(entry.at, prefs)}</time>
        <span><strong>${actorOf(entry, me.user_id)}</strong> ${deedOf(entry.deed)}${saidOf(entry.details)}${
          everybody && entry.user_id && entry.user_id !== entry.actor && html`, <span class="quiet">about ${entry.user_id}</span>`}</span>
      </li>`)}
    </ol>
    ${next && html`<${Button} kind="quiet" busy=${older.busy} onClick=${() => older.run()}>Older<//>`}
  <//>`;
}
