"""Sahha's webhooks: verified on the raw bytes, stored before the answer. They carry the values themselves."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from circadia.api.auth import OPEN
from circadia.api.deps import GatewayRuntimeDep
from circadia.api.problems import documented
from circadia.api.routes.webhooks import limited_body, only
from circadia.clients.sahha import webhooks
from circadia.errors import Misconfigured

router = APIRouter(tags=["webhooks"])

_JSON = {"schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}}


@router.post(
    "/webhooks/sahha",
    status_code=204,
    response_class=Response,
    summary="Sahha tells of a score, a biomarker, an archetype or raw data",
    openapi_extra=OPEN | {"requestBody": {"required": True, "content": {"application/json": _JSON}}},
    responses=documented(401, 413, 422),
)
async def receive(request: Request, runtime: GatewayRuntimeDep) -> Response:
    """Signed by the webhook's secret (`X-Signature`), about one person (`X-External-Id`); `X-Event-Type` says what it
    tells of. 2xx once stored; copies and their order do not matter."""
    body = await limited_body(request, webhooks.LARGEST)
    secret = runtime.settings.sahha_webhook_secret
    if secret is None:
        raise Misconfigured(
            "no secret is configured, so no webhook of Sahha's can be verified",
            kind="sahha_not_configured",
            remedy="Set SAHHA_WEBHOOK_SECRET to the secret that Sahha's dashboard shows beside the webhook.",
        )
    signature, event_type, external_id = (
        only(request, name) for name in ("x-signature", "x-event-type", "x-external-id")
    )
    webhooks.verify(secret.get_secret_value(), signature, body)
    event = webhooks.read(body, {"x-event-type": event_type, "x-external-id": external_id})
    await runtime.sahha.take(event, body, runtime.clock())
    return Response(status_code=204)
