/** Points with their 95 % intervals, one row each, on one axis: what is clear of the middle line is a difference. */

import { html } from "../lib.js";

/**
 * @param rows    `[{key, label, sub, point, low, high, text, note, tone, onPick}]`; a row with a `note` has no figures, one that is `clear` a full point
 * @param middle  where "no difference" is
 * @param axis    `[lowest, highest]` of the axis; by default what the intervals need, around the middle
 * @param ends    words for the left and the right end
 */
export function Intervals({ label, rows, middle = 0, axis, ends = [] }) {
  const [low, high] = axis ?? reach(rows, middle);
  const at = (number) => `${(100 * (Math.min(high, Math.max(low, number)) - low)) / (high - low)}`;
  return html`<div class="intervals">
    ${
      ends.length > 0 &&
      html`<div class="intervals-ends" aria-hidden="true"><span></span><span
      class="intervals-scale"><span>← ${ends[0]}</span><span>${ends[1]} →</span></span><span></span></div>`
    }
    <ul aria-label=${label}>
      ${rows.map(
        (row) => html`<li key=${row.key} class=${row.note ? "intervals-row is-short" : "intervals-row"}>
        <span class="intervals-label">
          ${
            row.onPick
              ? html`<button type="button" class="text-link" aria-expanded=${row.open}
            onClick=${row.onPick}>${row.label}</button>`
              : row.label
          }
          ${row.sub && html`<small>${row.sub}</small>`}
        </span>
        ${
          row.note
            ? html`<span class="intervals-note">${row.note}</span>`
            : html`<svg class="intervals-plot" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
                <line class="intervals-middle" x1=${at(middle)} x2=${at(middle)} y1="0" y2="24" />
                <line class=${`intervals-reach tone-${row.tone ?? "plain"}`} x1=${at(row.low)} x2=${at(row.high)} y1="12" y2="12" />
                <line class=${`intervals-point tone-${row.tone ?? "plain"}`} x1=${at(row.point)} x2=${at(row.point)} y1="12" y2="12" />
                ${!row.clear && html`<line class="intervals-hole" x1=${at(row.point)} x2=${at(row.point)} y1="12" y2="12" />`}
              </svg>
              <span class="intervals-text">${row.text}</span>`
        }
        ${row.children}
      </li>`,
      )}
    </ul>
  </div>`;
}

function reach(rows, middle) {
  const known = rows.filter((row) => !row.note).flatMap((row) => [row.low, row.high]);
  const far = Math.max(...known.map((each) => Math.abs(each - middle)), Number.EPSILON) * 1.05;
  return [middle - far, middle + far];
}
