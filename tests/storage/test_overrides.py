"""Writers of one user's overrides at the same time, in whatever order they name the metrics."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from circadia.storage import overrides
from circadia.storage.postgres import Database

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST = {"steps": {"how": "choose"}, "strain": {"how": "choose"}}
SECOND = dict(reversed(FIRST.items()))
_WAITING = """SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE a.datname = current_database() AND NOT l.granted"""


async def waiting(db: Database, writers: int) -> None:
    """Until so many wait for a lock."""
    async with asyncio.timeout(10):
        while await db.row(_WAITING) != (writers,):
            await asyncio.sleep(0.01)


async def test_two_who_name_the_metrics_in_another_order_do_not_wait_for_each_other(db: Database) -> None:
    await overrides.put(db, "alice", FIRST, NOW)
    async with db.begin() as connection:
        await connection.execute("SELECT 1 FROM merge_overrides WHERE metric = 'steps' FOR UPDATE")
        one = asyncio.create_task(overrides.put(db, "alice", FIRST, NOW))
        await waiting(db, 1)
        other = asyncio.create_task(overrides.put(db, "alice", SECOND, NOW))
        await waiting(db, 2)
    await asyncio.gather(one, other)


async def test_of_two_who_replace_everything_one_has_the_last_word(db: Database) -> None:
    given = [{name: FIRST[name]} for name in FIRST]
    for n in range(10):
        await asyncio.gather(*(overrides.replace(db, f"user-{n}", each, NOW) for each in given))
        assert await overrides.said(db, f"user-{n}") in given
