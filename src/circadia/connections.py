"""Deeds on grants: connect, finish, look, disconnect, erase.

A `state` alone never attaches a WHOOP account. In a browser it is tied to a cookie set when the flow began; an app
finishes with the user id it began with; and a browser that comes back without the cookie is asked by name first.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import structlog

from circadia.clients.whoop.auth import MemberAuth, Tokens
from circadia.clients.whoop.client import WhoopClient
from circadia.clients.whoop.oauth import OAuth, authorization_url, new_state, new_verifier
from circadia.clock import Clock
from circadia.domain.members import Connection as Grant
from circadia.domain.members import check_user_id
from circadia.errors import CircadiaError, GrantLost, Invalid, Misconfigured, NotFound, ScopeMissing
from circadia.storage import authorizations, budget, deliveries, identities, members
from circadia.storage import tokens as stored_tokens
from circadia.storage.authorizations import Authorization, fingerprint
from circadia.storage.envelope import Keyring
from circadia.storage.erasure import erase_beside_whoop
from circadia.storage.postgres import Database

if TYPE_CHECKING:
    from circadia.sync.jobs import Jobs

log = structlog.get_logger()

FLOW_LIFETIME = timedelta(minutes=10)

_HISTORY_FIRST = timedelta(minutes=1)
"""What webhooks told of before mostly arrives with the newest pages of the history, which need no hint."""

_UNKNOWN_STATE = "this consent is not known here: older than ten minutes, finished already, or begun elsewhere"


@dataclass(frozen=True, slots=True)
class Started:
    """A consent to be asked for. `browser` is the secret of the cookie that binds it."""

    user_id: str
    authorization_url: str
    state: str
    browser: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A member who is connected now, and where their browser goes next."""

    grant: Grant
    redirect_url: str | None


