// Admin: everybody at a glance for the owner, and what only the owner does.

import { html, useEffect, useRef } from "../lib.js";
import { Link, useRoute } from "../router.js";
import { useSession } from "../session.js";
import { Audit } from "../settings/audit.js";
import { Card, Empty } from "../ui.js";
import { AtWhoop } from "../welcome/guide.js";
import { SelfTest } from "../welcome/selftest.js";
import { Deliveries } from "../admin/deliveries.js";
import { Invitations } from "../admin/invitations.js";
import { Keys } from "../admin/keys.js";
import { Members } from "../admin/members.js";
import { Overview } from "../admin/overview.js";

const PLACES = {
  overview: ["Overview", Overview],
  members: ["Members", Members],
  invitations: ["Who may join", Invitations],
  keys: ["API keys", Keys],
  deliveries: ["Webhooks", Deliveries],
  whoop: ["WHOOP app", WhoopApp],
  audit: ["Log", () => html`<${Audit} path="/api/v1/audit" everybody first=${40} />`],
};

export default function Admin() {
  const { me, instance } = useSession();
  const { query } = useRoute();
  const places = useRef(null);
  const here = query.part in PLACES ? query.part : "overview";
  useEffect(() => {
    places.current?.querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  }, [here]);
  if (me.role !== "owner") {
    return html`<${Card}><${Empty} icon="admin" title="This room is the owner's.">Everything about your own data is under Data and Settings.<//><//>`;
  }
  const [, Place] = PLACES[here];
  return html`<div class="room admin">
    <header class="room-head"><h1>Admin</h1></header>
    <nav class="places" ref=${places} aria-label="Parts of admin">
      ${Object.entries(PLACES).map(([name, [label]]) => html`<${Link} to=${name === "overview" ? "/admin" : `/admin?part=${name}`} class="place"
        aria-current=${name === here ? "page" : undefined}>${label}<//>`)}
    </nav>
    <${Place} instance=${instance} />
  </div>`;
}

function WhoopApp({ instance }) {
  return html`<div class="pair">
    <${Card} title="What WHOOP's developer dashboard has to say"><${AtWhoop} setup=${instance.setup} /><//>
    <${Card} title="Does it work?">
      <p>Asks WHOOP whether it knows the client ID and secret, and whether the addresses and the clock fit. Nothing is changed.</p>
      <${SelfTest} />
    <//>
  </div>`;
}
