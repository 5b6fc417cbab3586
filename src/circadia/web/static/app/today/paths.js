// What Today asks the API for. Series come in blocks of four weeks, so that neighbouring days share an answer.
import { addDays, today } from "../format.js";

export const SIGNALS = ["hrv_rmssd_ms", "resting_heart_rate_bpm", "respiratory_rate_rpm", "spo2_pct", "skin_temp_celsius"];
const FIGURES = ["recovery_score", "sleep_performance_pct", "strain"];
const COURSES = [...FIGURES, ...SIGNALS];
const COLUMNS = ["value", "settled", "state", "mean_30d", "low", "high"];
const BLOCK = 28;
const SHOWN = 30;
const WEEK = 7;
const FROM_MONDAY = 3; // the first of January 1970 was a Thursday
const DAY_MS = 86_400_000;

const of = (user) => `/api/v1/whoop/trends/${encodeURIComponent(user)}`;

export const vitalsPath = (user, date) => `${of(user)}/vitals?day=${date}`;
export const targetPath = (user, date) => `${of(user)}/strain-target?day=${date}`;
export const statusPath = (user) => `/api/v1/whoop/sync-status/${encodeURIComponent(user)}`;
export const doctorPath = (user) => `/api/v1/whoop/doctor/${encodeURIComponent(user)}?days=7`;
export const mergedPath = (user, date) => `/api/v1/unified/${encodeURIComponent(user)}/days?from=${date}&to=${date}`;

export function seriesPath(user, date) {
  const end = Math.floor((Date.parse(`${date}T00:00:00Z`) / DAY_MS + FROM_MONDAY) / BLOCK + 1) * BLOCK - FROM_MONDAY - 1;
  const last = new Date(end * DAY_MS).toISOString().slice(0, 10);
  const beyond = addDays(last, WEEK - 1); // of a week that begins on the block's last day
  const to = beyond < today() ? beyond : date > today() ? date : today();
  return `${of(user)}?from=${addDays(last, 1 - BLOCK - SHOWN)}&to=${to}&metrics=${COURSES.join(",")}&columns=${COLUMNS.join(",")}`;
}

/** The thirty days of a metric that end with a date, and that date's own row; null while they are not there. */
export function course(answer, name, date) {
  const series = answer?.metrics?.[name]?.series;
  const at = series ? series.day.indexOf(date) : -1;
  if (at < 0) return null;
  const cut = (column) => (series[column] ?? []).slice(Math.max(at - SHOWN + 1, 0), at + 1);
  return {
    values: cut("value"),
    low: cut("low"),
    high: cut("high"),
    counts: cut("settled"),
    mean: series.mean_30d?.[at] ?? null,
    state: series.state?.[at],
  };
}

export const recordsPath = (user) => `/api/v1/whoop/statistics/${encodeURIComponent(user)}`;

/** All days, of whom `records` counts something: just whether they have any of the three figures. */
export function historyPath(user, { types }) {
  const begun = Object.values(types)
    .map((each) => each.first)
    .filter(Boolean)
    .sort()[0];
  // an instant in UTC may be of the day before on the clock of the place
  return begun ? `${of(user)}?from=${addDays(begun.slice(0, 10), -1)}&metrics=${FIGURES.join(",")}&columns=value` : null;
}

/** The nearest dates before and after one that have something, and the nearer of the two as `first`. */
export function nearest(answer, date) {
  const series = Object.values(answer?.metrics ?? {}).map((each) => each.series);
  const days = (series[0]?.day ?? []).filter((_, index) => series.some((each) => each.value[index] !== null));
  const before = days.findLast((day) => day < date);
  const after = days.find((day) => day > date);
  const far = (day) => Math.abs(Date.parse(day) - Date.parse(date));
  return { before, after, first: before && after ? (far(before) <= far(after) ? before : after) : (before ?? after) };
}
