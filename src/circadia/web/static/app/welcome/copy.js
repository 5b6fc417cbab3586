// A value to take elsewhere: shown whole, copied with one press.

import { html, useRef, useState } from "../lib.js";
import { Button, toast } from "../ui.js";

async function copied(field) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
    return;
  }
  // without https the clipboard is out of reach: the browser's own selection is not
  getSelection().selectAllChildren(field);
  document.execCommand("copy");
}

// an address breaks behind a slash, not within a word
const breakable = (value) => (/^https?:/.test(value ?? "") ? value.split(/(?<=[^/]\/)/).map((part) => html`${part}<wbr />`) : value);

export function Copy({ label, value, note, rows }) {
  const field = useRef(null);
  const [done, setDone] = useState(false);
  const copy = async () => {
    await copied(field.current);
    setDone(true);
    toast(`${label} copied`);
    setTimeout(() => setDone(false), 2000);
  };
  return html`<div class="copy">
    <div class="copy-label">${label}</div>
    <div class=${`copy-box${rows ? " copy-tall" : ""}`}>
      <div class="copy-value" ref=${field} tabindex="0" role="textbox" aria-readonly="true" aria-label=${label}
        aria-multiline=${rows ? "true" : "false"}>${breakable(value)}</div>
      <${Button} kind="quiet" onClick=${copy} aria-label=${`Copy ${label}`}>${done ? "Copied" : "Copy"}<//>
    </div>
    ${note && html`<p class="copy-note">${note}</p>`}
  </div>`;
}
