"""The five scores of a day, from factors with goals and curves.

Goals, names and states are Sahha's documented ones. The curves of duration, debt, regularity and alignment and the
weights of a sleep score without a wearable follow recorded answers; the others are in their likeness.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from circadia.simulator.sahha.items import Item, widened
from circadia.simulator.sahha.profiles import Day, Profile
from circadia.simulator.sahha.windows import at, text, utc_text

TYPES = ("activity", "sleep", "mental_wellbeing", "readiness", "wellbeing")
_STATES = ((0.80, "high"), (0.60, "medium"), (0.40, "low"), (0.0, "minimal"))
_ASLEEP_MIN = (0, 240, 360, 420, 480, 540, 600, 780)
_ASLEEP_SCORE = (0.0, 0.4, 0.7, 0.85, 0.99, 0.82, 0.67, 0.35)
_SOURCES = {
    "activity": ("age", "gender", "activity", "exercise"),
    "sleep": ("age", "gender", "sleep"),
    "mental_wellbeing": ("age", "gender", "activity", "sleep"),
    "readiness": ("age", "gender", "exercise", "sleep", "vitals"),
    "wellbeing": ("age", "gender", "activity", "exercise", "sleep"),
}
NOON = time(12)


@dataclass(frozen=True, slots=True)
class Factor:
    """A part of a score: its value in `unit`, the goal, its own score 0..1 and its weight."""

    name: str
    value: float
    goal: float
    unit: str
    score: float
    weight: float = 1.0


def scores(profile: Profile, day: Day, now: datetime) -> Iterator[Item]:
    """The scores of a day that exist at `now`. Readiness without a night is a score without a value, from noon on."""
    activity, sleep, ready, mind = _activity(day), _sleep(day), _readiness(profile, day), _mind(day)
    seen = day.night.seen_at if day.night else None
    walked = day.walk.changed_at if day.walk else None
    if walked and activity:
        yield _item(profile, day, "activity", activity, walked)
    if seen:
        yield _item(profile, day, "sleep", sleep, seen)
        yield _item(profile, day, "readiness", ready, seen)
    elif day.walk and (noon := at(day.date, NOON, day.zone)) <= now:
        yield _item(profile, day, "readiness", [], noon)
    if seen and walked:
        latest = max(seen, walked)
        yield _item(profile, day, "mental_wellbeing", mind, latest)
        yield _item(profile, day, "wellbeing", [*activity, *sleep], latest)


def state_of(score: float) -> str:
    """Sahha's word for a score of 0..1."""
    return next(state for floor, state in _STATES if score >= floor)


def _item(profile: Profile, day: Day, name: str, factors: Sequence[Factor], computed_at: datetime) -> Item:
    weights = sum(factor.weight for factor in factors)
    score = round(sum(each.score * each.weight for each in factors) / weights, 2) if factors else None
    sources: Sequence[str] = _SOURCES[name] if factors else ()
    if profile.device == "phone":
        sources = [each for each in sources if each in ("activity", "sleep")]
    payload: dict[str, Any] = {
        "id": profile.id_of("score", name, day.date),
        "type": name,
        "state": None if score is None else state_of(score),
        "score": score,
        "factors": [
            {
                "id": profile.id_of("factor", name, factor.name, day.date),
                "name": factor.name,
                "value": _number(factor.value),
                "goal": factor.goal,
                "score": widened(round(factor.score, 2)),
                "state": state_of(factor.score),
                "unit": factor.unit,
            }
            for factor in factors
        ],
        "dataSources": list(sources),
        "scoreDateTime": text(at(day.date, time(), day.zone), day.zone),
        "createdAtUtc": utc_text(computed_at),
        "version": 1,
    }
    return Item("score", name, day.date, computed_at, payload)


def _number(value: float) -> float:
    return value if value == int(value) else widened(value)


def _activity(day: Day) -> list[Factor]:
    walk = day.walk
    if walk is None:
        return []
    return [
        _towards("steps", walk.steps, 10_000, "count", 2.0),
        _towards("active_hours", walk.active_hours, 12, "hour"),
        _towards("active_calories", walk.active_kcal, 500, "kcal"),
        _towards("intense_activity_duration", walk.mid + walk.high, 30, "minute"),
        Factor("extended_inactivity", walk.still, 240, "minute", _clamped(1.0 - max(0, walk.still - 120) / 700)),
        _towards("floors_climbed", walk.floors, 10, "floor", 0.5),
    ]


