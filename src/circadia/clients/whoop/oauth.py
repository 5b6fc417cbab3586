"""WHOOP's authorization server: the consent URL, the code exchange, renewal and revocation.

Forms with the client secret in the body; answers that are no JSON are possible at any status. Sources: WHOOP's OAuth
page; the error texts are those of the server software behind it.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from circadia.clients.http import json_of
from circadia.clock import Clock
from circadia.domain.catalog import SCOPES
from circadia.domain.members import Token
from circadia.errors import CircadiaError, GrantLost, Invalid, Misconfigured, RateLimited, UnexpectedReply, UpstreamDown

TOKEN_TIMEOUT = httpx2.Timeout(45.0, connect=5.0, pool=10.0)
"""Seconds. Long, because a rotation whose answer is not waited for is lost."""

_WHOLE_CALL_S = 60.0
"""An answer that comes in drops ends no later than this."""


_APP_ERRORS = {"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}
"""What is wrong with the app, not with a member's grant."""


class AnswerLost(UpstreamDown):
    """The token call may have been carried out, but its answer did not arrive."""


@dataclass(frozen=True, slots=True)
class Client:
    """The app as registered in WHOOP's dashboard, and where its authorization server lives."""

    id: str
    secret: str
    redirect_url: str
    base_url: str

    def __repr__(self) -> str:
        return f"Client(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class Issued:
    """A pair fresh from WHOOP and the scopes it carries."""

    token: Token
    scopes: frozenset[str]


def new_state() -> str:
    """An unguessable state of 43 characters (WHOOP wants at least 8)."""
    return secrets.token_urlsafe(32)


def new_verifier() -> str:
    """A PKCE code verifier."""
    return secrets.token_urlsafe(48)


def authorization_url(client: Client, state: str, verifier: str) -> str:
    """Where the member consents."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    url: str = prepare_grant_uri(
        f"{client.base_url}/auth",
        client.id,
        "code",
        redirect_uri=client.redirect_url,
        scope=" ".join(SCOPES),
        state=state,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return url


class OAuth:
    """Calls of the token endpoint. They do not pass the request budget: whether they count is not documented."""

    def __init__(self, http: httpx2.AsyncClient, client: Client, clock: Clock) -> None:
        self._http = http
        self.client = client
        self._clock = clock

    async def exchange(self, code: str, verifier: str) -> Issued:
        """Turn a code into a pair. Invalid when WHOOP does not take the code."""
        try:
            return await self._token_call(
                {
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": self.client.redirect_url,
                    "code_verifier": verifier,
                },
                version=1,
            )
        except GrantLost as error:
            raise Invalid(
                "WHOOP did not accept the authorization code: it was used before, is older than a few minutes, or was "
                "issued for another redirect URL",
                kind="code_refused",
                remedy="Start connecting again.",
            ) from error

    async def renew(self, token: Token) -> Issued:
        """Spend a refresh token. GrantLost when WHOOP says it is dead; AnswerLost when nobody knows."""
        if token.refresh is None:
            raise GrantLost("WHOOP gave no refresh token, because the scope `offline` was not granted")
        return await self._token_call(
            {"grant_type": "refresh_token", "refresh_token": token.refresh, "scope": "offline"},
            version=token.version + 1,
        )

    async def try_credentials(self) -> datetime | None:
        """Have WHOOP look at the app's id and secret, by a refresh token that cannot be good; returns what WHOOP's
        clock shows, where it says so. Misconfigured when they are not taken, UpstreamDown when WHOOP does not say."""
        response = await self._post({"grant_type": "refresh_token", "refresh_token": "none", "scope": "offline"})
        failure = self._failure(response)
        if not isinstance(failure, GrantLost):
            raise failure
        told = response.headers.get("date")
        return parsedate_to_datetime(told) if told else None

    async def _token_call(self, form: dict[str, str], version: int) -> Issued:
        response = await self._post(form)
        if response.status_code != httpx2.codes.OK:
            raise self._failure(response)
        return self._issued(response, version)

    async def _post(self, form: dict[str, str]) -> httpx2.Response:
        if not (self.client.id and self.client.secret):
            # WHOOP's answer to an empty id would look like that to a dead grant
            raise Misconfigured(
                "no WHOOP app is configured, so no token can be renewed",
                kind="whoop_not_configured",
                remedy="Set WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET from WHOOP's developer dashboard and restart.",
            )
        form |= {"client_id": self.client.id, "client_secret": self.client.secret}
        try:
            async with asyncio.timeout(_WHOLE_CALL_S):
                return await self._http.post(f"{self.client.base_url}/token", data=form, timeout=TOKEN_TIMEOUT)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise UpstreamDown("WHOOP's token endpoint cannot be reached") from error
        except (httpx2.TransportError, TimeoutError) as error:
            raise AnswerLost("WHOOP's token endpoint did not answer") from error

    def _failure(self, response: httpx2.Response) -> CircadiaError:
        status = response.status_code
        if status == httpx2.codes.TOO_MANY_REQUESTS:
            return RateLimited("WHOOP's token endpoint asks to wait", until=self._clock() + timedelta(minutes=1))
        if status == httpx2.codes.REQUEST_TIMEOUT or not 400 <= status < 500:
            return AnswerLost(f"WHOOP's token endpoint answered {status}")
        code = _error_code(response)
        if code is None:
            return AnswerLost(f"WHOOP's token endpoint answered {status} without a reason")
        if code in _APP_ERRORS:
            return Misconfigured(
                "WHOOP does not accept this app's credentials",
                kind="whoop_credentials_refused",
                remedy="Compare WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET with WHOOP's developer dashboard.",
            )
        return GrantLost(f"WHOOP answered {status} {code}")

    def _issued(self, response: httpx2.Response, version: int) -> Issued:
        try:
            body = json_of(response)
        except UnexpectedReply as error:
            raise AnswerLost("WHOOP's token endpoint answered 200 without a token") from error
        if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            raise AnswerLost("WHOOP's token endpoint answered 200 without a token")
        now = self._clock()
        refresh = body.get("refresh_token")
        return Issued(
            Token(
                access=body["access_token"],
                refresh=refresh if isinstance(refresh, str) else None,
                obtained_at=now,
                expires_at=now + _lifetime(body),
                version=version,
            ),
            frozenset(str(body.get("scope") or "").split()),
        )


def _lifetime(body: dict[str, Any]) -> timedelta:
    seconds = body.get("expires_in")
    return timedelta(seconds=seconds if isinstance(seconds, int | float) and 0 < seconds < 10**7 else 3600)


def _error_code(response: httpx2.Response) -> str | None:
    """The OAuth error of an answer; None when something before the authorization server gave it."""
    try:
        body = json_of(response)
    except UnexpectedReply:
        return None
    code = body.get("error") if isinstance(body, dict) else None
    return code if isinstance(code, str) and code.isascii() and len(code) < 60 else None


def expired(token: Token, now: datetime) -> bool:
    """Whether WHOOP will refuse the access token for its age."""
    return now >= token.expires_at
