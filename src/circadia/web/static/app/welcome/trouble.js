// What went wrong, and what to do about it.

import { html } from "../lib.js";
import { Banner } from "../ui.js";

export function Trouble({ error, title = "That did not work", action }) {
  if (!error) return null;
  return html`<${Banner} tone="bad" title=${title} action=${action}>
    ${coded(sentence(error.detail ?? error.message))} ${coded(error.remedy)}
  <//>`;
}

/** Words with what stands in backticks shown as something to type. */
export const coded = (text) => (text ?? "").split("`").map((part, i) => (i % 2 ? html`<code>${part}</code>` : part));

export function sentence(text) {
  const said = (text ?? "").trim();
  if (!said) return "";
  const whole = said[0].toUpperCase() + said.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
