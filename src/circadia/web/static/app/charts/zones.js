// The heart rate zones of a workout, by how long each lasted.
import { html } from "../lib.js";
import { duration } from "../format.js";
import { Bar } from "./band.js";

const parts = (zones) =>
  zones.map((size, zone) => ({ name: zone, label: `Zone ${zone}`, size, text: duration(size / 1000), colour: `zone-${zone}` }));

/** `zones`: milliseconds in zone 0 to 5. */
export function Zones({ zones }) {
  const all = parts(zones);
  const told = all.filter((each) => each.size > 0).map((each) => `${each.label} ${each.text}`);
  return html`<${Bar} thin parts=${all} label=${`Heart rate zones: ${told.join(", ") || "none"}`} />`;
}

/** Which colour is which zone. */
export const ZonesKey = () =>
  html`<div class="zones-key" aria-hidden="true">
    <span>Zone</span>${[0, 1, 2, 3, 4, 5].map((zone) => html`<span key=${zone}><i style=${{ background: `var(--zone-${zone})` }}></i>${zone}</span>`)}
  </div>`;
