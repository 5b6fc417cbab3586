"""WHOOP's data API: pages, single records and documents, each request through the governor.

Transport errors, 5xx and broken bodies are tried again with jitter; 429 pauses everybody; a page is yielded as it
arrives, so memory does not grow with history.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import stamina

from circadia.clients.governor import Governor
from circadia.clients.http import json_of
from circadia.clients.whoop.auth import MemberAuth
from circadia.clock import Clock
from circadia.domain.catalog import PAGE_LIMIT
from circadia.domain.lanes import Lane
from circadia.domain.members import Token
from circadia.domain.windows import Window
from circadia.errors import RateLimited, ScopeMissing, UnexpectedReply, Unreachable, UpstreamDown

_TRIES = 4
_MOST_EMPTY = 3
_PROBE_PATH = "/v2/user/profile/basic"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a walk, newest record first. `fetched_at` is when its request began; `last` whether more follow."""

    records: Sequence[Any]
    fetched_at: datetime
    last: bool


@dataclass(frozen=True, slots=True)
class Reachability:
    """What the last answer of WHOOP told."""

    seen_at: datetime | None = None
    status: int | None = None


def _worth_retrying(error: Exception) -> bool:
    return isinstance(error, UpstreamDown | UnexpectedReply) and not isinstance(error, _Final)


class _Final(UnexpectedReply):
    """A reply that another try would not change."""


class WhoopClient:
    """The data API for any member; `auth` says whose token signs."""

    def __init__(self, http: httpx2.AsyncClient, governor: Governor, base_url: str, clock: Clock) -> None:
        self._http = http
        self._governor = governor
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self.reachability = Reachability()

    def now(self) -> datetime:
        """The clock that its pages are stamped with."""
        return self._clock()

    async def pages(self, path: str, auth: httpx2.Auth, window: Window, lane: Lane) -> AsyncIterator[Page]:
        """Walk a collection over `window`.

        The same token twice, the same page under a new token, or `_MOST_EMPTY` pages in a row that bring nothing but
        the next token end the walk with UnexpectedReply instead of going round for ever."""
        parameters: dict[str, str] = {"limit": str(PAGE_LIMIT), "end": instant(window.end)}
        if window.start is not None:
            parameters["start"] = instant(window.start)
        seen: set[str] = set()
        before: list[Any] | None = None
        empty = 0
        while True:
            began_at = self._clock()
            body = await self._json(path, auth, lane, parameters, empty={"records": []})
            if not isinstance(body, dict) or not isinstance(body.get("records"), list):
                raise _Final(f"WHOOP's page of {path} has no list of records")
            token = body.get("next_token")
            records: list[Any] = body["records"]
            yield Page(records, began_at, last=not token)
            if not token:
                return
            if not isinstance(token, str) or token in seen or (records and records == before):
                raise _Final(f"WHOOP repeats a page of {path}")
            empty = 0 if records else empty + 1
            if empty >= _MOST_EMPTY:
                raise _Final(f"WHOOP sends one empty page of {path} after the other")
            seen.add(token)
            before = records
            parameters["nextToken"] = token

    async def document(self, path: str, auth: httpx2.Auth, lane: Lane) -> Any | None:
        """One document; None when WHOOP has none (404)."""
        return await self._json(path, auth, lane, {}, empty=None)

    async def accepts(self, token: Token, lane: Lane = "person", patience: timedelta | None = None) -> bool:
        """Whether WHOOP takes an access token now. UpstreamDown when it does not say; RateLimited when the budget has
        no unit within `patience` (None: the lane's)."""
        response = await self._send("GET", _PROBE_PATH, _Bearer(token), lane, {}, patience)
        return response.status_code != httpx2.codes.UNAUTHORIZED

    async def profile_of(self, token: Token) -> Any:
        """The profile behind a token that belongs to nobody yet."""
        body = await self._json(_PROBE_PATH, _Bearer(token), "person", {}, empty=None)
        if not isinstance(body, dict) or not isinstance(body.get("user_id"), int):
            raise _Final("WHOOP's profile has no user_id")
        return body

    async def revoke(self, auth: httpx2.Auth) -> None:
        """End the app's access to a member; webhooks stop with it. GrantLost when it has ended already."""
        response = await self._send("DELETE", "/v2/user/access", auth, "person", {})
        if response.status_code not in (204, 200):
            raise UnexpectedReply(f"WHOOP answered {response.status_code} to the revocation")

    async def give_back(self, token: Token) -> None:
        """End the access that a token opens which belongs to nobody here."""
        await self.revoke(_Bearer(token))

    async def _json(self, path: str, auth: httpx2.Auth, lane: Lane, parameters: dict[str, str], empty: Any) -> Any:
        async for attempt in stamina.retry_context(
            on=_worth_retrying, attempts=_TRIES, timeout=120.0, wait_initial=0.5, wait_max=15.0, wait_jitter=1.0
        ).with_name("WHOOP", (), {}):
            with attempt:
                response = await self._send("GET", path, auth, lane, parameters)
                return self._body(response, path, empty)
        raise AssertionError("unreachable")

    async def _send(
        self,
        method: str,
        path: str,
        auth: httpx2.Auth,
        lane: Lane,
        parameters: dict[str, str],
        patience: timedelta | None = None,
    ) -> httpx2.Response:
        sent_at = self._clock()

        async def take() -> None:
            nonlocal sent_at
            await self._governor.take(lane, auth.member_id if isinstance(auth, MemberAuth) else None, patience)
            sent_at = self._clock()

        try:
            response = await self._http.request(
                method, self._base_url + path, params=parameters, auth=_Metered(auth, take)
            )
        except httpx2.TransportError as error:
            self.reachability = Reachability(self._clock(), None)
            silent = isinstance(error, httpx2.ConnectError | httpx2.TimeoutException)
            down = Unreachable if silent else UpstreamDown
            raise down(f"WHOOP does not answer ({type(error).__name__})") from error
        self.reachability = Reachability(self._clock(), response.status_code)
        if response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            raise RateLimited("WHOOP asks to wait", until=await self._governor.refused(response.headers))
        await self._governor.observe(response.headers, self._clock() - sent_at)
        if response.status_code >= 500:
            raise UpstreamDown(f"WHOOP answered {response.status_code}")
        return response

    def _body(self, response: httpx2.Response, path: str, empty: Any) -> Any:
        match response.status_code:
            case httpx2.codes.OK:
                return json_of(response)
            case httpx2.codes.NOT_FOUND:
                return empty
            case httpx2.codes.UNAUTHORIZED:
                raise _Final("WHOOP refuses a token it issued a moment ago")
            case httpx2.codes.FORBIDDEN:
                raise ScopeMissing(f"WHOOP does not open {path} to this grant")
            case other:
                raise _Final(f"WHOOP answered {other} to a request for {path}")


class _Bearer(httpx2.Auth):
    """Signs with one given token, whatever happens to it."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token.access}"
        yield request


class _Metered(httpx2.Auth):
    """A signature each of whose requests, the one after a renewal too, takes its unit right before it is sent."""

    def __init__(self, auth: httpx2.Auth, take: Callable[[], Awaitable[None]]) -> None:
        self._auth = auth
        self._take = take

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        async with aclosing(self._auth.async_auth_flow(request)) as flow:
            signed = await anext(flow)
            while True:
                await self._take()
                try:
                    signed = await flow.asend((yield signed))
                except StopAsyncIteration:
                    return


def instant(value: datetime) -> str:
    """An instant as WHOOP wants it in a query: UTC, milliseconds, `Z`."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
