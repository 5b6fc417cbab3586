"""Archetypes: a word for a whole week or month, from Sahha's published lists."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import fmean
from typing import Any, Literal

from circadia.simulator.sahha.items import Item
from circadia.simulator.sahha.profiles import Day, Profile
from circadia.simulator.sahha.scores import scores
from circadia.simulator.sahha.windows import at, text

Period = Literal["weekly", "monthly"]
PERIODS: tuple[Period, ...] = ("weekly", "monthly")
NEEDED_DAYS = 4
"""Days with data that a period needs."""

_STRENGTH, _MIND_BODY = frozenset({"weightlifting", "weightlifting_msk", "functional-fitness"}), frozenset({"yoga"})


@dataclass(frozen=True, slots=True)
class _Ladder:
    """An ordinal archetype: four words and the three values at which the next begins."""

    name: str
    words: tuple[str, str, str, str]
    steps: tuple[float, float, float]

    def rung(self, value: float) -> int:
        return bisect_right(self.steps, value)


_ACTIVITY = _Ladder(
    "activity_level", ("sedentary", "lightly_active", "moderately_active", "highly_active"), (4000, 7500, 10_500)
)
_EXERCISE = _Ladder(
    "exercise_frequency",
    ("rare_exerciser", "occasional_exerciser", "regular_exerciser", "frequent_exerciser"),
    (0.13, 0.35, 0.7),
)
_MIND = _Ladder(
    "mental_wellness",
    ("poor_mental_wellness", "fair_mental_wellness", "good_mental_wellness", "optimal_mental_wellness"),
    (0.4, 0.6, 0.8),
)
_WELLNESS = _Ladder(
    "overall_wellness", ("poor_wellness", "fair_wellness", "good_wellness", "optimal_wellness"), (0.4, 0.6, 0.8)
)
_QUALITY = _Ladder(
    "sleep_quality",
    ("poor_sleep_quality", "fair_sleep_quality", "good_sleep_quality", "optimal_sleep_quality"),
    (0.4, 0.6, 0.8),
)
_DURATION = _Ladder(
    "sleep_duration", ("very_short_sleeper", "short_sleeper", "average_sleeper", "long_sleeper"), (330, 400, 510)
)
_EFFICIENCY = _Ladder(
    "sleep_efficiency",
    (
        "highly_inefficient_sleeper", "inefficient_sleeper", "efficient_sleeper", "highly_efficient_sleeper",
    ),
    (0.75, 0.84, 0.92),
)  # fmt: skip
_REGULARITY = _Ladder(
    "sleep_regularity",
    ("highly_irregular_sleeper", "irregular_sleeper", "regular_sleeper", "highly_regular_sleeper"),
    (0.7, 0.8, 0.9),
)
_BED = _Ladder(
    "bed_schedule", ("very_early_sleeper", "early_sleeper", "late_sleeper", "very_late_sleeper"), (9.5, 11.5, 13.0)
)
"""Hours after noon."""
_WAKE = _Ladder(
    "wake_schedule", ("very_early_riser", "early_riser", "late_riser", "very_late_riser"), (17.0, 19.0, 21.0)
)


def archetypes(profile: Profile, period: Period, first: date, last: date, now: datetime) -> Iterator[Item]:
    """The archetypes of all periods that end in [first, last] and are over at `now`."""
    starts = list(_periods(period, first, last))
    if not starts:
        return
    days = {day.date: day for day in profile.days(starts[0][0], starts[-1][1], now)}
    for start, end in starts:
        over = at(end + timedelta(days=1), time(6), profile.zone(now))
        known = [days[each] for each in _dates(start, end) if each in days and days[each].night]
        if over <= now and len(known) >= NEEDED_DAYS:
            yield from _of_period(profile, period, start, end, known, over)


def _periods(period: Period, first: date, last: date) -> Iterator[tuple[date, date]]:
    """(start, end) of the Monday-to-Sunday weeks or the months that end in [first, last]."""
    for day in _dates(first, last):
        if period == "weekly" and day.weekday() == 6:
            yield day - timedelta(days=6), day
        elif period == "monthly" and (day + timedelta(days=1)).day == 1:
            yield day.replace(day=1), day


def _of_period(
    profile: Profile, period: Period, start: date, end: date, days: Sequence[Day], over: datetime
) -> Iterator[Item]:
    zone = days[-1].zone

    def item(name: str, value: str, ordinality: int, data_type: str) -> Item:
        payload: dict[str, Any] = {
            "id": profile.id_of("archetype", name, period, start),
            "name": name,
            "value": value,
            "dataType": data_type,
            "periodicity": period,
            "startDateTime": text(at(start, time(), zone), zone),
            "endDateTime": text(at(end, time(), zone), zone),
            "ordinality": ordinality,
            "version": 1,
        }
        return Item("archetype", name, end, over, payload)

    for ladder, value in _measured(profile, days, over):
        rung = ladder.rung(value)
        yield item(ladder.name, ladder.words[rung], rung, "ordinal")
    for name, chosen in _categories(days):
        yield item(name, chosen, 0, "categorical")


def _measured(profile: Profile, days: Sequence[Day], now: datetime) -> Iterator[tuple[_Ladder, float]]:
    nights = [day.night for day in days if day.night]
    walks = [day.walk for day in days if day.walk]
    regular = [day.regularity for day in days if day.regularity is not None]
    if walks:
        yield _ACTIVITY, fmean(walk.steps for walk in walks)
        yield _EXERCISE, sum(bool(walk.exercises) for walk in walks) / len(walks)
    yield _DURATION, fmean(night.asleep for night in nights)
    if profile.device != "phone":
        yield _EFFICIENCY, fmean(night.asleep / night.in_bed for night in nights)
    if regular:
        yield _REGULARITY, fmean(regular)
    yield _BED, fmean(_hours_after_noon(night.start, day) for day in days if (night := day.night))
    yield _WAKE, fmean(_hours_after_noon(night.end, day) for day in days if (night := day.night))
    scored: dict[str, list[float]] = {}
    for day in days:
        for score in scores(profile, day, now):
            if score.payload["score"] is not None:
                scored.setdefault(score.name, []).append(score.payload["score"])
    for ladder, name in ((_MIND, "mental_wellbeing"), (_WELLNESS, "wellbeing"), (_QUALITY, "sleep")):
        if name in scored:
            yield ladder, fmean(scored[name])


def _categories(days: Sequence[Day]) -> Iterator[tuple[str, str]]:
    done = Counter(sport for day in days if day.walk for sport in day.walk.exercises)
    favourites = [sport for sport, _ in sorted(done.items(), key=lambda pair: (-pair[1], pair[0]))]
    if favourites:
        yield "primary_exercise", favourites[0]
        yield "primary_exercise_type", _oriented(favourites[0])
    if len(favourites) > 1:
        yield "secondary_exercise", favourites[1]
    beds = [_hours_after_noon(night.start, day) for day in days if (night := day.night)]
    steady = "consistent" if max(beds) - min(beds) < 3.0 else "inconsistent"
    yield "sleep_pattern", f"{steady}_{'early_riser' if fmean(beds) < 11.5 else 'late_sleeper'}"


def _oriented(sport: str) -> str:
    if sport in _STRENGTH:
        return "strength_oriented"
    return "mind_body_oriented" if sport in _MIND_BODY else "cardio_oriented"


def _hours_after_noon(instant: datetime, day: Day) -> float:
    """Hours since the noon before the night of `day`."""
    return (instant - at(day.date - timedelta(days=1), time(12), day.zone)) / timedelta(hours=1)


def _dates(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
