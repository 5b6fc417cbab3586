"""Sahha's records as the older endpoints list them: snake_case around Sahha's own object, scores 0..1.

`created_at` is when Sahha computed a record, where it says so, else when it was received; `updated_at` when it was
received.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from circadia.gateway.views.standing import instant

Row = dict[str, Any]

_OF_A_VALUE = ("type", "unit", "value", "category", "valueType", "aggregation", "periodicity")


def score(raw: Row, profile_id: str, received_at: datetime | None) -> Row:
    """A score; `score` is 0..1 and `data` Sahha's object, its factors included."""
    return {
        **_named(raw, profile_id),
        "type": raw["type"],
        "score": raw.get("score"),
        "state": raw.get("state"),
        "data": raw,
        "score_date_time": raw["scoreDateTime"],
        **_written(raw, received_at),
    }


def biomarker(raw: Row, profile_id: str, received_at: datetime | None) -> Row:
    """A biomarker; its value is text, as Sahha's."""
    return {
        **_named(raw, profile_id),
        "category": raw["category"],
        "type": raw["type"],
        "data": {name: raw.get(name) for name in _OF_A_VALUE},
        **_window(raw),
        **_written(raw, received_at),
    }


def archetype(raw: Row, profile_id: str, received_at: datetime | None) -> Row:
    """An archetype; `ordinality` counts from 0."""
    return {
        **_named(raw, profile_id),
        "name": raw["name"],
        "periodicity": raw["periodicity"],
        "value": raw["value"],
        "data_type": raw.get("dataType"),
        "ordinality": raw.get("ordinality"),
        "data": raw,
        **_window(raw),
        **_written(raw, received_at),
    }


def _named(raw: Row, profile_id: str) -> Row:
    return {"id": raw["id"], "profile_id": profile_id}


def _window(raw: Row) -> Row:
    return {"start_date_time": raw["startDateTime"], "end_date_time": raw["endDateTime"]}


def _written(raw: Row, received_at: datetime | None) -> Row:
    received = instant(received_at)
    return {"created_at": raw.get("createdAtUtc") or received, "updated_at": received}
