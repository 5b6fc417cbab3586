"""A day's workouts: which sport, when, how hard, how far.

Counts, durations, strains, heart rates and the mix of sports follow public exports of real members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, log
from random import Random
from statistics import NormalDist

from circadia.simulator.people import Person
from circadia.simulator.physiology import MAX_STRAIN, Day
from circadia.simulator.quirks import Quirks
from circadia.simulator.sports import MIX, OUTDOORS, RECOVERY_ACTIVITIES
from circadia.simulator.timeline import BEGINNING, whole_ms

ZONE_FLOORS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Lower edges of heart-rate zones 1 to 5 as parts of the maximum heart rate."""
PLAIN_SPORTS = {
    "activity": "other", "running": "track-field", "muay-thai": "boxing", "stroller_walking": "stroller-walking",
}  # fmt: skip
PREFERRED_HOURS = (6.8, 12.3, 17.6, 19.0)
GAP = timedelta(minutes=12)
LEAST_LOAD = 0.25
"""Load (see `strain_load`) of a strain of 4.6: WHOOP hardly ever calls less a workout."""

_CDF = NormalDist().cdf


@dataclass(frozen=True, slots=True)
class Session:
    """One workout or recovery activity; metres where named, None without GPS."""

    sport: str
    start: datetime
    end: datetime
    strain: float
    average_bpm: int
    max_bpm: int
    energy_kcal: float
    recorded_pct: float
    distance_m: float | None
    climb_m: float | None
    altitude_change_m: float | None
    zone_shares: tuple[float, ...]

    @property
    def load(self) -> float:
        return strain_load(self.strain)


@dataclass(frozen=True, slots=True)
class Nap:
    start: datetime
    end: datetime


def strain_load(strain: float) -> float:
    """The additive load behind a strain: strain saturates towards 21."""
    return -log(1 - min(strain, 20.95) / MAX_STRAIN)


