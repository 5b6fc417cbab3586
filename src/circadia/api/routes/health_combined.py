"""The combined health routes: one answer of both sources, never failing because one of them does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from circadia.api import gateway_examples as examples
from circadia.api.answers import Answer
from circadia.api.auth import GatewayReader, Writer
from circadia.api.deps import GatewayRuntimeDep, UserId
from circadia.api.envelopes import documented_detail
from circadia.api.problems import retry_after
from circadia.errors import CircadiaError
from circadia.gateway.views import health as view

router = APIRouter(prefix="/api/v1", tags=["gateway"])


def _answers(example: dict[str, Any], *errors: int) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": example}}}, **documented_detail(401, 403, 422, *errors)}


@router.get(
    "/health/sources/{user_id}",
    summary="A user's sources",
    response_class=Response,
    responses=_answers(examples.HEALTH_SOURCES),
)
@router.get(
    "/health/{user_id}/sources",
    summary="A user's sources, at its other address",
    response_class=Response,
    responses=_answers(examples.HEALTH_SOURCES),
)
async def sources(user_id: UserId, runtime: GatewayRuntimeDep, _key: GatewayReader) -> Answer:
    """Which sources can be read for a user, how they stand, and what would give more."""
    found = await runtime.gateway.sources(user_id)
    return Answer(view.sources(user_id, found.sahha, found.whoop))


@router.get(
    "/health/{user_id}",
    summary="Health data of both sources",
    response_class=Response,
    responses=_answers(examples.HEALTH),
)
async def health(
    user_id: UserId,
    runtime: GatewayRuntimeDep,
    _key: GatewayReader,
    days: Annotated[int, Query(ge=1, le=30, description="The last so many days, today included")] = 7,
) -> Answer:
    """Always 200: a source that is not connected says so in `reason`, one in trouble in `error` and in `errors`."""
    return Answer(view.health(await runtime.gateway.read_last(user_id, days), days))


@router.post(
    "/whoop/connect/{user_id}",
    summary="Begin connecting WHOOP",
    response_class=Response,
    responses=_answers(examples.HEALTH_CONNECT, 400),
)
async def connect(
    user_id: UserId,
    runtime: GatewayRuntimeDep,
    _key: Writer,
    redirect_url: Annotated[str, Query(description="Where the browser goes afterwards; it has to be allowed")],
) -> Answer:
    """Make an authorization URL for a user. 400 when it cannot be had, `reason` says why."""
    try:
        begun = await runtime.gateway.connect(user_id, redirect_url)
    except CircadiaError as error:
        body = {"detail": "Unable to initiate Whoop connection", "reason": error.sentence}
        return Answer(body, 400, retry_after(error, runtime.clock()))
    return Answer(view.connected(user_id, begun.authorization_url, begun.expires_in))


@router.delete(
    "/whoop/connect/{user_id}",
    summary="End a user's WHOOP connection",
    response_class=Response,
    responses=_answers(examples.HEALTH_DISCONNECT, 404),
)
async def disconnect(
    user_id: UserId,
    runtime: GatewayRuntimeDep,
    key: Writer,
    data: Annotated[Literal["keep", "erase"], Query(description="What becomes of the stored data")] = "keep",
) -> Answer:
    """Revoke the access at WHOOP. `erase` also removes everything kept about the user, here and at the WHOOP service:
    what Sahha said of them, who they are there and how theirs is merged."""
    return Answer(await runtime.gateway.disconnect(user_id, data, by=(key.name, key.kind)))
