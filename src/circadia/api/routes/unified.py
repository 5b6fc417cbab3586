"""The native route: every date of a stretch with its readings, their sources, the losers, and what is missing."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from circadia.api import gateway_examples as examples
from circadia.api.answers import Answer
from circadia.api.auth import GatewayMemberReader
from circadia.api.deps import GatewayRuntimeDep, UserId, a_date, no_future
from circadia.api.problems import documented
from circadia.errors import Invalid
from circadia.gateway.views import native

router = APIRouter(prefix="/api/v1/unified", tags=["gateway"])

MOST_DAYS = 92

_AGES = re.compile(rb'"age_s":\d+')


@router.get(
    "/{user_id}/days",
    summary="Days of both sources",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"example": examples.UNIFIED}}},
        304: {"description": "Nothing but ages has changed since the ETag in If-None-Match"},
        **documented(401, 403, 422),
    },
)
async def days(
    request: Request,
    user_id: UserId,
    runtime: GatewayRuntimeDep,
    _caller: GatewayMemberReader,
    from_: Annotated[str, Query(alias="from", description="First date, `YYYY-MM-DD`")],
    to: Annotated[str, Query(description="Last date, included")],
) -> Response:
    """Every date from `from` to `to`, 92 at most: per metric the reading that stands, those that lost and why; how the
    sources stand; what is missing. Always 200 for a user id that could be one."""
    first, last = a_date(from_, "from"), no_future(a_date(to, "to"), runtime.clock(), "to")
    if last < first:
        raise Invalid("`to` lies before `from`", kind="invalid_range")
    if (last - first).days >= MOST_DAYS:
        raise Invalid(f"a range has {MOST_DAYS} days at most", kind="invalid_range")
    answer = Answer(native.days(await runtime.gateway.read(user_id, first, last)))
    tag = f'W/"{hashlib.blake2b(_AGES.sub(b"", bytes(answer.body)), digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer
