"""What Sahha tells now and nobody keeps here: trends, comparisons, integrations, as Sahha's own objects."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from circadia.api import gateway_examples as examples
from circadia.api.answers import Answer
from circadia.api.auth import GatewayReader
from circadia.api.deps import GatewayRuntimeDep
from circadia.api.envelopes import documented_detail
from circadia.api.routes.sahha import range_of
from circadia.domain.freshness import LONGEST
from circadia.domain.members import check_user_id
from circadia.errors import NotFound, RateLimited, UnexpectedReply, UpstreamDown
from circadia.gateway.breaker import CircuitOpen
from circadia.gateway.spans import EAST
from circadia.runtime import GatewayRuntime

router = APIRouter(prefix="/api/v1/sahha", tags=["gateway"])

_WEEKS = timedelta(days=27)
"""How far back is looked without a start_date: Sahha speaks of weeks here, and of a month at most at a time."""

Row = dict[str, Any]
User = Annotated[str, Query(description="The app's own id of the user")]
Start = Annotated[str | None, Query(description="First date; default four weeks in all")]
End = Annotated[str | None, Query(description="Last date, included; default the newest")]


def _answers(example: Row) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"content": {"application/json": {"example": [example]}}},
        **documented_detail(401, 403, 404, 422),
    }


@router.get("/trends", summary="Sahha's trends", response_class=Response, responses=_answers(examples.TREND))
async def trends(
    runtime: GatewayRuntimeDep, _key: GatewayReader, user_id: User, start_date: Start = None, end_date: End = None
) -> Answer:
    """How scores, factors and biomarkers moved over some weeks. Asked of Sahha at once; 404 when there are none."""
    first, last = range_of(start_date, end_date, (runtime.clock() + EAST).date(), _WEEKS, most=LONGEST.days)
    return await _told(runtime, runtime.sahha.trends(await _sahha_id(runtime, user_id), first, last))


@router.get(
    "/comparisons", summary="Sahha's comparisons", response_class=Response, responses=_answers(examples.COMPARISON)
)
async def comparisons(
    runtime: GatewayRuntimeDep, _key: GatewayReader, user_id: User, start_date: Start = None, end_date: End = None
) -> Answer:
    """A day's scores and biomarkers against everybody, the like, and the person's own month. Asked of Sahha at once;
    404 when there are none."""
    first, last = range_of(start_date, end_date, (runtime.clock() + EAST).date(), _WEEKS, most=LONGEST.days)
    return await _told(runtime, runtime.sahha.comparisons(await _sahha_id(runtime, user_id), first, last))


@router.get(
    "/integrations", summary="Sahha's integrations", response_class=Response, responses=_answers(examples.INTEGRATION)
)
async def integrations(runtime: GatewayRuntimeDep, _key: GatewayReader, user_id: User) -> Answer:
    """The cloud services that a user has connected to Sahha. Asked of Sahha at once; 404 when there are none."""
    return await _told(runtime, runtime.sahha.integrations(await _sahha_id(runtime, user_id)))


async def _sahha_id(runtime: GatewayRuntime, user_id: str) -> str:
    known = await runtime.gateway.identity(check_user_id(user_id))
    if not runtime.sahha.configured:
        raise NotFound("no Sahha account is configured here", kind="no_data")
    if known.sahha_id is None:
        raise NotFound("this user is nobody at Sahha, by the identity map", kind="no_data")
    return known.sahha_id


async def _told(runtime: GatewayRuntime, asking: asyncio.Task[list[Row]]) -> Answer:
    """Sahha's answer, within the deadline."""
    try:
        async with asyncio.timeout(runtime.settings.gateway_deadline):
            found = await asyncio.shield(asking)
    except (CircuitOpen, RateLimited):
        raise
    except (TimeoutError, UpstreamDown, UnexpectedReply) as error:
        said = "it has not answered in time" if isinstance(error, TimeoutError) else str(error)
        raise UpstreamDown(
            f"Sahha cannot tell it now: {said}", kind="sahha_service_error", remedy="Ask again in a moment."
        ) from error
    if not found:
        raise NotFound("Sahha has none of this user and time", kind="no_data")
    return Answer(found)
