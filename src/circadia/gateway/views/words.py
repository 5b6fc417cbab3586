"""What one source said of a date: its own words among the merged, and its rows of that date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from circadia.domain.readings import SOURCES, MergedDay, Source

Row = dict[str, Any]


def speakers(day: MergedDay) -> list[Source]:
    """The sources that said anything of a date, in their order."""
    found: set[Source] = set()
    for merged in day.values():
        found.update(merged.sources, (each.reading.source for each in merged.lost))
    return [each for each in SOURCES if each in found]


def rows_of(part: Row | None, day: date) -> list[Row]:
    """The rows of a part of the WHOOP service's answer that are of a date, newest first."""
    return [row for row in (part or {}).get("data", ()) if row["date"] == day.isoformat()]


def ending_on(records: Iterable[Row], day: date) -> list[Row]:
    """Sahha's records whose local day, written in the instant they end at or are for, is a date."""
    return [each for each in records if (each.get("scoreDateTime") or each["endDateTime"]).startswith(day.isoformat())]
