"""The values of a day are those of its document, whatever happens to the records, and are made again from nothing."""

from __future__ import annotations

from datetime import date

import pytest

from circadia.domain.catalog import COLLECTIONS
from circadia.domain.trends import DAY_METRICS, STORED
from circadia.storage import days, members
from circadia.storage.postgres import Database
from tests.conftest import NewStage
from tests.reporting.documents import Json, at, documents, figures
from tests.simulated import Stage

_CHANGES = ("edit_sleep", "delete_sleep", "delete_workout", "rescore", "delete_recovery", "merge_cycles")


async def _values(db: Database) -> dict[date, Json]:
    names = ", ".join(each.name for each in DAY_METRICS)
    found = await db.rows(
        f"SELECT day, state, calibrating, open, timezone_offset, {names} FROM reporting.days WHERE user_id = 'alice'",
        (),
    )
    columns = ("state", "calibrating", "open", "timezone_offset", *(each.name for each in DAY_METRICS))
    return {day: dict(zip(columns, rest, strict=True)) for day, *rest in found}


async def _compare(stage: Stage) -> dict[date, Json]:
    """The values, after they were found to be those of the documents."""
    told = await documents(stage.db, date(2026, 8, 1), date(2026, 11, 25))
    values = await _values(stage.db)
    assert values.keys() == told.keys()
    for day, row in values.items():
        wanted = figures(told[day])
        for clock in ("bed_time_min", "wake_time_min"):
            row[clock] = None if row[clock] is None else round(row[clock] * 60_000)
        assert {name: row[name] for name in wanted} == pytest.approx(wanted, abs=1e-9), day
        assert row["state"] == told[day]["state"]
        assert row["timezone_offset"] == told[day]["timezone_offset"]
        assert row["calibrating"] == bool(at(told[day]["recovery"], "calibrating"))
        assert row["open"] == bool(at(told[day]["cycle"], "open"))
    return values


async def test_values_are_those_of_the_documents(stage: NewStage) -> None:
    member = await stage(days=90, seed=5)
    await member.backfill()
    values = await _compare(member)
    assert len(values) > 80
    for each in STORED:
        assert any(row[each.name] is not None for row in values.values()), each.name


async def test_values_follow_what_happens_to_the_records(stage: NewStage) -> None:
    member = await stage(days=40, seed=3)
    await member.backfill()
    before = await _compare(member)
    for action in _CHANGES:
        member.mutate(action)
        member.clock.advance(3600)
        await member.runtime.engine.reconcile(member.grant, COLLECTIONS, lane="reconcile", full=True)
        after = await _compare(member)
        assert after != before, action
        before = after


async def test_values_are_made_again_from_nothing(stage: NewStage) -> None:
    member = await stage(days=40, seed=7)
    await member.backfill()
    before = await _compare(member)
    async with member.db.connection() as connection:
        await connection.execute("DELETE FROM days")
        await connection.execute("DELETE FROM day_values")
        await members.note_everything(connection, member.grant.member_id)
        await days.settle(connection, member.grant.member_id)
    assert await _compare(member) == before


async def test_a_date_that_lost_everything_has_no_values(stage: NewStage) -> None:
    member = await stage(days=30)
    await member.backfill()
    async with member.db.connection() as connection:
        for table in ("cycles", "sleeps", "recoveries", "workouts"):
            await connection.execute(f"UPDATE {table} SET deleted_at = now()".encode())
        await members.note_everything(connection, member.grant.member_id)
        await days.settle(connection, member.grant.member_id)
    assert await _values(member.db) == {}
