"""WHOOP's records as rows: a page in, one statement; records out; what a whole listing no longer holds.

Order rule: a payload replaces a row when its `updated_at` is newer, or equal and it was fetched later. A tombstone is
lifted only by a fetch that began after the deletion was learned. Rows of an imported export always yield to WHOOP.
Every writer notes the stretches of time it changed, so that `storage.days` can rebuild the documents they show in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson

from circadia.domain.catalog import BY_NAME, Link, RecordType
from circadia.domain.records import Record
from circadia.errors import NotFound
from circadia.storage.postgres import Connection, row, rows

Key = UUID | int
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """A parsed record and the JSON it came from."""

    record: Record
    raw: Any


@dataclass(frozen=True, slots=True)
class Written:
    """What a page did: rows that are new, rows that changed, rows that stayed."""

    inserted: int
    updated: int
    unchanged: int


def quoted(column: str) -> str:
    """A column's name in SQL (`end` is a reserved word)."""
    return f'"{column}"' if column == "end" else column


async def lock(connection: Connection, member_id: int, *, shared: bool = False) -> bool:
    """Take the member's lock for this transaction; tells whether an export was imported for them. Writers that only
    add pages may share it; whoever labels days, deletes or lets an export yield has it alone. NotFound when the member
    has been erased."""
    strength = "SHARE" if shared else "NO KEY UPDATE"
    found = await row(connection, f"SELECT has_export FROM members WHERE id = %s FOR {strength}", (member_id,))
    if found is None:
        raise erased()
    return bool(found[0])


def erased() -> NotFound:
    """The error of whoever writes for a member who is not there any more."""
    return NotFound("the member has been erased", kind="member_erased")


async def upsert(
    connection: Connection,
    type_: RecordType,
    member_id: int,
    received: Sequence[Received],
    *,
    fetched_at: datetime,
    source: str = "api",
) -> Written:
    """Store a page by the order rule, in one statement. `fetched_at` is the start of the fetch."""
    newest = {getattr(each.record, type_.key): each for each in reversed(received)}
    page = [each.record.model_dump(mode="json") | {"raw": each.raw} for each in newest.values()]
    found = await row(
        connection,
        _upsert_sql(type_),
        {"member": member_id, "page": orjson.dumps(page).decode(), "fetched": fetched_at, "source": source},
    )
    inserted, updated = (found[0], found[1]) if found else (0, 0)
    return Written(inserted, updated, len(newest) - inserted - updated)


async def observe(
    connection: Connection, type_: RecordType, member_id: int, received: Received, *, fetched_at: datetime
) -> bool:
    """Store a singleton document, for today where it has no identity of its own; tells whether anything changed."""
    values: dict[str, Any] = received.record.model_dump()
    stamp = {} if type_.key in values else {type_.key: fetched_at.date()}
    values = stamp | values | {"raw": orjson.dumps(received.raw).decode(), "fetched_at": fetched_at}
    columns = ", ".join(values)
    holders = ", ".join(f"%({each})s" for each in values)
    renewed = ", ".join(f"{each} = excluded.{each}" for each in values)
    found = await row(
        connection,
        f"INSERT INTO {type_.table} AS t (member_id, {columns}) VALUES (%(member)s, {holders}) "
        f"ON CONFLICT (member_id, {type_.key}) DO UPDATE SET {renewed} "
        "WHERE t.fetched_at <= excluded.fetched_at AND t.raw IS DISTINCT FROM excluded.raw RETURNING 1",
        values | {"member": member_id},
    )
    return found is not None


async def pending(connection: Connection, type_: RecordType, member_id: int, created_after: datetime) -> list[datetime]:
    """The starts of the live records that wait for their score and were created at WHOOP after an instant."""
    if not type_.scored:
        return []
    placed = located(type_)
    found = await rows(
        connection,
        f"SELECT {placed.start} FROM {type_.table} t {placed.joins} WHERE t.member_id = %s AND t.deleted_at IS NULL "
        "AND t.source = 'api' AND t.score_state = 'PENDING_SCORE' AND t.created_at > %s",
        (member_id, created_after),
    )
    return [each[0] for each in found]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a type's rows lie in time, in SQL over `t`: start and end (null while it runs), and the joins they need."""

    start: str
    end: str
    joins: str


