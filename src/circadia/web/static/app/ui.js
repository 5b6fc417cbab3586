// The parts that every room is made of.
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "./lib.js";
import { Icon } from "./icons.js";

const names = (...all) => all.filter(Boolean).join(" ");

/** A section with a heading. `about` is told behind an (i); `actions` stand at the right; `tone` warns or calms. */
export function Card({ title, about, actions, children, tone, className, level = 2, id }) {
  const Heading = `h${level}`;
  return html`<section class=${names("card", tone && `tone-${tone}`, className)} aria-label=${title} id=${id}>
    ${(title || actions) &&
    html`<header class="card-head">
      <${Heading} class="card-title">${title}<//>
      ${about && html`<${Info} text=${about} about=${title} />`}
      ${actions && html`<div class="card-actions">${actions}</div>`}
    </header>`}
    ${children}
  </section>`;
}

/** A number with its name. `pending` says in words why it is not final, or not there. */
export function Figure({ label, value, unit, note, tone, pending, size }) {
  return html`<div class=${names("figure", tone && `tone-${tone}`, size && `figure-${size}`)}>
    <div class="figure-label">${label}</div>
    <div class="figure-value">${value}${unit && value !== "–" && html`<span class="figure-unit">${unit}</span>`}</div>
    ${pending && html`<div class="figure-pending">${pending}</div>`} ${note && html`<div class="figure-note">${note}</div>`}
  </div>`;
}

/** What stands where a number is missing: a dash, and why. */
export function Dash({ reason }) {
  return html`<span class="dash" title=${reason}><span aria-hidden="true">–</span><span class="visually-hidden">${reason ?? "no value"}</span></span>`;
}

/** A word about a state: tone good, warn, bad, info or none. */
export const Badge = ({ tone, children, title }) =>
  html`<span class=${names("badge", tone && `tone-${tone}`)} title=${title}>${children}</span>`;

/** Something to know before reading on. */
export function Banner({ tone = "info", title, children, action }) {
  const icon = { info: "info", good: "check", warn: "warn", bad: "warn" }[tone];
  return html`<div class=${`banner tone-${tone}`} role=${tone === "bad" ? "alert" : "status"}>
    <${Icon} name=${icon} />
    <div class="banner-text">${title && html`<strong>${title}</strong>`}${children && html`<span>${children}</span>`}</div>
    ${action && html`<div class="banner-action">${action}</div>`}
  </div>`;
}

/** The room that something will take. */
export const Skeleton = ({ height = 20, width, radius }) =>
  html`<div class="skeleton" style=${{ height: `${height}px`, width, borderRadius: radius }} aria-hidden="true"></div>`;

/** Nothing here, why, and what to do. */
export const Empty = ({ title, children, action, icon }) =>
  html`<div class="empty">
    ${icon && html`<${Icon} name=${icon} size=${28} />`}
    <p class="empty-title">${title}</p>
    ${children && html`<div class="empty-text">${children}</div>`} ${action && html`<div class="empty-action">${action}</div>`}
  </div>`;

/** A button: kind primary, plain, quiet or danger. `busy` keeps it from being pressed twice. */
export function Button({ kind = "plain", busy = false, disabled, icon, children, className, type = "button", ...others }) {
  return html`<button type=${type} class=${names("button", `button-${kind}`, !children && "button-icon", className)}
    disabled=${disabled || busy} aria-busy=${busy || undefined} ...${others}>
    ${icon && html`<${Icon} name=${icon} size=${18} className=${busy ? "turning" : ""} />`}${children && html`<span>${children}</span>`}
  </button>`;
}

/** One of a few, side by side. `options`: `[{value, label}]`. */
export function Segmented({ label, options, value, onChange }) {
  const name = useId();
  return html`<fieldset class="segmented">
    <legend class="visually-hidden">${label}</legend>
    ${options.map(
      (each) => html`<label class="segment" key=${each.value}>
        <input type="radio" name=${name} value=${each.value} checked=${each.value === value} onChange=${() => onChange(each.value)} />
        <span>${each.label}</span>
      </label>`,
    )}
  </fieldset>`;
}

