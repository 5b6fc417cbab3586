// What has to be known before the day is read: a lost connection, trouble at WHOOP, history on its way.
import { html } from "../lib.js";
import { send } from "../api.js";
import { ago, number } from "../format.js";
import { Link } from "../router.js";
import { Banner, Button, toast } from "../ui.js";

async function connect() {
  try {
    const { authorization_url: url } = await send("POST", "/auth/connect");
    window.location.assign(url);
  } catch (error) {
    toast([error.detail, error.remedy].filter(Boolean).join(" "));
  }
}

function Arriving({ backfill, own }) {
  const whose = own ? "Your" : "Their";
  const left = backfill.eta_at && Date.parse(backfill.eta_at) > Date.now() ? `, done ${ago(backfill.eta_at)}` : "";
  const done = backfill.progress_pct;
  return html`<${Banner} title=${`${whose} history is ${backfill.paused ? "paused" : "arriving, newest first"}.`}
    action=${html`<${Link} to="/data" class="button button-plain">Watch<//>`}>
    ${done === null || done === undefined ? "" : `${number(done)} %${left}`}
    <progress class="arriving" max="100" value=${done ?? undefined} aria-label="History fetched"></progress>
  <//>`;
}

/** The banners above a day. `own`: whether the reader can connect this WHOOP; `ready`: whether there is a WHOOP app to do
 * it with. */
export function Notices({ status, own, ready }) {
  if (!status) return null;
  const { connection, backfill, types, as_of: asOf } = status;
  const again = connection.state === "needs_reconnect" ? "Reconnect" : "Connect WHOOP";
  const way = ready
    ? html`<${Button} kind="primary" onClick=${connect}>${again}<//>`
    : html`<${Link} to="/welcome" class="button button-primary">Set up WHOOP<//>`;
  const button = own && way;
  const failing = Object.values(types).find((each) => each.state === "failing");
  const message = failing?.error?.message;
  const trouble = message ? `${message.replace(/\.$/, "")}.` : "WHOOP does not answer.";
  return html`
    ${connection.state === "needs_reconnect" &&
    html`<${Banner} tone="warn" title="WHOOP has to be connected again." action=${button}>
      Everything stored stays; nothing new arrives.
    <//>`}
    ${connection.state === "not_connected" &&
    html`<${Banner} title="WHOOP is not connected." action=${button}>
      ${asOf ? "What is stored is shown." : own ? "Connect it, or import an export file." : "Nothing of it is here yet."}
    <//>`}
    ${connection.state === "connected" &&
    failing &&
    html`<${Banner} tone="warn" title="Nothing new can be fetched at the moment.">${trouble} Showing everything as of ${ago(asOf)}.<//>`}
    ${backfill && ["queued", "running"].includes(backfill.state) && html`<${Arriving} backfill=${backfill} own=${own} />`}
  `;
}
