/** What moves with a metric: each other one with its correlation, how sure that is, and the days behind it. */

import { html, useState } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { Intervals } from "../charts/intervals.js";
import { Answer, AnswerCard } from "../charts/room.js";
import { Scatter } from "../charts/scatter.js";
import { number, words } from "../format.js";
import { metric as known } from "../metrics.js";
import { Segmented } from "../ui.js";

const LAGS = [
  { value: "1", label: "The day before" },
  { value: "0", label: "Same day" },
];
const FOUND = ["together", "against"];
const FIRST = 12;

/** The metric of a name; one of another source has no row in the table, and its name for a label. */
const described = (name) => known(name) ?? { name, label: words(name), unit: "", precision: 1, colour: "neutral" };

export function Together({ member, metric, span, prefs }) {
  const [lag, setLag] = useState("1");
  const [open, setOpen] = useState(null);
  const answer = useAnalysis(member, "correlations", { metric: metric.name, from: span.from, to: span.to, lag });
  const toggle = (name) => setOpen(open === name ? null : name);
  return html`<${AnswerCard} title=${`What moves with ${lower(metric.label)}`} answer=${answer} height=${520}
    about="Pearson correlation with its 95 % interval, for as many days as are independent of one another (Pyper and
      Peterman 1998), corrected for looking at many figures at once (Benjamini and Hochberg). It says nothing about
      causes."
    actions=${html`<${Segmented} label="The other figure of" options=${LAGS} value=${lag}
      onChange=${(chosen) => {
        setLag(chosen);
        setOpen(null);
      }} />`}>
    ${({ rows }) => {
      const shown = rows.filter((row) => !row.built_in).sort(strongest);
      const found = shown.filter((row) => FOUND.includes(row.verdict));
      const nothing = shown.filter((row) => row.verdict === "nothing found");
      const short = shown.filter((row) => row.verdict === "not enough");
      const made = rows.filter((row) => row.built_in && !row.note).sort(strongest);
      const list = (some) => html`<${Intervals} label="Correlations" axis=${[-1, 1]} ends=${["against", "together"]}
        rows=${some.map((row) =>
          asRow(
            row,
            open,
            toggle,
            html`<${Days} member=${member} metric=${metric} other=${row.with} span=${span} lag=${lag}
          prefs=${prefs} />`,
          ),
        )} />`;
      return html`
        <p class="room-lead">${lead(found, nothing, metric, lag)}</p>
        ${found.length > 0 && list(found.slice(0, FIRST))}
        <${More} title=${`Found, but weaker (${found.length - FIRST})`} show=${found.length > FIRST}>${() => list(found.slice(FIRST))}<//>
        <${More} title=${`Nothing found (${nothing.length})`} show=${nothing.length > 0}>${() => list(nothing)}<//>
        <${More} title=${`One made from the other (${made.length})`} show=${made.length > 0}>${() => html`<p
          class="room-note">These go together because one is part of the other, or both come from the same measurement.</p>${list(made)}`}<//>
        <${More} title=${`Not enough days yet (${short.length})`} show=${short.length > 0}>${() => html`<${Intervals} label="Not enough days yet"
          rows=${short.map((row) => ({ key: row.with, label: described(row.with).label, note: row.note }))} />`}<//>
      `;
    }}
  <//>`;
}

const lower = (label) => (/^[A-Z]{2}/.test(label) ? label : label[0].toLowerCase() + label.slice(1));

const strongest = (one, other) => Math.abs(other.pearson ?? 0) - Math.abs(one.pearson ?? 0);

function lead(found, nothing, metric, lag) {
  const looked = found.length + nothing.length;
  if (!looked) return "There are not enough days yet to look for anything.";
  const when = lag === "1" ? " of the day before" : "";
  if (!found.length) return `Of ${looked} figures${when}, none moves with ${lower(metric.label)} beyond what chance would show.`;
  return `Of ${looked} figures${when}, ${found.length} ${found.length === 1 ? "moves" : "move"} with ${lower(metric.label)} beyond what chance would show.`;
}

const asRow = (row, open, toggle, children) => ({
  key: row.with,
  label: described(row.with).label,
  sub: `${row.n} days${row.source === "whoop" ? "" : `, from ${words(row.source)}`}`,
  point: row.pearson,
  low: row.low,
  high: row.high,
  clear: FOUND.includes(row.verdict),
  tone: "plain",
  text: html`<b>${signed(row.pearson)}</b> <span>${signed(row.low)} to ${signed(row.high)}</span>`,
  open: open === row.with,
  onPick: () => toggle(row.with),
  children: open === row.with && children,
});

const signed = (r) => (r < 0 ? number(r, 2) : `+${number(r, 2)}`);

function Days({ member, metric, other, span, lag, prefs }) {
  const answer = useAnalysis(member, "correlation", { metric: metric.name, with: other, from: span.from, to: span.to, lag });
  return html`<div class="intervals-more"><${Answer} answer=${answer} height=${330}>
    ${({ rows }) => html`<${Scatter} rows=${rows} x=${described(other)} y=${metric} prefs=${prefs} lag=${Number(lag)} />`}
  <//></div>`;
}

function More({ title, show, children }) {
  const [open, setOpen] = useState(false);
  return (
    show &&
    html`<details class="more-found"
    onToggle=${(event) => event.target === event.currentTarget && setOpen(event.currentTarget.open)}><summary>${title}</summary>${open && children()}</details>`
  );
}
