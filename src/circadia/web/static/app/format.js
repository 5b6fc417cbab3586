// Numbers, durations and times as they are read. Nothing is computed here but a change of unit.
import { metric } from "./metrics.js";

const LOCALE = navigator.language?.startsWith("en") ? navigator.language : "en-GB";
const KJ_PER_KCAL = 4.184;
export const MINUS = "\u2212";

const plain = (number, digits) =>
  number.toLocaleString(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", MINUS);

/** A number with so many digits after the point. */
export const number = (value, digits = 0) => (value === null || value === undefined ? "–" : plain(value, digits));

/** A figure of a day in the unit it is shown in: `{number, unit, digits, kind}`. `kind`: number, duration or clock. */
export function shown(name, value, prefs = {}) {
  const { unit = "", precision = 0 } = metric(name) ?? {};
  if (unit === "s") return { number: value, unit: "", digits: 0, kind: "duration" };
  if (unit === "min") return { number: value, unit: "", digits: 0, kind: "clock" };
  if (unit === "°C" && prefs.units === "imperial") return { number: value * 1.8 + 32, unit: "°F", digits: 1, kind: "number" };
  if (unit === "kJ") return { number: value / KJ_PER_KCAL, unit: "kcal", digits: 0, kind: "number" };
  const words = { "0..21": "", count: "", "zone min": "zone min" };
  return { number: value, unit: words[unit] ?? unit, digits: precision, kind: "number" };
}

/** A figure of a day by its name: `{text, unit}`; a dash for null. */
export function value(name, figure, prefs) {
  if (figure === null || figure === undefined) return { text: "–", unit: "" };
  const as = shown(name, figure, prefs);
  if (as.kind === "duration") return { text: duration(as.number), unit: "" };
  if (as.kind === "clock") return { text: minutesOfDay(as.number, prefs), unit: "" };
  return { text: plain(as.number, as.digits), unit: as.unit };
}

/** The distance of a figure from another, as both are read: `{size, unit, sign}`. */
export function apart(name, figure, other, prefs) {
  const { unit, digits, kind } = shown(name, figure, prefs);
  const steps = { duration: (seconds) => Math.round(seconds / 60) * 60, clock: Math.round };
  const read = steps[kind] ?? ((number) => Number(number.toLocaleString("en", { useGrouping: false, maximumFractionDigits: digits })));
  const [one, two] = [figure, other].map((each) => read(shown(name, each, prefs).number));
  const size = Math.abs(one - two);
  const text = kind === "number" ? plain(size, digits) : duration(kind === "clock" ? size * 60 : size);
  return { size: text, unit, sign: one === two ? "" : one < two ? MINUS : "+" };
}

/** Milliseconds as seconds of the whole minutes that are read: with these, sums and differences are right on the page. */
export const wholeMinutes = (ms) => Math.round((ms ?? 0) / 60_000) * 60;

/** Seconds as `7h 12m`, which stays on one line. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const minutes = Math.round(Math.abs(seconds) / 60);
  const text = minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h\u00a0${String(minutes % 60).padStart(2, "0")}m`;
  return seconds < 0 && minutes ? MINUS + text : text;
}

/** Minutes from midnight as the clock shows them; -30 is half past eleven the evening before. */
export function minutesOfDay(minutes, { clock: hours = "24h" } = {}) {
  if (minutes === null || minutes === undefined) return "–";
  const all = ((Math.round(minutes) % 1440) + 1440) % 1440;
  const [hour, minute] = [Math.floor(all / 60), String(all % 60).padStart(2, "0")];
  if (hours === "24h") return `${String(hour).padStart(2, "0")}:${minute}`;
  return `${hour % 12 || 12}:${minute} ${hour < 12 ? "am" : "pm"}`;
}

/** The same for an axis, which has no room for the minutes of a full hour: `11 pm`. */
export const axisTime = (minutes, prefs) => minutesOfDay(minutes, prefs).replace(/:00(?= [ap]m)/, "");

/** Minutes that a place's clock is before UTC, from `+05:30` or `Z`. */
function offsetMinutes(offset) {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(offset ?? "") ?? [];
  return sign ? (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) : 0;
}

/** What the clock on the wall showed at an instant, where the offset held. */
export function clock(iso, offset, prefs) {
  if (!iso) return "–";
  const at = new Date(Date.parse(iso) + offsetMinutes(offset) * 60_000);
  return minutesOfDay(at.getUTCHours() * 60 + at.getUTCMinutes(), prefs);
}

const STYLES = {
  long: { weekday: "long", day: "numeric", month: "long" },
  full: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  medium: { day: "numeric", month: "short", year: "numeric" },
  short: { day: "numeric", month: "short" },
  weekday: { weekday: "short" },
  day: { weekday: "short", day: "numeric", month: "short" },
  month: { month: "long", year: "numeric" },
};

/** A date (`YYYY-MM-DD`) in words: long, full, medium, short, day, weekday or month. */
export const dateLabel = (date, style = "long") =>
  new Date(`${date}T12:00:00Z`).toLocaleDateString(LOCALE, { ...STYLES[style], timeZone: "UTC" });

/** The date so many days from another. */
export const addDays = (date, days) => new Date(Date.parse(`${date}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/** The date it is here. */
export function today() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

const FURTHEST_EAST_MS = 14 * 3_600_000;

/** The newest date that has begun somewhere on Earth; of a later one nobody knows anything. */
export const newestDate = () => new Date(Date.now() + FURTHEST_EAST_MS).toISOString().slice(0, 10);

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS = [
  ["minute", 60],
  ["hour", 3600],
  ["day", 86_400],
  ["week", 604_800],
  ["month", 2_629_800],
  ["year", 31_557_600],
];

/** How long ago, or until, an instant is: `4 minutes ago`. */
export function ago(iso) {
  if (!iso) return "never";
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  if (Math.abs(seconds) < 45) return "just now";
  const [unit, size] = STEPS.findLast(([, least]) => Math.abs(seconds) >= least) ?? STEPS[0];
  return RELATIVE.format(Math.round(seconds / size) || Math.sign(seconds), unit);
}

/** An instant as this device's clock and calendar show it. */
export function moment(iso, prefs) {
  if (!iso) return "never";
  const at = new Date(iso);
  return `${at.toLocaleDateString(LOCALE, STYLES.short)}, ${minutesOfDay(at.getHours() * 60 + at.getMinutes(), prefs)}`;
}

/** A sport as WHOOP calls it; the Strength Trainer's have an ending that nobody reads. */
export const sportName = (slug) =>
  words(String(slug ?? "").replace(/[-_]msk$/, "")).replace(/^(Hiit|Bmx)\b/, (first) => first.toUpperCase());

/** A slug as words: `jumping-rope` is `Jumping rope`. */
export function words(slug) {
  const text = String(slug ?? "").replaceAll(/[-_]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
