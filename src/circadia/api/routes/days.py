"""Days: one document, or a range of them, straight from the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from circadia.api import examples
from circadia.api.answers import tagged
from circadia.api.auth import MemberReader
from circadia.api.deps import RuntimeDep, UserId, a_date, no_future
from circadia.api.problems import documented
from circadia.errors import Invalid
from circadia.runtime import Runtime
from circadia.storage import days

router = APIRouter(prefix="/api/v1/whoop", tags=["days"])

MOST_DAYS = 20 * 366
_PARTS = ("recovery", "sleep", "cycle")
_FETCHING = "WHOOP is being asked for it right now. Ask again in a moment."


@router.get(
    "/daily-data/{user_id}",
    summary="One day",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"example": examples.DAY}}},
        304: {"description": "Unchanged since the ETag in If-None-Match"},
        **documented(401, 403, 422),
    },
)
async def daily_data(
    request: Request,
    user_id: UserId,
    runtime: RuntimeDep,
    _caller: MemberReader,
    date_: Annotated[str | None, Query(alias="date", description="`YYYY-MM-DD`; without it the newest day")] = None,
) -> Response:
    """The document of a date: recovery, main sleep, naps, workouts and cycle, with their states.

    An unknown or unconnected user, or a date without data, is 200 with null parts and `missing` saying why. A date of
    the last week that is missing or older than fifteen minutes is fetched first, for three seconds at most.
    """
    now = runtime.clock()
    asked = now.date() if date_ is None else no_future(a_date(date_), now)
    coming = await runtime.on_demand.freshen(user_id, asked)
    day = asked if date_ is not None else await days.newest(runtime.db, user_id) or asked
    body = (await runtime.days.document(user_id, day)).encode()
    if coming:
        body = _say_what_is_coming(body)
    return tagged(request, body)


@router.get(
    "/days/{user_id}",
    summary="A range of days",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/json": {"example": examples.DAYS}}}, **documented(401, 403, 422)},
)
async def range_of_days(
    user_id: UserId,
    runtime: RuntimeDep,
    _caller: MemberReader,
    from_: Annotated[str, Query(alias="from", description="First date, `YYYY-MM-DD`")],
    to: Annotated[str, Query(description="Last date, included")],
) -> StreamingResponse:
    """Every date from `from` to `to`, in order, streamed: ten years at once are fine."""
    first, last = a_date(from_, "from"), no_future(a_date(to, "to"), runtime.clock(), "to")
    if last < first:
        raise Invalid("`to` lies before `from`", kind="invalid_range")
    if (last - first).days >= MOST_DAYS:
        raise Invalid(f"a range has {MOST_DAYS} days at most", kind="invalid_range")
    return StreamingResponse(_range(runtime, user_id, first, last), media_type="application/json")


async def _range(runtime: Runtime, user_id: str, first: date, last: date) -> AsyncIterator[bytes]:
    head = orjson.dumps({"user_id": user_id, "from": first, "to": last})
    yield head[:-1] + b',"days":['
    separator = ""
    async for document in days.documents(runtime.db, user_id, first, last):
        yield (separator + document).encode()
        separator = ","
    yield b"]}"


def _say_what_is_coming(body: bytes) -> bytes:
    """The same document with the parts that WHOOP has not answered yet."""
    document: dict[str, Any] = orjson.loads(body)
    absent = [part for part in _PARTS if document[part] is None] or ["day"]
    coming = [{"part": part, "reason": "fetching", "remedy": _FETCHING} for part in absent]
    document["missing"] = coming + [each for each in document["missing"] if each["part"] not in absent]
    return orjson.dumps(document)
