"""Virtual time: many tasks that wait for hours in a moment, always in the same order."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import datetime, timedelta
from itertools import count
from typing import Any


class VirtualTime:
    """A clock with its sleep. One of its tasks runs at a time; when all sleep, the one whose time comes first wakes,
    and the clock with it."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._awake = 0
        self._numbers = count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def __call__(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Wait for so many of this clock's seconds."""
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.at + timedelta(seconds=seconds), next(self._numbers), woken))
        self._awake -= 1
        self._wake()
        try:
            await woken
        except asyncio.CancelledError:
            self._awake += not woken.done() or woken.cancelled()
            raise

    async def run(self, *tasks: Coroutine[Any, Any, None]) -> None:
        """Run these until all have ended; the first exception is raised."""
        self._awake += len(tasks)
        await asyncio.gather(*(self._run(each) for each in tasks))

    async def _run(self, task: Coroutine[Any, Any, None]) -> None:
        try:
            await self.sleep(0)
            await task
        finally:
            self._awake -= 1
            self._wake()

    def _wake(self) -> None:
        while self._awake == 0 and self._sleepers:
            at, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.at = max(self.at, at)
                self._awake += 1
                woken.set_result(None)
