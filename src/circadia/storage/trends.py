"""The numbers over many days, as the database computes them: JSON text, straight from the functions in `reporting`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from circadia.domain.analyses.analysis import Analysis
from circadia.storage import days
from circadia.storage.postgres import Database

Argument = date | int | str


async def newest(db: Database, user_id: str) -> date | None:
    """The newest date of a user, after whatever has changed was settled: what is read next is as of now."""
    return await days.newest(db, user_id)


async def rows(db: Database, analysis: Analysis, user_id: str, arguments: Sequence[Argument]) -> bytes:
    """What an analysis answers, as a JSON array of objects. `arguments` are those of its parameters, in their order."""
    found = await db.row(
        f"SELECT '[' || coalesce(string_agg(row_to_json(t)::text, ','), '') || ']' FROM {_call(analysis)} t",
        (user_id, *arguments),
    )
    assert found is not None
    return cast("str", found[0]).encode()


async def courses(
    db: Database, user_id: str, metrics: Sequence[str], first: date, last: date, columns: Sequence[str]
) -> bytes:
    """Of each metric its days as some columns of `series` and what is said of them as a whole (`trend`), as a JSON
    object in the order of the metrics. What no column asks for is not computed."""
    listed = ", ".join(f"'{name}', json_agg(s.{name})" for name in columns)
    found = await db.row(
        f"""SELECT '{{' || string_agg(to_json(m.metric) || ':' || json_build_object(
                'series', (SELECT json_build_object({listed}) FROM reporting.series(%s, m.metric, %s, %s) s),
                'trend', (SELECT row_to_json(t) FROM reporting.trend(%s, m.metric, %s, %s) t)), ',' ORDER BY m.place) || '}}'
            FROM unnest(%s::text[]) WITH ORDINALITY m (metric, place)""",
        (user_id, first, last, user_id, first, last, list(metrics)),
    )
    assert found is not None
    return cast("str", found[0]).encode()


def _call(analysis: Analysis) -> str:
    return f"reporting.{analysis.function}({', '.join(['%s'] * (len(analysis.parameters) + 1))})"
