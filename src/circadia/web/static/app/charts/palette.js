/** The colours of the style sheets as a canvas needs them: read from the custom properties, and anew when they change. */

const NAMES = [
  "recovery-green",
  "recovery-yellow",
  "recovery-red",
  "strain",
  "sleep",
  "stage-awake",
  "stage-light",
  "stage-deep",
  "stage-rem",
  "hrv",
  "heart",
  "breath",
  "oxygen",
  "temperature",
  "energy",
  "zone-0",
  "zone-1",
  "zone-2",
  "zone-3",
  "zone-4",
  "zone-5",
  "ink-1",
  "ink-2",
  "ink-3",
  "line",
  "surface-0",
  "surface-1",
  "surface-2",
  "focus",
];

/** By name of the custom property, each as `rgb()`; `font` is the family of the page. */
export function palette() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const found = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  found.font = getComputedStyle(document.body).fontFamily;
  probe.remove();
  return found;
}

/** The same colour, `share` (0..1) of it to be seen. */
export function faint(colour, share) {
  const [red, green, blue] = colour.match(/[\d.]+/g);
  return `rgba(${red}, ${green}, ${blue}, ${share})`;
}

/** The name in the palette for a metric's `colour`; recovery has its bands, and is drawn in ink between them. */
export function colourOf(metric) {
  return { recovery: "ink-2", neutral: "ink-2" }[metric.colour] ?? metric.colour;
}

/** The name in the palette for a band of recovery. */
export const bandColour = (band) => `recovery-${band}`;

/** Calls `redraw` when the colours are others: the system's scheme changed, or the page goes to paper. Returns the end. */
export function onColours(redraw) {
  const queries = ["(prefers-color-scheme: dark)", "print"].map((query) => matchMedia(query));
  for (const query of queries) query.addEventListener("change", redraw);
  return () => queries.forEach((query) => query.removeEventListener("change", redraw));
}
