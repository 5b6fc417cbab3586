"""Who had a link to WHOOP when it was last heard of, kept over restarts. Nobody waits for a note to be written, hardly
for one to be read, and our own database's trouble is no trouble of whoever asks about WHOOP."""

from __future__ import annotations

import asyncio

from circadia.errors import UpstreamDown
from circadia.storage.whoop_links import LinkMemory

_MOMENT_S = 0.3
_MOST = 10_000


class LinkNotes:
    """The notes of one process; without a `memory` there are none. None in place of a link: it may have changed."""

    def __init__(self, memory: LinkMemory | None) -> None:
        self._memory = memory
        self._noted: dict[str, bool | None] = {}
        self._wanted: dict[str, bool | None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reading: set[asyncio.Task[bool | None]] = set()

    def heard(self, whoop_id: str, linked: bool | None) -> None:
        """Note what was heard of a link, where it is news to the notes."""
        if self._memory is None or self._noted.get(whoop_id, not linked) is linked:
            return
        self._wanted[whoop_id] = linked
        if whoop_id not in self._tasks:
            self._tasks[whoop_id] = asyncio.create_task(self._write(self._memory, whoop_id))

    async def recall(self, whoop_id: str) -> bool | None:
        """What was heard last; None when nothing was, or the database does not say so in a moment."""
        known = self._wanted if whoop_id in self._wanted else self._noted
        if self._memory is None or whoop_id in known:
            return known.get(whoop_id)
        # not cancelled at the end of the wait: a server that hangs would take seconds to hear of it
        reading = asyncio.create_task(self._memory.recall(whoop_id))
        self._reading.add(reading)
        reading.add_done_callback(self._read)
        await asyncio.wait([reading], timeout=_MOMENT_S)
        return reading.result() if reading.done() and reading.exception() is None else None

    async def close(self) -> None:
        """Let what is being written end, for a moment."""
        if self._tasks:
            await asyncio.wait([*self._tasks.values()], timeout=_MOMENT_S)
        left = [*self._tasks.values(), *self._reading]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _write(self, memory: LinkMemory, whoop_id: str) -> None:
        try:
            while whoop_id in self._wanted:
                linked = self._wanted[whoop_id]
                await (memory.drop(whoop_id) if linked is None else memory.note(whoop_id, linked=linked))
                self._noted[whoop_id] = linked
                if len(self._noted) > _MOST:
                    del self._noted[next(iter(self._noted))]
                if self._wanted[whoop_id] is linked:
                    del self._wanted[whoop_id]
        except UpstreamDown:
            del self._wanted[whoop_id]  # it is news again the next time
        finally:
            del self._tasks[whoop_id]

    def _read(self, task: asyncio.Task[bool | None]) -> None:
        self._reading.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits sees it; nobody may wait any more
