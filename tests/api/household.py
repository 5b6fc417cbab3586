"""People of every kind around one member: `alice` has a few days of data, `bob` none. `olga` owns the place, `cora` was
let in by alice, `carl` by nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey

from circadia.storage import people, sessions, shares
from circadia.storage.authorizations import fingerprint
from circadia.storage.sessions import GRACE, IDLE
from tests.api.conftest import ORIGIN, Api, Serve

COOKIE = "circadia"
ISSUER = "https://issuer.example.org/auth/v1"
AUDIENCE = "authenticated"
KEY = RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)
SETTINGS = {
    "AUTH_JWT_ISSUER": ISSUER,
    "AUTH_JWT_AUDIENCE": AUDIENCE,
    "AUTH_JWT_JWKS_URL": "https://issuer.example.org/jwks.json",
}
Headers = dict[str, str]


@dataclass
class Household:
    """The application with these people."""

    api: Api

    async def session(self, user_id: str) -> str:
        """A fresh sign-in; returns the token."""
        async with self.api.db.begin() as connection:
            return await sessions.open_(connection, user_id, "link", None, self.api.clock())

    async def signed_in(self, user_id: str) -> Headers:
        """What that browser sends from our own pages."""
        return browser(await self.session(user_id))

    async def stolen(self, user_id: str) -> Headers:
        """A token whose successor was shown longer ago than the minute of grace."""
        token, then = await self.session(user_id), self.api.clock() - GRACE
        session = await sessions.check(self.api.db, token, then)
        assert session is not None
        fresh = await sessions.offer(self.api.db, session, then)
        assert fresh is not None
        assert await sessions.check(self.api.db, fresh, then) is not None
        return browser(token)

    async def expired(self, user_id: str) -> Headers:
        """A token that has not been used for too long."""
        token = await self.session(user_id)
        at = self.api.clock() - IDLE
        await self.api.db.execute("UPDATE sessions SET seen_at = %s WHERE token_hash = %s", (at, fingerprint(token)))
        return browser(token)

    async def revoked(self, user_id: str) -> Headers:
        """A token whose session was ended."""
        token = await self.session(user_id)
        session = await sessions.check(self.api.db, token, self.api.clock())
        assert session is not None
        async with self.api.db.begin() as connection:
            assert await sessions.end(connection, user_id, session.id)
        return browser(token)

    def claims(self, subject: str, **other: Any) -> dict[str, Any]:
        """What a good token of the app's issuer says now."""
        now = int(self.api.clock().timestamp())
        return {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600} | other

    def token(self, subject: str, key: RSAKey = KEY, **other: Any) -> Headers:
        """A token of the app's issuer, wrong where `other` says so."""
        return bearer(jwt.encode({"alg": "RS256", "kid": "k1"}, self.claims(subject, **other), key))

    async def share(self, user_id: str, coach: str, days: int | None = None) -> shares.Share:
        """Let a person read somebody's data."""
        now = self.api.clock()
        link = fingerprint(f"{user_id} {coach}")
        async with self.api.db.begin() as connection:
            await shares.offer(connection, user_id, "coach", link, now, now + timedelta(days=days) if days else None)
            share = await shares.accept(connection, link, coach, now)
        assert share is not None
        return share


def browser(token: str) -> Headers:
    """What a browser with this token sends from our own pages."""
    return {"Cookie": f"{COOKIE}={token}", "Origin": ORIGIN}


def bearer(text: str) -> Headers:
    """The header of a token."""
    return {"Authorization": f"Bearer {text}"}


async def household(serve: Serve, *, connected: bool = True, days: int = 5, **settings: str) -> Household:
    """Start it."""
    wanted: dict[str, Any] = SETTINGS | settings
    api = await serve(days=days, worker=connected, **wanted)
    published = {"keys": [KEY.as_dict(private=False)]}
    api.wire.others["issuer.example.org"] = httpx2.MockTransport(lambda _asked: httpx2.Response(200, json=published))
    if connected:
        await api.connected("alice")
    house = Household(api)
    async with api.db.begin() as connection:
        for user_id in ("alice", "bob"):
            await people.ensure(connection, user_id, "member", api.clock())
        for user_id in ("cora", "carl"):
            await people.ensure(connection, user_id, "coach", api.clock())
        await people.claim(connection, "olga", api.clock())
    await house.share("alice", "cora")
    return house
