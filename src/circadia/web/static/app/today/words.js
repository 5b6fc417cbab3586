// The sentences of Today: states and comparisons, the same wherever they stand.
import { MINUS, apart, value } from "../format.js";

const STATES = {
  PENDING_SCORE: "WHOOP is still scoring it",
  UNSCORABLE: "WHOOP could not score it",
};

const REASONS = {
  pending_score: "WHOOP is still scoring it",
  unscorable: "WHOOP could not score it",
  not_recorded: "Not recorded",
  no_data: "No data",
  scope_missing: "Not shared with Circadia",
  not_connected: "WHOOP is not connected",
  fetching: "Being fetched from WHOOP",
};

/** Why a part of the day has no figure: `{word, remedy}`. */
export function absence(day, part) {
  const state = STATES[day[part]?.state];
  const missing = day.missing.find((each) => each.part === part || each.part === "day");
  return { word: state ?? REASONS[missing?.reason] ?? "Not recorded", remedy: missing?.remedy ?? null };
}

/** What is to be known of a figure that is there: calibrating, so far, from an export. */
export function caution(part) {
  if (!part) return null;
  if (part.calibrating) return "WHOOP is calibrating";
  if (part.source === "export") return "from an export";
  return null;
}

/** A figure against the mean of the thirty days before it; `whose` are the words for whose they are. */
export function against(name, figure, mean, whose, prefs) {
  if (figure === null || figure === undefined || mean === null || mean === undefined) return null;
  const { sign, size, unit } = apart(name, figure, mean, prefs);
  const normal = value(name, mean, prefs);
  const of = `${whose.your} 30-day mean of ${normal.text}${unit ? ` ${unit}` : ""}`;
  return sign ? `${size} ${sign === MINUS ? "below" : "above"} ${of}` : `At ${of}`;
}

export const BANDS = { green: "Green", yellow: "Yellow", red: "Red" };