@cache
def located(type_: RecordType) -> Placed:
    """A row's own interval; without one, that of the first timed record there is that it names, or else the instant of
    its creation, which is later than its start."""
    if type_.timed:
        return Placed("t.start", 't."end"', "")
    names = [f"l_{link.column}" for link in reversed(type_.links)]
    return Placed(
        "coalesce(" + ", ".join([*(f"{each}.start" for each in names), "t.created_at"]) + ")",
        "coalesce(" + ", ".join([*(f'{each}."end"' for each in names), "t.created_at"]) + ")",
        " ".join(_link_join(link, "t") for link in type_.links),
    )


async def bury(
    connection: Connection, type_: RecordType, member_id: int, keys: Sequence[Key], *, learned_at: datetime
) -> int:
    """Turn rows into tombstones, and with them the records that die with them. Returns how many died in all."""
    if not keys:
        return 0
    count = await _bury_by(connection, type_, type_.key, member_id, keys, learned_at)
    for other in BY_NAME.values():
        if other.dies_with and other.dies_with.type == type_.name:
            count += await _bury_by(connection, other, other.dies_with.column, member_id, keys, learned_at)
    return count


async def _bury_by(
    connection: Connection,
    type_: RecordType,
    column: str,
    member_id: int,
    keys: Sequence[Key],
    learned_at: datetime,
) -> int:
    found = await row(
        connection,
        f"""WITH written AS (
                UPDATE {type_.table} t SET deleted_at = %(learned)s
                WHERE t.member_id = %(member)s AND t.{column} = ANY (%(keys)s) AND t.deleted_at IS NULL
                  AND t.source = 'api' AND t.fetched_at < %(learned)s
                RETURNING {_noted_columns(type_)}
            ), {_noted_cte(type_, "written")}
            SELECT count(*) FROM written""",
        {"member": member_id, "keys": list(keys), "learned": learned_at},
    )
    return int(found[0]) if found else 0


async def oldest_start(
    connection: Connection, type_: RecordType, member_id: int, keys: Sequence[Key]
) -> datetime | None:
    """The earliest known start among the rows of `keys`: their own, or that of a record they name."""
    found = await stretch(connection, type_, member_id, keys)
    return found[0] if found else None


async def stretch(
    connection: Connection, type_: RecordType, member_id: int, keys: Sequence[Key]
) -> tuple[datetime, datetime] | None:
    """The earliest start and the latest end among the rows of `keys` (an open one ends at its start): their own, or
    those of a record they name; None without rows."""
    placed = located(type_)
    found = await row(
        connection,
        f"SELECT min({placed.start}), max(coalesce({placed.end}, {placed.start})) FROM {type_.table} t {placed.joins} "
        f"WHERE t.member_id = %(member)s AND t.{type_.key} = ANY (%(keys)s)",
        {"member": member_id, "keys": list(keys)},
    )
    return (found[0], found[1]) if found and found[0] else None


async def page(
    connection: Connection,
    type_: RecordType,
    member_id: int,
    *,
    start: datetime | None,
    end: datetime | None,
    before: tuple[datetime, str] | None,
    limit: int,
    raw: bool,
) -> list[Row]:
    """Live records, newest first, that start in `[start, end)`; `before` is the sort key of the last one seen."""
    order = "start" if type_.timed else "created_at"
    conditions = ["t.member_id = %(member)s", "t.deleted_at IS NULL"]
    if start is not None:
        conditions.append(f"t.{order} >= %(start)s")
    if end is not None:
        conditions.append(f"t.{order} < %(end)s")
    if before is not None:
        conditions.append(f"(t.{order}, t.{type_.key}::text) < (%(at)s, %(key)s)")
    columns = ", ".join(f"t.{quoted(each)}" for each in type_.columns) + ", t.day, t.source, t.fetched_at"
    found = await rows(
        connection,
        f"SELECT {columns}{', t.raw' if raw else ''} FROM {type_.table} t WHERE {' AND '.join(conditions)} "
        f"ORDER BY t.{order} DESC, t.{type_.key}::text DESC LIMIT %(limit)s",
        {
            "member": member_id,
            "start": start,
            "end": end,
            "at": before[0] if before else None,
            "key": before[1] if before else None,
            "limit": limit,
        },
    )
    names = (*type_.columns, "day", "source", "fetched_at", *(("raw",) if raw else ()))
    return [dict(zip(names, each, strict=True)) for each in found]


async def newest(connection: Connection, type_: RecordType, member_id: int) -> Row | None:
    """The newest document of a singleton type."""
    columns = ", ".join(type_.columns)
    found = await row(
        connection,
        f"SELECT {columns}, fetched_at FROM {type_.table} WHERE member_id = %s ORDER BY fetched_at DESC LIMIT 1",
        (member_id,),
    )
    return dict(zip((*type_.columns, "fetched_at"), found, strict=True)) if found else None


