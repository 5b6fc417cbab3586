"""Many readers of single days, few statements (see `storage.batches`)."""

from __future__ import annotations

from datetime import date

from circadia.storage import days
from circadia.storage.batches import Batches
from circadia.storage.postgres import Database

_MOST_AT_ONCE = 64

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
        self._batches: Batches[Asked, str] = Batches(self._read, most=_MOST_AT_ONCE)

    async def document(self, user_id: str, day: date) -> str:
        """The day document as JSON text, never older than the rows. UpstreamDown when the database is away."""
        return await self._batches.ask((user_id, day))

    async def _read(self, asked: list[Asked]) -> list[str]:
        users, dates = [user for user, _ in asked], [day for _, day in asked]
        found = await self._db.rows(_SELECT, (users, dates))
        return [
            document if not unsettled else await days.document(self._db, *each)
            for each, (document, unsettled) in zip(asked, found, strict=True)
        ]
