"""Tokens of an app's own issuer: good ones are believed, and whatever an attacker makes of them is not."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from circadia.clients.http import open_client
from circadia.clients.issuer import ASYMMETRIC, Issuer, PublishedKeys, SharedSecret
from circadia.errors import Misconfigured, Unauthenticated, UpstreamDown
from circadia.simulator.clock import StandingClock

ISSUER = "https://app.example.org/auth/v1"
AUDIENCE = "authenticated"
URL = f"{ISSUER}/.well-known/jwks.json"
SECRET = "a-secret-of-the-issuer-with-many-characters"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"}, auto_kid=False)
EC = ECKey.generate_key("P-256", {"kid": "ec-1"}, auto_kid=False)
ED = OKPKey.generate_key("Ed25519", {"kid": "ed-1"}, auto_kid=False)
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1"}, auto_kid=False)
ANY = JWSRegistry(algorithms=[*ASYMMETRIC, "HS256", "HS384", "HS512", "none"], strict_check_header=False)


class Server:
    """The issuer's side: what it publishes, how it answers, how often it was asked."""

    def __init__(self, *keys: Key) -> None:
        self.body: Any = {"keys": [each.as_dict(private=False) for each in keys]}
        self.status = 200
        self.gone = False
        self.asked = 0
        self.answering = asyncio.Event()
        self.answering.set()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url) == URL
        self.asked += 1
        await self.answering.wait()
        if self.gone:
            raise httpx2.ConnectError("gone")
        return httpx2.Response(self.status, json=self.body)


def issuer_of(server: Server, clock: StandingClock) -> Issuer:
    http = open_client(httpx2.MockTransport(server))
    return Issuer(PublishedKeys(http, URL, clock), ISSUER, AUDIENCE, clock)


def claims(clock: StandingClock, **other: Any) -> dict[str, Any]:
    now = int(clock().timestamp())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 3600} | other
    return {name: value for name, value in said.items() if value is not None}


def signed(said: dict[str, Any], key: Key = RSA, alg: str = "RS256", **header: Any) -> str:
    named = {"alg": alg, "kid": key.kid, **header}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.encode({name: each for name, each in named.items() if each is not None}, said, key, registry=ANY)


def forged(said: dict[str, Any], secret: bytes, alg: str, kid: str | None) -> str:
    """Signed with HMAC by hand: the library refuses to take a public key for a secret, an attacker's does not."""
    body = f"{part({'alg': alg, 'kid': kid} if kid else {'alg': alg})}.{part(said)}"
    return f"{body}.{part(hmac.digest(secret, body.encode(), f'sha{alg[2:]}'))}"


def part(value: Any) -> str:
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
        .rstrip(b"=")
        .decode()
    )


@pytest.fixture
def published() -> Server:
    return Server(RSA, EC, ED)


@pytest.fixture
def issuer(published: Server, clock: StandingClock) -> Issuer:
    return issuer_of(published, clock)


async def refused(issuer: Issuer, token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await issuer.subject(token)
    assert caught.value.kind == "invalid_token"
    assert caught.value.message.startswith("the token is not valid: its issuer, its audience")


@pytest.mark.parametrize(
    ("key", "alg"), [(RSA, "RS256"), (RSA, "PS512"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")]
)
async def test_a_good_token_names_its_subject(issuer: Issuer, clock: StandingClock, key: Key, alg: str) -> None:
    assert await issuer.subject(signed(claims(clock), key, alg)) == "alice"


async def test_supabase_s_tokens(clock: StandingClock) -> None:
    """Signed with the project's secret, and with more claims than anybody asked for."""
    issuer = Issuer(SharedSecret(SECRET), ISSUER, AUDIENCE, clock)
    subject = "5f8d9c1e-7a34-4c1a-9d43-0b1f2a7f6b51"
    more = {
        "role": "authenticated",
        "aal": "aal1",
        "session_id": "x",
        "email": "a@example.org",
        "amr": [{"method": "otp"}],
    }
    said = claims(clock, sub=subject, **more)
    assert await issuer.subject(signed(said, OctKey.import_key(SECRET), "HS256", kid=None)) == subject
    assert await issuer.subject(signed(said, OctKey.import_key(SECRET), "HS256", kid="Q2x")) == subject


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": ISSUER + "/"},
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"iss": [ISSUER]},
        {"aud": "anon"},
        {"aud": None},
        {"aud": ["anon", "service"]},
        {"aud": {"authenticated": True}},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["alice"]},
        {"sub": "../alice"},
        {"sub": "sources"},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("nan")},
        {"nbf": 2**40},
        {"iat": 2**40},
    ],
    ids=str,
)
async def test_wrong_claims(issuer: Issuer, clock: StandingClock, wrong: dict[str, Any]) -> None:
    await refused(issuer, signed(claims(clock, **wrong)))


async def test_an_audience_among_others(issuer: Issuer, clock: StandingClock) -> None:
    assert await issuer.subject(signed(claims(clock, aud=["other", AUDIENCE]))) == "alice"


