"""Sync plans, as a setting says them; `cadence` has their arithmetic.

adaptive         the catalogue's cadence (default)
interval:<n>m    every type every n minutes
four-a-day       in local time: 08:00 recovery and sleep, 14:00 and 20:00 workout and cycle, 23:00 everything
manual           nothing by itself
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

PlanName = Literal["adaptive", "interval", "four-a-day", "manual"]

_INTERVAL = re.compile(r"interval:(\d{1,5})m")
_SHORTEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan; `every` is set for intervals only."""

    name: PlanName
    every: timedelta | None = None

    def __str__(self) -> str:
        return f"interval:{int(self.every.total_seconds() // 60)}m" if self.every else self.name


def parse_plan(text: str) -> Plan:
    """A plan from its setting; ValueError says what is allowed."""
    if text in ("adaptive", "four-a-day", "manual"):
        return Plan(text)  # type: ignore[arg-type]
    found = _INTERVAL.fullmatch(text)
    if found is None or timedelta(minutes=int(found[1])) < _SHORTEST:
        raise ValueError("it is one of adaptive, interval:<n>m (n at least 5), four-a-day, manual")
    return Plan("interval", timedelta(minutes=int(found[1])))
