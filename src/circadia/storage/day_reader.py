"""Many readers of single days, few statements: who asks while a statement is on its way goes with the next one.

A request never joins a statement that was sent before it came, so what it gets is never older than its asking. One
reader alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import cast

from circadia.storage import days
from circadia.storage.postgres import Database

_MOST_AT_ONCE = 64
_STATEMENTS = 2
"""How many may be under way: one is being built by the server while the other is being read here."""

_SELECT = """
    SELECT one.document, one.unsettled
    FROM unnest(%s::text[], %s::date[]) WITH ORDINALITY asked (user_id, day, place)
    CROSS JOIN LATERAL day_document(asked.user_id, asked.day) one
    ORDER BY asked.place"""

Asked = tuple[str, date]


class DayReader:
    """Reads day documents for one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[Asked, asyncio.Future[str]] = {}
        self._senders: set[asyncio.Task[None]] = set()

    async def document(self, user_id: str, day: date) -> str:
        """The day document as JSON text, never older than the rows. UpstreamDown when the database is away."""
        future = self._waiting.get((user_id, day))
        if future is None:
            future = self._waiting[user_id, day] = asyncio.get_running_loop().create_future()
            if len(self._senders) < _STATEMENTS:
                self._senders.add(asyncio.create_task(self._send()))
        return await asyncio.shield(future)

    async def _send(self) -> None:
        """Send what waits until nothing does."""
        while self._waiting:
            asked = list(self._waiting)[:_MOST_AT_ONCE]
            futures = [self._waiting.pop(each) for each in asked]
            reading = asyncio.ensure_future(self._read(asked))
            await asyncio.wait([reading])
            failure = reading.exception()
            for place, future in enumerate(futures):
                if failure is None:
                    future.set_result(reading.result()[place])
                else:
                    future.set_exception(failure)
                    future.exception()  # whoever still waits sees it; one who left does not mind
        # in the same step as the look above: one who comes next finds the place free
        self._senders.remove(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _read(self, asked: list[Asked]) -> list[str]:
        users, dates = [user for user, _ in asked], [day for _, day in asked]
        found = await self._db.rows(_SELECT, (users, dates))
        return [
            document if not unsettled else await days.document(self._db, *each)
            for each, (document, unsettled) in zip(asked, found, strict=True)
        ]
