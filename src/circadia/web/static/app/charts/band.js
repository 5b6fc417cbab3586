// Parts of a whole side by side, as one bar with its legend.
import { html } from "../lib.js";

/** `parts`: `[{name, label, size, text, colour}]`; a part of size 0 is left out of the bar. `whole`: the size that
 * fills the width, where bars are to be compared. */
export function Bar({ parts, whole, label, thin = false }) {
  const shown = parts.filter((each) => each.size > 0);
  const sum = shown.reduce((all, each) => all + each.size, 0);
  const rest = Math.max((whole ?? sum) - sum, 0);
  return html`<div class=${`bar-of-parts ${thin ? "bar-thin" : ""}`} role="img" aria-label=${label}>
    ${shown.map(
      (each) =>
        html`<span key=${each.name} title=${`${each.label} ${each.text}`} style=${{ flexGrow: each.size, background: `var(--${each.colour})` }}></span>`,
    )}
    ${rest > 0 && html`<span class="bar-rest" style=${{ flexGrow: rest }}></span>`}
  </div>`;
}

/** What the colours of a bar are, with their figures. */
export const Legend = ({ parts }) =>
  html`<ul class="legend">
    ${parts.map(
      (each) => html`<li key=${each.name}>
        <span class="legend-name"><i style=${{ background: `var(--${each.colour})` }}></i>${each.label}</span>
        <span class="legend-text">${each.text}${each.share && html`<small>${each.share}</small>`}</span>
      </li>`,
    )}
  </ul>`;
