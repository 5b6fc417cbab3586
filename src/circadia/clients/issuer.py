"""Tokens of an app's own users: JWTs of an issuer that the operator trusts (RFC 7519), checked against its published
keys (RFC 7517) or, for an issuer that signs with HS256, against the secret both know.

The two kinds of trust never mix, and the algorithm is ours to choose and not the token's: a public key is never taken
for a secret, and `none` is no algorithm.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx2
import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from circadia.clients.http import json_of
from circadia.clock import Clock
from circadia.domain.members import check_user_id
from circadia.errors import CircadiaError, Invalid, Misconfigured, Unauthenticated, UnexpectedReply, UpstreamDown

log = structlog.get_logger()

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
SHARED = ("HS256",)

_LONGEST = 8192
_LEEWAY_S = 60
_FRESH = timedelta(hours=1)
_KEPT = timedelta(days=1)
"""So long the issuer's keys count while it does not answer."""

_ASK_AGAIN = timedelta(seconds=30)
"""The issuer is not asked more often, whatever keys the tokens of strangers name."""

_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, RecursionError)
"""What a text that only looks like a token makes of the library."""


class Trust(Protocol):
    """Where the keys come from, and the algorithms that may be used with them."""

    algorithms: tuple[str, ...]

    async def keys(self, *, lacking: bool = False) -> KeySet | OctKey:
        """The keys; `lacking` says that those known do not have the one a token names."""
        ...


class SharedSecret:
    """A secret that the issuer signs with. Misconfigured when everybody can know it."""

    algorithms: tuple[str, ...] = SHARED

    def __init__(self, secret: str) -> None:
        try:
            self._key = OctKey.import_key(secret)
        except ValueError as error:
            raise Misconfigured(
                "AUTH_JWT_SECRET is a public key, which is no secret", remedy="Set AUTH_JWT_JWKS_URL instead."
            ) from error

    async def keys(self, *, lacking: bool = False) -> KeySet | OctKey:
        """The secret."""
        return self._key


class PublishedKeys:
    """An issuer's public keys, kept for an hour, and for a day while it does not answer."""

    algorithms: tuple[str, ...] = ASYMMETRIC

    def __init__(self, http: httpx2.AsyncClient, url: str, clock: Clock) -> None:
        self._http = http
        self._url = url
        self._clock = clock
        self._held: KeySet | None = None
        self._held_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    async def keys(self, *, lacking: bool = False) -> KeySet | OctKey:
        """The keys. UpstreamDown when there are none and the issuer does not tell any.

        Whoever those at hand do not help waits for the answer that somebody else has asked for; others do not."""
        if lacking or self._at_hand() is None or self._wanted(lacking):
            async with self._one_at_a_time:
                if self._wanted(lacking):
                    await self._ask()
        keys = self._at_hand()
        if keys is None:
            raise UpstreamDown("the issuer's keys cannot be had, so its tokens cannot be checked", kind="issuer_down")
        return keys

    def _at_hand(self) -> KeySet | None:
        counts = self._held_at is not None and self._clock() - self._held_at <= _KEPT
        return self._held if counts else None

    def _wanted(self, lacking: bool) -> bool:
        now = self._clock()
        if self._asked_at is not None and now - self._asked_at < _ASK_AGAIN:
            return False
        return lacking or self._held_at is None or now - self._held_at >= _FRESH

    async def _ask(self) -> None:
        self._asked_at = self._clock()
        try:
            response = await self._http.get(self._url)
            if response.status_code != 200:
                raise UnexpectedReply(f"the issuer answers {response.status_code}")
            found = _key_set(json_of(response))
        except (httpx2.HTTPError, CircadiaError) as error:
            log.warning("issuer.keys_not_had", error=type(error).__name__)
            return
        self._held, self._held_at = found, self._asked_at


class Issuer:
    """Says whom a token names."""

    def __init__(self, trust: Trust, issuer: str, audience: str, clock: Clock) -> None:
        self._trust = trust
        self._registry = _Registry(algorithms=trust.algorithms, strict_check_header=False)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    async def subject(self, token: str) -> str:
        """The user id in `sub`. Unauthenticated, in the same words for all reasons, when the token is not good now;
        UpstreamDown when that cannot be checked."""
        if len(token) > _LONGEST:
            raise _refused("too long")
        try:
            found = await self._decoded(token)
            self._claims().validate(found.claims)
            return check_user_id(found.claims["sub"])
        except (*_UNREADABLE, Invalid) as error:
            raise _refused(getattr(error, "error", type(error).__name__)) from None

    async def _decoded(self, token: str) -> jwt.Token:
        try:
            return self._decode(token, await self._trust.keys())
        except InvalidKeyIdError:
            return self._decode(token, await self._trust.keys(lacking=True))

    def _decode(self, token: str, keys: KeySet | OctKey) -> jwt.Token:
        return jwt.decode(token, keys, registry=self._registry)

    def _claims(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )


class _Registry(JWSRegistry):
    """The algorithms of one kind of trust and no other; headers that nobody has registered are passed over."""

    def get_alg(self, name: str) -> Any:
        """The algorithm that a token names, if it is one of ours."""
        if not self.allowed or name not in self.allowed:
            raise UnsupportedAlgorithmError("the algorithm is none of ours")
        return self.algorithms[name]


def _key_set(told: Any) -> KeySet:
    """The public keys for signatures in what an issuer tells; one that cannot be read is passed over."""
    if not isinstance(told, dict) or not isinstance(told.get("keys"), list):
        raise UnexpectedReply("the issuer's keys are no JWK set")
    found: list[RSAKey | ECKey | OKPKey | OctKey] = []
    for each in told["keys"]:
        kind = _KINDS.get(each.get("kty")) if isinstance(each, dict) else None
        if kind is None or each.get("use", "sig") != "sig":
            continue
        try:
            found.append(kind.import_key(each))
        except _UNREADABLE:
            continue
    if not found:
        raise UnexpectedReply("the issuer publishes no key that checks a signature")
    return KeySet(list(found))


_KINDS: dict[Any, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


def _refused(why: str) -> Unauthenticated:
    log.info("token.refused", why=why)
    return Unauthenticated(
        "the token is not valid: its issuer, its audience, its signature or its time is wrong",
        kind="invalid_token",
        remedy="Send a fresh one of the issuer that this installation trusts.",
    )
