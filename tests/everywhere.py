"""A person in every table there is: rows made up from the catalogue, so that a new table is filled as well."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, LargeBinary, Table, Text, Uuid
from sqlalchemy.types import ARRAY, Double, Integer, Numeric

from circadia.storage import leaving, members
from circadia.storage.leaving import Traces
from circadia.storage.postgres import Database
from circadia.storage.records import quoted

AT = datetime(2026, 11, 1, 6, tzinfo=UTC)
WORDS = {
    "actor_kind": "person",
    "connections.state": "not_connected",
    "deliveries.state": "settled",
    "links.kind": "share",
    "purpose": "connect",
    "people.role": "member",
    "runs.state": "succeeded",
    "sahha_profiles.state": "active",
    "score_state": "SCORED",
    "timezone_offset": "-05:00",
}
"""What a column takes where not every word will do."""

_numbers = count(1)


async def fill(db: Database, user_id: str) -> Traces:
    """Put a user into every table that holds nothing of theirs yet; returns where they are found."""
    async with db.begin() as connection:
        await members.ensure(connection, user_id, AT)
    # a WHOOP account has to be somebody's before anything else is about it
    for table in sorted(leaving.somebodys(), key=lambda each: each.name != "connections"):
        traces = await found(db, user_id)
        if not (await leaving.count(db, traces))[table.name]:
            await _insert(db, table, traces)
    traces = await found(db, user_id)
    empty = [name for name, rows in (await leaving.count(db, traces)).items() if rows == 0]
    assert not empty, empty
    return traces


async def found(db: Database, user_id: str) -> Traces:
    """Where a user is found."""
    async with db.connection() as connection:
        return await leaving.find(connection, user_id)


async def mentions(db: Database, *texts: str) -> set[str]:
    """The tables of the database, known to the catalogue or not, in whose rows one of these texts stands."""
    tables = await db.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    wanted = [f"%{each}%" for each in texts]
    return {
        name
        for (name,) in tables
        if await db.row(f"SELECT 1 FROM {name} t WHERE t::text LIKE ANY (%s) LIMIT 1", (wanted,))
    }


async def _insert(db: Database, table: Table, traces: Traces) -> None:
    told = {each.name: await _value(db, table, each, traces) for each in table.columns if not _made_by_itself(each)}
    names = ", ".join(map(quoted, told))
    await db.execute(
        f"INSERT INTO {table.name} ({names}) VALUES ({', '.join(['%s'] * len(told))})", list(told.values())
    )


def _made_by_itself(column: Column[Any]) -> bool:
    asked_for = column.name in ("user_id", "member_id", "source")
    return column.identity is not None or (column.nullable is True and not asked_for)


async def _value(db: Database, table: Table, column: Column[Any], traces: Traces) -> Any:
    owned: dict[str, Any] = {
        "member_id": traces.members[0],
        "user_id": traces.user_id,
        "actor": traces.user_id,
        "email": f"{traces.user_id}@example.org",
        "external_id": traces.user_id,
        "whoop_id": traces.user_id,
        "whoop_user_id": next(iter(traces.accounts), 0) or next(_numbers),
        "profile_id": next(iter(traces.profiles), None),
    }
    if column.name == "email" and traces.emails:
        return traces.emails[0]
    if column.name in owned and isinstance(column.type, Text) == isinstance(owned[column.name], str):
        return owned[column.name]
    if column.name == "notice_id":
        row = await db.row("SELECT id FROM notices WHERE member_id = %s", (traces.members[0],))
        return row[0] if row else None
    return WORDS.get(f"{table.name}.{column.name}") or WORDS.get(column.name) or _some(column)


def _some(column: Column[Any]) -> Any:
    number = next(_numbers)
    of_a_type: tuple[tuple[Any, Any], ...] = (
        (JSON, Jsonb({"made": "up"})),
        (ARRAY, []),
        (LargeBinary, number.to_bytes(32)),
        (Uuid, UUID(int=number)),
        (Boolean, True),
        (Date, date(2026, 11, 1)),
        (DateTime, AT),
        (Double | Integer | Numeric, number),
        (Text, f"text {number}"),
    )
    return next(value for type_, value in of_a_type if isinstance(column.type, type_))