async def test_a_token_ends(issuer: Issuer, clock: StandingClock) -> None:
    token = signed(claims(clock))
    clock.advance(3659)
    assert await issuer.subject(token) == "alice"
    clock.advance(1)
    await refused(issuer, token)


async def test_a_stranger_s_key(issuer: Issuer, clock: StandingClock) -> None:
    await refused(issuer, signed(claims(clock), STRANGER))


async def test_a_token_that_was_changed(issuer: Issuer, clock: StandingClock) -> None:
    head, _body, signature = signed(claims(clock)).split(".")
    await refused(issuer, f"{head}.{part(claims(clock, sub='bob'))}.{signature}")
    await refused(issuer, f"{head}.{_body}.")
    await refused(issuer, f"{head}.{_body}.{signature[:-8]}AAAAAAAA")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
async def test_no_algorithm(issuer: Issuer, clock: StandingClock, alg: str) -> None:
    for header in ({"alg": alg, "kid": "rsa-1"}, {"alg": alg}):
        await refused(issuer, f"{part(header)}.{part(claims(clock))}.")
        await refused(issuer, f"{part(header)}.{part(claims(clock))}.{part(b'x' * 256)}")
    shared = Issuer(SharedSecret(SECRET), ISSUER, AUDIENCE, clock)
    await refused(shared, f"{part({'alg': alg})}.{part(claims(clock))}.")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_the_public_key_is_no_secret(issuer: Issuer, clock: StandingClock, alg: str) -> None:
    """The oldest trick: sign with HMAC under what everybody can download."""
    for secret in (
        RSA.as_pem(private=False),
        json.dumps(RSA.as_dict(private=False)).encode(),
        EC.as_pem(private=False),
    ):
        for kid in ("rsa-1", "ec-1", None):
            await refused(issuer, forged(claims(clock), secret, alg, kid))


def test_a_public_key_is_not_taken_for_a_secret() -> None:
    with pytest.raises(Misconfigured, match="AUTH_JWT_SECRET"):
        SharedSecret(RSA.as_pem(private=False).decode())


async def test_a_secret_trusts_no_other_algorithm(clock: StandingClock) -> None:
    issuer = Issuer(SharedSecret(SECRET), ISSUER, AUDIENCE, clock)
    await refused(issuer, signed(claims(clock), OctKey.import_key(SECRET), "HS512", kid=None))
    await refused(issuer, signed(claims(clock), OctKey.import_key("x" * 43), "HS256", kid=None))
    await refused(issuer, signed(claims(clock), RSA))


async def test_a_key_that_the_token_brings_along(published: Server, issuer: Issuer, clock: StandingClock) -> None:
    for header in (
        {"jwk": STRANGER.as_dict(private=False)},
        {"jku": "https://evil.example.org/jwks.json"},
        {"x5u": "https://evil.example.org/cert"},
        {"crit": ["b64"], "b64": True},
        {"kid": "../../../../dev/null"},
        {"kid": "' OR 1=1 --"},
    ):
        await refused(issuer, signed(claims(clock), STRANGER, **header))
    assert published.asked <= 2


async def test_nonsense(issuer: Issuer, clock: StandingClock) -> None:
    body, good = part(claims(clock)), signed(claims(clock))
    headers: list[Any] = [
        [],
        {},
        "alg",
        None,
        {"alg": None},
        {"alg": ["RS256"], "kid": "rsa-1"},
        {"alg": {"RS256": 1}},
        {"alg": "RS256", "kid": 7},
        {"alg": "RS256", "kid": ["rsa-1"]},
        {"alg": "RS256", "kid": "rsa-1", "b64": False, "crit": ["b64"]},
        {"alg": "dir", "enc": "A256GCM"},
    ]
    deep = b"[" * 3000 + b"]" * 3000
    for header in headers:
        await refused(issuer, f"{part(header)}.{body}.AAAA")
    for token in ("..", "a.b.c", "....", "\x00.\x00.\x00", "é.é.é", f"{part(deep)}.{body}.AA", good + "=", f".{good}",
                  f"{good}.", "\ud800.a.b", part(b"\xff\xfe") + f".{body}.AA", good.replace(".", ".." )):  # fmt: skip
        await refused(issuer, token)
    for payload in (deep, b"null", b"[]", b'"alice"', b"\xff", b""):
        head = part({"alg": "EdDSA", "kid": "ed-1"})
        signature = part(ED.private_key.sign(f"{head}.{part(payload)}".encode()))  # type: ignore[union-attr]
        await refused(issuer, f"{head}.{part(payload)}.{signature}")
    await refused(issuer, signed(claims(clock, note="x" * 9000)))


async def test_keys_are_kept_for_an_hour(published: Server, issuer: Issuer, clock: StandingClock) -> None:
    for _ in range(5):
        await issuer.subject(signed(claims(clock)))
        clock.advance(600)
    assert published.asked == 1
    clock.advance(600)
    await issuer.subject(signed(claims(clock)))
    assert published.asked == 2


