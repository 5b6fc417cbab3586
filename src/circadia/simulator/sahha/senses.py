"""What another device notices of the nights and days that a person lived: the same ones, with its own small errors.

Two sensors on one body agree: the same nights within minutes, resting heart rate within about 2 bpm, variability in
proportion, steps of the same walk. The errors are seeded by person and date, so a date always reads the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import exp
from random import Random
from typing import Literal

from circadia.simulator.issue import Publication, Slept
from circadia.simulator.people import Person
from circadia.simulator.sahha.windows import SYNC_EVERY, synced

Device = Literal["watch", "phone", "whoop"]
"""`watch` and `phone` sense for themselves, a phone without stages and vitals; `whoop` hands on what WHOOP measured."""

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KCAL_PER_KG = 22.0
"""Energy of a day at rest."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """A night's vitals: bpm, ms, breaths a minute, percent, degrees Celsius, mL/kg/min."""

    resting_bpm: float
    sleep_bpm: float
    rmssd_ms: float
    sdnn_ms: float
    breaths_per_min: float
    spo2_pct: float
    skin_c: float
    vo2_max: float


@dataclass(frozen=True, slots=True)
class Night:
    """A window's main sleep, in whole minutes that add up; `seen_at` is when the device handed it over."""

    start: datetime
    end: datetime
    asleep: int
    awake: int
    deep: int
    rem: int
    latency: int
    interruptions: int
    vitals: Vitals | None
    seen_at: datetime

    @property
    def light(self) -> int:
        return self.asleep - self.deep - self.rem

    @property
    def in_bed(self) -> int:
        return self.asleep + self.awake

    @property
    def middle(self) -> datetime:
        return self.start + (self.end - self.start) / 2


@dataclass(frozen=True, slots=True)
class Walk:
    """A date's activity as far as it is known: counts, whole minutes, kcal; `changed_at` is its last hand-over."""

    steps: int
    floors: int
    active_hours: int
    low: int
    mid: int
    high: int
    sedentary: int
    still: int
    active_kcal: int
    total_kcal: int
    exercises: tuple[str, ...]
    changed_at: datetime

    @property
    def active(self) -> int:
        return self.low + self.mid + self.high


class Senses:
    """One person's device."""

    def __init__(self, person: Person, device: Device, seed: str) -> None:
        self._person = person
        self._device = device
        self._seed = f"{seed}/{person.user_id}/sahha"

    def night(self, day: date, lived: Sequence[Publication]) -> Night:
        """The main sleep of the window of `day`, from the cycles that woke in it; ValueError if none slept."""
        rng = Random(f"{self._seed}/night/{day}")
        apart = 0.0 if self._device == "whoop" else 1.0
        parts: list[Slept] = [part for cycle in lived for part in cycle.sleeps]
        if not parts:
            raise ValueError(f"nobody slept in the window of {day}")
        start = parts[0][0] + apart * _error(rng, 2.0, 5.0) * MINUTE
        end = parts[-1][1] + apart * _error(rng, 2.0, 5.0) * MINUTE
        nights = [night for _, _, night in parts]
        asleep = round(sum(night.asleep for night in nights) + apart * _error(rng, 4.0, 10.0))
        awake = max(1, round(sum(night.awake + night.no_data for night in nights) + apart * _error(rng, 2.0, 5.0)))
        deep = round(sum(night.deep for night in nights) * exp(apart * _error(rng, 0.05, 0.12)))
        rem = round(sum(night.rem for night in nights) * exp(apart * _error(rng, 0.05, 0.12)))
        squeeze = min(1.0, 0.9 * asleep / (deep + rem))
        return Night(
            start=start,
            end=end,
            asleep=asleep,
            awake=awake,
            deep=int(deep * squeeze),
            rem=int(rem * squeeze),
            latency=min(awake, round(3 + 14 * rng.random())),
            interruptions=round(sum(night.disturbances for night in nights) / 4),
            vitals=None if self._device == "phone" else self._vitals(lived[-1], nights[-1].breaths_per_min, rng, apart),
            seen_at=parts[-1][1] + (5 + 20 * rng.random()) * MINUTE,
        )

    def _vitals(self, cycle: Publication, breaths_per_min: float, rng: Random, apart: float) -> Vitals | None:
        told, person = cycle.vitals, self._person
        if told is None:
            return None
        rmssd = told.rmssd_ms * exp(apart * _error(rng, 0.05, 0.12))
        resting = told.resting_bpm + apart * _error(rng, 0.8, 2.0)
        return Vitals(
            resting_bpm=round(resting),
            sleep_bpm=round(resting + 4 + 2 * rng.random()),
            rmssd_ms=round(rmssd, 1),
            sdnn_ms=round(8 + 0.92 * rmssd * exp(0.06 * rng.gauss(0, 1)), 1),
            breaths_per_min=round(breaths_per_min + apart * _error(rng, 0.15, 0.4), 1),
            spo2_pct=round(min(100.0, told.spo2_pct + apart * _error(rng, 0.4, 1.0)), 1),
            skin_c=round(told.skin_c + apart * _error(rng, 0.1, 0.3), 1),
            vo2_max=round(44 + 6.5 * person.traits.fitness + 0.3 * rng.gauss(0, 1), 1),
        )

    def walk(self, day: date, lived: Sequence[Publication], midnight: datetime, now: datetime) -> Walk:
        """The activity of `day`, from the cycles that woke on it, as handed over by `now`."""
        rng = Random(f"{self._seed}/walk/{day}")
        until = synced(now)
        tempo, climbs, stillness = exp(_error(rng, 0.05, 0.12)), rng.uniform(0.5, 1.4), rng.uniform(0.62, 0.85)
        resting = KCAL_PER_KG * self._person.weight_kg
        steps = active = awake = 0.0
        changed = midnight
        for cycle in lived:
            share = _clamped((until - cycle.wake) / (cycle.end - cycle.wake))
            steps += cycle.day.steps * share * tempo
            active += max(0.08 * cycle.day.energy_kcal, cycle.day.energy_kcal - resting) * share * tempo
            awake += share * ((cycle.end - cycle.wake) / MINUTE)
            changed = max(changed, min(until, synced(cycle.end + SYNC_EVERY)))
        done = [session for cycle in lived for session in cycle.sessions if session.end <= until]
        zones = [sum((each.end - each.start) / MINUTE * each.zone_shares[zone] for each in done) for zone in range(6)]
        low, mid, high = round(steps / 80), round(zones[2] + zones[3]), round(zones[4] + zones[5])
        sedentary = max(0.0, awake - low - mid - high) * stillness
        hours = min(24.0, max(0.0, (until - midnight) / HOUR))
        return Walk(
            steps=round(steps),
            floors=round(steps / 1200 * climbs),
            active_hours=min(round(awake / 60), round(steps / 850)),
            low=low,
            mid=mid,
            high=high,
            sedentary=round(sedentary),
            still=round(0.38 * sedentary),
            active_kcal=round(active),
            total_kcal=round(resting * hours / 24 + active),
            exercises=tuple(each.sport for each in done),
            changed_at=changed,
        )

    def weighed(self, day: date) -> float | None:
        """Weight in kg on the dates when the person stood on a scale."""
        rng = Random(f"{self._seed}/scale/{day}")
        if rng.random() > 0.35:
            return None
        return round(self._person.weight_kg * exp(_error(rng, 0.006, 0.015)), 1)


def _error(rng: Random, spread: float, most: float) -> float:
    return min(most, max(-most, rng.gauss(0, spread)))


def _clamped(share: float) -> float:
    return min(1.0, max(0.0, share))
