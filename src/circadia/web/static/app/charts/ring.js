// A ring: how much of a whole. A second, thin arc outside it marks a range to aim for.
import { html } from "../lib.js";

const SIZE = 128;
const WIDTH = 10;
const WIDE = 13;
const RADIUS = (SIZE - WIDTH) / 2 - 7;
const OUTSIDE = SIZE / 2 - 2;

const length = (radius) => 2 * Math.PI * radius;

function point(share, radius) {
  const angle = share * 2 * Math.PI - Math.PI / 2;
  return `${(SIZE / 2 + radius * Math.cos(angle)).toFixed(2)} ${(SIZE / 2 + radius * Math.sin(angle)).toFixed(2)}`;
}

const arc = (from, to) =>
  `M${point(from, OUTSIDE)}A${OUTSIDE} ${OUTSIDE} 0 ${to - from > 0.5 ? 1 : 0} 1 ${point(to, OUTSIDE)}`;

/** `small`: a thin one that leaves room for two digits. `value` of `max` in a colour of the palette; null leaves the track alone. `target`: `[low, high]` in the same unit.
 * `label` says it all to a screen reader; children stand in the middle. */
export function Ring({ value, max = 100, colour, target, label, small = false, children }) {
  const share = value === null || value === undefined ? 0 : Math.min(Math.max(value / max, 0), 1);
  const whole = length(RADIUS);
  return html`<div class=${small ? "ring ring-small" : "ring"} role=${label ? "img" : undefined} aria-label=${label} style=${{ "--ring": `var(--${colour})` }}>
    <svg viewBox=${`0 0 ${SIZE} ${SIZE}`} aria-hidden="true">
      <circle class="ring-track" cx=${SIZE / 2} cy=${SIZE / 2} r=${RADIUS} stroke-width=${small ? WIDE : WIDTH} />
      <circle
        class="ring-value"
        cx=${SIZE / 2}
        cy=${SIZE / 2}
        r=${RADIUS}
        stroke-width=${small ? WIDE : WIDTH}
        stroke-dasharray=${`${whole} ${whole}`}
        style=${{ strokeDashoffset: whole * (1 - share), opacity: share ? 1 : 0 }}
        transform=${`rotate(-90 ${SIZE / 2} ${SIZE / 2})`}
      />
      ${target && html`<path class="ring-target" d=${arc(target[0] / max, target[1] / max)} />`}
    </svg>
    <div class="ring-middle" aria-hidden=${label ? "true" : undefined}>${children}</div>
  </div>`;
}
