"""What happens around every request: an id in and out, one log line, a few headers that browsers obey, and HEAD, which
is GET without the body."""

from __future__ import annotations

import asyncio
import re
import secrets
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from circadia.metrics import observe_request

log = structlog.get_logger()

_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{8,128}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
]


class Envelope:
    """Wraps the app. An `X-Request-ID` that looks like one is kept, otherwise one is made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given if _ACCEPTED_ID.fullmatch(given) else secrets.token_hex(8).encode()
        status = 500
        head = scope["method"] == "HEAD"
        asked = {**scope, "method": "GET"} if head else scope
        serve = self._without_body if head else self._app
        began = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", []))
                present = {name for name, _ in headers}
                headers += [each for each in _HEADERS if each[0] not in present]
                headers.append((b"x-request-id", request_id))
                message = {**message, "headers": headers}
            await send(message)

        tokens = structlog.contextvars.bind_contextvars(request=request_id.decode())
        try:
            await serve(asked, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - began
            route = asked.get("route")
            path = getattr(route, "path", "unmatched")
            observe_request(scope["method"], path, status, seconds)
            log.info("request", method=scope["method"], route=path, status=status, ms=round(seconds * 1000, 2))
            structlog.contextvars.reset_contextvars(**tokens)

    async def _without_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a GET up to its body. One that would be streamed is given up at once: it may have no end."""

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                if b"content-length" not in dict(message.get("headers", [])):
                    serving.cancel()

        serving = asyncio.ensure_future(self._app(scope, receive, send_head))
        try:
            await asyncio.wait([serving])
        finally:
            serving.cancel()
        if not serving.cancelled():
            serving.result()
