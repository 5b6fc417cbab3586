"""JSON answers straight from a body: instants in UTC end in `Z`, a number that is not finite becomes null. And those
that a reader need not be sent twice."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response

OWN = "private, no-cache"
"""Kept by whoever asked alone, and asked for again each time."""


class Answer(Response):
    """A body as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of a body."""
        return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def tagged(request: Request, body: bytes, *, kept: str = OWN) -> Response:
    """JSON under its `ETag`; 304 without it to whoever has shown that tag. `kept` is its `Cache-Control`."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": kept}
    known = request.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
