"""The Sahha routes of older callers: rows as a bare list, newest first, 404 where there are none."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from circadia.api import envelopes
from circadia.api import gateway_examples as examples
from circadia.api.answers import Answer
from circadia.api.auth import GatewayReader
from circadia.api.deps import GatewayRuntimeDep, a_date
from circadia.api.envelopes import documented_detail
from circadia.api.routes.trouble import of_sahha
from circadia.domain.members import check_user_id
from circadia.domain.sahha import Kind
from circadia.errors import Invalid, NotFound
from circadia.gateway.spans import EAST
from circadia.gateway.told import FAILED
from circadia.gateway.views import sahha_rows
from circadia.gateway.views.standing import instant

router = APIRouter(prefix="/api/v1/sahha", tags=["gateway, older"])

MOST_DAYS = 400
DAYS = 90
"""How far back is looked without a start_date, in days."""

_WAITED = 0.9
"""The share of the deadline that Sahha may take; the rest is for what is stored."""

_READ = 0.08
"""The share that is left for reading it when Sahha has taken its own."""

_STALE = '110 - "Response is Stale"'
"""The Warning header's words for it, as HTTP has them (RFC 7234, 5.5.1)."""

_HEADERS = {
    "Warning": {"description": "The rows are stale: Sahha could not be asked again", "schema": {"type": "string"}},
    "X-Circadia-As-Of": {
        "description": "When they were last fetched, if they are stale",
        "schema": {"type": "string", "format": "date-time"},
    },
}

Row = dict[str, Any]
View = Callable[[Row, str, datetime], Row]
_KINDS: tuple[tuple[str, Kind, View, Row], ...] = (
    ("scores", "score", sahha_rows.score, examples.SCORE_ROW),
    ("biomarkers", "biomarker", sahha_rows.biomarker, examples.BIOMARKER_ROW),
    ("archetypes", "archetype", sahha_rows.archetype, examples.ARCHETYPE_ROW),
)


def _add_route(name: str, kind: Kind, view: View, example: Row) -> None:
    async def rows(
        runtime: GatewayRuntimeDep,
        _key: GatewayReader,
        user_id: Annotated[str, Query(description="The app's own id of the user")],
        start_date: Annotated[str | None, Query(description="First date; default 90 days before the last")] = None,
        end_date: Annotated[str | None, Query(description="Last date, included; default the newest")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="The newest so many")] = 1000,
    ) -> Answer:
        ends_at = time.perf_counter() + runtime.settings.gateway_deadline * _WAITED
        first, last = range_of(start_date, end_date, (runtime.clock() + EAST).date(), timedelta(days=DAYS))
        known = await runtime.gateway.identity(check_user_id(user_id))
        wait_s = max(ends_at - time.perf_counter(), 0.0)
        reading = runtime.sahha.rows(kind, known.sahha_id, first, last, limit, wait_s)
        found = await runtime.gateway.in_time(reading, wait_s + runtime.settings.gateway_deadline * _READ)
        if not found.rows:
            nothing = NotFound(f"there are no {name} of this user and time", kind="no_data")
            raise of_sahha(found.state, found.error) or nothing
        if not found.whole and (trouble := of_sahha(found.state, found.error, "not all of the range was ever fetched")):
            raise trouble
        answer = Answer([view(each.raw, user_id, each.received_at) for each in found.rows])
        if found.state in FAILED:
            answer.headers["Warning"] = _STALE
            if as_of := instant(found.as_of):
                answer.headers["X-Circadia-As-Of"] = envelopes.written(as_of)
        return answer

    router.add_api_route(
        f"/{name}",
        rows,
        name=f"sahha_{name}",
        summary=f"Sahha's {name}",
        description="Sahha's own objects in rows, scores 0..1, newest first. 404 when there are none, 503 when Sahha "
        "is in trouble and not all of the range was ever fetched.",
        response_class=Response,
        responses={
            200: {"content": {"application/json": {"example": [example]}}, "headers": _HEADERS},
            **documented_detail(401, 403, 404, 422),
        },
    )


for _each in _KINDS:
    _add_route(*_each)


def range_of(
    start: str | None, end: str | None, newest: date, back: timedelta, *, most: int = MOST_DAYS
) -> tuple[date, date]:
    """The dates asked for, at most so many, from `back` before the last where no first is named; those that have begun
    nowhere are left out."""
    last = min(a_date(end, "end_date"), newest) if end else newest
    first = a_date(start, "start_date") if start else last - back
    if last < first:
        raise Invalid("`end_date` lies before `start_date`, or no such date has begun", kind="invalid_range")
    if (last - first).days >= most:
        raise Invalid(f"a range has {most} days at most", kind="invalid_range")
    return first, last
