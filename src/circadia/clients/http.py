"""The one HTTP client: kept connections, explicit timeouts and a name that is not a library's default."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import orjson

from circadia import __version__
from circadia.errors import UnexpectedReply

USER_AGENT = f"circadia/{__version__}"
"""WHOOP's edge turns away the default names of HTTP libraries."""

_TIMEOUT = httpx2.Timeout(20.0, connect=5.0, pool=30.0)
_LIMITS = httpx2.Limits(max_connections=40, max_keepalive_connections=20, keepalive_expiry=60.0)


def open_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """A client for the life of the process; `transport` puts another wire under it."""
    return httpx2.AsyncClient(
        transport=transport,
        timeout=_TIMEOUT,
        limits=_LIMITS,
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        follow_redirects=False,
    )


def json_of(response: httpx2.Response) -> Any:
    """The body as JSON. Lone surrogates pass (a record that carries one is judged by itself); anything that is no
    JSON raises UnexpectedReply."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(response.content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        kind = response.headers.get("content-type", "no content type")
        raise UnexpectedReply(f"the answer is no JSON ({kind}, {len(response.content)} bytes)") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
