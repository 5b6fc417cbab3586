"""The cycle that is still going on: its score so far, in steps of ten minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp

from circadia.simulator.payloads import cycle_score, instant_text
from circadia.simulator.physiology import MAX_STRAIN, Day
from circadia.simulator.sessions import Session, strain_load
from circadia.simulator.timeline import FOREVER, Payload, Row

STEP = timedelta(minutes=10)
ASLEEP_ENERGY = 0.62
"""Energy of an hour asleep against the cycle's mean hour."""


@dataclass(frozen=True, slots=True)
class RunningCycle:
    """A cycle from its first score (`since`) until WHOOP learns of its end.

    `day` is what it comes to at `end`; strain, energy, steps and maximum heart rate grow towards it.
    """

    payload: Payload
    start: datetime
    wake: datetime
    end: datetime
    since: datetime
    day: Day
    resting_bpm: float
    sessions: Sequence[Session]

    def row(self, now: datetime) -> Row:
        at = self._step(now)
        payload = {**self.payload, "updated_at": instant_text(at), "score": cycle_score(self.day_so_far(at))}
        if "step_count" in payload and payload["step_count"] is not None:
            payload["step_count"] = self.day_so_far(at).steps
        return Row(payload, self.start, None)

    def steady(self, now: datetime) -> tuple[datetime, datetime]:
        at = self._step(now)
        return at, FOREVER if at >= self.end else at + STEP

    def _step(self, now: datetime) -> datetime:
        """The latest step at or before `now`; the first one past the end is the last of all."""
        last = -(-(self.end - self.since) // STEP)
        return self.since + STEP * max(0, min((now - self.since) // STEP, last))

    def day_so_far(self, at: datetime) -> Day:
        """The cycle's totals at an instant; those of `day` from `end` on."""
        if at >= self.end:
            return self.day
        day = self.day
        done = _part(self.wake, self.end, at)
        parts = [_part(session.start, session.end, at) for session in self.sessions]
        total = strain_load(day.strain)
        load = sum(session.load * part for session, part in zip(self.sessions, parts, strict=True))
        quiet = total - sum(session.load for session in self.sessions)
        load = min(total, load + quiet * (0.05 + 0.95 * done))
        asleep = ASLEEP_ENERGY * ((self.wake - self.start) / (self.end - self.start))
        burnt = sum(session.energy_kcal * part for session, part in zip(self.sessions, parts, strict=True))
        rest = (1 - asleep) * day.energy_kcal - sum(session.energy_kcal for session in self.sessions)
        awake = ((at - self.wake) / (at - self.start)) / ((self.end - self.wake) / (self.end - self.start))
        sleeping = min(self.resting_bpm + 4, day.average_bpm)
        lowest = min(day.max_bpm, round(self.resting_bpm + 26))
        hottest = any(part >= 1 for part in parts)
        return Day(
            strain=MAX_STRAIN * (1 - exp(-load)),
            energy_kcal=asleep * day.energy_kcal + burnt + rest * done,
            average_bpm=round(sleeping + (day.average_bpm - sleeping) * max(0.0, awake)),
            max_bpm=round(lowest + (day.max_bpm - lowest) * (1.0 if hottest else 0.6 * min(1.0, 2 * done))),
            steps=round(day.steps * done),
        )


def _part(start: datetime, end: datetime, at: datetime) -> float:
    return min(1.0, max(0.0, (at - start) / (end - start)))
