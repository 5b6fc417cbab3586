// Taking one's data along.

import { html } from "../lib.js";
import { Card } from "../ui.js";

export function Exporting({ userId }) {
  return html`<${Card} title="Take your data with you">
    <p>Everything that is kept: days, records as WHOOP sent them, journal, settings, shares and the log. JSON is one document; CSV is
      a zip with a file per table, safe to open in a spreadsheet.</p>
    <${ExportLinks} userId=${userId} />
  <//>`;
}

export function ExportLinks({ userId }) {
  const path = `/api/v1/whoop/export/${encodeURIComponent(userId)}`;
  return html`<div class="actions">
    <a class="button button-plain" href=${`${path}?format=json`} download>Export as JSON</a>
    <a class="button button-plain" href=${`${path}?format=csv`} download>Export as CSV</a>
  </div>`;
}
