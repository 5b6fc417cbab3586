"""The account token: asked for once whoever needs it, renewed before its end, given up when Sahha refuses it.

JSON in, JSON out; the token is opaque and lives a day. Source: Sahha's documentation of its account token.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2
import structlog

from circadia.clients.http import json_of
from circadia.clients.sahha.wire import Wire
from circadia.errors import Misconfigured, UnexpectedReply

log = structlog.get_logger()

_PATH = "/oauth/account/token"
_EARLY = timedelta(seconds=300)
_UNTOLD_LIFE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account's client id and secret, from Sahha's dashboard. Sandbox and production have their own."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Held:
    text: str = field(repr=False)
    fresh_until: datetime


class AccountToken:
    """The token of one account, for one process."""

    def __init__(self, wire: Wire, credentials: Credentials) -> None:
        self._wire = wire
        self._credentials = credentials
        self._held: _Held | None = None
        self._flight: asyncio.Task[str] | None = None

    async def usable(self) -> str:
        """A token to send now. One request runs at a time; who stops waiting for it does not end it, and all who wait
        share what became of it: Misconfigured for refused credentials, otherwise what a request raises."""
        if self._held is not None and self._wire.now() < self._held.fresh_until:
            return self._held.text
        if self._flight is None:
            self._flight = asyncio.create_task(self._renew(), name="sahha-token")
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    def drop(self, token: str) -> None:
        """Sahha refused this one: it is not used again, unless another has taken its place already."""
        if self._held is not None and self._held.text == token:
            self._held = None

    async def close(self) -> None:
        """Give up a request that is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _landed(self, flight: asyncio.Task[str]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # whoever waited has seen it

    async def _renew(self) -> str:
        began_at = self._wire.now()
        response = await self._wire.request(
            "POST", _PATH, body={"clientId": self._credentials.id, "clientSecret": self._credentials.secret}
        )
        if 400 <= response.status_code < 500:
            raise refused(f"Sahha answered {response.status_code} to this account's client id and secret")
        token, life = _issued(response)
        self._held = _Held(token, began_at + life - min(_EARLY, life / 2))
        log.info("sahha.token_renewed", lifetime_s=life.total_seconds())
        return token


def refused(message: str) -> Misconfigured:
    """Sahha does not take who we are."""
    return Misconfigured(
        message,
        kind="sahha_credentials",
        remedy="Compare SAHHA_CLIENT_ID, SAHHA_CLIENT_SECRET and SAHHA_API_BASE_URL with Sahha's dashboard: its "
        "sandbox and its production have credentials of their own.",
    )


def _issued(response: httpx2.Response) -> tuple[str, timedelta]:
    body: Any = json_of(response) if response.status_code == httpx2.codes.OK else None
    token = body.get("accountToken") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise UnexpectedReply(f"Sahha answered {response.status_code} without an account token")
    seconds = body.get("expiresIn")
    told = isinstance(seconds, int | float) and 0 < seconds < 10**7
    return token, timedelta(seconds=seconds if told else _UNTOLD_LIFE_S)
