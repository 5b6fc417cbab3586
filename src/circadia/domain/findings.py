"""Findings: why a member's data are missing or late, how bad that is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Worst first: nothing comes in until it is mended; something is late or at risk; so it is, and nothing is wrong."""

Range = tuple[date, date]
"""First and last date, both included."""

_RANGES_NAMED = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them. `type` is the record type it concerns, `days` the dates that lack something because of it."""

    kind: str
    severity: Severity
    message: str
    remedy: str
    type: str | None = None
    days: tuple[Range, ...] = ()

    @property
    def order(self) -> int:
        """Worse ones first."""
        return SEVERITIES.index(self.severity)


def ranges(days: Iterable[date]) -> tuple[Range, ...]:
    """The dates as stretches without holes, oldest first."""
    found: list[Range] = []
    for day in sorted(set(days)):
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return tuple(found)


def named(stretches: tuple[Range, ...]) -> str:
    """The newest of them in words: `2026-11-19, 2026-11-03 to 2026-11-05 and 4 more`."""
    told = [f"{last}" if first == last else f"{first} to {last}" for first, last in reversed(stretches)]
    more = len(told) - _RANGES_NAMED
    return ", ".join(told[:_RANGES_NAMED]) + (f" and {more} more" if more > 0 else "")
