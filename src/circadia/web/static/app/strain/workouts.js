/** The workouts, newest first, of one sport or of all. */

import { html, useEffect, useState } from "../lib.js";
import { get } from "../api.js";
import { clock, dateLabel, duration, number, sportName } from "../format.js";
import { words } from "../charts/scale.js";
import { Trouble } from "../charts/room.js";
import { metric } from "../metrics.js";
import { Link } from "../router.js";
import { Badge, Button, Card, Dash, Select, Skeleton, Table } from "../ui.js";

const ZONES = ["zero", "one", "two", "three", "four", "five"];
const MILE = 1_609.344;
const PAGE = 20;

export function Workouts({ member, prefs }) {
  const [records, setRecords] = useState([]);
  const [next, setNext] = useState(null);
  const [asking, setAsking] = useState(true);
  const [error, setError] = useState(null);
  const [sport, setSport] = useState("");
  const page = (cursor) => {
    setAsking(true);
    setError(null);
    return get(
      `/api/v1/whoop/records/${encodeURIComponent(member)}/workout?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
    )
      .then((answer) => {
        setRecords((before) => (cursor ? [...before, ...answer.records] : answer.records));
        setNext(answer.next_cursor);
      }, setError)
      .finally(() => setAsking(false));
  };
  useEffect(() => {
    page();
  }, [member]);
  const sports = [...new Set(records.map((each) => sportName(each.sport_name)))].sort();
  const of = (name) => records.filter((each) => sportName(each.sport_name) === name);
  const shown = sport ? of(sport) : records;
  return html`<${Card} title="Workouts" actions=${
    sports.length > 1 &&
    html`<${Select} label="Sport" hideLabel=${true} value=${sport}
    onChange=${setSport}
      options=${[{ value: "", label: `All sports (${records.length})` }, ...sports.map((name) => ({ value: name, label: `${name} (${of(name).length})` }))]} />`
  }>
    ${shown.length > 0 && html`<${Table} caption="Workouts, newest first" columns=${columns(prefs)} rows=${shown} />`}
    ${asking && records.length === 0 && html`<${Skeleton} height=${320} />`}
    ${!asking && !error && records.length === 0 && html`<p class="room-note">No workout has been recorded yet.</p>`}
    ${error && html`<${Trouble} error=${error} reload=${() => page(next)} />`}
    ${
      next &&
      html`<p class="more-rows"><${Button} busy=${asking}
      onClick=${() => page(next)}>Earlier workouts<//><span>${records.length} shown, back to ${dateLabel(records.at(-1).day ?? records.at(-1).start.slice(0, 10), "medium")}</span></p>`
    }
  <//>`;
}

const columns = (prefs) => [
  {
    name: "day",
    label: "When",
    show: (each) => html`<${Link} to=${`/day/${each.day}`}
    class="text-link">${dateLabel(each.day ?? each.start.slice(0, 10), "medium")}<//> <small>${clock(each.start, each.timezone_offset, prefs)}</small>`,
  },
  {
    name: "sport",
    label: "Sport",
    show: (each) =>
      html`${sportName(each.sport_name)}${
        each.score_state === "SCORED"
          ? ""
          : html` <${Badge}
    tone="warn">${each.score_state === "PENDING_SCORE" ? "score pending" : "not scored"}<//>`
      }`,
  },
  { name: "duration", label: "Duration", align: "right", show: (each) => duration((Date.parse(each.end) - Date.parse(each.start)) / 1000) },
  { name: "strain", label: "Strain", align: "right", show: (each) => figure(each.strain, 1) },
  { name: "zones", label: "Zones 0 to 5", show: (each) => html`<${Zones} workout=${each} />` },
  { name: "average", label: "Avg HR", align: "right", show: (each) => figure(each.average_heart_rate, 0) },
  { name: "max", label: "Max HR", align: "right", show: (each) => figure(each.max_heart_rate, 0) },
  {
    name: "energy",
    label: "Energy",
    align: "right",
    show: (each) =>
      each.kilojoule === null
        ? html`<${Dash}
    reason="not told" />`
        : words(metric("energy_kj"), each.kilojoule, prefs),
  },
  { name: "distance", label: "Distance", align: "right", show: (each) => distance(each.distance_meter, prefs) },
];

const figure = (value, digits) => (value === null ? html`<${Dash} reason="not scored" />` : number(value, digits));

function distance(metres, { units }) {
  if (metres === null) return html`<${Dash} reason="not told for this workout" />`;
  return units === "imperial" ? `${number(metres / MILE, 1)} mi` : `${number(metres / 1000, 1)} km`;
}

function Zones({ workout }) {
  const times = ZONES.map((zone) => workout[`zone_${zone}_milli`] ?? 0);
  if (!times.some(Boolean)) return html`<${Dash} reason="no zones told" />`;
  const told = times
    .map((time, zone) => (time ? `zone ${zone} ${duration(time / 1000)}` : ""))
    .filter(Boolean)
    .join(", ");
  return html`<span class="zone-bar" role="img" aria-label=${told} title=${told}>${times.map(
    (time, zone) =>
      time > 0 &&
      html`<i key=${zone}
    class=${`zone-${zone}`} style=${{ flexGrow: time }}></i>`,
  )}</span>`;
}
