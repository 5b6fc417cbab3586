"""Does the store equal the world? Record by record, field by field, day by day.

Nothing is taken from the product's own mapping: a column is called as WHOOP calls its field, so a field's value is the
leaf of that name in WHOOP's JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from circadia.domain.catalog import COLLECTIONS, SINGLETONS, RecordType
from circadia.storage import days, members
from circadia.storage.postgres import Database
from circadia.storage.records import quoted
from tests.day_oracle import days_of

Json = dict[str, Any]
_IN_TRUTH = {"body_measurement": "body"}


async def differences(db: Database, user_id: str, truth: Json) -> list[str]:
    """Everything in which the store of a user differs from `truth` (`/_sim/truth`); empty when they are equal.

    Record types that the grant does not open have to be absent from the store."""
    grant = await members.grant_of_user(db, user_id)
    assert grant is not None
    open_ = {each.name: each.scope in grant.scopes for each in (*COLLECTIONS, *SINGLETONS)}
    seen = truth | {each.name: truth[each.name] if open_[each.name] else [] for each in COLLECTIONS}
    found: list[str] = []
    for type_ in COLLECTIONS:
        found += await _records(db, type_, grant.member_id, seen[type_.name])
    for type_ in SINGLETONS:
        document = truth[_IN_TRUTH.get(type_.name, type_.name)] if open_[type_.name] else None
        found += await _singleton(db, type_, grant.member_id, document)
    expected = days_of(seen, grant.scopes)
    found += await _rebuilt(db, grant.member_id, set(expected))
    found += await _documents(db, user_id, expected)
    return found


async def _records(db: Database, type_: RecordType, member_id: int, truth: list[Json]) -> Iterator[str]:
    columns = ", ".join(quoted(each) for each in type_.columns)
    rows = await db.rows(
        f"SELECT raw, source, {columns} FROM {type_.table} WHERE member_id = %s AND deleted_at IS NULL", (member_id,)
    )
    stored = {_key(row[0][type_.key]): row for row in rows}
    there = {_key(each[type_.key]): each for each in truth}
    return iter(
        [f"{type_.name} {key}: stored, but WHOOP has none" for key in stored.keys() - there.keys()]
        + [f"{type_.name} {key}: WHOOP has it, not stored" for key in there.keys() - stored.keys()]
        + [
            f"{type_.name} {key}: {problem}"
            for key in stored.keys() & there.keys()
            for problem in _unequal(type_, stored[key], there[key])
        ]
    )


def _unequal(type_: RecordType, row: tuple[Any, ...], truth: Json) -> Iterator[str]:
    raw, source, *values = row
    if raw != truth:
        yield f"raw is {raw}, WHOOP has {truth}"
    if source != "api":
        yield f"source is {source}"
    leaves = dict(_leaves(truth))
    for name, value in zip(type_.columns, values, strict=True):
        if value != (expected := _typed(leaves.get(name), value)):
            yield f"{name} is {value!r}, WHOOP has {expected!r}"


async def _singleton(db: Database, type_: RecordType, member_id: int, truth: Json | None) -> list[str]:
    columns = ", ".join(type_.columns)
    rows = await db.rows(
        f"SELECT raw, 'api', {columns} FROM {type_.table} WHERE member_id = %s ORDER BY fetched_at DESC LIMIT 1",
        (member_id,),
    )
    if not rows or truth is None:
        return [] if not rows and truth is None else [f"{type_.name}: stored {rows}, WHOOP has {truth}"]
    return [f"{type_.name}: {problem}" for problem in _unequal(type_, rows[0], truth)]


async def _rebuilt(db: Database, member_id: int, dates: set[date]) -> list[str]:
    """Every stored day document equals a rebuild from the rows, to the byte, and no date has one too many."""
    stored: dict[date, str] = dict(
        await db.rows("SELECT day, document::text FROM days WHERE member_id = %s", (member_id,))
    )
    asked = sorted(dates | set(stored))
    rebuilt: dict[date, str] = dict(
        await db.rows("SELECT day, document::text FROM day_bodies(%s, %s)", (member_id, asked))
    )
    waiting = await db.row("SELECT count(*) FROM day_changes WHERE member_id = %s", (member_id,))
    return [
        f"day {day}: stored {stored.get(day)}, a rebuild gives {rebuilt.get(day)}"
        for day in asked
        if stored.get(day) != rebuilt.get(day)
    ] + ([] if waiting == (0,) else [f"{waiting} changes are not settled"])


async def _documents(db: Database, user_id: str, expected: dict[date, Json]) -> list[str]:
    """Every document served equals the oracle's, from before the first day to after the last."""
    if not expected:
        return []
    first, last = min(expected) - timedelta(days=1), max(expected) + timedelta(days=1)
    found = []
    async for text in days.documents(db, user_id, first, last):
        document = orjson.loads(text)
        day = date.fromisoformat(document["date"])
        served = {name: document[name] for name in next(iter(expected.values()))}
        if day in expected and served != expected[day]:
            parts = [
                f"{name} {served[name]} instead of {expected[day][name]}"
                for name in served
                if served[name] != expected[day][name]
            ]
            found.append(f"day {day}: " + "; ".join(parts))
        if day not in expected and (document["state"] != "empty" or not document["missing"]):
            found.append(f"day {day}: nothing belongs there, it shows {document}")
    return found


def _key(value: Any) -> str:
    return str(value)


def _leaves(payload: Json) -> Iterator[tuple[str, Any]]:
    for name, value in payload.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield name, value


def _typed(leaf: Any, like: Any) -> Any:
    """A leaf of JSON as the column holds it."""
    if isinstance(like, datetime) and isinstance(leaf, str):
        return datetime.fromisoformat(leaf).astimezone(UTC)
    return UUID(leaf) if isinstance(like, UUID) and isinstance(leaf, str) else leaf
