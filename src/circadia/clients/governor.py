"""Every request to WHOOP passes here first: one budget for the whole app, whoever asks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from circadia.clock import Clock
from circadia.domain.lanes import Lane
from circadia.errors import RateLimited

PATIENCE = timedelta(seconds=65)
"""How long a request waits for its unit before it is put off: a little more than the minute window."""

_UNTOLD_PAUSE = timedelta(seconds=60)
_WINDOWED = re.compile(r"(\d+)\s*;\s*window=(\d+)")
_MINUTE, _DAY = 60, 86_400


class Budget(Protocol):
    """What the governor needs of whoever counts units."""

    async def take(self, lane: Lane) -> datetime | None:
        """Take one unit; None when granted, else the instant of the next try."""

    async def pause(self, until: datetime) -> None:
        """Grant nothing before `until`."""

    async def learn(self, per_minute: int | None, per_day: int | None) -> None:
        """WHOOP announced limits lower than ours."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The ceilings in force: requests a minute and a day."""

    per_minute: int
    per_day: int


@dataclass(frozen=True, slots=True)
class Announced:
    """What WHOOP's rate headers say. `remaining` and `reset` speak of the window that is closest to its end."""

    limits: dict[int, int]
    remaining: int | None
    reset: timedelta | None

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Announced:
        """`X-RateLimit-Limit` is a list: the tightest limit, then each limit with its window in seconds."""
        pairs = _WINDOWED.findall(headers.get("X-RateLimit-Limit", ""))
        remaining, reset = _integer(headers, "X-RateLimit-Remaining"), _integer(headers, "X-RateLimit-Reset")
        if reset is None:
            reset = _integer(headers, "Retry-After")
        return cls(
            limits={int(window): int(limit) for limit, window in pairs},
            remaining=remaining,
            reset=timedelta(seconds=reset) if reset is not None else None,
        )


def _integer(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


class Governor:
    """Hands out the right to send one request. Waiting is cancellable; what is not granted in time is RateLimited."""

    def __init__(
        self, budget: Budget, limits: Limits, clock: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._budget = budget
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._known: dict[int, int] = {}

    async def take(self, lane: Lane, patience: timedelta = PATIENCE) -> None:
        """Return when one request may be sent; RateLimited when that is further away than `patience`."""
        limit = self._clock() + patience
        while (until := await self._budget.take(lane)) is not None:
            if until > limit:
                raise RateLimited("the request budget is used up for now", until=until)
            await self._sleep(max((until - self._clock()).total_seconds(), 0.05))

    async def observe(self, headers: Mapping[str, str]) -> None:
        """Believe WHOOP's headers where they are tighter than our own counting."""
        announced = Announced.read(headers)
        if announced.limits and announced.limits != self._known:
            self._known = announced.limits
            minute, day = announced.limits.get(_MINUTE), announced.limits.get(_DAY)
            if (minute or self._limits.per_minute) < self._limits.per_minute or (
                day or self._limits.per_day
            ) < self._limits.per_day:
                await self._budget.learn(minute, day)
        if announced.remaining == 0 and announced.reset is not None:
            await self._budget.pause(self._clock() + announced.reset)

    async def refused(self, headers: Mapping[str, str]) -> datetime:
        """WHOOP answered 429: everyone pauses until the instant returned."""
        until = self._clock() + (Announced.read(headers).reset or _UNTOLD_PAUSE)
        await self._budget.pause(until)
        return until