def _sleep(day: Day) -> list[Factor]:
    night = day.night
    if night is None:
        return []
    factors = [Factor("sleep_duration", night.asleep, 480, "minute", _slept_score(night.asleep), 0.40)]
    if day.regularity is not None and day.debt_h is not None and day.shift_min is not None:
        factors += [
            Factor("sleep_regularity", day.regularity, 1, "index", _clamped(day.regularity), 0.25),
            _debt(day.debt_h, 0.20),
            _alignment(day.shift_min, 0.15),
        ]
    if night.vitals is not None:
        factors += [
            Factor("sleep_continuity", night.awake, 0, "minute", _clamped(1 - night.awake / 150), 0.15),
            _towards("physical_recovery", night.deep, 90, "minute", 0.15),
            _towards("mental_recovery", night.rem, 120, "minute", 0.15),
        ]
    return factors


def _readiness(profile: Profile, day: Day) -> list[Factor]:
    night, person = day.night, profile.person
    if night is None or person is None:
        return []
    factors = [Factor("sleep_duration", night.asleep, 480, "minute", _slept_score(night.asleep), 0.3)]
    if day.debt_h is not None:
        factors.append(_debt(day.debt_h, 0.2))
    if (vitals := night.vitals) is not None:
        usual_bpm, usual_ms = round(person.traits.resting_bpm), round(2.718281828**person.traits.ln_rmssd)
        strained = _clamped(0.55 + 0.35 * (usual_bpm - vitals.resting_bpm) / 10)
        factors += [
            _towards("physical_recovery", night.deep, 90, "minute", 0.1),
            _towards("mental_recovery", night.rem, 120, "minute", 0.1),
            Factor(
                "walking_strain_capacity", round(0.25 + 0.75 * strained, 2), 1, "index", 0.25 + 0.75 * strained, 0.1
            ),
            Factor("exercise_strain_capacity", round(strained, 2), 1, "index", strained, 0.1),
            Factor(
                "resting_heart_rate",
                vitals.resting_bpm,
                usual_bpm,
                "bpm",
                _clamped(1 - max(0.0, vitals.resting_bpm - usual_bpm) / 25),
                0.25,
            ),
            _towards("heart_rate_variability", round(vitals.rmssd_ms), usual_ms, "ms", 0.25),
        ]
    return factors


def _mind(day: Day) -> list[Factor]:
    walk = day.walk
    if walk is None:
        return []
    factors = [
        _towards("steps", walk.steps, 10_000, "count"),
        _towards("active_hours", walk.active_hours, 10, "hour"),
        Factor("extended_inactivity", walk.still, 240, "minute", _clamped(1.0 - max(0, walk.still - 120) / 700)),
    ]
    if day.regularity is not None and day.shift_min is not None:
        factors += [
            Factor("sleep_regularity", day.regularity, 1, "index", _clamped(day.regularity)),
            _alignment(day.shift_min, 1.0),
        ]
    return factors


def _towards(name: str, value: float, goal: float, unit: str, weight: float = 1.0) -> Factor:
    """More is better, up to the goal."""
    return Factor(name, value, goal, unit, _clamped(value / goal) ** 0.8, weight)


def _debt(hours: float, weight: float) -> Factor:
    return Factor("sleep_debt", hours, 0, "hour", _clamped(0.997 - 0.055 * hours), weight)


def _alignment(minutes: float, weight: float) -> Factor:
    return Factor("circadian_alignment", minutes, 30, "minute", _clamped(0.99 - 0.003 * minutes), weight)


def _slept_score(minutes: float) -> float:
    """Through the recorded points, straight between them."""
    last = len(_ASLEEP_MIN) - 1
    index = min(last, bisect_right(_ASLEEP_MIN, minutes))
    low, high = _ASLEEP_MIN[index - 1], _ASLEEP_MIN[index]
    part = min(1.0, (minutes - low) / (high - low))
    return _ASLEEP_SCORE[index - 1] + part * (_ASLEEP_SCORE[index] - _ASLEEP_SCORE[index - 1])


def _clamped(score: float) -> float:
    return min(1.0, max(0.0, score))
