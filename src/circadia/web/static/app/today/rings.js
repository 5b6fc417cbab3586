// The three rings: how recovered, how slept, how strained.
import { html } from "../lib.js";
import { Ring } from "../charts/ring.js";
import { duration, number } from "../format.js";
import { useWhose } from "../session.js";
import { Badge } from "../ui.js";
import { BANDS, absence, against, caution } from "./words.js";
import { course } from "./paths.js";

function Dial({ name, value, digits = 0, unit, max, colour, target, badge, lines, missing }) {
  const there = value !== null && value !== undefined;
  const said = there ? `${number(value, digits)}${unit}` : missing.word;
  return html`<div class="dial">
    <${Ring} value=${there ? value : null} max=${max} colour=${colour} target=${target} label=${`${name}: ${said}`}>
      <span class=${there ? "ring-number" : "ring-number dash"}>${there ? number(value, digits) : "–"}${there && unit && html`<small>${unit}</small>`}</span>
    <//>
    <div class="dial-text">
      <h2>${name}</h2>
      ${badge}
      ${there ? lines.filter(Boolean).map((line) => html`<p>${line}</p>`) : html`<p class="dial-missing">${missing.word}</p>`}
    </div>
  </div>`;
}

const TONES = { green: "good", yellow: "warn", red: "bad" };

function Recovery({ day, series }) {
  const part = day.recovery;
  const score = part?.score ?? null;
  const whose = useWhose();
  return html`<${Dial}
    name="Recovery"
    value=${score}
    unit="%"
    max=${100}
    colour=${part?.band ? `recovery-${part.band}` : "surface-3"}
    missing=${absence(day, "recovery")}
    badge=${part?.band && html`<${Badge} tone=${TONES[part.band]}>${BANDS[part.band]}<//>`}
    lines=${[caution(part), against("recovery_score", score, course(series, "recovery_score", day.date)?.mean, whose)]}
  />`;
}

function Sleep({ day }) {
  const part = day.sleep;
  const asleep = part?.asleep_ms ?? null;
  const need = part?.need?.total_ms ?? null;
  return html`<${Dial}
    name="Sleep"
    value=${part?.performance ?? null}
    unit="%"
    max=${100}
    colour="sleep"
    missing=${part?.asleep_ms ? { word: `${duration(asleep / 1000)} asleep, without a score` } : absence(day, "sleep")}
    lines=${[caution(part), asleep !== null && (need === null ? `${duration(asleep / 1000)} asleep` : `${duration(asleep / 1000)} of ${duration(need / 1000)} needed`)]}
  />`;
}

function Strain({ day, aim }) {
  const part = day.cycle;
  const range = aim && aim.low !== null ? [aim.low, aim.high] : null;
  const words = range && `${part?.open ? "Aim for" : "Aim was"} ${number(range[0])} to ${number(range[1])}`;
  return html`<${Dial}
    name="Strain"
    value=${part?.strain ?? null}
    digits=${1}
    unit=""
    max=${21}
    colour="strain"
    target=${range}
    missing=${absence(day, "cycle")}
    badge=${part?.open && html`<${Badge} tone="info">So far<//>`}
    lines=${[caution(part), words]}
  />`;
}

/** `series` of the trends and `aim`, the strain target's row, may still be on their way. */
export const Rings = ({ day, series, aim }) =>
  html`<section class="card rings" aria-label="Recovery, sleep and strain">
    <${Recovery} day=${day} series=${series} /><${Sleep} day=${day} /><${Strain} day=${day} aim=${aim} />
  </section>`;