/** One of many. `options`: `[{value, label, group?}]`. */
export function Select({ label, options, value, onChange, hideLabel = false }) {
  const id = useId();
  const groups = [...new Set(options.map((each) => each.group))];
  const list = (group) =>
    options.filter((each) => each.group === group).map((each) => html`<option value=${each.value} selected=${each.value === value}>${each.label}</option>`);
  return html`<div class="select">
    <label for=${id} class=${hideLabel ? "visually-hidden" : "field-label"}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${groups.map((group) => (group ? html`<optgroup label=${group}>${list(group)}</optgroup>` : list(group)))}
    </select>
  </div>`;
}

/** A question in front of everything else. `onClose` also on Escape and a click beside it. */
export function Dialog({ title, open, onClose, children, actions }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    if (open && !element.current.open) element.current.showModal();
    if (!open && element.current.open) element.current.close();
  }, [open]);
  const beside = (event) => event.target === element.current && onClose();
  return html`<dialog ref=${element} class="dialog" aria-label=${title} onClose=${onClose} onClick=${beside}>
    ${open &&
    html`<div class="dialog-body">
      <header class="dialog-head"><h2>${title}</h2><${Button} kind="quiet" icon="close" aria-label="Close" onClick=${onClose} /></header>
      ${children}
      ${actions && html`<footer class="dialog-actions">${actions}</footer>`}
    </div>`}
  </dialog>`;
}

/** Rows and columns: `columns` `[{name, label, align?, show?(row)}]`. */
export function Table({ columns, rows, caption, hideCaption = true }) {
  const cell = (column, row) => (column.show ? column.show(row) : (row[column.name] ?? html`<${Dash} />`));
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${caption}>
    <table class="table">
      <caption class=${hideCaption ? "visually-hidden" : ""}>${caption}</caption>
      <thead><tr>${columns.map((each) => html`<th scope="col" class=${each.align === "right" ? "right" : ""}>${each.label}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${columns.map((each) => html`<td class=${each.align === "right" ? "right" : ""} data-label=${typeof each.label === "string" ? each.label : undefined}>${cell(each, row)}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`;
}

/** A line to write in. */
export function Field({ label, hint, error, onInput, ...others }) {
  const id = useId();
  const described = error || hint ? `${id}-hint` : undefined;
  return html`<div class="field">
    <label for=${id} class="field-label">${label}</label>
    <input id=${id} aria-describedby=${described} aria-invalid=${error ? "true" : undefined} onInput=${(event) => onInput?.(event.currentTarget.value)} ...${others} />
    ${(error || hint) && html`<p id=${described} class=${error ? "field-error" : "field-hint"}>${error || hint}</p>`}
  </div>`;
}

/** On or off. */
export function Switch({ label, hint, checked, onChange, disabled }) {
  const id = useId();
  return html`<div class="switch">
    <div><label for=${id} class="switch-label">${label}</label>${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}</div>
    <input id=${id} type="checkbox" role="switch" checked=${checked} disabled=${disabled}
      aria-describedby=${hint ? `${id}-hint` : undefined} onChange=${(event) => onChange(event.currentTarget.checked)} />
  </div>`;
}

/** More about something, behind an (i). */
export function Info({ text, about }) {
  const [open, set] = useState(false);
  const id = useId();
  const place = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    const leave = (event) => (event.key === "Escape" || (event.type === "pointerdown" && !place.current?.contains(event.target))) && set(false);
    document.addEventListener("keydown", leave);
    document.addEventListener("pointerdown", leave);
    return () => {
      document.removeEventListener("keydown", leave);
      document.removeEventListener("pointerdown", leave);
    };
  }, [open]);
  return html`<span class="info" ref=${place}>
    <button type="button" class="info-button" aria-label=${about ? `About ${about}` : "About this"}
      aria-expanded=${open} aria-controls=${id} onClick=${() => set(!open)}><${Icon} name="info" size=${16} /></button>
    <span id=${id} class="info-text" role="note" hidden=${!open}>${text}</span>
  </span>`;
}

let show = () => {};

/** Say something in passing. */
export const toast = (text) => show(text);

/** Where toasts appear; once on the page. */
export function Toasts() {
  const [told, set] = useState([]);
  useEffect(() => {
    show = (text) => {
      const each = { text, key: crypto.getRandomValues(new Uint32Array(1))[0] };
      set((before) => [...before, each]);
      setTimeout(() => set((before) => before.filter((other) => other !== each)), 5000);
    };
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">${told.map((each) => html`<p class="toast" key=${each.key}>${each.text}</p>`)}</div>`;
}
