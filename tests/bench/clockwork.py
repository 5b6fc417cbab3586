"""Virtual time: a clock that moves on when everybody who works waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any


class Clockwork:
    """Call it for the present; `sleep` in it; `start` what lives in it. Real waiting (a database's answer) takes no
    time of its."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0
        self._awake = 0
        self._still = asyncio.Event()
        self._still.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None

    def __call__(self) -> datetime:
        return self._at

    @property
    def next_at(self) -> datetime | None:
        """When the next sleeper wakes."""
        return self._sleepers[0][0] if self._sleepers else None

    async def sleep(self, seconds: float) -> None:
        """Wait for so much virtual time; only inside what was started here."""
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._sleepers, (self._at + timedelta(seconds=seconds), self._count, waker))
        self._rest()
        await waker

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something that takes virtual time."""
        self._wake()
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    async def advance(self, until: datetime) -> None:
        """Let everything happen up to an instant, in its order. Raises what something started here has raised."""
        await self._stand()
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, waker = heappop(self._sleepers)
            self._at = max(self._at, at)
            self._wake()
            waker.set_result(None)
            await self._stand()
        self._at = max(self._at, until)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._failed = self._failed or task.exception()
        self._rest()

    async def _stand(self) -> None:
        await self._still.wait()
        if self._failed is not None:
            raise self._failed

    def _wake(self) -> None:
        self._awake += 1
        self._still.clear()

    def _rest(self) -> None:
        self._awake -= 1
        if not self._awake:
            self._still.set()
