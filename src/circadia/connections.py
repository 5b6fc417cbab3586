"""Deeds on grants: connect, sign in and up, finish, look, disconnect, erase.

A `state` alone never attaches a WHOOP account. In a browser it is tied to a cookie set when the flow began; an app
finishes with the user id it began with; and a browser that comes back without the cookie is asked by name first, but
never signed in: somebody else's consent must not make it theirs.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import structlog

from circadia.admission import Admission, closed
from circadia.clients.whoop.auth import MemberAuth, Tokens
from circadia.clients.whoop.client import WhoopClient
from circadia.clients.whoop.oauth import Issued, OAuth, authorization_url, new_state, new_verifier
from circadia.clock import Clock
from circadia.domain.members import Actor, check_user_id
from circadia.domain.members import Connection as Grant
from circadia.errors import (
    CircadiaError,
    Conflict,
    Forbidden,
    GrantLost,
    Invalid,
    Misconfigured,
    NotFound,
    RateLimited,
    ScopeMissing,
)
from circadia.storage import (
    audit,
    authorizations,
    budget,
    deliveries,
    erasure,
    identities,
    leaving,
    links,
    members,
    people,
)
from circadia.storage import tokens as stored_tokens
from circadia.storage.authorizations import Authorization, Purpose, fingerprint
from circadia.storage.envelope import Keyring
from circadia.storage.postgres import Connection, Database

if TYPE_CHECKING:
    from circadia.sync.jobs import Jobs

log = structlog.get_logger()

FLOW_LIFETIME = timedelta(minutes=10)

_SIGNINS_A_MINUTE = 60
"""Anybody may begin to sign in. More than this many consents begun in a minute, and still open, are not people's."""

_MINUTE = timedelta(minutes=1)
_HISTORY_FIRST = _MINUTE
"""What webhooks told of before mostly arrives with the newest pages of the history, which need no hint."""

_UNKNOWN_STATE = "this consent is not known here: older than ten minutes, finished already, or begun elsewhere"


