"""The one HTTP client: kept connections, explicit timeouts and a name that is not a library's default; and what
all read alike of an answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import orjson

from circadia import __version__
from circadia.errors import UnexpectedReply

USER_AGENT = f"circadia/{__version__}"
"""WHOOP's edge turns away the default names of HTTP libraries."""

_TIMEOUT = httpx2.Timeout(20.0, connect=5.0, pool=30.0)
_UNTOLD_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(hours=1)


def open_client(transport: httpx2.AsyncBaseTransport | None = None, connections: int = 40) -> httpx2.AsyncClient:
    """A client for the life of the process, with so many connections at most; `transport` puts another wire under
    it."""
    return httpx2.AsyncClient(
        transport=transport,
        timeout=_TIMEOUT,
        limits=httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections // 2, keepalive_expiry=60.0
        ),
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


def pause_of(retry_after: str | None, now: datetime) -> timedelta:
    """What a Retry-After asks for, in seconds or as a date; two seconds when it says nothing, an hour at most."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        pause = timedelta(seconds=int(text))
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return _UNTOLD_PAUSE
        pause = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(pause, timedelta(0)), _LONGEST_PAUSE)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
