/** Weeks and months at a glance: the means of the days that count, and how many days were of which band. */

import { html, useState } from "../lib.js";
import { spanOf, useAnalysis } from "../charts/ask.js";
import { daysBetween, plusDays } from "../charts/days.js";
import { AnswerCard } from "../charts/room.js";
import { words } from "../charts/scale.js";
import { dateLabel } from "../format.js";
import { metric } from "../metrics.js";
import { Dash, Segmented, Table } from "../ui.js";

const PERIODS = [
  { value: "weeks", label: "Weeks" },
  { value: "months", label: "Months" },
];
const COLUMNS = [
  "recovery_score",
  "hrv_rmssd_ms",
  "resting_heart_rate_bpm",
  "sleep_performance_pct",
  "sleep_duration_s",
  "strain",
  "energy_kj",
];
const SHORT = { resting_heart_rate_bpm: "Resting HR", sleep_performance_pct: "Sleep", strain: "Strain", energy_kj: "Energy a day" };

/** The first and the last day of a row's week or month. */
function stretchOf({ week, month }) {
  if (week) return [week, plusDays(week, 6)];
  return [month, plusDays(`${plusDays(month, 31).slice(0, 8)}01`, -1)];
}

/** Of a row: how many of its days have been since the first, and whether more are to come. */
function daysOf(row, { first, last }) {
  const [from, to] = stretchOf(row);
  const [begun, over] = [from < first ? first : from, to < last ? to : last];
  return { days: Math.max(daysBetween(begun, over), 0), running: to >= last };
}

export function Glance({ member, extent, prefs }) {
  const [by, setBy] = useState("weeks");
  const span = spanOf(by === "weeks" ? "84" : "365", extent);
  const monday = (day) => plusDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7));
  const from = by === "weeks" ? monday(span.from) : `${span.from.slice(0, 8)}01`;
  const answer = useAnalysis(member, by, { from, to: span.to });
  const mean = (name) => ({
    name,
    label: SHORT[name] ?? metric(name).label,
    align: "right",
    show: (row) =>
      row[name] === null ? html`<${Dash} reason=${`${row[`${name}_n`]} days are too few`} />` : words(metric(name), row[name], prefs),
  });
  const columns = [
    {
      name: "period",
      label: by === "weeks" ? "Week from" : "Month",
      show: (row) =>
        html`${row.week ? dateLabel(row.week, "medium") : dateLabel(row.month, "month")}${daysOf(row, extent).running && html` <small>so far</small>`}`,
    },
    { name: "bands", label: "Days by band", show: (row) => html`<${Bands} ...${row} days=${daysOf(row, extent).days} />` },
    ...COLUMNS.map(mean),
    { name: "nights_enough", label: "Nights of 85 % or more", align: "right" },
  ];
  return html`<${AnswerCard} title="At a glance" about="Means of the days that count; a dash where fewer than 4 of a week or 14 of a month do."
    answer=${answer} height=${420}
    actions=${html`<${Segmented} label="By" options=${PERIODS} value=${by} onChange=${setBy} />`}>
    ${({ rows }) => html`${by === "weeks" && prefs.week_starts !== "monday" && html`<p class="room-note">Weeks run Monday to Sunday here.</p>`}
      <${Table} caption=${`The last ${rows.length} ${by}`} columns=${columns} rows=${[...rows].reverse()} />`}
  <//>`;
}

function Bands({ green, yellow, red, days }) {
  const none = Math.max(days - green - yellow - red, 0);
  const all = { green, yellow, red, none };
  const said = `${green} green, ${yellow} yellow, ${red} red${none ? `, ${none} without a band` : ""}`;
  return html`<span class="bands" role="img" aria-label=${said} title=${said}>
    ${Object.entries(all)
      .filter(([, count]) => count > 0)
      .map(
        ([band, count]) => html`<span key=${band} class=${`bands-part band-${band}`}
      style=${{ flexGrow: count }}>${count}</span>`,
      )}
  </span>`;
}
