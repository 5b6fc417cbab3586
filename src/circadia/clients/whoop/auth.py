"""A member's access token, fresh when used; renewed once, whoever asks.

A renewal spends a refresh token that works only once, and an answer lost on the way loses the grant. So it runs in its
own task that no deadline cancels, holds the member's one slot over all processes, writes down that it is about to spend
before it does, and stores the new pair before anybody uses it. When nobody knows whether a renewal was carried out, the
old access token is tried first: if WHOOP still takes it, nothing was spent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

import httpx2
import structlog

from circadia import metrics
from circadia.clients.whoop.oauth import AnswerLost, OAuth, expired
from circadia.clock import Clock
from circadia.domain.members import Token
from circadia.domain.windows import renewal_due
from circadia.errors import CircadiaError, GrantLost, Misconfigured, RateLimited, UpstreamDown

log = structlog.get_logger()

SLOT = timedelta(seconds=75)
"""How long a process holds the renewal slot, anew from each token call: the call's 60 s at most and the time
to store its answer."""

STORING = timedelta(minutes=15)
"""How long a new pair is tried to be stored. Beyond the slot this takes nothing from anybody: who cannot reach the
database cannot claim the slot, and who claims it first makes the late pair the older version."""

_POLL = 0.1
_STORE_AGAIN = 0.5


class Slot(Protocol):
    """The renewal slot as seen by one who asked for it."""

    @property
    def token(self) -> Token: ...
    @property
    def mine(self) -> bool: ...
    @property
    def spent_at(self) -> datetime | None: ...


class TokenStore(Protocol):
    """What renewal needs of whoever keeps the pairs."""

    async def load(self, member_id: int) -> Token | None:
        """The present pair."""

    async def claim(self, member_id: int, by: UUID, held_for: timedelta, version: int) -> Slot | None:
        """Ask for the slot of a pair; None when the member has none."""

    async def record_spending(self, member_id: int, by: UUID, held_for: timedelta) -> bool:
        """The refresh token is about to be sent, and the slot held from now; False when the slot is gone."""

    async def replace(self, member_id: int, fresh: Token) -> bool:
        """Store the next pair durably; False when a newer one is there already."""

    async def release(self, member_id: int, by: UUID, *, unspent: bool) -> None:
        """Give the slot back."""

    async def lose(self, member_id: int, version: int, reason: str) -> None:
        """The grant behind this pair is dead for certain."""


Probe = Callable[[Token], Awaitable[bool]]
"""Asks WHOOP whether it still takes an access token."""


class Tokens:
    """The tokens of all members, for one process."""

    def __init__(self, store: TokenStore, oauth: OAuth, probe: Probe, clock: Clock) -> None:
        self._store = store
        self._oauth = oauth
        self._probe = probe
        self._clock = clock
        self._flights: dict[int, asyncio.Task[Token]] = {}

    async def usable(self, member_id: int) -> Token:
        """A token to send now. GrantLost without a grant; UpstreamDown when it had to be renewed and could not be."""
        token = await self._store.load(member_id)
        if token is None:
            raise GrantLost("there is no grant: the member has to connect WHOOP")
        now = self._clock()
        if not renewal_due(token.obtained_at, token.expires_at, now):
            return token
        if token.refresh is None and not expired(token, now):
            return token
        try:
            return await self.renewed(member_id, token.version)
        except (UpstreamDown, RateLimited):
            if expired(token, self._clock()):
                raise
            return token

    async def stored(self, member_id: int) -> Token | None:
        """The present pair as it is."""
        return await self._store.load(member_id)

    async def renewed(self, member_id: int, version: int) -> Token:
        """The pair after `version`. One renewal runs per member; cancelling the wait does not cancel it."""
        flight = self._flights.get(member_id)
        if flight is None:
            flight = asyncio.create_task(self._renew(member_id, version), name=f"renew-{member_id}")
            self._flights[member_id] = flight
            flight.add_done_callback(lambda done: self._landed(member_id, done))
        return await asyncio.shield(flight)

    async def drain(self) -> None:
        """Wait for renewals that have begun."""
        if self._flights:
            await asyncio.wait(list(self._flights.values()), timeout=SLOT.total_seconds())

    def _landed(self, member_id: int, flight: asyncio.Task[Token]) -> None:
        self._flights.pop(member_id, None)
        if not flight.cancelled() and (error := flight.exception()) is not None:
            # whoever waited has seen it; with nobody waiting it was logged where it happened
            metrics.count_renewal(error.kind if isinstance(error, CircadiaError) else "broke")

    async def _renew(self, member_id: int, version: int) -> Token:
        by = uuid4()
        slot = await self._slot(member_id, by, version)
        if slot.token.version != version:
            return slot.token
        unspent = slot.spent_at is None
        try:
            if not unspent and await self._still_taken(slot.token):
                unspent = True
                return slot.token
            return await self._spend(member_id, by, slot.token)
        except AnswerLost:
            unspent = False
            raise
        finally:
            await self._store.release(member_id, by, unspent=unspent)

    async def _slot(self, member_id: int, by: UUID, version: int) -> Slot:
        """The slot, ours or with a newer pair in it."""
        deadline = asyncio.get_running_loop().time() + SLOT.total_seconds()
        while True:
            slot = await self._store.claim(member_id, by, SLOT, version)
            if slot is None:
                raise GrantLost("there is no grant: the member has to connect WHOOP")
            if slot.mine or slot.token.version != version:
                return slot
            if asyncio.get_running_loop().time() > deadline:
                raise UpstreamDown("another process is renewing this member's token and has not finished")
            await asyncio.sleep(_POLL)

    async def _spend(self, member_id: int, by: UUID, token: Token) -> Token:
        for last in (False, True):
            if not await self._store.record_spending(member_id, by, SLOT):
                raise UpstreamDown("the renewal slot was taken over by another process")
            try:
                issued = await self._oauth.renew(token)
            except GrantLost as error:
                await self._store.lose(member_id, token.version, error.message)
                log.warning("grant.lost", member=member_id, reason=error.message)
                raise
            except AnswerLost as error:
                log.warning("token.answer_lost", member=member_id, reason=error.message)
                if last or await self._still_taken(token):
                    raise
                continue
            except (UpstreamDown, RateLimited, Misconfigured) as error:
                if last:
                    raise AnswerLost("a renewal's answer was lost, and the second try did not get through") from error
                raise
            await self._keep(member_id, issued.token)
            metrics.count_renewal("renewed")
            log.info("token.renewed", member=member_id, version=issued.token.version)
            return issued.token
        raise AssertionError("unreachable")

    async def _still_taken(self, token: Token) -> bool:
        """Whether WHOOP takes the old access token, as it would not after a rotation. An expired one tells nothing."""
        if expired(token, self._clock()):
            return False
        try:
            return await self._probe(token)
        except (RateLimited, UpstreamDown) as error:
            raise AnswerLost("a renewal's answer was lost, and WHOOP cannot be asked about it now") from error

    async def _keep(self, member_id: int, fresh: Token) -> None:
        """Store the new pair, however long the database is away: there is no second copy of it."""
        now = asyncio.get_running_loop().time
        give_up_at = now() + STORING.total_seconds()
        while True:
            try:
                if not await self._store.replace(member_id, fresh):
                    log.warning("token.superseded", member=member_id, version=fresh.version)
            except UpstreamDown:
                if now() >= give_up_at:
                    log.warning("token.not_stored", member=member_id, version=fresh.version)
                    raise AnswerLost("a new pair came and could not be stored") from None
                await asyncio.sleep(_STORE_AGAIN)
            else:
                return


class MemberAuth(httpx2.Auth):
    """Signs a member's requests; a 401 before the token's time renews it once and sends again."""

    def __init__(self, tokens: Tokens, member_id: int) -> None:
        self._tokens = tokens
        self.member_id = member_id

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send, and on 401 renew and send once more."""
        token = await self._tokens.usable(self.member_id)
        request.headers["Authorization"] = f"Bearer {token.access}"
        response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            fresh = await self._tokens.renewed(self.member_id, token.version)
            request.headers["Authorization"] = f"Bearer {fresh.access}"
            yield request