class Habits:
    """What one person does with their days."""

    def __init__(self, person: Person, rng: Random, *, seed: int, quirks: Quirks) -> None:
        self._traits = person.traits
        self._rng = rng
        self._quirks = quirks
        taste = Random(f"{seed}/{person.user_id}/sports")
        self._sports = list(MIX)
        self._weights = [taste.gammavariate(max(0.03, share / 9.0), 1.0) for share in MIX.values()]
        self._hours = [taste.choice(PREFERRED_HOURS), taste.choice(PREFERRED_HOURS)]

    def fill(
        self, day: Day, *, wake: datetime, bed: datetime, utc_offset: timedelta, nap_min: float
    ) -> tuple[list[Session], Nap | None]:
        """Sessions (by start) and at most one nap between `wake` and `bed`, none overlapping.

        What does not fit is left out; `nap_min` 0 means that no nap is wanted.
        """
        sketches = self._sketches(day)
        wanted: list[tuple[float, float, Session | None]] = [
            (self._hour(sketch), (sketch.end - sketch.start) / timedelta(hours=1), sketch) for sketch in sketches
        ]
        if nap_min:
            wanted.append((self._rng.gauss(15.0, 1.6), nap_min / 60, None))
        sessions: list[Session] = []
        nap: Nap | None = None
        for begin, sketch, hours in _placed(wanted, wake + GAP * 2, bed - GAP * 3, utc_offset):
            start, end = whole_ms(begin), whole_ms(begin + timedelta(hours=hours))
            if sketch is None:
                nap = Nap(start, end)
            else:
                sessions.append(replace(sketch, start=start, end=end))
        return sessions, nap

    def _hour(self, session: Session) -> float:
        usual = self._rng.choice(self._hours)
        return usual + self._rng.gauss(0, 1.1) + (2.0 if session.sport in RECOVERY_ACTIVITIES else 0.0)

    def _sketches(self, day: Day) -> list[Session]:
        """The day's sessions without their place in the day; they leave load for the rest of it."""
        rng, traits = self._rng, self._traits
        plenty = min(0.45, max(0.0, 0.26 - 0.04 * (traits.strain - 9.7)))
        eager = (day.strain - traits.strain) / 3.3
        count = _poisson(rng, traits.workouts_per_day * exp(0.30 * max(-2.0, min(2.0, eager)) + plenty))
        least = min(LEAST_LOAD, 0.6 * strain_load(traits.strain))
        count = min(count, int(0.95 * strain_load(day.strain) / least))
        total = strain_load(day.strain)
        share = min(0.95, max(least * count / total, 0.66 + 0.10 * count + 0.12 * rng.gauss(0, 1)))
        parts = [0.9 + rng.random() for _ in range(count)]
        sessions = [self._session(day, total * share * part / sum(parts)) for part in parts]
        if self._quirks.recovery_activities and rng.random() < 0.06:
            sessions.append(self._recovery_activity(day))
        burnt = sum(session.energy_kcal for session in sessions)
        ceiling = 0.55 * day.energy_kcal
        part = min(1.0, ceiling / burnt) if burnt else 1.0
        return [replace(session, energy_kcal=session.energy_kcal * part) for session in sessions]

    def _session(self, day: Day, load: float) -> Session:
        rng, traits = self._rng, self._traits
        strain = max(0.9, MAX_STRAIN * (1 - exp(-load)))
        size = log(strain / 6.8)
        minutes = min(290.0, max(8.0, 39 * exp(0.75 * size + 0.60 * rng.gauss(0, 1))))
        rate = size - 0.62 * log(minutes / 39)
        resting = traits.resting_bpm
        average = 0.645 * traits.max_bpm + 22 * rate + 9 * rng.gauss(0, 1)
        average = min(0.93 * traits.max_bpm, max(resting + 20, average), day.max_bpm - 6)
        highest = min(day.max_bpm, average + 10 + abs(22 + 9 * rng.gauss(0, 1)))
        return self._dressed(self._sport(), minutes, strain, average, highest, day)

    def _recovery_activity(self, day: Day) -> Session:
        rng = self._rng
        average = min(self._traits.resting_bpm + 14 + 10 * rng.random(), day.max_bpm - 6)
        highest = min(float(day.max_bpm), average + 15)
        strain = min(0.25 * day.strain, 0.4 + 2.2 * rng.random())
        return self._dressed(rng.choice(RECOVERY_ACTIVITIES), 10 + 25 * rng.random(), strain, average, highest, day)

    def _dressed(self, sport: str, minutes: float, strain: float, average: float, highest: float, day: Day) -> Session:
        rng = self._rng
        length = timedelta(milliseconds=round(minutes * 60_000))
        distance = climb = change = None
        with_gps, km_per_h = OUTDOORS.get(sport, (0.0, 0.0))
        if rng.random() < with_gps:
            distance = minutes / 60 * km_per_h * 1000 * exp(0.12 * rng.gauss(0, 1))
            climb = distance * 0.008 * exp(0.6 * rng.gauss(0, 1))
            change = min(climb, 3.0 * rng.gauss(0, 1))
        return Session(
            sport=sport if self._quirks.odd_sports else PLAIN_SPORTS.get(sport, sport),
            start=BEGINNING,
            end=BEGINNING + length,
            strain=strain,
            average_bpm=round(average),
            max_bpm=round(highest),
            energy_kcal=minutes * max(1.2, 0.125 * (average - 55)) * self._traits.energy_kcal / 2197,
            recorded_pct=100.0 if rng.random() < 0.88 else 88 + 12 * rng.random(),
            distance_m=distance,
            climb_m=climb,
            altitude_change_m=change,
            zone_shares=_zone_shares(average, min(highest, day.max_bpm), self._traits.max_bpm),
        )

    def _sport(self) -> str:
        sport = self._rng.choices(self._sports, self._weights)[0]
        if sport == "weightlifting" and self._quirks.odd_sports and self._rng.random() < 0.5:
            return "weightlifting_msk"
        return sport


def _zone_shares(average: float, highest: float, maximum: float) -> tuple[float, ...]:
    """Parts of a session in zones 0 to 5 when heart rate is normal around `average`, cut at `highest`."""
    spread = max(6.0, (highest - average) / 2.2)
    whole = _CDF((highest - average) / spread)
    edges = [min(1.0, _CDF((floor * maximum - average) / spread) / whole) for floor in ZONE_FLOORS]
    bounds = [0.0, *edges, 1.0]
    return tuple(high - low for low, high in pairwise(bounds))


def _placed(
    wanted: list[tuple[float, float, Session | None]], first: datetime, last: datetime, utc_offset: timedelta
) -> list[tuple[datetime, Session | None, float]]:
    """Starts near the wanted local hours, in order, inside [first, last]; drops what finds no room."""
    local = first + utc_offset
    midnight = first - timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    queue = [
        (midnight + timedelta(milliseconds=round(hour * 3_600_000)), sketch, hours)
        for hour, hours, sketch in sorted(wanted, key=lambda item: item[0])
    ]
    placed: list[tuple[datetime, Session | None, float]] = []
    latest = last
    for start, sketch, hours in reversed(queue):
        length = timedelta(hours=hours)
        placed.append((min(start, latest - length), sketch, hours))
        latest = placed[-1][0] - GAP
    free = first
    fitting: list[tuple[datetime, Session | None, float]] = []
    for start, sketch, hours in reversed(placed):
        begin = max(start, free)
        if begin + timedelta(hours=hours) <= last:
            fitting.append((begin, sketch, hours))
            free = begin + timedelta(hours=hours) + GAP
    return fitting


def _poisson(rng: Random, mean: float) -> int:
    limit, product, count = exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
