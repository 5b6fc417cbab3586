"""The order rule, row by row: which payload a row ends up with, whatever arrives when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from circadia.domain.catalog import BY_NAME
from circadia.storage import members, records
from circadia.storage.postgres import Database
from circadia.storage.records import Received, Written

WORKOUT = BY_NAME["workout"]
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = "00000000-0000-0000-0000-000000000001"
OLD, SAME, NEW = "2026-11-19T08:00:00.000Z", "2026-11-19T09:00:00.000Z", "2026-11-19T10:00:00.000Z"


def payload(updated_at: str, sport: str) -> dict[str, Any]:
    return {
        "id": KEY, "created_at": OLD, "updated_at": updated_at, "start": OLD, "end": NEW, "timezone_offset": "Z",
        "sport_name": sport, "score_state": "SCORED",
    }  # fmt: skip


async def arrives(db: Database, member_id: int, raw: dict[str, Any], fetched_at: datetime) -> Written:
    async with db.begin() as connection:
        received = [Received(WORKOUT.model.model_validate(raw), raw)]
        return await records.upsert(connection, WORKOUT, member_id, received, fetched_at=fetched_at)


async def present(db: Database) -> str | None:
    """The sport of the live row."""
    found = await db.row("SELECT raw ->> 'sport_name' FROM workouts WHERE deleted_at IS NULL")
    return found[0] if found else None


@pytest.fixture
async def member_id(db: Database) -> int:
    """A member with one row: running, updated at SAME, fetched at noon."""
    async with db.begin() as connection:
        made = await members.ensure(connection, "alice", AT)
    assert await arrives(db, made, payload(SAME, "running"), AT) == Written(1, 0, 0)
    return made


@pytest.mark.parametrize(
    ("updated_at", "sport", "fetched_s", "stays"),
    [
        (NEW, "rowing", 60, "rowing"),
        (NEW, "rowing", -60, "rowing"),
        (OLD, "rowing", 60, "running"),
        (OLD, "rowing", -60, "running"),
        (SAME, "rowing", 60, "rowing"),
        (SAME, "rowing", -60, "running"),
        (SAME, "running", 60, "running"),
    ],
)
async def test_a_live_row(
    db: Database, member_id: int, updated_at: str, sport: str, fetched_s: int, stays: str
) -> None:
    written = await arrives(db, member_id, payload(updated_at, sport), AT + timedelta(seconds=fetched_s))
    assert await present(db) == stays
    assert written == (Written(0, 1, 0) if stays == "rowing" else Written(0, 0, 1))


@pytest.mark.parametrize(
    ("updated_at", "fetched_s", "lives"),
    [
        (NEW, 61, True),
        (SAME, 61, True),
        (OLD, 61, False),
        (NEW, 60, False),
        (NEW, 30, False),
        (SAME, 59, False),
    ],
)
async def test_a_tombstone_is_lifted_only_by_a_fetch_that_began_after_it(
    db: Database, member_id: int, updated_at: str, fetched_s: int, lives: bool
) -> None:
    async with db.begin() as connection:
        learned_at = AT + timedelta(seconds=60)
        keys = [WORKOUT.model.model_validate(payload(SAME, "running")).model_dump()["id"]]
        assert await records.bury(connection, WORKOUT, member_id, keys, learned_at=learned_at) == 1
        assert await records.bury(connection, WORKOUT, member_id, keys, learned_at=learned_at) == 0
    assert await present(db) is None
    await arrives(db, member_id, payload(updated_at, "rowing"), AT + timedelta(seconds=fetched_s))
    assert await present(db) == ("rowing" if lives else None)


async def test_a_row_fetched_after_a_deletion_was_learned_is_not_buried_by_it(db: Database, member_id: int) -> None:
    keys = [WORKOUT.model.model_validate(payload(SAME, "running")).model_dump()["id"]]
    async with db.begin() as connection:
        assert await records.bury(connection, WORKOUT, member_id, keys, learned_at=AT) == 0
        assert await records.bury(connection, WORKOUT, member_id, [], learned_at=AT + timedelta(days=1)) == 0
    assert await present(db) == "running"


async def test_a_record_twice_on_a_page_counts_once_and_the_first_wins(db: Database, member_id: int) -> None:
    page = [payload(NEW, "rowing"), payload(NEW, "yoga")]
    async with db.begin() as connection:
        received = [Received(WORKOUT.model.model_validate(each), each) for each in page]
        written = await records.upsert(connection, WORKOUT, member_id, received, fetched_at=AT)
    assert written == Written(0, 1, 0)
    assert await present(db) == "rowing"


async def test_one_member_s_records_are_not_another_s(db: Database, member_id: int) -> None:
    async with db.begin() as connection:
        other = await members.ensure(connection, "bob", AT)
    assert await arrives(db, other, payload(SAME, "yoga"), AT) == Written(1, 0, 0)
    found = await db.rows("SELECT member_id, raw ->> 'sport_name' FROM workouts ORDER BY member_id")
    assert found == [(member_id, "running"), (other, "yoga")]
