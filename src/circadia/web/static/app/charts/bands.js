/** The band of recovery of each day, as the API tells it. */

import { useAnalysis } from "./ask.js";

export const useBands = (userId, span) => useAnalysis(userId, "recovery-bands", span && { from: span.from, to: span.to });

/** date -> green, yellow or red. */
export const bandsByDay = (answer) => new Map((answer?.rows ?? []).filter((row) => row.band).map((row) => [row.day, row.band]));