@dataclass(frozen=True, slots=True)
class Started:
    """A consent to be asked for. `browser` is the secret of the cookie that binds it; nobody's `user_id` is known yet
    while they sign in."""

    user_id: str | None
    authorization_url: str
    state: str
    browser: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A member who is connected now, why, and where their browser goes next."""

    grant: Grant
    redirect_url: str | None
    purpose: Purpose


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
        self._configured()
        if redirect_url and not self._redirect_allowed(redirect_url):
            raise Invalid(
                "this redirect_url is not allowed",
                kind="redirect_not_allowed",
                remedy="Where the WHOOP service runs, add it to REDIRECT_URLS exactly as it is sent, or use one on the "
                "origin of its PUBLIC_URL.",
            )
        log.info("connect.begun", user=user_id)
        return await self._ask(user_id, redirect_url or None, Admission("connect"))

    async def begin_signin(self, admission: Admission) -> Started:
        """Start a consent that says by itself who somebody is. Misconfigured without a WHOOP app, RateLimited while too
        many are open."""
        self._configured()
        now = self._clock()
        if await authorizations.signins_since(self._db, now - _MINUTE) >= _SIGNINS_A_MINUTE:
            raise RateLimited("too many people are signing in just now; wait a minute", until=now + _MINUTE)
        log.info("signin.begun", purpose=admission.purpose)
        return await self._ask(None, None, admission)

    async def _ask(self, user_id: str | None, redirect_url: str | None, admission: Admission) -> Started:
        oauth = self._configured()
        state, verifier, browser = new_state(), new_verifier(), secrets.token_urlsafe(32)
        now = self._clock()
        pending = Authorization(
            user_id,
            verifier,
            redirect_url,
            fingerprint(browser),
            admission.purpose,
            admission.email,
            admission.invitation_hash,
        )
        await authorizations.open_(self._db, self._keyring, state, pending, now, now + FLOW_LIFETIME)
        return Started(user_id, authorization_url(oauth.client, state, verifier), state, browser)

    async def try_credentials(self) -> datetime | None:
        """`OAuth.try_credentials` of the app that is configured."""
        return await self._configured().try_credentials()

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

    async def refuse(self, state: str) -> Authorization | None:
        """The member or WHOOP said no: the state is used up. Returns what it stood for."""
        return await authorizations.consume(self._db, self._keyring, state, self._clock())

    async def finish(
        self,
        code: str,
        state: str,
        *,
        user_id: str | None = None,
        browser: str | None = None,
        by: Actor | None = None,
    ) -> Finished:
        """Turn a code into a connection. The caller is either the app that began (`user_id`) or the bound browser; `by`
        is who did it, where that is not the person themselves."""
        oauth = self._configured()
        pending, bound = await self.awaited(state, browser)
        if not bound and (user_id is None or user_id != pending.user_id):
            raise Invalid("this consent was begun for another user", kind="state_of_another_user")
        # counted before the consent is used up: who was erased before has no consent under way any more
        before = await erasure.erasures(self._db, pending.user_id) if pending.user_id is not None else 0
        if await authorizations.consume(self._db, self._keyring, state, self._clock()) is None:
            raise Invalid(_UNKNOWN_STATE, kind="state_unknown", remedy="Start connecting again.")
        issued = await oauth.exchange(code, pending.code_verifier)
        profile = await self._profile(issued)
        try:
            grant = await self._keep(profile, issued, pending, before, by)
        except (Conflict, Forbidden):
            await self._give_back(issued, profile["user_id"])
            raise
        # its newest pages go before everybody's history and behind whoever waits for a day
        await self._jobs.request(grant.member_id, "backfill", "webhook")
        log.info("connect.done", user=grant.user_id, purpose=pending.purpose)
        return Finished(grant, pending.redirect_url, pending.purpose)

    async def _profile(self, issued: Issued) -> dict[str, Any]:
        try:
            profile: dict[str, Any] = await self._client.profile_of(issued.token)
        except ScopeMissing as error:
            raise ScopeMissing(
                "without the profile Circadia cannot tell whose WHOOP account it is, so it kept nothing",
                remedy="Connect again and leave `read:profile` ticked, or end the access in WHOOP's own app.",
            ) from error
        return profile

    async def _whose(
        self, connection: Connection, pending: Authorization, profile: dict[str, Any], before: int, now: datetime
    ) -> str:
        """Whom a WHOOP account is attached to, who may be made for it. Membership is locked."""
        if pending.user_id is not None:
            await erasure.refuse_erased(connection, pending.user_id, before)
            return pending.user_id
        if known := await members.user_of_account(connection, profile["user_id"]):
            return known
        if pending.purpose == "signin":
            raise closed("nobody here is known by this WHOOP account, and sign-up is closed")
        if pending.email is not None and pending.email != str(profile.get("email") or "").casefold():
            raise closed("this WHOOP account has another e-mail address than the one that was typed")
        return await self._admit(connection, pending, now)

    async def _keep(
        self, profile: dict[str, Any], issued: Issued, pending: Authorization, before: int, by: Actor | None
    ) -> Grant:
        """Store a grant for whom it is, who had been erased `before` times when the consent came back."""
        now, account = self._clock(), profile["user_id"]
        async with self._db.begin() as connection:
            await erasure.lock_membership(connection)
            user_id = await self._whose(connection, pending, profile, before, now)
            member_id = await members.ensure(connection, user_id, now)
            # deliveries, connection, tokens: the order in which everybody locks them
            await deliveries.admit(connection, account, now + _HISTORY_FIRST)
            await members.bind(connection, member_id, account, issued.scopes, now)
            await stored_tokens.store(connection, self._keyring, member_id, issued.token)
            if pending.purpose != "connect":
                await people.ensure(connection, user_id, "member", now, _name(profile))
            actor, kind = by or (user_id, "person")
            await audit.note(connection, now, actor, kind, user_id, "connection.made", {"for": pending.purpose})
        grant = await members.grant(self._db, member_id)
        assert grant is not None
        return grant

    async def _admit(self, connection: Connection, pending: Authorization, now: datetime) -> str:
        """Somebody new, on the strength of what they were admitted by."""
        invitation = pending.invitation_hash
        if invitation is not None and await links.consume(connection, invitation, now) is None:
            raise closed("the invitation was used by somebody else meanwhile, or has run out")
        return (await people.create(connection, "member", now)).user_id

    async def _give_back(self, issued: Issued, account: int) -> None:
        """End at once what WHOOP granted and nobody here uses. WHOOP ends the whole access of an account, so that of
        somebody who is connected stays."""
        if await members.account_in_use(self._db, account):
            return
        try:
            await self._client.give_back(issued.token)
        except CircadiaError as error:
            log.warning("connect.not_revoked", kind=error.kind)

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

    async def disconnect(self, user_id: str, data: Literal["keep", "erase"], *, by: Actor) -> dict[str, Any]:
        """End a connection here and at WHOOP; with `erase` also everything kept about the user, their account, what
        Sahha said of them and how they are merged included."""
        grant = await members.grant_of_user(self._db, user_id)
        if grant is None and data == "keep":
            raise _not_connected()
        revoked = await self._revoke(grant) if grant and grant.state == "connected" else False
        now = self._clock()
        async with self._db.begin() as connection:
            if data == "erase":
                await self._erase(connection, user_id)
            elif grant is not None:
                await members.mark(connection, grant.member_id, "not_connected", "disconnected on request", now)
                await stored_tokens.forget(connection, grant.member_id)
            deed = "data.erased" if data == "erase" else "connection.ended"
            told = {"revoked_at_whoop": revoked}
            await audit.note(connection, now, *by, user_id, deed, told)
        log.info("connection.ended", user=user_id, data=data, revoked=revoked)
        return {"user_id": user_id, "connected": False, "revoked_at_whoop": revoked, "data": data}

    async def _erase(self, connection: Connection, user_id: str) -> None:
        """Erase everything kept about a user; NotFound when there is nothing."""
        await erasure.lock_membership(connection)
        traces = await leaving.find(connection, user_id)
        person = await erasure.erase_person(connection, user_id)
        for account in traces.accounts:
            await deliveries.forget(connection, account)
        for member_id in traces.members:
            await members.erase(connection, member_id)
            await budget.forget(connection, member_id)
        beside = await erasure.erase_beside_whoop(connection, await identities.behind(connection, user_id))
        if not (beside or person or traces.members):
            raise _not_connected()

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


def _name(profile: dict[str, Any]) -> str | None:
    return " ".join(filter(None, (profile.get("first_name"), profile.get("last_name")))) or None


def _not_connected() -> NotFound:
    return NotFound("this user is not connected", kind="not_connected")
