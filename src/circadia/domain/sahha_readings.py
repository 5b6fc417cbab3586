"""What Sahha's words come to: its scores and biomarkers as observations in the units of the catalogue.

Sahha cuts the night at 18:00 and labels it with the date on which the cut ends. Here a night belongs to the date of
waking, so whatever carries a night's label goes to the local date of that night's `sleep_end_time` where it is known.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from circadia.domain.dates import in_bounds
from circadia.domain.metrics import METRICS, Metric, Unit
from circadia.domain.readings import Observation, Source, Unsettled, Value
from circadia.domain.sahha import Biomarker, Score

Heard = tuple[Biomarker, datetime]
_Place = tuple[Metric, int]
"""A metric, and how many of its places at Sahha are preferred to this one."""


def _places() -> dict[str, dict[str, _Place]]:
    """By kind (`score`, `daily`, `weekly`) and Sahha's type."""
    found: dict[str, dict[str, _Place]] = {"score": {}, "daily": {}, "weekly": {}}
    for metric in METRICS:
        for rank, place in enumerate(metric.sahha.split()):
            category, type_, span = (*place.split("/"), "daily")[:3]
            found["score" if category == "score" else span][type_] = metric, rank
    return found


_PLACES = _places()
_SPAN: Mapping[str, str] = {"intraday": "daily", "daily": "daily", "weekly": "weekly"}

_UNITS: Mapping[tuple[str | None, Unit], float] = {
    ("second", "s"): 1,
    ("minute", "s"): 60,
    ("hour", "s"): 3600,
    ("hour", "h"): 1,
    ("count", "count"): 1,
    ("bpm", "bpm"): 1,
    ("bpm", "rpm"): 1,
    ("ms", "ms"): 1,
    ("kcal", "kcal"): 1,
    ("kg", "kg"): 1,
    ("m", "m"): 1,
    ("kg/m2", "kg/m2"): 1,
    ("degC", "°C"): 1,
    ("mL/kg/min", "mL/kg/min"): 1,
    ("mg/dL", "mg/dL"): 1,
    ("mmHg", "mmHg"): 1,
}
"""What a value in Sahha's unit is multiplied by; a unit that is not here gives no observation."""

_BEYOND = 2.0**63
"""No integer of an answer may be as great."""

_STAGES = frozenset({"sleep_deep_duration", "sleep_light_duration", "sleep_rem_duration"})
_DAY = timedelta(days=1)
_GOES_ON: Mapping[str, timedelta] = {"activity": _DAY, "sleep": timedelta(hours=18)}
"""Scores that Sahha keeps computing, and for how long from the local midnight they carry."""
_OVERSLEPT = timedelta(hours=12)
"""How long after its window a sleep may end and still be believed to belong to it."""


def observations(
    scores: Iterable[tuple[Score, datetime]],
    biomarkers: Iterable[Heard],
    *,
    sources: Collection[str] = (),
) -> tuple[Observation, ...]:
    """At most one observation per date and metric, by date and metric.

    Each record comes with the instant at which it was last heard. `sources` are the names of the profile's data
    sources: if one is WHOOP's, all that a phone does not count by itself is marked as come by way of WHOOP. A value
    that is null, of an unknown unit, no number where one is wanted, or beyond all measure, gives none; zero gives one.
    """
    heard = [*biomarkers]
    nights = _nights(heard)
    by_whoop = _name_whoop(sources)
    found: dict[tuple[date, str], _Word] = {}
    for word in (
        *(_of_biomarker(each, received, nights, by_whoop) for each, received in heard),
        *(_of_score(each, received, nights, by_whoop) for each, received in scores),
    ):
        if word is not None:
            key = word[2].day, word[2].metric
            found[key] = min(found[key], word, key=_preference) if key in found else word
    return tuple(found[key][2] for key in sorted(found))


_Word = tuple[int, datetime, Observation]
"""How many places are preferred to its own, when it was heard, and what it says."""


def _preference(word: _Word) -> tuple[Any, ...]:
    rank, received, said = word
    return rank, -received.timestamp(), said.unsettled or "", -said.observed_at.timestamp(), str(said.value)


@dataclass(frozen=True, slots=True)
class _Night:
    """The sleep of a window: its date of waking, when that was, and whether stages of it are known. Of several that
    end on one date the longest `leads`; the others are not told of."""

    day: date
    woke_at: datetime | None
    staged: bool
    leads: bool


def _of_biomarker(
    biomarker: Biomarker, received: datetime, nights: Mapping[date, _Night], by_whoop: bool
) -> _Word | None:
    place = _PLACES[_SPAN[biomarker.periodicity]].get(biomarker.type) if biomarker.periodicity in _SPAN else None
    night = nights.get(biomarker.day) if _nightly(biomarker) else None
    if place is None or (night is not None and not night.leads):
        return None
    metric, rank = place
    value = _value(biomarker, metric)
    if value is None:
        return None
    counted = biomarker.category == "activity" and metric.unit != "kcal"
    unsettled: Unsettled | None = "intraday" if biomarker.periodicity == "intraday" else None
    said = Observation(
        night.day if night else biomarker.day,
        metric.name,
        "sahha",
        value,
        _seen(biomarker.end_at, received, night),
        night is not None and not night.staged and biomarker.category == "sleep",
        unsettled,
        _via(_name_whoop(biomarker.data_sources) if biomarker.data_sources else by_whoop and not counted),
    )
    return rank, received, said