class Connections:
    """The deeds, over storage, WHOOP and the queue."""

    def __init__(
        self,
        db: Database,
        keyring: Keyring,
        oauth: OAuth | None,
        client: WhoopClient,
        tokens: Tokens,
        jobs: Jobs,
        clock: Clock,
        redirect_allowed: Callable[[str], bool],
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._oauth = oauth
        self._client = client
        self._tokens = tokens
        self._jobs = jobs
        self._clock = clock
        self._redirect_allowed = redirect_allowed

    async def begin(self, user_id: str, redirect_url: str | None = None) -> Started:
        """Start a consent for a user. Misconfigured without a WHOOP app, Invalid for a redirect that is not allowed."""
        check_user_id(user_id)
        oauth = self._configured()
        if redirect_url and not self._redirect_allowed(redirect_url):
            raise Invalid(
                "this redirect_url is not allowed",
                kind="redirect_not_allowed",
                remedy="Where the WHOOP service runs, add it to REDIRECT_URLS exactly as it is sent, or use one on the "
                "origin of its PUBLIC_URL.",
            )
        state, verifier, browser = new_state(), new_verifier(), secrets.token_urlsafe(32)
        now = self._clock()
        pending = Authorization(user_id, verifier, redirect_url or None, fingerprint(browser))
        await authorizations.open_(self._db, self._keyring, state, pending, now, now + FLOW_LIFETIME)
        log.info("connect.begun", user=user_id)
        return Started(user_id, authorization_url(oauth.client, state, verifier), state, browser)

    async def awaited(self, state: str, browser: str | None) -> tuple[Authorization, bool]:
        """What a state stands for, and whether this browser is the one it is bound to."""
        pending = await authorizations.look(self._db, self._keyring, state, self._clock())
        if pending is None:
            raise Invalid(_UNKNOWN_STATE, kind="state_unknown", remedy="Start connecting again.")
        bound = pending.browser_hash is not None and browser is not None
        return pending, bound and hmac.compare_digest(fingerprint(browser or ""), pending.browser_hash or b"")

    async def ask_confirmation(self, state: str) -> str:
        """Bind a consent to the browser that came back with it; returns the secret for its cookie."""
        browser = secrets.token_urlsafe(32)
        await authorizations.bind_browser(self._db, state, fingerprint(browser))
        return browser

    async def refuse(self, state: str) -> None:
        """The member or WHOOP said no: the state is used up."""
        await authorizations.consume(self._db, self._keyring, state, self._clock())

    async def finish(
        self, code: str, state: str, *, user_id: str | None = None, browser: str | None = None
    ) -> Finished:
        """Turn a code into a connection. The caller is either the app that began (`user_id`) or the bound browser."""
        oauth = self._configured()
        pending, bound = await self.awaited(state, browser)
        if not bound and (user_id is None or user_id != pending.user_id):
            raise Invalid("this consent was begun for another user", kind="state_of_another_user")
        if await authorizations.consume(self._db, self._keyring, state, self._clock()) is None:
            raise Invalid(_UNKNOWN_STATE, kind="state_unknown", remedy="Start connecting again.")
        issued = await oauth.exchange(code, pending.code_verifier)
        try:
            profile = await self._client.profile_of(issued.token)
        except ScopeMissing as error:
            raise ScopeMissing(
                "without the profile Circadia cannot tell whose WHOOP account it is",
                remedy="Connect again and leave `read:profile` ticked.",
            ) from error
        now = self._clock()
        async with self._db.begin() as connection:
            member_id = await members.ensure(connection, pending.user_id, now)
            # deliveries, connection, tokens: the order in which everybody locks them
            await deliveries.admit(connection, profile["user_id"], now + _HISTORY_FIRST)
            await members.bind(connection, member_id, profile["user_id"], issued.scopes, now)
            await stored_tokens.store(connection, self._keyring, member_id, issued.token)
        # its newest pages go before everybody's history and behind whoever waits for a day
        await self._jobs.request(member_id, "backfill", "webhook")
        log.info("connect.done", user=pending.user_id)
        grant = await members.grant(self._db, member_id)
        assert grant is not None
        return Finished(grant, pending.redirect_url)

    async def status(self, user_id: str) -> dict[str, Any]:
        """How a user's connection stands; an unknown user is not connected."""
        grant = await members.grant_of_user(self._db, user_id)
        token = await self._tokens.stored(grant.member_id) if grant and grant.state == "connected" else None
        return {
            "user_id": user_id,
            "connected": grant is not None and grant.state == "connected",
            "state": grant.state if grant else "not_connected",
            "reason": grant.reason if grant else None,
            "whoop_user_id": grant.whoop_user_id if grant else None,
            "scopes": sorted(grant.scopes) if grant else [],
            "connection_date": grant.connected_at if grant else None,
            "token_expires_at": token.expires_at if token else None,
            "checked_at": self._clock(),
        }

    async def disconnect(self, user_id: str, data: Literal["keep", "erase"]) -> dict[str, Any]:
        """End a connection here and at WHOOP; with `erase` also everything kept about the user, what Sahha said of them
        and how they are merged included."""
        member = await members.find(self._db, user_id)
        grant = await members.grant_of_user(self._db, user_id)
        if grant is None and data == "keep":
            raise _not_connected()
        revoked = await self._revoke(grant) if grant and grant.state == "connected" else False
        now = self._clock()
        async with self._db.begin() as connection:
            if data == "erase":
                if grant is not None:
                    await deliveries.forget(connection, grant.whoop_user_id)
                if member is not None:
                    await members.erase(connection, member.id)
                    await budget.forget(connection, member.id)
                    await authorizations.forget_user(connection, user_id)
                beside = await erase_beside_whoop(connection, await identities.behind(connection, user_id))
                if not beside and member is None:
                    raise _not_connected()
            elif grant is not None:
                await members.mark(connection, grant.member_id, "not_connected", "disconnected on request", now)
                await stored_tokens.forget(connection, grant.member_id)
        log.info("connection.ended", user=user_id, data=data, revoked=revoked)
        return {"user_id": user_id, "connected": False, "revoked_at_whoop": revoked, "data": data}

    async def _revoke(self, grant: Grant) -> bool:
        """End the access at WHOOP; when WHOOP cannot be reached the local end does not wait for it."""
        try:
            await self._client.revoke(MemberAuth(self._tokens, grant.member_id))
        except GrantLost:
            return True
        except CircadiaError as error:
            log.warning("connection.not_revoked", user=grant.user_id, kind=error.kind)
            return False
        return True

    def _configured(self) -> OAuth:
        if self._oauth is None:
            raise Misconfigured(
                "no WHOOP app is configured, so nobody can connect",
                kind="whoop_not_configured",
                remedy="Set WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET from WHOOP's developer dashboard and restart.",
            )
        return self._oauth


def _not_connected() -> NotFound:
    return NotFound("this user is not connected", kind="not_connected")
