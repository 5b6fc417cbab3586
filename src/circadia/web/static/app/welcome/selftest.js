// One press that asks WHOOP whether it knows this app, and the rest of the installation whether it fits.

import { send } from "../api.js";
import { html, useState } from "../lib.js";
import { Button } from "../ui.js";
import { useDeed } from "./act.js";
import { coded, sentence, Trouble } from "./trouble.js";

const NAMES = { credentials: "Client ID and secret", clock: "Clock", redirect_url: "Redirect URL", public_url: "Public URL", webhook_url: "Webhook URL" };

export function SelfTest() {
  const [checks, setChecks] = useState(null);
  const test = useDeed(async () => setChecks((await send("POST", "/api/v1/admin/self-test")).checks));
  return html`<div class="self-test">
    <${Button} kind="primary" busy=${test.busy} onClick=${() => test.run()}>
      ${checks ? "Test again" : "Test the connection to WHOOP"}
    <//>
    <${Trouble} error=${test.error} title="The test could not be run" />
    <ul class="checks" aria-live="polite">
      ${checks?.map(
        (check) => html`<li class=${check.ok ? "check check-ok" : "check check-bad"}>
          <span class="check-mark" aria-hidden="true">${check.ok ? "✓" : "!"}</span>
          <div>
            <strong>${NAMES[check.name] ?? check.name}</strong>
            <span class="visually-hidden">${check.ok ? "passed" : "failed"}</span>
            <p>${sentence(check.message)}</p>
            ${!check.ok && check.remedy && html`<p class="check-remedy">${coded(check.remedy)}</p>`}
          </div>
        </li>`,
      )}
    </ul>
  </div>`;
}