def _of_score(score: Score, received: datetime, nights: Mapping[date, _Night], by_whoop: bool) -> _Word | None:
    place = _PLACES["score"].get(score.type)
    night = nights.get(score.day) if score.type == "sleep" else None
    if place is None or score.score is None or (night is not None and not night.leads):
        return None
    metric, rank = place
    going_on = received < score.score_at + _GOES_ON.get(score.type, timedelta(0))
    said = Observation(
        night.day if night else score.day,
        metric.name,
        "sahha",
        round(score.score * 100, 6),
        _seen(score.score_at + _DAY, received, night),
        unsettled="intraday" if going_on else None,
        via=_via(by_whoop and score.type != "activity"),
    )
    return rank, received, said


def _seen(end_at: datetime, received: datetime, night: _Night | None) -> datetime:
    """The waking, or else the end of the window, unless it was heard before that; in the person's offset."""
    spoken_of = night.woke_at if night and night.woke_at else end_at
    return spoken_of if spoken_of <= received else received.astimezone(end_at.tzinfo)


def _value(biomarker: Biomarker, metric: Metric) -> Value | None:
    """The value in the metric's unit; None where it cannot be told."""
    parsed = biomarker.parsed
    if metric.kind == "instant":
        return _local(biomarker, parsed) if isinstance(parsed, datetime) else None
    number = float(parsed) if isinstance(parsed, Decimal) else math.nan
    if metric.unit == "%" and biomarker.unit == "percentage":
        # Some of Sahha's percentages are shares of one; which, is known of few of them.
        number = round(number * 100, 6) if 0 <= number <= 1 else number if 1 < number <= 100 else math.nan
    else:
        number *= _UNITS.get((biomarker.unit, metric.unit), math.nan)
    if not abs(number) < _BEYOND:
        return None
    return round(number) if metric.kind == "int" else number


def _local(biomarker: Biomarker, instant: datetime) -> datetime | None:
    """An instant where the person was: one without an offset, or in UTC's letter, takes that of its window. None for
    one that is out of bounds."""
    if not in_bounds(instant.date()):
        return None
    if instant.tzinfo is None:
        return instant.replace(tzinfo=biomarker.end_at.tzinfo)
    return instant.astimezone(biomarker.end_at.tzinfo) if biomarker.value.endswith("Z") else instant


def _nightly(biomarker: Biomarker) -> bool:
    """Whether it is told per night: its window is cut in the evening, or it is about sleep."""
    return biomarker.category == "sleep" or biomarker.start_at.date() != biomarker.end_at.date()


def _nights(heard: Iterable[Heard]) -> dict[date, _Night]:
    """The nights by Sahha's label, the date on which the window ends."""
    words: dict[date, dict[str, Heard]] = {}
    for each in heard:
        if each[0].category == "sleep" and _SPAN.get(each[0].periodicity) == "daily":
            of_night = words.setdefault(each[0].day, {})
            of_night[each[0].type] = max(of_night.get(each[0].type, each), each, key=_later)
    wakings = {label: _waking(of_night.get("sleep_end_time")) for label, of_night in words.items()}
    days = {label: woke_at.date() if woke_at else label for label, woke_at in wakings.items()}
    longest: dict[date, tuple[Any, date]] = {}
    for label, of_night in words.items():
        weight = _length(of_night.get("sleep_duration")), label == days[label], label
        if days[label] not in longest or weight > longest[days[label]][0]:
            longest[days[label]] = weight, label
    return {
        label: _Night(days[label], wakings[label], bool(_STAGES & of_night.keys()), longest[days[label]][1] == label)
        for label, of_night in words.items()
    }


def _later(word: Heard) -> tuple[Any, ...]:
    return word[1], word[0].periodicity == "daily", word[0].end_at, word[0].value


def _waking(word: Heard | None) -> datetime | None:
    """When the night ended; None where that is not told or lies outside of the window."""
    if word is None or not isinstance(instant := word[0].parsed, datetime):
        return None
    woke_at = _local(word[0], instant)
    return woke_at if woke_at is not None and word[0].start_at <= woke_at <= word[0].end_at + _OVERSLEPT else None


def _length(word: Heard | None) -> Decimal:
    """A sleep's length in minutes, -1 if it is not told."""
    parsed = word[0].parsed if word else None
    return parsed if isinstance(parsed, Decimal) else Decimal(-1)


def _name_whoop(names: Collection[str]) -> bool:
    return any("whoop" in name.casefold() for name in names)


def _via(by_whoop: bool) -> tuple[Source, ...]:
    return ("whoop",) if by_whoop else ()
