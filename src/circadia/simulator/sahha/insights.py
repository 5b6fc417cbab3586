"""Trends over weeks and comparisons with everybody, the like, and the person's own month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import NormalDist, fmean
from typing import Any, Literal

from circadia.simulator.sahha.biomarkers import biomarkers
from circadia.simulator.sahha.profiles import Day, Profile
from circadia.simulator.sahha.scores import scores
from circadia.simulator.sahha.switches import Switches
from circadia.simulator.sahha.windows import at, day_window, text

Category = Literal["score", "factor", "biomarker"]
WEEK = timedelta(days=7)
BASELINE = timedelta(days=30)
STEADY = 0.03
"""Change over a whole trend, as a fraction, up to which it is stable."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be trended and compared; `mean` and `spread` are everybody's, None where nobody is compared."""

    category: Category
    name: str
    unit: str
    higher_better: bool = True
    mean: float | None = None
    spread: float = 1.0


SUBJECTS = (
    Subject("score", "activity", "index", mean=0.62, spread=0.18),
    Subject("score", "sleep", "index", mean=0.68, spread=0.15),
    Subject("score", "readiness", "index", mean=0.66, spread=0.15),
    Subject("score", "mental_wellbeing", "index", mean=0.65, spread=0.15),
    Subject("score", "wellbeing", "index", mean=0.65, spread=0.14),
    Subject("factor", "sleep_debt", "hour", higher_better=False),
    Subject("factor", "sleep_regularity", "index"),
    Subject("biomarker", "steps", "count", mean=7200, spread=3300),
    Subject("biomarker", "active_energy_burned", "kcal"),
    Subject("biomarker", "sleep_duration", "minute", mean=425, spread=55),
    Subject("biomarker", "heart_rate_resting", "bpm", higher_better=False, mean=64, spread=9),
    Subject("biomarker", "heart_rate_variability_sdnn", "ms", mean=52, spread=22),
    Subject("biomarker", "heart_rate_variability_rmssd", "ms", mean=46, spread=22),
    Subject("biomarker", "vo2_max", "mL/kg/min", mean=40, spread=8),
)
Values = Mapping[tuple[Category, str], float]


def trends(profile: Profile, switches: Switches, first: date, last: date, now: datetime) -> Iterator[dict[str, Any]]:
    """One trend for each subject over the Monday-to-Sunday weeks that end in [first, last]."""
    sundays = [day for number in range((last - first).days + 1) if (day := first + timedelta(number)).weekday() == 6]
    if not sundays:
        return
    days = {day.date: day for day in profile.days(sundays[0] - timedelta(days=6), sundays[-1], now)}
    told = {each: _values(profile, day, switches, now) for each, day in days.items()}
    for subject in SUBJECTS:
        weeks = [(sunday, value) for sunday in sundays if (value := _mean(subject, told, sunday)) is not None]
        if len(weeks) > 1:
            yield _trend(profile, subject, weeks, days)


def _mean(subject: Subject, told: Mapping[date, Values], sunday: date) -> float | None:
    dates = [sunday - timedelta(days=back) for back in range(7)]
    key = (subject.category, subject.name)
    values = [told[each][key] for each in dates if each in told and key in told[each]]
    return round(fmean(values), 3) if values else None


def _trend(
    profile: Profile, subject: Subject, weeks: Sequence[tuple[date, float]], days: Mapping[date, Day]
) -> dict[str, Any]:
    zone = days[max(days)].zone
    data = []
    before: float | None = None
    for sunday, value in weeks:
        data.append(
            {
                "startDateTime": text(at(sunday - timedelta(days=6), time(), zone), zone),
                "endDateTime": text(day_window(sunday, zone)[1], zone),
                "value": value,
                "percentChangeFromPrevious": round(value / before - 1, 3) if before else None,
            }
        )
        before = value
    values = [value for _, value in weeks]
    change = values[-1] / values[0] - 1 if values[0] else 0.0
    return {
        "id": profile.id_of("trend", subject.category, subject.name, weeks[0][0], weeks[-1][0]),
        "category": subject.category,
        "name": subject.name,
        "state": "stable" if abs(change) < STEADY else "increasing" if change > 0 else "decreasing",
        "unit": subject.unit,
        "isHigherBetter": subject.higher_better,
        "periodicity": "weekly",
        "valueRange": {"min": min(values), "max": max(values)},
        "trendStartDateTime": data[0]["startDateTime"],
        "trendEndDateTime": data[-1]["endDateTime"],
        "data": data,
    }


def comparisons(
    profile: Profile, switches: Switches, first: date, last: date, now: datetime
) -> Iterator[dict[str, Any]]:
    """Each comparable value of each day in [first, last], newest day first."""
    days = profile.days(first - BASELINE, last, now)
    told = {day.date: _values(profile, day, switches, now) for day in days}
    for day in reversed(days):
        if not first <= day.date:
            continue
        for subject in SUBJECTS:
            value = told[day.date].get(key := (subject.category, subject.name))
            if subject.mean is None or value is None:
                continue
            month = [told[each][key] for each in told if day.date - BASELINE <= each < day.date and key in told[each]]
            yield _comparison(profile, subject, day, value, month)


def _comparison(profile: Profile, subject: Subject, day: Day, value: float, month: list[float]) -> dict[str, Any]:
    start, end = day_window(day.date, day.zone)
    assert subject.mean is not None
    data = [_against("global", subject, value, subject.mean, {})]
    if (person := profile.person) is not None:
        age = round((208 - person.traits.max_bpm) / 0.7)
        like = {"ageRange": f"{age // 5 * 5}-{age // 5 * 5 + 4}", "gender": ("female", "male")[person.number % 2]}
        data.append(_against("demographic", subject, value, round(0.97 * subject.mean, 3), like))
    if month:
        data.append(_against("baseline", subject, value, round(fmean(month), 3), {"period": "30 days"}))
    return {
        "id": profile.id_of("comparison", subject.category, subject.name, day.date),
        "type": "comparison",
        "category": subject.category,
        "name": subject.name,
        "value": value,
        "unit": subject.unit,
        "isHigherBetter": subject.higher_better,
        "periodicity": "daily",
        "startDateTime": text(start, day.zone),
        "endDateTime": text(end, day.zone),
        "data": data,
    }


def _against(
    kind: Literal["global", "demographic", "baseline"],
    subject: Subject,
    value: float,
    other: float,
    properties: dict[str, Any],
) -> dict[str, Any]:
    better = NormalDist(other, subject.spread).cdf(value)
    percentile = round(100 * (better if subject.higher_better else 1 - better))
    words = ("very_low", "low", "average", "high", "very_high")
    return {
        "type": kind,
        "value": other,
        "percentile": None if kind == "baseline" else percentile,
        "difference": round(value - other, 3),
        "percentageDifference": round(100 * (value / other - 1), 1) if other else None,
        "state": words[min(4, percentile // 20)],
        "properties": properties,
    }


def _values(profile: Profile, day: Day, switches: Switches, now: datetime) -> Values:
    """What a day comes to, by category and name."""
    wanted = {(subject.category, subject.name) for subject in SUBJECTS}
    found: dict[tuple[Category, str], float] = {}
    for score in scores(profile, day, now):
        if score.payload["score"] is not None:
            found["score", score.name] = score.payload["score"]
        for factor in score.payload["factors"]:
            found["factor", factor["name"]] = factor["value"]
    for each in biomarkers(profile, day, switches, now):
        if ("biomarker", each.name) in wanted:
            found["biomarker", each.name] = float(each.payload["value"])
    return found
