// A member's history on its way: how far it is, and when it will be through.

import { useApi } from "../api.js";
import { dateLabel, number } from "../format.js";
import { html, useEffect, useState } from "../lib.js";
import { follow } from "../live.js";
import { TYPES } from "./words.js";

const LOOK_AGAIN_MS = 5000;

/** The sync status, told anew whenever a history that is under way has got further. */
export function useStatus(userId) {
  const [under, setUnder] = useState(false);
  const status = useApi(userId ? `/api/v1/whoop/sync-status/${encodeURIComponent(userId)}` : null, { every: under ? LOOK_AGAIN_MS : undefined });
  const backfill = status.data?.backfill;
  const run = moving(backfill) ? backfill.run_id : null;
  // right after the consent the history has not been asked for yet
  const awaited = status.data?.connection.state === "connected" && !backfill;
  useEffect(() => {
    setUnder(Boolean(run) || awaited);
    return run ? follow(run, status.reload) : undefined;
  }, [run, awaited]);
  return status;
}

export const moving = (backfill) => Boolean(backfill) && ["queued", "running"].includes(backfill.state) && !backfill.paused;

/** The date that the walk through every type has reached, or null. */
export function reached(status) {
  const floors = Object.values(status.types).map((each) => each.history?.reached_at).filter(Boolean).sort();
  return floors.length ? floors.at(-1).slice(0, 10) : null;
}

export function Progress({ status }) {
  const { backfill } = status;
  const percent = backfill.progress_pct;
  const back = reached(status);
  const records = Object.values(status.types).reduce((sum, each) => sum + each.total_records, 0);
  return html`<div class="progress">
    <div class="progress-figure">
      <span class="progress-percent">${percent == null ? number(records) : `${Math.floor(percent)} %`}</span>
      <span class="progress-words">
        ${percent == null && html`<span>records</span>`}
        ${back && html`<span>back to <strong>${dateLabel(back, "medium")}</strong></span>`}
        ${remaining(backfill)}
      </span>
    </div>
    <progress class="gauge" max="100" value=${percent ?? undefined} aria-label="History fetched">${percent}</progress>
    <ul class="progress-types">
      ${Object.entries(TYPES).filter(([name]) => status.types[name]?.history?.reached_at).map(
        ([name, label]) => html`<li>
          <span>${label}</span><strong>${number(status.types[name].total_records)}</strong>
          <span class="quiet">${status.types[name].history.complete ? "all of it" : `to ${dateLabel(status.types[name].history.reached_at.slice(0, 10), "short")}`}</span>
        </li>`,
      )}
    </ul>
  </div>`;
}

function remaining(backfill) {
  if (backfill.paused) return html`<span>held back</span>`;
  if (!backfill.eta_at) return null;
  const left = (new Date(backfill.eta_at) - Date.now()) / 1000;
  if (left < 5) return html`<span>a moment more</span>`;
  if (left < 90) return html`<span>about ${Math.ceil(left / 5) * 5} seconds more</span>`;
  if (left < 5400) return html`<span>about ${Math.round(left / 60)} minutes more</span>`;
  return html`<span>ready ${dateLabel(backfill.eta_at.slice(0, 10), "short")}, about ${Math.round(left / 3600)} hours more</span>`;
}
