// The day: what it took, and the workouts in it.
import { html } from "../lib.js";
import { Zones, ZonesKey } from "../charts/zones.js";
import { clock, duration, number, sportName, value } from "../format.js";
import { Card, Empty, Figure } from "../ui.js";
import { absence } from "./words.js";

const MILE_M = 1609.344;

function distance(metres, { units }) {
  if (!metres) return null;
  return units === "imperial" ? `${number(metres / MILE_M, 1)} mi` : `${number(metres / 1000, 1)} km`;
}

function Workout({ workout, prefs }) {
  const scored = workout.strain !== null;
  const heart = scored && `${number(workout.average_hr_bpm)} bpm, highest ${number(workout.max_hr_bpm)}`;
  const facts = [heart, scored && `${number(workout.calories)} kcal`, distance(workout.distance_m, prefs)].filter(Boolean);
  return html`<li class="workout">
    <div class="workout-name">
      <h3>${sportName(workout.sport)}</h3>
      <span class="muted">${clock(workout.start_at, workout.timezone_offset, prefs)} · ${duration(workout.duration_ms / 1000)}</span>
    </div>
    <div class="workout-strain">${scored ? html`${number(workout.strain, 1)}<small>strain</small>` : html`<span class="dash">–</span>`}</div>
    ${scored && workout.zones_ms && html`<${Zones} zones=${workout.zones_ms} />`}
    <p class="muted workout-facts">${scored ? facts.join(" · ") : absence({ workout, missing: [] }, "workout").word}</p>
  </li>`;
}

export function Strain({ day, prefs }) {
  const { cycle, workouts, other_cycles: others } = day;
  const known = cycle && cycle.strain !== null;
  const energy = value("energy_kj", cycle?.kilojoule ?? null, prefs);
  const { word, remedy } = absence(day, "cycle");
  return html`<${Card} title="Strain" className="strain-card" actions=${cycle?.open && html`<span class="muted">so far</span>`}>
    ${known
      ? html`<div class="strain-lead"><p class="sleep-lead"><strong>${number(cycle.strain, 1)}</strong> of 21</p>
        <div class="figures">
          <${Figure} label="Energy" value=${energy.text} unit=${energy.unit} />
          <${Figure} label="Avg heart rate" value=${number(cycle.average_hr_bpm)} unit="bpm" />
          <${Figure} label="Max heart rate" value=${number(cycle.max_hr_bpm)} unit="bpm" />
          ${cycle.steps !== null && html`<${Figure} label="Steps" value=${number(cycle.steps)} />`}
        </div></div>`
      : html`<${Empty} icon="strain" title=${word}>${remedy}<//>`}
    ${others.length > 0 &&
    html`<p class="muted card-note">Two cycles fell on this date. The one with the longer sleep stands here;
      ${others.length > 1 ? " the others" : " the other"} had a strain of
      ${` ${others.map((each) => number(each.cycle.strain, 1)).join(" and ")}`}.</p>`}
    ${known && !workouts.length && html`<p class="muted card-note">${cycle.open ? "No workouts so far." : "No workouts."}</p>`}
    ${workouts.length > 0 &&
    html`<ul class="workouts">${workouts.map((each) => html`<${Workout} key=${each.id} workout=${each} prefs=${prefs} />`)}</ul>
      <${ZonesKey} />`}
  <//>`;
}
