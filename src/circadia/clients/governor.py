"""Every request to WHOOP passes here first: one budget for the whole app, whoever asks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from circadia.clock import Clock, Sleep
from circadia.domain.lanes import LANES, Lane, Turn
from circadia.errors import RateLimited

Window = Literal["minute", "day"]

_UNTOLD_PAUSE = timedelta(seconds=60)
_LEARN_AGAIN = timedelta(minutes=1)
_MARGIN = 20
"""One in so many of WHOOP's units is left alone when another program takes some too, if our limit leaves as many."""

_WINDOWED = re.compile(r"(\d+)\s*;\s*window=(\d+)")
_MINUTE, _DAY = 60, 86_400


class Budget(Protocol):
    """What the governor needs of whoever counts units."""

    async def take(self, lane: Lane, member_id: int | None, patience_s: float, ticket: int | None) -> Turn:
        """Take one unit, or a place in the line, with the `ticket` of an earlier try."""

    async def pause(self, seconds: float) -> None:
        """Grant nothing for so long."""

    async def learn(self, per_minute: int | None, per_day: int | None) -> None:
        """WHOOP announced limits lower than ours."""

    async def compare(self, window: Window, limit: int, left: int, on_its_way: timedelta) -> None:
        """Of our `limit` in a window WHOOP lets `left` units be taken, as an answer says that took `on_its_way`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The ceilings in force: requests a minute and a day."""

    per_minute: int
    per_day: int


@dataclass(frozen=True, slots=True)
class Announced:
    """What WHOOP's rate headers say. `remaining` and `reset` speak of the `nearest` window, the one that is closest to
    its end; `limits` and `nearest` are in seconds."""

    limits: dict[int, int]
    nearest: int | None
    remaining: int | None
    reset: timedelta | None

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Announced:
        """`X-RateLimit-Limit` is a list: the tightest limit, then each limit with its window in seconds. No window is
        longer than a day, so a reset further away is not one."""
        text = headers.get("X-RateLimit-Limit", "")
        limits = {int(window): int(limit) for limit, window in _WINDOWED.findall(text)}
        first = text.partition(",")[0].strip()
        named = [window for window, limit in limits.items() if str(limit) == first]
        reset = _integer(headers, "X-RateLimit-Reset")
        if reset is None:
            reset = _integer(headers, "Retry-After")
        return cls(
            limits=limits,
            nearest=named[0] if len(named) == 1 else None,
            remaining=_integer(headers, "X-RateLimit-Remaining"),
            reset=timedelta(seconds=min(reset, _DAY)) if reset is not None else None,
        )


def _integer(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


class Governor:
    """Hands out the right to send one request. Waiting is cancellable; what is not granted in time is RateLimited."""

    def __init__(self, budget: Budget, limits: Limits, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._budget = budget
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._learned: tuple[Mapping[int, int], datetime] | None = None

    async def take(self, lane: Lane, member_id: int | None = None, patience: timedelta | None = None) -> None:
        """Return when one request may be sent for a member (None: for the app itself); RateLimited when that is further
        away than `patience`, which is the lane's unless told otherwise."""
        limit = self._clock() + (LANES[lane].patience if patience is None else patience)
        ticket: int | None = None
        while True:
            left = limit - self._clock()
            turn = await self._budget.take(lane, member_id, left.total_seconds(), ticket)
            if turn.wait_s is None:
                return
            if turn.ticket is None:
                until = self._clock() + timedelta(seconds=turn.wait_s)
                raise RateLimited("the request budget is used up for now", until=until)
            ticket = turn.ticket
            await self._sleep(turn.wait_s)

    async def observe(self, headers: Mapping[str, str], on_its_way: timedelta = timedelta(0)) -> None:
        """Believe WHOOP's headers where they are tighter than our own counting. `on_its_way` is how long the request
        and its answer took."""
        announced = Announced.read(headers)
        await self._learn(announced.limits)
        if announced.remaining == 0 and announced.reset is not None:
            await self._budget.pause(announced.reset.total_seconds())
        if announced.nearest == _MINUTE:
            await self._compare("minute", self._limits.per_minute, announced, on_its_way)
        elif announced.nearest == _DAY:
            await self._compare("day", self._limits.per_day, announced, on_its_way)

    async def refused(self, headers: Mapping[str, str]) -> datetime:
        """WHOOP answered 429: everyone pauses until the instant returned."""
        pause = Announced.read(headers).reset or _UNTOLD_PAUSE
        await self._budget.pause(pause.total_seconds())
        return self._clock() + pause

    async def _learn(self, limits: Mapping[int, int]) -> None:
        minute, day = limits.get(_MINUTE), limits.get(_DAY)
        lower = (minute is not None and minute < self._limits.per_minute) or (
            day is not None and day < self._limits.per_day
        )
        now = self._clock()
        if lower and (self._learned is None or self._learned[0] != limits or now - self._learned[1] >= _LEARN_AGAIN):
            self._learned = (limits, now)
            await self._budget.learn(minute, day)

    async def _compare(self, window: Window, limit: int, announced: Announced, on_its_way: timedelta) -> None:
        """Others may take their part of WHOOP's limit, but not of what we think is left of ours."""
        assert announced.nearest is not None
        theirs = announced.limits[announced.nearest]
        ours = min(limit, theirs)
        if announced.remaining is not None:
            left = announced.remaining - min(theirs // _MARGIN, theirs - ours)
            if left < ours // 2:
                await self._budget.compare(window, ours, max(left, 0), on_its_way)