async def test_a_new_key_is_learnt_at_once(published: Server, issuer: Issuer, clock: StandingClock) -> None:
    await issuer.subject(signed(claims(clock)))
    fresh = RSAKey.generate_key(2048, {"kid": "rsa-2"}, auto_kid=False)
    published.body = {"keys": [fresh.as_dict(private=False)]}
    clock.advance(60)
    assert await issuer.subject(signed(claims(clock), fresh)) == "alice"
    await refused(issuer, signed(claims(clock)))


async def test_tokens_that_come_together_wait_for_one_answer(
    published: Server, issuer: Issuer, clock: StandingClock
) -> None:
    """At the start, and when a new key signs; whom the keys at hand help does not wait."""

    async def together(key: RSAKey) -> list[str]:
        published.answering.clear()
        asking = [asyncio.create_task(issuer.subject(signed(claims(clock), key))) for _ in range(5)]
        while not published.asked:
            await asyncio.sleep(0)
        published.answering.set()
        return await asyncio.gather(*asking)

    assert await together(RSA) == ["alice"] * 5
    assert published.asked == 1
    fresh = RSAKey.generate_key(2048, {"kid": "rsa-2"}, auto_kid=False)
    published.body["keys"].append(fresh.as_dict(private=False))
    published.asked = 0
    clock.advance(60)
    assert await together(fresh) == ["alice"] * 5
    assert published.asked == 1
    clock.advance(3600)
    published.answering.clear()
    renewing = asyncio.create_task(issuer.subject(signed(claims(clock))))
    while published.asked == 1:
        await asyncio.sleep(0)
    assert await issuer.subject(signed(claims(clock))) == "alice"
    assert not renewing.done()
    published.answering.set()
    assert await renewing == "alice"


async def test_the_issuer_is_not_asked_for_every_stranger(
    published: Server, issuer: Issuer, clock: StandingClock
) -> None:
    for n in range(50):
        await refused(issuer, signed(claims(clock), STRANGER, kid=f"guess-{n}"))
    assert published.asked == 1
    clock.advance(30)
    for n in range(50):
        await refused(issuer, signed(claims(clock), STRANGER, kid=f"guess-{n}"))
    assert published.asked == 2


def _broken(server: Server) -> None:
    server.status = 500


def _away(server: Server) -> None:
    server.gone = True


def _empty(server: Server) -> None:
    server.body = {"keys": []}


def _secrets_only(server: Server) -> None:
    server.body = {"keys": [{"kty": "oct", "k": part(SECRET.encode()), "kid": "rsa-1"}]}


def _for_encryption(server: Server) -> None:
    server.body = {"keys": [RSA.as_dict(private=False) | {"use": "enc"}]}


def _nothing(server: Server) -> None:
    server.body = ["keys"]


@pytest.mark.parametrize("trouble", [_broken, _away, _empty, _secrets_only, _for_encryption, _nothing])
async def test_an_issuer_in_trouble(clock: StandingClock, trouble: Callable[[Server], None]) -> None:
    """Whoever had its keys goes on with them for a day; whoever had none lets nobody in."""
    server = Server(RSA)
    issuer = issuer_of(server, clock)
    assert await issuer.subject(signed(claims(clock))) == "alice"
    trouble(server)
    for hours in (2, 21):
        clock.advance(hours * 3600)
        assert await issuer.subject(signed(claims(clock))) == "alice"
    clock.advance(2 * 3600)
    with pytest.raises(UpstreamDown):
        await issuer.subject(signed(claims(clock)))
    fresh = issuer_of(server, clock)
    with pytest.raises(UpstreamDown):
        await fresh.subject(signed(claims(clock)))
    asked = server.asked
    with pytest.raises(UpstreamDown):
        await fresh.subject(signed(claims(clock)))
    assert server.asked == asked


async def test_a_secret_among_the_published_keys_signs_nothing(clock: StandingClock) -> None:
    server = Server(RSA)
    server.body["keys"] += [
        {"kty": "oct", "k": part(SECRET.encode()), "kid": "oct-1"},
        {"kty": "new"},
        "x",
        {"kty": "EC"},
    ]
    issuer = issuer_of(server, clock)
    await refused(issuer, signed(claims(clock), OctKey.import_key(SECRET), "HS256", kid="oct-1"))
    assert await issuer.subject(signed(claims(clock))) == "alice"


async def test_one_key_without_a_name(clock: StandingClock) -> None:
    key = ECKey.generate_key("P-384", auto_kid=False)
    server = Server()
    server.body = {"keys": [key.as_dict(private=False)]}
    issuer = issuer_of(server, clock)
    assert await issuer.subject(signed(claims(clock), key, "ES384", kid=None)) == "alice"


async def test_a_token_is_not_believed_longer_than_its_clock_allows(issuer: Issuer, clock: StandingClock) -> None:
    soon = int((clock() + timedelta(seconds=61)).timestamp())
    await refused(issuer, signed(claims(clock, nbf=soon)))
    clock.advance(1)
    assert await issuer.subject(signed(claims(clock, nbf=soon))) == "alice"
