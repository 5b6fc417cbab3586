// Signed in, and WHOOP not connected (any more): what will be read, and the way to WHOOP's consent page.

import { send } from "../api.js";
import { SCOPES } from "../data/words.js";
import { html } from "../lib.js";
import { Button, Card } from "../ui.js";
import { useDeed } from "./act.js";
import { Trouble } from "./trouble.js";

function useConnect() {
  return useDeed(async () => location.assign((await send("POST", "/auth/connect")).authorization_url));
}

export function ConnectButton({ children = "Connect WHOOP", kind = "primary" }) {
  const connect = useConnect();
  return html`<${Button} kind=${kind} busy=${connect.busy} onClick=${() => connect.run()}>${children}<//>
    <${Trouble} error=${connect.error} title="WHOOP could not be reached" />`;
}

export function Connect({ again, scopes }) {
  return html`<${Card} title=${again ? "Connect WHOOP again" : "Connect WHOOP"}>
    <p>${again
      ? "WHOOP no longer accepts this connection. Your data stay; consent once more and new days arrive."
      : "WHOOP asks for your consent and sends you back. The last days are here within seconds, the rest follows."}</p>
    <div class="will-read">
      <h3>What is read</h3>
      <dl>
        ${Object.entries(SCOPES).filter(([scope]) => scopes.includes(scope)).map(([, [name, what]]) => html`<div><dt>${name}</dt><dd>${what}</dd></div>`)}
      </dl>
      <p>You can untick any of these at WHOOP; what you leave out stays away. Nothing is ever written to your account.</p>
    </div>
    <${ConnectButton}>${again ? "Connect again" : "Connect WHOOP"}<//>
  <//>`;
}
