"""Who asks the same while it is being asked shares the answer; a deadline ends the waiting, never the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Flights(Generic[Key, Answer]):
    """Work under way in this process, by what it is for."""

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[Answer]] = {}

    def join(self, key: Key, start: Callable[[], Coroutine[Any, Any, Answer]]) -> asyncio.Task[Answer]:
        """The work for `key`, begun with `start` if nobody has. Await it through `asyncio.shield` or `asyncio.wait`:
        it is everybody's."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(start())
            task.add_done_callback(lambda done: self._landed(key, done))
        return task

    def _landed(self, key: Key, done: asyncio.Task[Answer]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # whoever still waits sees it; the others do not mind

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