def _link_join(link: Link, alias: str) -> str:
    target = BY_NAME[link.type]
    name = f"l_{link.column}"
    return (
        f"LEFT JOIN {target.table} {name} ON {name}.member_id = {alias}.member_id "
        f"AND {name}.{target.key} = {alias}.{link.column}"
    )


def _noted_columns(type_: RecordType) -> str:
    own = ['t.start, t."end"'] if type_.timed else []
    return ", ".join(
        [f"t.{type_.key}", *own, *(f"t.{each.column}" for each in type_.links if each.column != type_.key)]
    )


def _noted_cte(type_: RecordType, *ctes: str) -> str:
    """Note the stretches that the rows of `ctes` lie in, and those of the records they name."""
    parts = []
    for cte in ctes:
        if type_.timed:
            parts.append(f"SELECT start AS from_at, coalesce(\"end\", 'infinity') AS to_at FROM {cte}")
        for link in type_.links:
            target = BY_NAME[link.type]
            parts.append(
                f"SELECT x.start, coalesce(x.\"end\", 'infinity') FROM {cte} JOIN {target.table} x "
                f"ON x.member_id = %(member)s AND x.{target.key} = {cte}.{link.column}"
            )
    union = " UNION ".join(parts)
    return (
        "noted AS (INSERT INTO day_changes (member_id, from_at, to_at) "
        f"SELECT %(member)s, n.from_at, n.to_at FROM ({union}) n (from_at, to_at))"
    )


_SQL_TYPES = {"integer": "bigint", "number": "double precision", "boolean": "boolean", "string": "text"}
_SQL_FORMATS = {"date-time": "timestamptz", "uuid": "uuid"}


def _declared(type_: RecordType) -> str:
    """The columns with their SQL types, as the model's JSON schema tells them."""
    declared = []
    for name, schema in type_.model.model_json_schema(by_alias=False)["properties"].items():
        plain = next((each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"), schema)
        declared.append(f"{quoted(name)} {_SQL_FORMATS.get(plain.get('format', ''), _SQL_TYPES[plain['type']])}")
    return ", ".join(declared)


def _first_label(type_: RecordType) -> str:
    """The date a new row most likely belongs to, so that settling seldom has to write it again."""
    if type_.own_day is not None:
        column, later = type_.own_day
        return f"local_date({quoted(column)} + interval '{int(later.total_seconds())} seconds', timezone_offset)"
    named = (
        f"(SELECT x.day FROM {BY_NAME[link.type].table} x WHERE x.member_id = %(member)s "
        f"AND x.{BY_NAME[link.type].key} = page.{link.column})"
        for link in type_.links
    )
    return f"coalesce({', '.join(named)})"


@cache
def _upsert_sql(type_: RecordType) -> str:
    columns = [quoted(each) for each in type_.columns]
    listed = ", ".join(columns)
    renewed = ", ".join(f"{each} = excluded.{each}" for each in columns if each != type_.key)
    key = type_.key
    return f"""
        WITH page AS (
            SELECT * FROM jsonb_to_recordset(%(page)s::jsonb) AS r ({_declared(type_)}, raw jsonb)
        ), before AS (
            SELECT {_noted_columns(type_)} FROM {type_.table} t WHERE t.member_id = %(member)s AND t.{key} IN (SELECT {key} FROM page)
        ), written AS (
            INSERT INTO {type_.table} AS t (member_id, {listed}, raw, fetched_at, source, day)
            SELECT %(member)s, {listed}, raw, %(fetched)s, %(source)s, {_first_label(type_)} FROM page ORDER BY {key}
            ON CONFLICT (member_id, {key}) DO UPDATE
            SET {renewed}, raw = excluded.raw, fetched_at = excluded.fetched_at, source = excluded.source, deleted_at = NULL
            WHERE CASE
                WHEN t.source <> excluded.source THEN excluded.source = 'api'
                WHEN t.deleted_at IS NOT NULL THEN excluded.fetched_at > t.deleted_at AND excluded.updated_at >= t.updated_at
                WHEN excluded.updated_at = t.updated_at THEN excluded.fetched_at >= t.fetched_at AND t.raw IS DISTINCT FROM excluded.raw
                ELSE excluded.updated_at > t.updated_at END
            RETURNING {_noted_columns(type_)}, (t.xmax = 0) AS inserted
        ), moved AS (
            SELECT before.* FROM before WHERE before.{key} IN (SELECT {key} FROM written)
        ), {_noted_cte(type_, "written", "moved")}
        SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM written"""
