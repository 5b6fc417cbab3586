// Why is data missing? Everything that stands in its way, worst first, each with what to do.

import { useApi } from "../api.js";
import { ago, dateLabel } from "../format.js";
import { html } from "../lib.js";
import { Link } from "../router.js";
import { Badge, Button, Card, Skeleton } from "../ui.js";
import { coded, sentence, Trouble } from "../welcome/trouble.js";
import { REMEDIES, TYPES } from "./words.js";

const SEVERITIES = { error: ["Has to be mended", "bad"], warning: ["Late or at risk", "warn"], info: ["Note"] };
const DAYS_NAMED = 6;

/** Those who may not act on it are told what is wrong, and nothing to do. */
export function Findings({ userId, mine, canWrite }) {
  const { data, error, loading, reload } = useApi(`/api/v1/whoop/doctor/${encodeURIComponent(userId)}?days=90`);
  const again = html`<${Button} kind="quiet" busy=${loading && Boolean(data)} onClick=${reload}>Look again<//>`;
  return html`<${Card} title=${mine ? "Why is my data missing?" : "Why is data missing?"} actions=${again}>
    <${Trouble} error=${error} title="Could not look" />
    ${data ? html`<${Told} told=${data} canWrite=${canWrite} />` : !error && html`<${Skeleton} height=${120} />`}
  <//>`;
}

function Told({ told, canWrite }) {
  const days = told.evidence?.days;
  return html`<div class="findings">
    <p class="verdict">
      <strong>${told.fine ? "Nothing is wrong." : "Something stands in the way."}</strong>
      ${days && html` ${days.complete} of the last ${days.days} days are complete.`}
      <span class="quiet"> Looked ${ago(told.checked_at)}.</span>
    </p>
    ${told.findings.length > 0 && html`<ul class="finding-list">
      ${told.findings.map((each) => html`<${Finding} finding=${each} userId=${told.user_id} canWrite=${canWrite} />`)}
    </ul>`}
  </div>`;
}

// the dates stand below as links, and a user id stays as it is
function undated({ message, days }, userId) {
  const said = days.length ? message.replace(/: \d{4}-\d\d-\d\d.*\((\d+ days?)\)$/, " on $1") : message;
  return said.startsWith(`${userId} `) ? `${said}.` : sentence(said);
}

function Finding({ finding, userId, canWrite }) {
  const [label, tone] = SEVERITIES[finding.severity];
  return html`<li class=${`finding finding-${finding.severity}`}>
    <div class="finding-head"><${Badge} tone=${tone}>${label}<//>${finding.type && html`<span class="quiet">${TYPES[finding.type] ?? finding.type}</span>`}</div>
    <p class="finding-message">${coded(undated(finding, userId))}</p>
    ${canWrite && html`<p class="finding-remedy">${coded((finding.remedy?.includes("`") && REMEDIES[finding.kind]) || finding.remedy)}</p>`}
    ${finding.days.length > 0 && html`<p class="finding-days">
      ${finding.days.slice(-DAYS_NAMED).reverse().map(([first, last]) => html`<${Link} to=${`/day/${last}`} class="chip">
        ${first === last ? dateLabel(last, "short") : `${dateLabel(first, "short")} – ${dateLabel(last, "short")}`}<//>`)}
      ${finding.days.length > DAYS_NAMED && html`<span class="chip chip-off">and ${finding.days.length - DAYS_NAMED} more</span>`}
    </p>`}
  </li>`;
}
