"""Many who ask at once, few statements: who comes while a statement is on its way goes with the next one.

Nobody joins a statement that was sent before they came, and nobody is answered before theirs has ended: what a reader
gets is never older than the asking, and what a writer brought is committed. One alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar, cast

from circadia.errors import UpstreamDown

Asked = TypeVar("Asked", bound=Hashable)
Answer = TypeVar("Answer")

_STATEMENTS = 2
"""How many may be under way: one is being carried out by the server while the other is being prepared here."""


class Batches(Generic[Asked, Answer]):
    """`send` answers up to `most` at once, in their order; two that ask the same share an answer."""

    def __init__(self, send: Callable[[list[Asked]], Awaitable[Sequence[Answer]]], *, most: int) -> None:
        self._send = send
        self._most = most
        self._waiting: dict[Asked, asyncio.Future[Answer]] = {}
        self._senders: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many wait for their statement to be sent."""
        return len(self._waiting)

    async def ask(self, asked: Asked) -> Answer:
        """The answer to one; whatever its statement raised, everybody who went with it is told."""
        future = self._waiting.get(asked)
        if future is None:
            future = self._waiting[asked] = asyncio.get_running_loop().create_future()
            if len(self._senders) < _STATEMENTS:
                self._senders.add(asyncio.create_task(self._send_all()))
        return await asyncio.shield(future)

    async def _send_all(self) -> None:
        """Send what waits until nothing does."""
        while self._waiting:
            asked = list(self._waiting)[: self._most]
            futures = [self._waiting.pop(each) for each in asked]
            sending = asyncio.ensure_future(self._send(asked))
            await asyncio.wait([sending])
            failure = UpstreamDown("the statement was cancelled") if sending.cancelled() else sending.exception()
            for place, future in enumerate(futures):
                if failure is None:
                    future.set_result(sending.result()[place])
                else:
                    future.set_exception(failure)
                    future.exception()  # whoever still waits sees it; one who left does not mind
        # in the same step as the look above: one who comes next finds the place free
        self._senders.remove(cast("asyncio.Task[None]", asyncio.current_task()))
