"""What a source told the gateway, or why it told nothing: the shape that both sources answer in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from circadia.domain.readings import Observation, Source

State = Literal[
    "ok",
    "not_configured",
    "not_connected",
    "needs_reconnect",
    "rate_limited",
    "timeout",
    "circuit_open",
    "unavailable",
]
"""How asking went. `needs_reconnect` may still come with what was stored; so may `timeout`, `circuit_open`,
`rate_limited` and `unavailable` of a source that we keep ourselves."""

FAILED: frozenset[State] = frozenset({"rate_limited", "timeout", "circuit_open", "unavailable"})
"""States that are somebody's trouble, told in `errors`; the others are how things stand."""

NOT_THERE = frozenset({"not_recorded", "no_data"})
"""Reasons of a gap by which nothing stands in the way but that there is nothing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a part of a date is not there; `part` and `reason` as in the day document."""

    day: date
    source: Source
    part: str
    reason: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A source's answer for some dates.

    `body` is the source in its own words: for WHOOP `{"recovery", "sleep", "workouts", "cycles", "profile"}`, each as
    the WHOOP service's internal route answers or None; for Sahha `{"scores", "biomarkers"}`, lists of Sahha's own JSON
    objects, newest first. `today` is the member's local date as the source knows it, `offset` its offset from UTC.
    `linked` is what was last heard of the member's link by a source in trouble; None: nothing.
    """

    source: Source
    state: State
    observations: tuple[Observation, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    error: str | None = None
    as_of: datetime | None = None
    connected_at: datetime | None = None
    offset: timedelta | None = None
    late: bool = False
    linked: bool | None = None
    took_ms: float = 0.0

    @property
    def connected(self) -> bool | None:
        """Whether something may be expected of it for this member; None where nobody knows, because it is in trouble
        and was not heard of the member before."""
        if self.state in FAILED:
            return self.available or self.linked
        return self.state not in ("not_configured", "not_connected")

    @property
    def available(self) -> bool:
        """Whether it told something that can be shown."""
        return any(self.body.values())
