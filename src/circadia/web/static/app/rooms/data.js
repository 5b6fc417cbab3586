// The data room: where the copy stands, what is missing and why, and the ways in and out.

import { html } from "../lib.js";
import { renew, useApi } from "../api.js";
import { useSession } from "../session.js";
import { Card, Skeleton } from "../ui.js";
import { Budget } from "../data/budget.js";
import { Connection } from "../data/connection.js";
import { Coverage } from "../data/coverage.js";
import { Exporting } from "../data/exporting.js";
import { Findings } from "../data/findings.js";
import { History } from "../data/history.js";
import { Importing } from "../data/importing.js";
import { Leaving } from "../data/leaving.js";
import { useStatus } from "../data/progress.js";
import { Types } from "../data/types.js";
import { Trouble } from "../welcome/trouble.js";

export default function Data() {
  const { me, instance, member, prefs, writes, reload } = useSession();
  const status = useStatus(member);
  const mine = member === me.user_id;
  const owner = me.role === "owner";
  const proof = useApi(member && `/api/v1/whoop/coverage/${encodeURIComponent(member)}`);
  const installation = useApi(owner ? "/api/v1/whoop/status?limit=0" : null);
  const again = () => {
    renew(`/${encodeURIComponent(member)}`);
    reload();
  };
  if (!status.data) {
    return html`<div class="room data">
      <header class="room-head"><h1>Data</h1></header>
      <${Trouble} error=${status.error} />${!status.error && html`<${Skeleton} height=${320} />`}
    </div>`;
  }
  const known = Object.keys(status.data.types).length > 0;
  return html`<div class="room data">
    <header class="room-head"><h1>Data</h1></header>
    <div class="columns">
      <div class="column">
        <${Connection} userId=${member} status=${status.data} wanted=${instance.setup.scopes} mine=${mine} canWrite=${writes} onChange=${again} />
        <${Findings} userId=${member} mine=${mine} canWrite=${writes} />
        <${Coverage} userId=${member} weekStarts=${prefs.week_starts} />
        ${known && html`<${Types} status=${status.data} />`}
      </div>
      <div class="column">
        <${History} userId=${member} status=${status.data} proof=${proof.data} canWrite=${writes} onChange=${again} />
        ${owner && installation.data && html`<${Card} title="Request budget"><${Budget} budgets=${installation.data.budgets} /><//>`}
        ${writes && html`<${Card} title="Import a WHOOP export">
          <p>In the WHOOP app choose App Settings, Data Export. The zip that arrives by e-mail also holds your journal, which WHOOP's
            connection does not give.</p>
          <${Importing} userId=${member} onDone=${again} />
        <//>`}
        ${writes && html`<${Exporting} userId=${member} />`}
        ${writes && html`<${Leaving} userId=${member} mine=${mine} connected=${status.data.connection.state !== "not_connected"} onChange=${again} />`}
      </div>
    </div>
  </div>`;
}
