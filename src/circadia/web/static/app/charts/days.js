/** Dates as a time axis takes them, and what the states of a day are called. */

const DAY = 86_400_000;

/** Milliseconds of a date (`2026-11-19`) at midnight UTC: the axis runs in UTC, so that no date slips. */
export const instant = (day) => Date.parse(`${day}T00:00:00Z`);

/** The date of such an instant. */
export const dateOf = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);

/** The date so many days later. */
export const plusDays = (day, count) => dateOf(instant(day) + count * DAY);

/** Days from the first date to the last, both included. */
export const daysBetween = (first, last) => Math.round((instant(last) - instant(first)) / DAY) + 1;

/** What a value's state means to the reader; a scored one needs no word. */
export const STATES = {
  pending: "score pending",
  unscorable: "could not be scored",
  calibrating: "calibrating",
  open: "so far",
  estimated: "estimated, from an export",
  missing: "nothing recorded",
};

/** Those that have a value to draw, hollow and in a shape of their own. */
export const MARKED = { calibrating: "diamond", open: "emptyCircle", estimated: "triangle" };
