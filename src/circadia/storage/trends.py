"""The numbers over many days, as the database computes them: JSON text, straight from the functions in `reporting`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from circadia.domain.analyses import BY_NAME
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


async def course(db: Database, user_id: str, metric: str, first: date, last: date) -> bytes:
    """A figure's days as columns (`series`) and what is said of them as a whole (`trend`), as a JSON object."""
    series, trend = BY_NAME["series"], BY_NAME["trend"]
    columns = ", ".join(f"'{each.name}', json_agg(s.{each.name})" for each in series.columns)
    asked = (user_id, metric, first, last)
    found = await db.row(
        f"""SELECT json_build_object('series', (SELECT json_build_object({columns}) FROM {_call(series)} s),
                                     'trend', (SELECT row_to_json(t) FROM {_call(trend)} t))::text""",
        (*asked, *asked),
    )
    assert found is not None
    return cast("str", found[0]).encode()


def _call(analysis: Analysis) -> str:
    return f"reporting.{analysis.function}({', '.join(['%s'] * (len(analysis.parameters) + 1))})"
