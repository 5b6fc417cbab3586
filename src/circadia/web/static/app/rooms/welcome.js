// The way in: setting up, signing in, connecting, and the first history as it arrives.

import { Importing } from "../data/importing.js";
import { lastReport, Report } from "../data/erase.js";
import { useStatus } from "../data/progress.js";
import { html } from "../lib.js";
import { Link, useRoute } from "../router.js";
import { useSession } from "../session.js";
import { Banner, Card, Skeleton } from "../ui.js";
import { Arriving } from "../welcome/arriving.js";
import { Connect } from "../welcome/connect.js";
import { Guide } from "../welcome/guide.js";
import { invitationOf, SignIn } from "../welcome/signin.js";

const GREETINGS = { connected: "WHOOP is connected.", needs_reconnect: "Your days are here; new ones wait for WHOOP." };

export default function Welcome() {
  const { me, instance } = useSession();
  const { query } = useRoute();
  const refused = "refused" in query;
  const invitation = invitationOf(query);
  if (!me) {
    const setup = !instance.whoop_configured && !invitation;
    return html`<div class=${`room welcome${setup ? " welcome-setup" : ""}`}>
      <${Masthead} title=${setup ? "Set up Circadia" : "Your WHOOP data, at home"}>
        ${setup ? "Four steps, about ten minutes. You need a WHOOP membership." : "Every day since you put it on, in a database that is yours."}
      <//>
      ${lastReport() && html`<${Card} title="Erased"><${Report} report=${lastReport()} /><//>`}
      ${refused && html`<${Refused} />`}
      ${setup ? html`<${Guide} instance=${instance} owner=${false} />` : null}
      ${(instance.claimed || !setup) && html`<${SignIn} instance=${instance} invitation=${invitation} />`}
    </div>`;
  }
  if (me.role === "owner" && !instance.whoop_configured) {
    return html`<div class="room welcome welcome-setup">
      <${Masthead} title="Set up Circadia">You own this installation. Until WHOOP knows it, an export can be imported under Data.<//>
      <${Guide} instance=${instance} owner />
    </div>`;
  }
  if (me.role === "coach" && invitation) {
    return html`<div class="room welcome">
      <${Masthead} title=${greeting(me)}>Accepting signs you in to an account of your own. What others share with you stays with the account you are in now.<//>
      <${SignIn} instance=${instance} invitation=${invitation} />
    </div>`;
  }
  return html`<${Own} refused=${refused} />`;
}

const greeting = (me) => (me.name ? `Welcome, ${me.name.split(" ")[0]}` : "Welcome");

function Masthead({ title, children }) {
  return html`<header class="masthead">
    <img src=${document.querySelector('link[rel="icon"]').href} width="48" height="48" alt="" />
    <h1>${title}</h1>
    <p>${children}</p>
  </header>`;
}

function Refused() {
  return html`<${Banner} tone="warn" title="You did not consent at WHOOP.">Nothing was stored. You can try again whenever you like.<//>`;
}

function Own({ refused }) {
  const { me, instance, reload } = useSession();
  const status = useStatus(me.user_id);
  const state = status.data?.connection.state;
  const hello = greeting(me);
  if (me.role === "coach") {
    const shared = me.shared_with_me?.length > 0;
    return html`<div class="room welcome"><${Masthead} title=${hello}>
      ${shared ? html`What is shared with you is <${Link} to="/">here<//>.` : "Nobody shares their data with you at the moment. Ask for a new link."}
    <//></div>`;
  }
  return html`<div class="room welcome">
    <${Masthead} title=${hello}>
      ${GREETINGS[state] ?? "One more step, and your days are here."}
    <//>
    ${refused && html`<${Refused} />`}
    ${!status.data && html`<${Skeleton} height=${280} />`}
    ${state === "connected" && html`<${Arriving} userId=${me.user_id} onDone=${reload} />`}
    ${status.data && state !== "connected" && html`
      <${Connect} again=${state === "needs_reconnect"} scopes=${instance.setup.scopes} />
      <${Card} title="Or bring an export">
        <p>In the WHOOP app choose App Settings, Data Export. The zip comes by e-mail; it needs no connection.</p>
        <${Importing} userId=${me.user_id} onDone=${reload} />
      <//>`}
  </div>`;
}
