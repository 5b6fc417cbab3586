"""Writes a member's life into their timeline, one cycle after the other, as far as it is asked for.

Cycles run from sleep onset to sleep onset. A record becomes visible when the strap has synced: a
sleep some minutes after waking, sometimes PENDING_SCORE first; a workout some minutes after its end.
A finished cycle gets its end only when the next sleep arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from circadia.simulator.issue import Issue, Publication
from circadia.simulator.itinerary import Itinerary, Season
from circadia.simulator.people import Person
from circadia.simulator.physiology import FRIDAY, SATURDAY, Day, Night, Physiology
from circadia.simulator.quirks import Quirks
from circadia.simulator.sessions import Habits, Nap, Session
from circadia.simulator.timeline import Timeline, whole_ms

BARE_NIGHT, STRAP_OFF, SPLIT_NIGHT = 0.003, 0.0035, 0.004
"""Share of nights without a recorded sleep, of breaks from the strap, of nights in two parts."""
SHORTEST_DAY = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Onset:
    """A planned sleep onset: which evening since the first, and hours later than usual."""

    evening: int
    at: datetime
    late_h: float


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of main sleep."""

    start: datetime
    end: datetime
    night: Night


class Diary:
    """The days of one member, in order."""

    def __init__(self, person: Person, timeline: Timeline, *, seed: int, first: datetime, quirks: Quirks) -> None:
        self._rng = Random(f"{seed}/{person.user_id}/days")
        self._traits = person.traits
        self._quirks = quirks
        self._first = first.date()
        self._itinerary = Itinerary(person, seed=seed, first=self._first, quirks=quirks)
        self._body = Physiology(person.traits, Random(f"{seed}/{person.user_id}/body"))
        self._habits = Habits(person, self._rng, seed=seed, quirks=quirks)
        self._issue = Issue(person, timeline, seed=seed, quirks=quirks)
        self._onset = self._plan(0, first.astimezone(UTC))
        self._nap_min = 0.0
        self.lived: list[Publication] = []
        """What happened, cycle by cycle, whether the strap saw it or not."""

    def write(self, until: datetime) -> None:
        """Go on until everything that WHOOP could show at `until` is in the timeline."""
        while self._issue.complete_until <= until:
            self._write_cycle()

    def _plan(self, evening: int, earliest: datetime) -> Onset:
        """The onset of an evening: habit, weekday and holiday, and a tail of odd nights."""
        date = self._first + timedelta(days=evening)
        traits, rng = self._traits, self._rng
        width = 0.64 if rng.random() < 0.83 else 1.85
        late = width * traits.onset_sd_h * rng.gauss(0, 1)
        late += 0.3 if date.weekday() in (FRIDAY, SATURDAY) else -0.1
        late += 0.9 if self._itinerary.season(date).holiday else 0.0
        at = self._itinerary.instant(date, traits.onset_h + late)
        at = at.replace(microsecond=rng.randrange(1000) * 1000)
        if at < earliest:
            late += (earliest - at) / timedelta(hours=1)
            at = earliest
        return Onset(evening, whole_ms(at), late)

    def _write_cycle(self) -> None:
        """One evening's sleep and the day after it."""
        onset, rng = self._onset, self._rng
        date = self._first + timedelta(days=onset.evening)
        season = self._itinerary.season(date)
        night = self._body.sleep(onset.late_h, date.weekday(), season, self._nap_min)
        vitals = self._body.wake(night, season)
        parts = self._parts(onset.at, night)
        wake = parts[-1].end
        away = self._evenings_without_strap()
        following = self._plan(onset.evening + 1 + away, wake + SHORTEST_DAY)
        end = wake + timedelta(hours=rng.uniform(8, 30)) if away else following.at
        end = whole_ms(min(end, following.at))
        hours = (end - parts[0].start) / timedelta(hours=1)
        day = self._body.day(vitals, min(hours, 40), (date.weekday() + 1) % 7, season)
        sessions, nap = self._waking_hours(day, wake, end, season)
        self._onset = following
        publication = Publication(
            start=onset.at, wake=wake, end=end, zone=season.zone, day=day, sessions=sessions,
            sleeps=[(part.start, part.end, part.night) for part in parts], vitals=vitals,
            nap=(nap.start, nap.end, self._nap(nap)) if nap else None,
        )  # fmt: skip
        self.lived.append(publication)
        if self._quirks.missed_nights and rng.random() < BARE_NIGHT:
            publication = replace(publication, sleeps=[], vitals=None)
        if len(publication.sleeps) == 2 and rng.random() < 0.6:
            self._publish_as_two(publication)
        else:
            self._issue.publish(publication)

    def _parts(self, start: datetime, night: Night) -> Sequence[Part]:
        """The night in one stretch, or now and then in two with an hour or more awake between."""
        rng = self._rng
        length = timedelta(milliseconds=round(night.in_bed * 60_000))
        if not self._quirks.split_nights or rng.random() >= SPLIT_NIGHT or night.asleep < 300:
            return [Part(start, start + length, night)]
        share = rng.uniform(0.52, 0.62)
        middle = start + timedelta(milliseconds=round(length / timedelta(milliseconds=1) * share))
        again = middle + timedelta(milliseconds=rng.randrange(80, 150) * 60_000 + rng.randrange(1000))
        return [
            Part(start, middle, night.part(share)),
            Part(again, again + (start + length - middle), night.part(1 - share)),
        ]

    def _publish_as_two(self, whole: Publication) -> None:
        """Two cycles on one local date: the first ends when the member falls asleep again."""
        early, late = whole.sleeps
        share = (late[0] - whole.start) / (whole.end - whole.start)
        lull = Day(
            strain=0.3 + 0.06 * whole.day.strain,
            energy_kcal=0.7 * share * whole.day.energy_kcal,
            average_bpm=round(self._traits.resting_bpm + 5),
            max_bpm=min(whole.day.max_bpm, round(self._traits.resting_bpm + 38)),
            steps=round(0.02 * whole.day.steps),
        )
        rest = replace(
            whole.day,
            energy_kcal=whole.day.energy_kcal - lull.energy_kcal,
            steps=whole.day.steps - lull.steps,
        )
        self._issue.publish(replace(whole, wake=early[1], end=late[0], day=lull, sessions=[], sleeps=[early], nap=None))
        vitals = whole.vitals if self._rng.random() < 0.5 else None
        self._issue.publish(replace(whole, start=late[0], day=rest, sleeps=[late], vitals=vitals))

    def _evenings_without_strap(self) -> int:
        if not self._quirks.missed_nights or self._rng.random() >= STRAP_OFF:
            return 0
        return 1 if self._rng.random() < 0.7 else self._rng.randrange(2, 5)

    def _waking_hours(
        self, day: Day, wake: datetime, bed: datetime, season: Season
    ) -> tuple[list[Session], Nap | None]:
        offset = wake.astimezone(season.zone).utcoffset() or timedelta()
        nap_min = 0.0
        if self._quirks.naps and self._rng.random() < self._traits.naps_per_day:
            nap_min = min(270.0, max(20.0, 118 * 2.718281828 ** (0.47 * self._rng.gauss(0, 1))))
        return self._habits.fill(day, wake=wake, bed=bed, utc_offset=offset, nap_min=nap_min)

    def _nap(self, nap: Nap) -> Night:
        return self._body.nap((nap.end - nap.start) / timedelta(minutes=1))
