// What of WHOOP's request limits is used, by whom, and what is kept for those who wait.

import { moment, number } from "../format.js";
import { html } from "../lib.js";
import { LANES } from "./words.js";

export function Budget({ budgets }) {
  if (!budgets?.length) return html`<p class="quiet">No request was made yet.</p>`;
  return budgets.map((each) => html`<div class="budget">
    ${each.paused_until && html`<p><strong>WHOOP asked for a pause</strong> until ${moment(each.paused_until)}; it goes on by itself.</p>`}
    <div class="budget-windows">
      <${Window} label="Today" used=${each.day.used} limit=${each.day.limit} />
      <${Window} label="This minute" used=${each.minute.used} limit=${each.minute.limit} />
    </div>
    <${Lanes} lanes=${each.lanes} />
  </div>`);
}

function Window({ label, used, limit }) {
  return html`<div class="window">
    <div class="window-head"><span>${label}</span><strong>${number(used)}${limit && html`<span class="quiet"> of ${number(limit)}</span>`}</strong></div>
    <meter class="gauge" min="0" max=${limit ?? used} value=${used} aria-label=${`Requests, ${label.toLowerCase()}`} />
  </div>`;
}

function Lanes({ lanes }) {
  const most = Math.max(1, ...Object.values(lanes).map((each) => each.taken));
  return html`<table class="table plain lanes">
    <caption>Requests of the last 24 hours, by what they were for; the first go first</caption>
    <thead class="visually-hidden"><tr><th scope="col">For</th><th scope="col">Share</th><th scope="col">Requests</th><th scope="col">Put off</th></tr></thead>
    <tbody>${Object.entries(LANES).filter(([name]) => lanes[name]).map(([name, label]) => {
      const { taken, refused } = lanes[name];
      return html`<tr><th scope="row">${label}</th>
        <td class="lane-bar"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width=${(100 * taken) / most} height="6" rx="1" /></svg></td>
        <td>${number(taken)}</td><td class="quiet">${refused ? `${number(refused)} put off` : ""}</td></tr>`;
    })}</tbody>
  </table>`;
}
