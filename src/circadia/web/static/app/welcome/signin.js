// Not signed in: the ways in that this installation offers, and nothing about who is in it.

import { send } from "../api.js";
import { html, useState } from "../lib.js";
import { Banner, Button, Card, Field } from "../ui.js";
import { useDeed } from "./act.js";
import { Copy } from "./copy.js";
import { Trouble } from "./trouble.js";

const NEWCOMERS = {
  owner: "This installation takes no new members. Who is here already can sign in.",
  invite: "New here? You need an invitation link from the owner; open it on this device.",
  open: "New here? Signing in with WHOOP makes your account.",
};

const INVITATION = "circadia-invitation";

/** The invitation that somebody came with; a refusal at WHOOP leads back without it. */
export const invitationOf = (query) => query.invitation ?? ("refused" in query ? sessionStorage.getItem(INVITATION) : null);

export function SignIn({ instance, invitation }) {
  if (!instance.claimed) return html`<${Unclaimed} />`;
  return html`<${Card}>
    ${invitation && html`<${Banner} tone="info" title="You are invited">
      Sign in with your own WHOOP account to accept. The invitation is used up only when that succeeds.
    <//>`}
    ${instance.whoop_configured
      ? html`<${WithWhoop} instance=${instance} invitation=${invitation} />`
      : html`<p>WHOOP is not set up here yet, so the only way in is a link from the owner.</p>`}
    <${OtherWays} instance=${instance} />
  <//>`;
}

function WithWhoop({ instance, invitation }) {
  const [email, setEmail] = useState("");
  const asks = instance.signup === "allowlist" && !invitation;
  const start = useDeed(async () => {
    const { authorization_url } = await send("POST", "/auth/signin", {
      ...(invitation && { invitation }),
      ...(asks && email.trim() && { email: email.trim() }),
    });
    if (invitation) sessionStorage.setItem(INVITATION, invitation);
    else sessionStorage.removeItem(INVITATION);
    location.assign(authorization_url);
  });
  const submit = (event) => {
    event.preventDefault();
    start.run();
  };
  return html`<form class="signin" onSubmit=${submit}>
    <p class="signin-what">You go to WHOOP, sign in there and come back. No password is kept here.</p>
    ${asks && html`<${Field} label="E-mail address at WHOOP" hint="Only if you are new: it has to be on the owner's list." type="email"
      name="email" autocomplete="email" value=${email} onInput=${setEmail} />`}
    <${Button} kind="primary" type="submit" busy=${start.busy}>Sign in with WHOOP<//>
    <${Trouble} error=${start.error} title="Signing in could not begin" />
    <p class="signin-note">${!invitation && !asks && NEWCOMERS[instance.signup]}</p>
  </form>`;
}

function OtherWays({ instance }) {
  return html`<details class="fold">
    <summary>WHOOP is down, or you have no WHOOP account</summary>
    <p>A link signs you in without WHOOP; it works once. The owner makes one under Admin, Members. At the terminal:</p>
    <${Copy} label="For a member" value="circadia signin-link USER" />
    <${Copy} label="For the owner" value="circadia owner-link" />
    ${instance.simulated && html`<p>The demo printed its own link where it was started.</p>`}
  </details>`;
}

function Unclaimed() {
  return html`<${Card} title="This Circadia has no owner yet">
    <p>Nobody becomes the owner by being first on this page. At the terminal where Circadia runs, this prints a link that
      works once, for 15 minutes:</p>
    <${Copy} label="Command" value="circadia owner-link" />
    <p class="signin-note">Until then nobody can sign up.</p>
  <//>`;
}
