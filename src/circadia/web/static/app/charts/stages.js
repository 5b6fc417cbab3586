// The stages of a night, by how long each lasted.
import { html } from "../lib.js";
import { duration, number } from "../format.js";
import { Bar, Legend } from "./band.js";

const STAGES = [
  ["awake", "Awake"],
  ["light", "Light"],
  ["deep", "Deep"],
  ["rem", "REM"],
];

/** `stages` and `inBed` of a sleep in milliseconds, as the day document tells them. */
export function Stages({ stages, inBed }) {
  const parts = STAGES.map(([name, label]) => {
    const size = stages[`${name}_ms`] ?? 0;
    return { name, label, size, text: duration(size / 1000), share: inBed ? `${number((size / inBed) * 100)} %` : null, colour: `stage-${name}` };
  });
  if (stages.no_data_ms > 0) {
    parts.push({ name: "none", label: "No data", size: stages.no_data_ms, text: duration(stages.no_data_ms / 1000), colour: "surface-3" });
  }
  return html`<${Bar} parts=${parts} label=${`Stages: ${parts.map((each) => `${each.label} ${each.text}`).join(", ")}`} />
    <${Legend} parts=${parts} />`;
}
