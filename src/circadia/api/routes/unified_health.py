"""The unified-health routes: Sahha's scores of a date with WHOOP's beside them, the sources, connecting, the state."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from circadia.api import gateway_examples as examples
from circadia.api.answers import Answer
from circadia.api.auth import GatewayReader, Writer
from circadia.api.deps import GatewayRuntimeDep, UserId
from circadia.api.envelopes import documented_typed
from circadia.api.routes.trouble import nothing_because_of_sahha
from circadia.errors import NotFound, UnexpectedReply, UpstreamDown
from circadia.gateway.breaker import CircuitOpen
from circadia.gateway.views import overview as view
from circadia.gateway.views import upstreams

router = APIRouter(prefix="/api/v1", tags=["gateway"])

_PERIOD = "`today`, `yesterday`, `YYYY-MM-DD` or `MM/DD/YYYY`"


def _answers(example: dict[str, Any], *errors: int) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": example}}}, **documented_typed(401, 403, *errors)}


@router.get(
    "/health/detailed",
    summary="How the gateway gets on with its sources",
    response_class=Response,
    responses=_answers(examples.DETAILED),
)
async def detailed(runtime: GatewayRuntimeDep, _key: GatewayReader) -> Answer:
    """The breakers of this process, and whether the WHOOP service answers."""
    return Answer(upstreams.detailed(await runtime.gateway.health()))


@router.get(
    "/unified-health/health/whoop",
    summary="How the WHOOP service does",
    response_class=Response,
    responses=_answers(examples.WHOOP_HEALTH),
)
async def whoop_health(runtime: GatewayRuntimeDep, _key: GatewayReader) -> Answer:
    """Availability, the breaker of this process, and the last request that succeeded."""
    return Answer(upstreams.whoop(await runtime.gateway.health()))


@router.get(
    "/unified-health/overview/{user_id}",
    summary="One date at a glance",
    response_class=Response,
    responses=_answers(examples.OVERVIEW, 400, 404),
)
async def overview(
    user_id: UserId,
    runtime: GatewayRuntimeDep,
    _key: GatewayReader,
    period: Annotated[str, Query(description=_PERIOD)] = "today",
    include_whoop: Annotated[bool, Query(description="False: as if the user had no WHOOP")] = True,
) -> Answer:
    """Scores are integers 0..100. 404 for a user without any source, 503 when Sahha does not answer and nothing else
    is known."""
    unified = await runtime.gateway.read_period(user_id, period, whoop=include_whoop)
    if unified.stranger:
        raise NotFound("this user is connected neither to Sahha nor to WHOOP", kind="not_connected")
    if trouble := nothing_because_of_sahha(unified):
        raise trouble
    return Answer(view.overview(unified, period))


@router.get(
    "/unified-health/sources/{user_id}",
    summary="How a user's sources stand",
    response_class=Response,
    responses=_answers(examples.SOURCES, 400),
)
async def sources(user_id: UserId, runtime: GatewayRuntimeDep, _key: GatewayReader) -> Answer:
    """Always 200 for a user id that could be one."""
    found = await runtime.gateway.sources(user_id)
    return Answer(view.sources(user_id, found.sahha, found.whoop, found.now))


@router.post(
    "/unified-health/connect/whoop/{user_id}",
    summary="Begin connecting WHOOP",
    response_class=Response,
    responses=_answers(examples.CONNECT, 400, 404, 429),
)
async def connect(
    user_id: UserId,
    runtime: GatewayRuntimeDep,
    _key: Writer,
    redirect_url: Annotated[
        str | None, Query(description="Where the browser goes afterwards; it has to be allowed")
    ] = None,
) -> Answer:
    """Make an authorization URL for a user. 503 `service_unavailable` while the WHOOP service is left alone."""
    try:
        begun = await runtime.gateway.connect(user_id, redirect_url)
    except CircuitOpen:
        raise
    except (UpstreamDown, UnexpectedReply) as error:
        raise UpstreamDown(error.message, kind="whoop_service_error", remedy=error.remedy) from error
    return Answer(view.connected(begun.authorization_url, begun.expires_in))
