"""WHOOP's webhooks: verified on the raw bytes, stored once, answered at once; a hint to sync, nothing more."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from circadia.api.auth import OPEN
from circadia.api.deps import RuntimeDep
from circadia.api.problems import documented
from circadia.clients.whoop import webhooks
from circadia.domain.catalog import CATALOG
from circadia.errors import Invalid, Misconfigured
from circadia.runtime import Runtime
from circadia.storage import deliveries, members

router = APIRouter(tags=["webhooks"])


@router.post(
    "/webhooks/whoop",
    status_code=204,
    response_class=Response,
    summary="WHOOP tells of a change",
    openapi_extra=OPEN
    | {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
    responses=documented(401, 413, 422),
)
async def receive(request: Request, runtime: RuntimeDep) -> Response:
    """Signed by the app's client secret; 2xx once stored. The record is fetched afterwards by the normal road."""
    body = await _limited_body(request)
    now = runtime.clock()
    webhooks.verify(
        _secrets(runtime),
        request.headers.get("x-whoop-signature-timestamp", ""),
        request.headers.get("x-whoop-signature", ""),
        body,
        now,
    )
    event = webhooks.read(body)
    delivery = deliveries.Delivery(event.trace_id, f"{event.noun}.{event.verb}", event.record_id, event.whoop_user_id)
    async with runtime.db.begin() as connection:
        fresh = await deliveries.store(connection, "whoop", delivery, now)
    grant = await members.grant_of_whoop_user(runtime.db, event.whoop_user_id) if fresh else None
    if grant is not None and grant.state == "connected":
        types = [each.name for each in CATALOG if each.push == event.noun]
        await runtime.jobs.request(grant.member_id, "sync", "webhook", types)
    return Response(status_code=204)


async def _limited_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > webhooks.LARGEST:
            raise Invalid(f"a webhook has at most {webhooks.LARGEST} bytes", kind="body_too_large")
    return bytes(body)


def _secrets(runtime: Runtime) -> list[str]:
    settings = runtime.settings
    found = [each for each in (settings.whoop_client_secret, settings.whoop_client_secret_previous) if each]
    if not found:
        raise Misconfigured("no WHOOP app is configured, so no webhook can be verified", kind="whoop_not_configured")
    return [each.get_secret_value() for each in found]
