"""What an import left behind, read back, and the member whose export it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.runtime import Runtime
from circadia.simulator.whoop import WhoopSimulator
from circadia.storage import days
from circadia.storage.postgres import Database
from tests import simulated
from tests.exports_of import main_sleep

USER = "alice"
NOW = simulated.EPOCH
TABLES = ("cycles", "sleeps", "recoveries", "workouts", "journal_entries", "export_rows", "days", "members")
Json = dict[str, Any]


async def snapshot(db: Database) -> dict[str, list[str]]:
    """Every row of every table that an import touches, as text."""
    return {table: [each[0] for each in await db.rows(f"SELECT t::text FROM {table} t ORDER BY 1")] for table in TABLES}


async def leftovers(db: Database) -> dict[str, int]:
    """How many rows of each record table an export gave."""
    found = {}
    for type_ in COLLECTIONS:
        row = await db.row(f"SELECT count(*) FROM {type_.table} WHERE source = 'export'")
        assert row is not None
        found[type_.name] = int(row[0])
    return found


async def not_rebuilt(db: Database) -> list[date]:
    """Dates whose stored document differs from a rebuild out of the rows."""
    found = await db.rows(
        """WITH member AS (SELECT id FROM members), stored AS (SELECT day, document::text FROM days),
           named AS (SELECT day FROM days UNION SELECT day FROM cycles UNION SELECT day FROM sleeps
                     UNION SELECT day FROM workouts UNION SELECT day FROM journal_entries),
           fresh AS (SELECT b.day, b.document::text FROM member,
                     day_bodies(member.id, (SELECT array_agg(day) FROM named)) b)
           SELECT coalesce(stored.day, fresh.day) FROM stored FULL JOIN fresh USING (day)
           WHERE stored.document IS DISTINCT FROM fresh.document"""
    )
    waiting = await db.rows("SELECT 1 FROM day_changes")
    assert not waiting
    return [each[0] for each in found]


async def document(db: Database, day: date) -> Json:
    found: Json = orjson.loads(await days.document(db, USER, day))
    return found


async def backfilled(runtime: Runtime, whoop: WhoopSimulator, **asked: Any) -> None:
    """Connect and bring the whole history."""
    finished = await simulated.connect(runtime, whoop, USER, whoop_user(whoop), **asked)
    for type_ in ("profile", "body_measurement"):
        await runtime.engine.sync(finished.grant, [BY_NAME[type_]], "person")
    report = await runtime.engine.backfill(finished.grant, "backfill")
    assert report.state == "succeeded", report.errors


def scopes(*granted: str) -> str:
    """A consent to these and to the member's own documents only, as the simulator's page sends it."""
    return "&sim_scope=".join(("offline", "read:profile", "read:body_measurement", *granted))


def whoop_user(whoop: WhoopSimulator) -> int:
    return whoop.state.world.user_ids[0]


def truth_of(whoop: WhoopSimulator) -> Json:
    return whoop.truth(whoop_user(whoop))


def waking_date(cycle: Json, truth: Json) -> date:
    """The date a cycle is labelled with, by the rule."""
    sleep = main_sleep(cycle, truth)
    at, offset = (sleep["end"], sleep["timezone_offset"]) if sleep else (cycle["start"], cycle["timezone_offset"])
    ahead = timedelta(0)
    if offset != "Z":
        ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:])) * (-1 if offset[0] == "-" else 1)
    return (datetime.fromisoformat(at) + ahead + (timedelta(0) if sleep else timedelta(hours=12))).date()


def second(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(microsecond=0, tzinfo=UTC)
