"""What WHOOP's words come to: the rows of the WHOOP service's `/internal/data/*` as observations.

A row is already labelled with the date of waking. Of several rows of one date the first one leads, as in the day
document. UNSCORABLE gives nothing; of what still waits for its score that is told which does not hang on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from math import isfinite
from typing import Any

from circadia.domain.metrics import METRICS, Metric
from circadia.domain.readings import Observation, Unsettled, Value

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a row tells a metric: the way to the value, how many places are preferred, and the factor to its unit."""

    metric: Metric
    way: tuple[str, ...]
    rank: int
    factor: int


def _fields() -> dict[str, list[_Field]]:
    """By part of the body. The fields carry their unit in their name; only minutes are not the catalogue's."""
    found: dict[str, list[_Field]] = {}
    for metric in METRICS:
        for rank, place in enumerate(metric.whoop.split()):
            part, *way = place.split(".")
            factor = 60 if way[-1].endswith("_minutes") else 1
            found.setdefault(part, []).append(_Field(metric, tuple(way), rank, factor))
    return found


_FIELDS = _fields()


def observations(body: Mapping[str, Any]) -> tuple[Observation, ...]:
    """At most one observation per date and metric, by date and metric.

    `body` has the parts `recovery`, `sleep` and `cycles` as the service answers them, or None for one that it has
    nothing of; other parts are not looked at, and neither are values of another type than the metric's.
    """
    parts = {name: part for name in _FIELDS if isinstance(part := body.get(name), Mapping)}
    offsets = {day: row.get("timezone_offset") for day, row in _leading(parts.get("sleep", {}))}
    found: dict[tuple[date, str], tuple[int, Observation]] = {}
    for name, part in parts.items():
        as_of = _instant(part.get("as_of"), UTC)
        for day, row in _leading(part):
            zone = _zone(offsets.get(day) or row.get("timezone_offset") or part.get("timezone_offset"))
            seen = _seen(row, as_of, zone)
            if seen is None or row.get("score_state") == "UNSCORABLE":
                continue
            unsettled = _unsettled(row)
            for field in _FIELDS[name]:
                value = _value(field, row, zone)
                key = day, field.metric.name
                if value is not None and (key not in found or field.rank < found[key][0]):
                    found[key] = field.rank, Observation(*key, "whoop", value, seen, unsettled=unsettled)
    return tuple(found[key][1] for key in sorted(found))


def _leading(part: Row) -> Iterator[tuple[date, Row]]:
    """The first row of each date."""
    seen: set[date] = set()
    for row in part.get("data") or ():
        day = _date(row.get("date"))
        if day is not None and day not in seen:
            seen.add(day)
            yield day, row


def _unsettled(row: Row) -> Unsettled | None:
    if row.get("score_state") != "SCORED":
        return "pending"
    if row.get("user_calibrating"):
        return "calibrating"
    return "open" if "end_time" in row and row["end_time"] is None else None


def _seen(row: Row, as_of: datetime | None, zone: tzinfo) -> datetime | None:
    """What it speaks of: the waking or its own end; while it runs, the instant up to which we know WHOOP."""
    ended = _instant(row.get("recorded_at"), zone) or _instant(row.get("end_time"), zone)
    began = _instant(row.get("start_time"), zone)
    if ended is not None or as_of is None:
        return ended or began
    return max(began, as_of).astimezone(zone) if began else as_of.astimezone(zone)


def _value(field: _Field, row: Row, zone: tzinfo) -> Value | None:
    value: Any = row
    for step in field.way:
        value = value.get(step) if isinstance(value, Mapping) else None
    if field.metric.kind == "instant":
        return _instant(value, zone)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return round(value * field.factor) if field.metric.kind == "int" else float(value * field.factor)


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value if isinstance(value, date) else None
    except ValueError:
        return None


def _instant(value: Any, zone: tzinfo) -> datetime | None:
    """An instant where the person was; None if it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return found.astimezone(zone) if isinstance(found, datetime) and found.tzinfo else None


@lru_cache(maxsize=256)
def _zone(code: str | None) -> tzinfo:
    """An offset as WHOOP writes it, `+hh:mm`, `-hh:mm` or `Z`; UTC where there is none."""
    try:
        return datetime.strptime(code or "Z", "%z").tzinfo or UTC
    except ValueError:
        return UTC
