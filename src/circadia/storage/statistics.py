"""What a member has, counted: per type how many records, from when to when, in which states, and per figure its spread."""

from __future__ import annotations

from functools import cache
from typing import Any

from circadia.domain.catalog import COLLECTIONS, RecordType
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
