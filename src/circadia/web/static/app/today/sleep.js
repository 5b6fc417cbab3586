// The night: when, which stages, how much against how much was needed, and naps.
import { html } from "../lib.js";
import { Bar } from "../charts/band.js";
import { Stages } from "../charts/stages.js";
import { clock, duration, number, wholeMinutes } from "../format.js";
import { Badge, Card, Empty, Figure } from "../ui.js";
import { absence, caution } from "./words.js";

const ABOUT_NEED = "WHOOP's own estimate of the sleep needed: a baseline, more for sleep debt and for strain, less for naps.";

const times = (sleep, prefs) =>
  `${clock(sleep.start_at, sleep.timezone_offset, prefs)} – ${clock(sleep.end_at, sleep.timezone_offset, prefs)}`;

/** The parts of a need in whole minutes. What rounding left over is the baseline's, so that they come to the total. */
function needed({ total_ms, baseline_ms, debt_ms, strain_ms, nap_ms }) {
  const [total, debt, strain, nap] = [total_ms, debt_ms, strain_ms, nap_ms].map(wholeMinutes);
  const adds = Math.abs(total_ms - (baseline_ms ?? 0) - (debt_ms ?? 0) - (strain_ms ?? 0) - (nap_ms ?? 0)) < 60_000;
  return { baseline: adds ? total - debt - strain - nap : wholeMinutes(baseline_ms), debt, strain, nap };
}

function Need({ sleep }) {
  const [total, got] = [sleep.need.total_ms, sleep.asleep_ms].map(wholeMinutes);
  const { baseline, debt, strain, nap } = needed(sleep.need);
  const whole = Math.max(got, baseline + debt + strain);
  const part = (name, label, size, colour) => ({ name, label, size, text: duration(size), colour });
  const parts = [part("baseline", "Baseline", baseline, "sleep"), part("debt", "Debt", debt, "need-debt"), part("strain", "Strain", strain, "strain")];
  const missing = total - got;
  return html`<div class="need">
    <h3>Got against needed</h3>
    <dl class="need-rows">
      <dt>Got</dt>
      <dd><${Bar} thin whole=${whole} parts=${[part("got", "Asleep", got, "sleep")]} label=${`Asleep ${duration(got)}`} /></dd>
      <dd class="need-figure">${duration(got)}</dd>
      <dt>Needed</dt>
      <dd><${Bar} thin whole=${whole} parts=${parts} label=${`Needed ${duration(total)}`} /></dd>
      <dd class="need-figure">${duration(total)}</dd>
    </dl>
    <p class="need-parts">
      ${parts.filter((each) => each.size > 0).map((each) => html`<span key=${each.name}><i style=${{ background: `var(--${each.colour})` }}></i>${each.label} ${each.text}</span>`)}
      ${nap < 0 && html`<span>Naps ${duration(nap)}</span>`}
      <strong>${missing > 0 ? `${duration(missing)} short` : `${duration(-missing)} more than needed`}</strong>
    </p>
  </div>`;
}

function Nap({ nap, prefs, what }) {
  const length = nap.asleep_ms === null ? absence({ sleep: nap, missing: [] }, "sleep").word : duration(nap.asleep_ms / 1000);
  return html`<li>
    <span>${what}</span><span class="muted">${times(nap, prefs)}</span><span class="nap-length">${length}</span>
  </li>`;
}

export function Sleep({ day, prefs }) {
  const { sleep, naps, other_sleeps: others } = day;
  const more = [...naps.map((nap) => ["Nap", nap]), ...others.map((nap) => ["Another sleep", nap])];
  const list =
    more.length > 0 &&
    html`<ul class="naps">${more.map(([what, nap]) => html`<${Nap} key=${nap.id} what=${what} nap=${nap} prefs=${prefs} />`)}</ul>`;
  if (!sleep || sleep.asleep_ms === null) {
    const { word, remedy } = absence(day, "sleep");
    return html`<${Card} title="Sleep" className="sleep-card">
      <${Empty} icon="sleep" title=${word}>${sleep ? `In bed ${times(sleep, prefs)}. ${remedy ?? ""}` : remedy}<//>${list}
    <//>`;
  }
  return html`<${Card} title="Sleep" about=${ABOUT_NEED} className="sleep-card" actions=${html`<span class="muted">${times(sleep, prefs)}</span>`}>
    <p class="sleep-lead"><strong>${duration(sleep.asleep_ms / 1000)}</strong> asleep ${caution(sleep) && html`<${Badge}>${caution(sleep)}<//>`}</p>
    <${Stages} stages=${sleep.stages} inBed=${sleep.in_bed_ms} />
    <div class="figures">
      <${Figure} label="In bed" value=${duration(sleep.in_bed_ms / 1000)} />
      <${Figure} label="Efficiency" value=${number(sleep.efficiency_pct)} unit="%" />
      <${Figure} label="Consistency" value=${number(sleep.consistency_pct)} unit="%" />
      <${Figure} label="Disturbed" value=${number(sleep.disturbances)} unit="times" />
    </div>
    ${sleep.need?.total_ms ? html`<${Need} sleep=${sleep} />` : null} ${list}
  <//>`;
}
