// The first run: from nothing to a WHOOP app that this installation may use, with every value ready to copy.

import { SCOPES } from "../data/words.js";
import { html } from "../lib.js";
import { Badge } from "../ui.js";
import { Copy } from "./copy.js";
import { policy } from "./privacy.js";
import { SelfTest } from "./selftest.js";

const ENVIRONMENT = "WHOOP_CLIENT_ID=\nWHOOP_CLIENT_SECRET=";

export function Guide({ instance, owner }) {
  return html`<ol class="guide">
    <${Step} number="1" title="Make an app at WHOOP" done=${instance.whoop_configured}><${AtWhoop} setup=${instance.setup} /><//>
    <${Step} number="2" title="Tell Circadia" done=${instance.whoop_configured}>
      <p>WHOOP now shows a client ID and a client secret. Put both into the file <code>.env</code> in the directory that
        Circadia starts from, or into its environment, and start it again.</p>
      <${Copy} label="Lines for .env" value=${ENVIRONMENT} rows />
    <//>
    <${Step} number="3" title="Become the owner" done=${instance.claimed}>
      <p>Whoever holds the terminal owns the installation. This prints a link that works once, for 15 minutes:</p>
      <${Copy} label="Command" value="circadia owner-link" />
    <//>
    <${Step} number="4" title="Test it">
      ${owner
        ? html`<${SelfTest} />`
        : html`<p>Once you are the owner, one press here asks WHOOP whether it knows your app, and checks that the addresses
            and the clock fit.</p>`}
    <//>
  </ol>`;
}

function Step({ number, title, done, children }) {
  return html`<li class=${done ? "step step-done" : "step"}>
    <div class="step-number" aria-hidden="true">${done ? "✓" : number}</div>
    <div class="step-body">
      <h2>${title} ${done && html`<${Badge} tone="good">Done<//>`}</h2>
      ${children}
    </div>
  </li>`;
}

export function AtWhoop({ setup }) {
  const origin = new URL(setup.redirect_url).origin;
  return html`<div class="at-whoop">
    <p>Sign in at <a href="https://developer.whoop.com" rel="noreferrer">developer.whoop.com</a> with your WHOOP account,
      create an app, and fill its form with these. Its name is what the consent page will show, such as My Circadia; the contact is
      your e-mail address. WHOOP compares addresses letter by letter, so copy them.</p>
    <${Copy} label="Redirect URL" value=${setup.redirect_url} />
    <${Copy} label="Webhook URL" value=${setup.webhook_url} note=${reach(setup.webhook_url)} />
    <${Scopes} scopes=${setup.scopes} />
    <div class="copy">
      <div class="copy-label">Privacy policy URL</div>
      <p class="copy-note">The address of a page of yours that says what happens with the data. A text for it is ready:</p>
      <details class="fold">
        <summary>Show the text</summary>
        <p>It is true of Circadia as it comes. Fill in what stands in brackets, and read it before you sign it.</p>
        <${Copy} label="Privacy policy" value=${policy(origin)} rows />
      </details>
    </div>
    <aside class="aside"><strong>Ten members.</strong> An app that WHOOP has not approved can have ten members. That is
      plenty for a family or a team; more need WHOOP's approval, which you ask for on the same page.</aside>
  </div>`;
}

function Scopes({ scopes }) {
  return html`<div class="copy">
    <div class="copy-label">Scopes: tick all of them</div>
    <ul class="scope-list">
      ${scopes.map((scope) => {
        const [name, what] = SCOPES[scope] ?? [scope, ""];
        return html`<li><code>${scope}</code><span>${name}: ${what}</span></li>`;
      })}
    </ul>
    <p class="copy-note">If the form does not list <code>offline</code>, that is fine: it is asked for at consent. Without
      it, a connection ends after an hour.</p>
  </div>`;
}

function reach(url) {
  const { hostname, protocol } = new URL(url);
  const here = /^(localhost|127\.|\[::1\])/.test(hostname);
  return here || protocol === "http:"
    ? "Optional, and it needs an https address that WHOOP can reach, such as a tunnel's. Without it new days arrive by schedule. Model version: v2."
    : "Optional: with it a new sleep or workout is here within seconds. Model version: v2.";
}
