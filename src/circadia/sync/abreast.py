"""Walks side by side: records without times of their own are placed by those they name, and their walk stays a page
behind, so that it is known how far it has come wherever it stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from circadia.domain.catalog import RecordType
from circadia.sync.outcome import Outcome
from circadia.sync.progress import Progress, Stopping


class Abreast:
    """The walks of several types of one member, as far as they wait for each other."""

    def __init__(self, types: Sequence[RecordType], progress: Progress | None) -> None:
        self._types = {each.name: each for each in types}
        self._progress = progress
        self._pages: Counter[str] = Counter()
        self._ended: dict[str, bool] = {}
        self._moved = asyncio.Event()

    async def __call__(self, name: str, outcome: Outcome, reached: datetime | None) -> None:
        """A page was stored (it is `Progress`). Returns when the next one may be asked for."""
        self._pages[name] += 1
        self._moved.set()
        if self._progress is not None:
            await self._progress(name, outcome, reached)
        await self.turn(self._types[name])

    @contextmanager
    def walking(self, type_: RecordType) -> Iterator[None]:
        """Around a type's walk: whoever waits for it learns of its end."""
        stopped = False
        try:
            yield
        except Stopping:
            stopped = True
            raise
        finally:
            self._ended[type_.name] = stopped
            self._moved.set()

    async def turn(self, type_: RecordType) -> None:
        """Wait until the type that places this one's records is a page ahead or at its end. Stopping when it was
        stopped before."""
        lead = None if type_.timed else next((each.type for each in type_.links if each.type in self._types), None)
        if lead is None:
            return
        stored = self._pages[type_.name]
        while self._pages[lead] <= stored + 1 and lead not in self._ended:
            self._moved.clear()
            await self._moved.wait()
        if stored and self._ended.get(lead):
            raise Stopping
