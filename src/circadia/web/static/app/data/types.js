// Every record type: how its copy stands, how many there are, when it was fetched and when it is next.

import { ago, number } from "../format.js";
import { html } from "../lib.js";
import { Badge, Card } from "../ui.js";
import { sentence } from "../welcome/trouble.js";
import { TYPE_STATES, TYPES } from "./words.js";

export function Types({ status }) {
  const names = Object.keys(TYPES).filter((name) => status.types[name]);
  return html`<${Card} title="Record by record">
    <div class="types" role="table" aria-label="Record types">
      <div class="type type-head" role="row">
        ${["Type", "State", "Records", "Newest", "Fetched", "Next"].map((each) => html`<span role="columnheader">${each}</span>`)}
      </div>
      ${names.map((name) => html`<${Type} label=${TYPES[name]} each=${status.types[name]} />`)}
    </div>
  <//>`;
}

function Type({ label, each }) {
  const [state, tone] = TYPE_STATES[each.state];
  return html`<div class="type" role="row">
    <strong role="rowheader">${label}</strong>
    <span role="cell"><${Badge} tone=${tone}>${state}<//></span>
    <span role="cell" data-label="Records">${number(each.total_records)}</span>
    <span role="cell" data-label="Newest">${since(each.newest_record_at) ?? "–"}</span>
    <span role="cell" data-label="Fetched">${since(each.last_success_at) ?? "never"}</span>
    <span role="cell" data-label="Next">${due(each)}</span>
    ${notes(each).map((note) => html`<span role="cell" class="type-note">${note}</span>`)}
  </div>`;
}

const MINUTES = 60_000;

function span(minutes) {
  if (minutes < 90) return `${minutes} min`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

function since(at) {
  if (!at) return null;
  const minutes = Math.round((Date.now() - Date.parse(at)) / MINUTES);
  return minutes < 1 ? "just now" : `${span(minutes)} ago`;
}

function due({ due_at: at }) {
  if (!at) return "–";
  const minutes = Math.round((Date.parse(at) - Date.now()) / MINUTES);
  return minutes < 1 ? "now" : `in ${span(minutes)}`;
}

function notes(each) {
  return [
    each.error && `${sentence(each.error.message)} ${each.error.remedy ?? ""}`,
    each.pending > 0 && `${number(each.pending)} waiting for WHOOP's score${each.pending_since ? `, since ${ago(each.pending_since)}` : ""}`,
    each.rejects > 0 && `${number(each.rejects)} that could not be read: kept aside, and read again by a later version`,
    each.held_deletions > 0 && `${number(each.held_deletions)} deletions held back: more than a person would make, so they wait for a word`,
  ].filter(Boolean);
}
