"""The audit is added to and read, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from circadia.storage import audit
from circadia.storage.postgres import Database

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def some(db: Database) -> None:
    for n, user_id in enumerate(["ann", "ben", "ann", None, "ann"]):
        await audit.note(db, NOW + timedelta(minutes=n), "ann", "person", user_id, f"deed.{n}", {"n": n})


async def test_pages_newest_first(db: Database) -> None:
    await some(db)
    first = await audit.page(db, "ann", None, 2)
    assert [each.deed for each in first] == ["deed.4", "deed.2"]
    assert (first[0].at, first[0].actor, first[0].actor_kind, first[0].user_id, first[0].details) == (
        NOW + timedelta(minutes=4), "ann", "person", "ann", {"n": 4},
    )  # fmt: skip
    assert [each.deed for each in await audit.page(db, "ann", first[-1].id, 2)] == ["deed.0"]
    assert [each.deed for each in await audit.page(db, None, None, 10)] == [f"deed.{n}" for n in (4, 3, 2, 1, 0)]
    assert await audit.page(db, "eve", None, 10) == []


async def test_it_counts_with_the_deed(db: Database) -> None:
    async def given_up() -> None:
        async with db.begin() as connection:
            await audit.note(connection, NOW, "laptop (k1)", "key", "ann", "data.exported")
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await given_up()
    assert await audit.page(db, None, None, 10) == []
    async with db.begin() as connection:
        await audit.note(connection, NOW, "laptop (k1)", "key", "ann", "data.exported")
    assert [each.details for each in await audit.page(db, None, None, 10)] == [{}]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit", "TRUNCATE audit", "DELETE FROM audit WHERE false"],
)
async def test_nothing_is_changed_or_taken_away(db: Database, statement: str) -> None:
    await some(db)
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
        await db.execute(statement)
    assert len(await audit.page(db, None, None, 10)) == 5
