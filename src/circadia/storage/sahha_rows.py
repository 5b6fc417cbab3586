"""Sahha's records as rows: a page in, one statement; records out.

A row is one of Sahha's records by its id. Order rule: the copy that was computed last replaces the others (Sahha's
`createdAtUtc` where it tells one, and never later than it was received), at a tie the settled one, then the one received
last; so copies settle to the same row in whatever order they come. Where records of several ids speak of one thing and
day, which happens when Sahha gives a recomputed one a new id, the same rule chooses among them when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson
from pydantic import BaseModel

from circadia.domain.sahha import Archetype, Biomarker, Kind, Score, offset_of
from circadia.storage import sahha_rejects
from circadia.storage.postgres import Connection, Database, row

_SPANS = {"intraday": "day", "daily": "day", "weekly": "week", "monthly": "month"}


@dataclass(frozen=True, slots=True)
class _Table:
    """`tells` are the columns that say what a record is about, beside its day; `ends` is where its window ends."""

    name: str
    tells: tuple[str, ...]
    ends: str
    columns: Mapping[str, str]

    def order(self, row: str) -> str:
        """The order rule in SQL: the greatest comes first. Beyond it only what makes it total."""
        settled = f"{row}.settled" if "settled" in self.columns else "true"
        stamp = f"least({row}.computed_at, {row}.received_at)"
        return f"({stamp}, {settled}, {row}.received_at, {row}.{self.ends}, {row}.id, {row}.raw)"


_WINDOW = {"start_at": "timestamptz", "end_at": "timestamptz"}
_TABLES: Mapping[Kind, _Table] = MappingProxyType(
    {
        "score": _Table(
            "sahha_scores",
            ("type",),
            "score_at",
            {"type": "text", "score_at": "timestamptz", "state": "text", "score": "double precision"},
        ),
        "biomarker": _Table(
            "sahha_biomarkers",
            ("type", "span"),
            "end_at",
            dict.fromkeys(("category", "type", "span", "aggregation", "value", "unit", "value_type"), "text")
            | _WINDOW
            | {"settled": "boolean"},
        ),
        "archetype": _Table(
            "sahha_archetypes",
            ("name", "periodicity"),
            "end_at",
            dict.fromkeys(("name", "periodicity", "value", "data_type"), "text") | _WINDOW | {"ordinality": "numeric"},
        ),
    }
)

KINDS: tuple[Kind, ...] = tuple(_TABLES)
"""What is kept in rows; the rest of what Sahha tells is passed on."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a page did: records that are new or have changed, those that say what was known, those kept as rejects."""

    written: int
    unchanged: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as Sahha wrote it, the day it is of, and when it was received."""

    day: date
    raw: dict[str, Any]
    received_at: datetime


async def write(
    connection: Connection,
    profile: int,
    kind: Kind,
    items: Sequence[tuple[BaseModel, dict[str, Any]]],
    rejects: Sequence[tuple[Any, str]],
    received_at: datetime,
) -> Written:
    """Store a page by the order rule, in one statement; `received_at` is the start of a fetch, or when a webhook came.
    What cannot be kept as a row is kept as a reject."""
    page, bad = [], list(rejects)
    for record, raw in items:
        try:
            page.append(_values(record) | {"raw": orjson.Fragment(orjson.dumps(raw))})
        except OverflowError:
            bad.append((raw, "record: an instant that is outside of the calendar"))
    await sahha_rejects.keep(connection, profile, kind, bad, received_at)
    found = None
    if page:
        parameters = {"profile": profile, "page": orjson.dumps(page).decode(), "received": received_at}
        found = await row(connection, _UPSERTS[kind], parameters)
    total, changed = found or (0, 0)
    return Written(changed, total - changed, len(bad))


async def read(
    db: Database, profile: int, kind: Kind, first: date, last: date, limit: int | None = None
) -> list[Stored]:
    """The records of the days from `first` to `last`, both included, newest first, at most `limit`."""
    table = _TABLES[kind]
    found = await db.rows(
        f"""SELECT t.day, t.raw::text, t.received_at FROM (
                SELECT DISTINCT ON (t.day, {_listed(table.tells)}) t.* FROM {table.name} t
                WHERE t.profile_id = %s AND t.day BETWEEN %s AND %s
                ORDER BY t.day, {_listed(table.tells)}, {table.order("t")} DESC
            ) t ORDER BY t.day DESC, t.{table.ends} DESC, {_listed(table.tells)} LIMIT %s""",
        (profile, first, last, limit),
    )
    return [Stored(day, orjson.loads(raw), received_at) for day, raw, received_at in found]


async def drop_superseded(db: Database, profile: int, before: datetime) -> int:
    """Drop what was received before an instant and is not read any more, because a record of another id has taken its
    place."""
    return sum(
        [
            await db.execute(
                f"""DELETE FROM {table.name} WHERE profile_id = %(profile)s AND id IN (
                        SELECT id FROM (
                            SELECT t.id, t.received_at,
                                   row_number() OVER (PARTITION BY t.day, {_listed(table.tells)} ORDER BY {table.order("t")} DESC) AS place
                            FROM {table.name} t WHERE t.profile_id = %(profile)s
                        ) ranked WHERE place > 1 AND received_at < %(before)s)""",
                {"profile": profile, "before": before},
            )
            for table in _TABLES.values()
        ]
    )


def _values(record: BaseModel) -> dict[str, Any]:
    """A record's columns. Instants are turned to UTC here because PostgreSQL knows fewer offsets than Python does."""
    assert isinstance(record, Score | Biomarker | Archetype)
    values = record.model_dump(exclude={"factors", "data_sources"}) | {"day": record.day}
    if isinstance(record, Biomarker):
        values["span"] = _SPANS.get(record.periodicity, record.periodicity)
        values["settled"] = record.periodicity != "intraday"
    offset = offset_of(record.score_at if isinstance(record, Score) else record.end_at)
    values["utc_offset_min"] = offset // timedelta(minutes=1)
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in values.items()}


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f"t.{each}" for each in columns)


def _upsert_sql(table: _Table) -> str:
    declared = {"id": "uuid", "day": "date", **table.columns, "utc_offset_min": "integer", "computed_at": "timestamptz"}
    columns = ", ".join([*declared, "raw", "received_at"])
    renewed = ", ".join(f"{each} = excluded.{each}" for each in [*declared, "raw", "received_at"] if each != "id")
    return f"""
        WITH page AS (
            SELECT DISTINCT ON (id) t.* FROM (
                SELECT *, %(received)s::timestamptz AS received_at FROM jsonb_to_recordset(%(page)s::jsonb)
                AS r ({", ".join(f"{name} {type_}" for name, type_ in declared.items())}, raw jsonb)
            ) t ORDER BY id, {table.order("t")} DESC
        ), before AS (
            SELECT id, raw FROM {table.name} WHERE profile_id = %(profile)s AND id IN (SELECT id FROM page)
        ), written AS (
            INSERT INTO {table.name} AS t (profile_id, {columns})
            SELECT %(profile)s, {columns} FROM page ORDER BY id
            ON CONFLICT (profile_id, id) DO UPDATE SET {renewed} WHERE {table.order("excluded")} > {table.order("t")}
            RETURNING t.id, t.raw
        )
        SELECT (SELECT count(*) FROM page), count(*)
        FROM written LEFT JOIN before USING (id) WHERE before.raw IS DISTINCT FROM written.raw"""


_UPSERTS: Mapping[Kind, str] = MappingProxyType({kind: _upsert_sql(table) for kind, table in _TABLES.items()})
