"""The WHOOP service over HTTP, for a gateway that runs as a process of its own.

A call takes `timeout_s` seconds at most, from the first byte sent to the last one read. Only a connection that could
not be made, or that had ended before it was used, is tried again, within that time.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import quote

import httpx2
import stamina

from circadia.clients.http import json_of, pause_of
from circadia.clock import Clock, system_clock
from circadia.domain.members import Actor
from circadia.errors import (
    Conflict,
    Invalid,
    Misconfigured,
    NotFound,
    RateLimited,
    UnexpectedReply,
    Unreachable,
    Unsent,
    UpstreamDown,
)

Body = dict[str, Any]

_TRIES = 3
_LOST = (httpx2.ConnectError, httpx2.RemoteProtocolError, httpx2.WriteError, httpx2.ReadError)
_PROBLEM = "urn:circadia:problem:"
_WITHOUT_DATA = ("today", "timezone_offset", "connection", "missing")

CONNECTIONS = 200
"""Calls under way at a time: each may last as long as the service waits for WHOOP."""

_IN_LINE = 0.1
"""The share of a call's time that it may wait for a connection."""


class WhoopService:
    """The routes that the gateway needs. `key` needs the scopes read and write, and admin for disconnecting.

    Raises Unreachable (kind `timeout` when `timeout_s` has passed), Unsent (no connection was free), UpstreamDown
    (5xx), UnexpectedReply (no JSON object), RateLimited, Misconfigured for a key that is refused, NotFound, Conflict
    and Invalid as the service says.
    """

    def __init__(
        self, http: httpx2.AsyncClient, base_url: str, key: str, timeout_s: float, clock: Clock = system_clock
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._clock = clock
        self.timeout_s = timeout_s

    async def status(self, user_id: str) -> Body:
        """How a user's connection stands."""
        return await self._json("GET", f"/internal/auth/status/{_segment(user_id)}")

    async def part(self, name: str, user_id: str, first: date, last: date, wait_ms: int) -> Body:
        """Stored recovery, sleep, workouts, cycles or profile; without data what is known beside them."""
        query = {} if name == "profile" else _range(first, last, wait_ms)
        return await self._data(f"/internal/data/{name}/{_segment(user_id)}", query)

    async def everything(self, user_id: str, first: date, last: date, wait_ms: int) -> Body:
        """All of them, each under its name."""
        return await self._data(f"/internal/data/all/{_segment(user_id)}", _range(first, last, wait_ms))

    async def connect(self, user_id: str, redirect_url: str | None) -> Body:
        """Begin a consent."""
        body = {"redirect_url": redirect_url} if redirect_url else {}
        return await self._json("POST", f"/internal/auth/connect/{_segment(user_id)}", json=body)

    async def disconnect(self, user_id: str, data: Literal["keep", "erase"], by: Actor) -> Body:
        """End a connection; NotFound if there is none. Its audit says that our key did."""
        return await self._json("DELETE", f"/internal/auth/connection/{_segment(user_id)}", {"data": data})

    async def ready(self) -> bool:
        """Whether it is up and everything that it needs is there."""
        return (await self._send("GET", "/health/ready")).status_code == httpx2.codes.OK

    async def _data(self, path: str, query: dict[str, str]) -> Body:
        try:
            return await self._json("GET", path, query)
        except NotFound as error:
            return {name: error.extension[name] for name in _WITHOUT_DATA if name in error.extension}

    async def _json(self, method: str, path: str, query: dict[str, str] | None = None, json: Any = None) -> Body:
        response = await self._send(method, path, query, json)
        if response.status_code != httpx2.codes.OK:
            raise self._refusal(response)
        return _object(response)

    async def _send(
        self, method: str, path: str, query: dict[str, str] | None = None, json: Any = None
    ) -> httpx2.Response:
        # what was sent twice was done twice, unless nothing was done at all
        lost = _LOST if method == "GET" else httpx2.ConnectError
        try:
            async with asyncio.timeout(self.timeout_s):
                async for attempt in stamina.retry_context(
                    on=lost, attempts=_TRIES, wait_initial=0.05, wait_max=0.5, wait_jitter=0.05
                ).with_name("the WHOOP service", (), {}):
                    with attempt:
                        return await self._http.request(
                            method,
                            self._base_url + path,
                            params=query,
                            json=json,
                            headers={"X-API-Key": self._key},
                            timeout=httpx2.Timeout(self.timeout_s, pool=self.timeout_s * _IN_LINE),
                        )
        except httpx2.PoolTimeout as error:
            raise Unsent("more is being asked of the WHOOP service than there are connections") from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise Unreachable(
                f"the WHOOP service did not answer within {self.timeout_s:g} s", kind="timeout"
            ) from error
        except httpx2.TransportError as error:
            raise Unreachable("the WHOOP service cannot be reached") from error
        except httpx2.DecodingError as error:
            raise UnexpectedReply("the WHOOP service's answer is not compressed as it says") from error
        raise AssertionError("unreachable")

    def _refusal(self, response: httpx2.Response) -> Exception:
        """What an answer other than 200 means."""
        problem = _problem(response)
        kind = str(problem.get("type", "")).removeprefix(_PROBLEM) or None
        said = str(problem.get("detail") or f"the WHOOP service answered {response.status_code}")
        remedy = problem.get("remedy")
        match response.status_code:
            case 401 | 403:
                return Misconfigured(
                    f"the WHOOP service refuses the gateway's key ({response.status_code})",
                    kind="whoop_service_key",
                    remedy="Look at WHOOP_SERVICE_API_KEY: it has to be a key of the WHOOP service whose scope is at "
                    "least write, or admin where members are disconnected.",
                )
            case 404:
                return NotFound(said, kind=kind, remedy=remedy, extension=problem)
            case 409:
                return Conflict(said, kind=kind, remedy=remedy)
            case 429:
                return RateLimited("the WHOOP service asks to wait", until=self._until(response))
            case 503 if kind == RateLimited.kind:
                return RateLimited(said, until=self._until(response))
            case 503 if kind in (Misconfigured.kind, "whoop_not_configured"):
                return Misconfigured(said, kind=kind, remedy=remedy)
            case status if 400 <= status < 500:
                return Invalid(said, kind=kind, remedy=remedy)
            case status if status >= 500:
                return UpstreamDown(f"the WHOOP service answered {status}")
            case status:
                return UnexpectedReply(f"the WHOOP service answered {status}")

    def _until(self, response: httpx2.Response) -> datetime:
        now = self._clock()
        return now + pause_of(response.headers.get("Retry-After"), now)


def _range(first: date, last: date, wait_ms: int) -> dict[str, str]:
    return {"from": first.isoformat(), "to": last.isoformat(), "wait_ms": str(wait_ms)}


def _segment(user_id: str) -> str:
    return quote(user_id, safe="")


def _object(response: httpx2.Response) -> Body:
    body = json_of(response)
    if not isinstance(body, dict):
        raise UnexpectedReply("the WHOOP service's answer is no JSON object")
    return body


def _problem(response: httpx2.Response) -> Body:
    """The problem document of a refusal; nothing if it has none."""
    try:
        return _object(response)
    except UnexpectedReply:
        return {}
