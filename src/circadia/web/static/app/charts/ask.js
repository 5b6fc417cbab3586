/** What the rooms ask of the API: the addresses of courses and analyses, and the stretch of days they are asked for. */

import { useApi } from "../api.js";
import { daysBetween, plusDays } from "./days.js";

const ROOT = "/api/v1/whoop";

export const RANGES = [
  { value: "28", label: "4 weeks" },
  { value: "91", label: "3 months" },
  { value: "365", label: "1 year" },
  { value: "all", label: "All" },
];

const query = (given) => new URLSearchParams(Object.entries(given).filter(([, each]) => each !== undefined && each !== null)).toString();

/** The columns of a course that has only its days, and of one with its means and usual range. */
export const DAYS_ALONE = ["value", "state"];
const WITH_RANGE = [...DAYS_ALONE, "mean_7d", "mean_30d", "low", "high"];

/** The courses of some metrics (names), each with its trend. */
const coursesPath = (userId, metrics, { from, to }, columns) =>
  `${ROOT}/trends/${encodeURIComponent(userId)}?${query({ from, to, metrics: metrics.join(","), columns: columns.join(",") })}`;

/** The rows of an analysis; `given` are its parameters. */
const analysisPath = (userId, analysis, given) => `${ROOT}/trends/${encodeURIComponent(userId)}/${analysis}?${query(given)}`;

/** The answer to an analysis, once there is a stretch to ask for. */
export const useAnalysis = (userId, analysis, given) => useApi(userId && given ? analysisPath(userId, analysis, given) : null);

/** The answer for the courses of some metrics, once there is a stretch. */
export const useCourses = (userId, metrics, span, columns = WITH_RANGE) =>
  useApi(userId && span && metrics.length ? coursesPath(userId, metrics, span, columns) : null);

/** `{first, last, empty, nobody, error}`: the dates between which the member has days; `nobody`: no member is shown. */
export function useExtent(userId) {
  const newest = useApi(userId ? coursesPath(userId, ["recovery_score"], {}, DAYS_ALONE) : null);
  const counted = useApi(userId ? `${ROOT}/statistics/${encodeURIComponent(userId)}` : null);
  const error = newest.error ?? counted.error;
  if (!userId) return { nobody: true };
  if (!newest.data || !counted.data) return { error };
  const begun = Object.values(counted.data.types)
    .map((type) => type.first)
    .filter(Boolean)
    .sort()[0];
  return { first: begun?.slice(0, 10), last: newest.data.to, empty: !begun, error };
}

/** The stretch that a range means, `{from, to, days}`. */
export function spanOf(range, { first, last }) {
  if (!last || !first) return null;
  const wanted = range === "all" ? first : plusDays(last, 1 - Number(range));
  const from = wanted < last ? wanted : last;
  return { from, to: last, days: daysBetween(from, last) };
}
