/** What the marks of a chart mean, in the page's own type: `kind` is a shape, `tone` a colour of the style sheets. */

import { html } from "../lib.js";

/** @param marks  `[{kind, tone, text}]`; kinds: dot, line, dash, bar, range, square, circle, diamond, ring, triangle, cross */
export function Legend({ marks }) {
  return html`<ul class="chart-legend" aria-label="Legend">
    ${marks.filter(Boolean).map(
      ({ kind, tone, text }) => html`<li key=${text}><i class=${`chart-mark mark-${kind} tone-${tone}`}
      aria-hidden="true"></i>${text}</li>`,
    )}
  </ul>`;
}
