// How figures are shown, how often WHOOP is asked, and what this device keeps.

import { send } from "../api.js";
import { html, useState } from "../lib.js";
import { Card, Segmented } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Trouble } from "../welcome/trouble.js";

const CHOICES = {
  units: ["Units", [["metric", "Metric"], ["imperial", "Imperial"]], "Temperatures in °C or °F"],
  clock: ["Clock", [["24h", "24 h"], ["12h", "12 h"]]],
  week_starts: ["Weeks start on", [["monday", "Monday"], ["sunday", "Sunday"]]],
};
const SYNC = [["automatic", "By itself"], ["on_request", "When I ask"]];

export function Preferences({ userId, prefs, fetches, onChange }) {
  const [chosen, choose] = useState({}); // shown at once, and no longer if it could not be kept
  const shown = { ...prefs, ...chosen };
  const save = useDeed(async (change) => {
    choose((before) => ({ ...before, ...change }));
    try {
      await send("PUT", `/api/v1/preferences/${encodeURIComponent(userId)}`, { ...shown, ...change });
      await onChange();
    } finally {
      choose((before) => Object.fromEntries(Object.entries(before).filter(([name, value]) => change[name] !== value)));
    }
  });
  const set = (name) => (value) => save.run({ [name]: value });
  return html`
    <${Card} title="How it looks">
      ${Object.entries(CHOICES).map(([name, [label, options, note]]) => html`<${Row} label=${label} note=${note}>
        <${Segmented} label=${label} options=${pairs(options)} value=${shown[name]} onChange=${set(name)} /><//>`)}
    <//>
    ${fetches && html`<${Card} title="Fetching">
      <${Row} label="New days" note=${shown.sync === "on_request"
        ? "WHOOP is asked only when you press Sync now, or when WHOOP announces something."
        : "Fetched as they come, within the limits that the owner has set."}>
        <${Segmented} label="New days" options=${pairs(SYNC)} value=${shown.sync} onChange=${set("sync")} /><//>
    <//>`}
    <${Trouble} error=${save.error} title="This was not kept" />`;
}

const pairs = (options) => options.map(([value, label]) => ({ value, label }));

export function Row({ label, note, children }) {
  return html`<div class="setting">
    <div class="setting-words"><span class="setting-label">${label}</span>${note && html`<span class="setting-note">${note}</span>`}</div>
    <div class="setting-control">${children}</div>
  </div>`;
}
