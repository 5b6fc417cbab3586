"""What a member has, counted: per type how many records, from when to when, in which states, and per figure its spread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from circadia.domain.catalog import CATALOG, COLLECTIONS, RecordType
from circadia.storage.postgres import Database, rows

_NUMBERS = {"integer", "number"}


async def statistics(db: Database, user_id: str) -> dict[str, Any]:
    """Per type: count, first and last instant, states, and for each figure n, min, mean and max. Deleted records do
    not count; an unknown user has none."""
    told: dict[str, Any] = {}
    async with db.connection() as connection:
        for type_ in COLLECTIONS:
            found = (await rows(connection, _sql(type_), (user_id,)))[0]
            count, first, last, states, *figures = found
            spread = zip(_figures(type_), zip(*[iter(figures)] * 4, strict=True), strict=True)
            told[type_.name] = {
                "count": count,
                "first": first,
                "last": last,
                "states": states or {},
                "fields": {
                    name: {"n": n, "min": low, "mean": mean, "max": high} for name, (n, low, mean, high) in spread
                },
            }
    return told


@dataclass(frozen=True, slots=True)
class Total:
    """A type's live records, how many of them wait for their score (the oldest created at `pending_since`) and when
    the newest began (a document: was fetched)."""

    records: int = 0
    pending: int = 0
    pending_since: datetime | None = None
    newest_at: datetime | None = None


async def totals(db: Database, member_id: int) -> dict[str, Total]:
    """A member's records by type, in one statement."""
    found = await db.rows(_totals_sql(), {"member": member_id})
    return {each[0]: Total(*each[1:]) for each in found}


@cache
def _totals_sql() -> str:
    return " UNION ALL ".join(_total_sql(each) for each in CATALOG)


def _total_sql(type_: RecordType) -> str:
    waiting = "score_state = 'PENDING_SCORE'" if type_.scored else "false"
    created, live = ("created_at", "AND deleted_at IS NULL") if type_.collection else ("NULL::timestamptz", "")
    newest = "start" if type_.timed else "created_at" if type_.collection else "fetched_at"
    return (
        f"SELECT '{type_.name}', count(*), count(*) FILTER (WHERE {waiting}), min({created}) FILTER (WHERE {waiting}), "
        f"max({newest}) FROM {type_.table} WHERE member_id = %(member)s {live}"
    )


@cache
def _figures(type_: RecordType) -> tuple[str, ...]:
    """The fields of a type that are measured: numbers that are no ids."""
    properties = type_.model.model_json_schema(by_alias=False)["properties"]
    return tuple(
        name
        for name, schema in properties.items()
        if {each.get("type") for each in schema.get("anyOf", [])} & _NUMBERS and not name.endswith("_id")
    )


@cache
def _sql(type_: RecordType) -> str:
    order = "start" if type_.timed else "created_at"
    figures = "".join(
        f", count({each}), min({each}), avg({each})::double precision, max({each})" for each in _figures(type_)
    )
    return f"""
        WITH mine AS (
            SELECT t.* FROM {type_.table} t JOIN members m ON m.id = t.member_id
            WHERE m.user_id = %s AND t.deleted_at IS NULL
        )
        SELECT count(*), min({order}), max({order}),
               (SELECT jsonb_object_agg(s.score_state, s.n) FROM (
                   SELECT score_state, count(*) AS n FROM mine GROUP BY score_state) s){figures}
        FROM mine"""
