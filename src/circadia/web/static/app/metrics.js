// The table of what a day's figures are: label, unit, precision, polarity, colour. The API's, and the only one.
import { useApi } from "./api.js";

const PATH = "/api/v1/whoop/metrics";

let byName = new Map();
let known = null;

function learn(table) {
  if (table && table !== known) {
    known = table;
    byName = new Map(table.metrics.map((each) => [each.name, each]));
  }
  return known;
}

/** A metric's row, or undefined before the table is there. */
export const metric = (name) => byName.get(name);

const GREEN = 67;
const YELLOW = 34;

/** WHOOP's band of a recovery score: green from 67, yellow from 34, red below; null without one. */
export const recoveryBand = (score) =>
  score === null || score === undefined ? null : score >= GREEN ? "green" : score >= YELLOW ? "yellow" : "red";

/** `{metrics, analyses, byName, loading, error}`. */
export function useMetrics() {
  const { data, loading, error } = useApi(PATH);
  learn(data);
  return { metrics: data?.metrics ?? [], analyses: data?.analyses ?? [], byName, loading, error };
}

const ENDINGS = /_(ms|s|at|bpm|rpm|pct|percent|celsius|kcal|kj|min|m|kg|count|mmhg|mg_dl)$/;
const ACRONYMS = { hrv: "HRV", sdnn: "SDNN", rem: "REM", vo2: "VO₂" };

/** What a reading of the merged sources is called: as the day's figure of that name, else by its words. */
export const readingLabel = (name) =>
  metric(name)?.label ??
  name.replace(ENDINGS, "").split("_").map((word) => ACRONYMS[word] ?? word).join(" ").replace(/^./, (first) => first.toUpperCase());
