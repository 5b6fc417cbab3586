// Why: the body's five signals, each against what is usual for this person.
import { html } from "../lib.js";
import { Spark } from "../charts/spark.js";
import { number, value } from "../format.js";
import { metric } from "../metrics.js";
import { useWhose } from "../session.js";
import { Badge, Card } from "../ui.js";
import { SIGNALS, course } from "./paths.js";
import { absence, against, caution } from "./words.js";

const FIELDS = {
  hrv_rmssd_ms: ["recovery", "hrv"],
  resting_heart_rate_bpm: ["recovery", "rhr"],
  respiratory_rate_rpm: ["sleep", "respiratory_rate_rpm"],
  spo2_pct: ["recovery", "spo2_pct"],
  skin_temp_celsius: ["recovery", "skin_temp_celsius"],
};
const ABOUT =
  "The shaded range is the mean of the thirty days before, one standard deviation to either side. " +
  "A figure two deviations or more away is called unusual. HRV is compared on its logarithm. None of this is a diagnosis.";

const label = (name) => {
  const text = metric(name)?.label ?? name;
  return /^[A-Z]{2}/.test(text) ? text : text.toLowerCase();
};

function Signal({ name, day, series, vital, whose, prefs }) {
  const [partName, field] = FIELDS[name];
  const part = day[partName];
  const figure = part?.[field] ?? null;
  const shown = value(name, figure, prefs);
  const line = course(series, name, day.date);
  const mean = vital?.mean_30d ?? line?.mean ?? null;
  const unusual = vital?.verdict === "above" || vital?.verdict === "below";
  const title = metric(name)?.label ?? name;
  const away = Math.abs(vital?.z ?? 0);
  const compared = figure === null ? absence(day, partName).word : (against(name, figure, mean, whose, prefs) ?? vital?.note);
  return html`<li class="signal">
    <div class="signal-name">
      <h3>${title}</h3>
      ${unusual && html`<${Badge} tone="warn">${vital.verdict === "above" ? "▲ high" : "▼ low"}<//>`}
    </div>
    <div class="signal-value">${shown.text}${shown.unit && html`<small>${shown.unit}</small>`}</div>
    <p class="signal-compared">${compared}${away >= OUTSIDE_SD ? ` (${number(away, 1)}\u00a0SD)` : ""}</p>
    ${line
      ? html`<${Spark} ...${line} tone=${unusual ? "warn" : null} label=${`${title}, the last 30 days. ${compared ?? ""}`} />`
      : html`<div class="spark spark-empty"></div>`}
  </li>`;
}

const OUTSIDE_SD = 1; // the edge of the shaded range; from 2 on the API calls a figure unusual
const AWAY = { above: "high", below: "low" };

/** What is unusual about the signals, in a sentence. */
function summary(vitals, whose) {
  const told = vitals?.filter((each) => each.verdict) ?? [];
  if (!told.length) return null;
  const away = told.filter((each) => each.verdict in AWAY).map((each) => `${label(each.metric)} unusually ${AWAY[each.verdict]}`);
  const outside = told.filter((each) => !(each.verdict in AWAY) && Math.abs(each.z ?? 0) >= OUTSIDE_SD).map((each) => label(each.metric));
  const range = outside.length ? `. Outside ${whose.your} usual range: ${outside.join(", ")}` : "";
  if (!away.length) return `Nothing unusual for ${whose.you}${range && " (2\u00a0SD or more)"}${range}`;
  const rest = told.length - away.length - outside.length;
  const sentence = [...away, ...(rest ? [rest === 1 ? "the other as usual" : "the others as usual"] : [])].join(", ");
  return sentence.charAt(0).toUpperCase() + sentence.slice(1) + range;
}

export function Body({ day, series, vitals, prefs }) {
  const whose = useWhose();
  const said = [caution(day.recovery), summary(vitals, whose)].filter(Boolean).join(". ");
  return html`<${Card} title="Body" about=${ABOUT} className="body-card">
    ${said && html`<p class="card-lead">${said}</p>`}
    <ul class="signals">
      ${SIGNALS.map(
        (name) => html`<${Signal} key=${name} name=${name} day=${day} series=${series} whose=${whose} prefs=${prefs} vital=${vitals?.find((each) => each.metric === name)} />`,
      )}
    </ul>
  <//>`;
}
