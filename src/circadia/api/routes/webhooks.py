"""WHOOP's webhooks: verified on the raw bytes, stored once, answered at once. What they lead to is others' work."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from circadia.api.auth import OPEN
from circadia.api.deps import RuntimeDep
from circadia.api.problems import documented
from circadia.clients.whoop import webhooks
from circadia.errors import Invalid, Misconfigured
from circadia.runtime import Runtime
from circadia.storage.deliveries import Delivery

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
    body = await limited_body(request, webhooks.LARGEST)
    now = runtime.clock()
    timestamp, signature = (only(request, f"x-whoop-signature{each}") for each in ("-timestamp", ""))
    webhooks.verify(_secrets(runtime), timestamp, signature, body, now)
    event = webhooks.read(body)
    await runtime.intake.take(
        Delivery(event.trace_id, f"{event.noun}.{event.verb}", event.record_id, event.whoop_user_id, now)
    )
    return Response(status_code=204)


async def limited_body(request: Request, largest: int) -> bytes:
    """The raw body; Invalid when it has more than `largest` bytes, or the sender left in the middle of it."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise Invalid(f"a webhook has at most {largest} bytes", kind="body_too_large")
    except ClientDisconnect as error:
        raise Invalid("the sender left in the middle of the body") from error
    return bytes(body)


def only(request: Request, name: str) -> str:
    """A header that is there once; given twice it is nobody's word."""
    found = request.headers.getlist(name)
    return found[0] if len(found) == 1 else ""


def _secrets(runtime: Runtime) -> list[str]:
    settings = runtime.settings
    found = [each for each in (settings.whoop_client_secret, settings.whoop_client_secret_previous) if each]
    if not found:
        raise Misconfigured("no WHOOP app is configured, so no webhook can be verified", kind="whoop_not_configured")
    return [each.get_secret_value() for each in found]
