"""One request to Sahha: a time limit, further tries where they help, and what an answer's status means.

Sahha publishes no rate limit, so few calls are under way at a time and a 429 holds back all that follow. Whoever has
less patience than this waits outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import stamina

from circadia.clients.http import pause_of
from circadia.clock import Clock
from circadia.errors import RateLimited, UnexpectedReply, Unreachable, UpstreamDown

IN_FLIGHT = 4
"""Calls of this process that Sahha answers at a time."""

TIMEOUT_S = 10.0
"""Seconds one request may take in all, its connection no more than `_CONNECT_S` of them."""

_CONNECT_S = 5.0
_TRIES = 3
_PATIENCE = timedelta(seconds=1)
"""A pause that is waited for; a longer one is told at once."""


class Wire:
    """Requests to Sahha's API at `base_url` (without `/api/v1`)."""

    def __init__(self, http: httpx2.AsyncClient, base_url: str, clock: Clock, timeout_s: float = TIMEOUT_S) -> None:
        self._http = http
        self._base_url = f"{base_url.rstrip('/')}/api/v1"
        self._clock = clock
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._held_until = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """The clock that its times are read from."""
        return self._clock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of the `IN_FLIGHT` turns, for a call of one or more requests. RateLimited while a pause that Sahha asked
        for lasts: then nothing is sent."""
        async with self._slots:
            self._unless_held()
            yield

    async def request(
        self,
        method: str,
        path: str,
        *,
        parameters: Sequence[tuple[str, str]] = (),
        body: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """An answer that is neither 429 nor 5xx. RateLimited while a pause that Sahha asked for lasts; UpstreamDown
        for 5xx and a connection that broke; Unreachable without any answer, of kind `timeout` when time ran out;
        UnexpectedReply when the answer cannot be decompressed."""
        request = self._http.build_request(
            method,
            self._base_url + path,
            params=list(parameters) or None,
            json=body,
            headers=headers,
            timeout=httpx2.Timeout(self._timeout_s, connect=_CONNECT_S),
        )
        # short pauses: a reader waits three seconds in all, and others wait for this call's turn
        async for attempt in stamina.retry_context(
            on=self._next_try, attempts=_TRIES, timeout=60.0, wait_initial=0.1, wait_max=1.0, wait_jitter=0.2
        ).with_name("Sahha", (), {}):
            with attempt:
                return await self._send(request)
        raise AssertionError("unreachable")

    def _next_try(self, error: Exception) -> bool | timedelta:
        """Whether another try helps: not after a timeout, which has taken its time already."""
        if isinstance(error, RateLimited):
            pause = error.until - self._clock()
            return max(pause, timedelta(0)) if pause <= _PATIENCE else False
        return isinstance(error, UpstreamDown) and error.kind != "timeout"

    def _unless_held(self) -> None:
        if self._clock() < self._held_until:
            raise RateLimited("Sahha asked to wait", until=self._held_until)

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        self._unless_held()
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.send(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise Unreachable("Sahha cannot be reached") from error
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise Unreachable(f"Sahha did not answer within {self._timeout_s:g} s", kind="timeout") from error
        except httpx2.TransportError as error:
            raise UpstreamDown("the connection to Sahha broke") from error
        except httpx2.DecodingError as error:
            raise UnexpectedReply("Sahha's answer is not compressed as it says") from error
        if response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            now = self._clock()
            until = now + pause_of(response.headers.get("Retry-After"), now)
            self._held_until = max(self._held_until, until)
            raise RateLimited("Sahha asks to wait", until=until)
        if response.status_code >= 500:
            raise UpstreamDown(f"Sahha answered {response.status_code}")
        return response
