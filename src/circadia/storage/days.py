"""Day documents: read ready-made, settled first when a change waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import cast

from circadia.storage.postgres import Connection, Database, row, rows

_ONE = "SELECT document, unsettled FROM day_document(%s, %s)"
_RANGE = "SELECT document, unsettled FROM day_documents(%s, %s, %s)"
_NEWEST = """
    SELECT m.id, (SELECT c.day FROM cycles c WHERE c.member_id = m.id AND c.deleted_at IS NULL ORDER BY c.start DESC LIMIT 1),
           (SELECT max(d.day) FROM days d WHERE d.member_id = m.id), EXISTS (SELECT FROM day_changes x WHERE x.member_id = m.id)
    FROM members m WHERE m.user_id = %s"""


async def settle(connection: Connection, member_id: int) -> int:
    """Label what changed and rebuild the documents it shows in; returns how many dates were looked at."""
    found = await row(connection, "SELECT settle_days(%s)", (member_id,))
    return int(found[0]) if found else 0


async def settle_user(connection: Connection, user_id: str) -> None:
    """The same by user id; nothing for an unknown one."""
    await connection.execute("SELECT settle_days(id) FROM members WHERE user_id = %s", (user_id,))


async def document(db: Database, user_id: str, day: date) -> str:
    """The day document as JSON text, never older than the rows."""
    while True:
        found = await db.row(_ONE, (user_id, day))
        assert found is not None
        if not found[1]:
            return cast("str", found[0])
        async with db.connection() as connection:
            await settle_user(connection, user_id)


async def documents(db: Database, user_id: str, first: date, last: date, *, batch: int = 180) -> AsyncIterator[str]:
    """The documents of `first..last`, every date once, in memory that does not grow with the range."""
    async with db.connection() as connection:
        start = first
        while start <= last:
            end = min(start + timedelta(days=batch - 1), last)
            for each in await _documents(connection, user_id, start, end):
                yield each
            start = end + timedelta(days=1)


async def newest(db: Database, user_id: str) -> date | None:
    """The date of the newest cycle, else of the newest day that has a document."""
    async with db.connection() as connection:
        while True:
            found = await row(connection, _NEWEST, (user_id,))
            if found is None:
                return None
            member_id, of_cycle, of_document, unsettled = found
            if not unsettled:
                return cast("date | None", of_cycle or of_document)
            await settle(connection, member_id)


async def _documents(connection: Connection, user_id: str, first: date, last: date) -> list[str]:
    """A statement reads documents and pending changes in one snapshot, so an old document is seen as such."""
    while True:
        found = await rows(connection, _RANGE, (user_id, first, last))
        if not any(unsettled for _, unsettled in found):
            return [document for document, _ in found]
        await settle_user(connection, user_id)
