"""Sync plans: when a (member, type) comes due again, as arithmetic.

adaptive         the catalogue's cadence (default)
interval:<n>m    every type every n minutes
four-a-day       in local time: 08:00 recovery and sleep, 14:00 and 20:00 workout and cycle, 23:00 everything
manual           nothing by itself
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from circadia.domain.catalog import RecordType
from circadia.domain.windows import QUIET_FROM, QUIET_UNTIL, next_due

PlanName = Literal["adaptive", "interval", "four-a-day", "manual"]

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_INTERVAL = re.compile(r"interval:(\d{1,5})m")
_SHORTEST = timedelta(minutes=5)
_SPREAD_MINUTES = QUIET_FROM - QUIET_UNTIL

_HOURS: dict[int, frozenset[str]] = {
    8: frozenset({"read:recovery", "read:sleep"}),
    14: frozenset({"read:workout", "read:cycles"}),
    20: frozenset({"read:workout", "read:cycles"}),
    23: frozenset({"read:recovery", "read:sleep", "read:workout", "read:cycles"}),
}
"""Hour of the local day and the scopes whose types are due then."""


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


def due_after(
    plan: Plan,
    type_: RecordType,
    now: datetime,
    *,
    offset: timedelta = timedelta(0),
    seed: int = 0,
    pushed: bool = False,
) -> datetime:
    """When a type that has just been synced comes due again. `pushed` says that the member's webhooks arrive, which
    makes asking a safety net. `offset` is the member's local offset, `seed` spreads
    members over the hour, clear of its quiet minutes."""
    if plan.name == "manual":
        return _NEVER
    if plan.name == "interval" and plan.every is not None:
        return next_due(now, plan.every)
    if plan.name == "four-a-day" and type_.collection:
        return _four_a_day(type_, now, offset, seed)
    return next_due(now, type_.every_with_push if pushed else type_.every)


def _four_a_day(type_: RecordType, now: datetime, offset: timedelta, seed: int) -> datetime:
    local = now + offset
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = QUIET_UNTIL + seed % _SPREAD_MINUTES
    candidates = (
        midnight + timedelta(days=day, hours=hour, minutes=minutes)
        for day in (0, 1)
        for hour, scopes in _HOURS.items()
        if type_.scope in scopes
    )
    return min(each for each in candidates if each > local) - offset
