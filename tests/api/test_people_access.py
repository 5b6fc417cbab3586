"""Every route of the application, whatever it is, asked by those who may not: nothing of somebody else's comes out, not
even whether there is such a user, and nothing changes."""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from joserfc.jwk import RSAKey
from starlette.routing import Route

from tests.api.conftest import Api, Serve
from tests.api.household import KEY, Headers, Household, bearer, household

_NOBODY = "nobod"
"""As long as `alice`, so that answers about both may be compared to the byte."""

_ID = "8e2f6a52-6f0e-4f8e-9f10-0d5f3f2f8b10"
_PLACES = {"type": "sleep", "analysis": "vitals", "date": "2026-11-19"}
_STRANGER = RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)


@dataclass(frozen=True)
class Operation:
    """A route as the application describes it."""

    method: str
    path: str
    ways: frozenset[str]

    @property
    def open(self) -> bool:
        return not self.ways

    @property
    def by_key_only(self) -> bool:
        return bool(self.ways) and "Session" not in self.ways

    @property
    def by_session_only(self) -> bool:
        return self.ways == frozenset({"Session"})

    @property
    def of_a_user(self) -> bool:
        return "{user_id}" in self.path and "Session" in self.ways

    def url(self, user_id: str, run_id: str = _ID) -> str:
        places = {"user_id": user_id, "run_id": run_id} | _PLACES
        return re.sub(r"\{(\w+)\}", lambda found: places.get(found[1], _ID), self.path)

    async def ask(self, http: httpx2.AsyncClient, user_id: str, headers: Headers, run_id: str = _ID) -> httpx2.Response:
        body: dict[str, Any] | None = None if self.method == "GET" else {}
        return await http.request(self.method, self.url(user_id, run_id), json=body, headers=headers)


def operations(api: Api) -> list[Operation]:
    """Everything that the application's description holds."""
    document = api.app.openapi()
    found = []
    for path, item in document["paths"].items():
        for method, each in item.items():
            ways = frozenset(name for way in each.get("security", document["security"]) for name in way)
            found.append(Operation(method.upper(), path, ways))
    return found


def _part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def foreign_tokens(house: Household) -> Iterator[tuple[str, Headers]]:
    """Tokens that claim to be alice's and are not the issuer's word."""
    claims = _part(house.claims("alice"))
    public = KEY.as_pem(private=False)
    body = f"{_part({'alg': 'HS256', 'kid': 'k1'})}.{claims}"
    signature = urlsafe_b64encode(hmac.digest(public, body.encode(), "sha256")).rstrip(b"=").decode()
    yield "another issuer", house.token("alice", iss="https://evil.example.org")
    yield "another audience", house.token("alice", aud="anon")
    yield "another key", house.token("alice", key=_STRANGER)
    yield "expired", house.token("alice", exp=int(house.api.clock().timestamp()) - 61)
    yield "not yet", house.token("alice", nbf=int(house.api.clock().timestamp()) + 3600)
    yield "no algorithm", bearer(f"{_part({'alg': 'none'})}.{claims}.")
    yield "the public key as a secret", bearer(f"{body}.{signature}")


async def _kept(api: Api) -> dict[str, Any]:
    """What is in every table. Of the sessions it is the good ones of alice: the others are this test's own, and those
    that have run out are forgotten when somebody signs in."""
    tables = await api.db.rows(
        """SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
           AND table_type = 'BASE TABLE' AND NOT starts_with(table_name, 'procrastinate')"""
    )
    only = {"sessions": "WHERE user_id = 'alice' AND seen_at = created_at"}
    return {
        name: await api.db.row(
            f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {name} t {only.get(name, '')}"
        )
        for (name,) in tables
    }


async def _canaries(api: Api) -> list[str]:
    found = await api.db.row("SELECT email, last_name FROM profiles")
    sleep = await api.db.row("SELECT id::text FROM sleeps LIMIT 1")
    assert found is not None
    assert sleep is not None
    return [found[0], found[1], sleep[0]]


def _same(of_alice: httpx2.Response, of_nobody: httpx2.Response, what: str) -> None:
    first = (of_alice.status_code, of_alice.content.replace(b"alice", b"*****"), _told(of_alice))
    second = (of_nobody.status_code, of_nobody.content.replace(_NOBODY.encode(), b"*****"), _told(of_nobody))
    known = re.compile(rb'"(request_id|timestamp)":\s*"[^"]*"')
    assert (first[0], known.sub(b"", first[1]), first[2]) == (second[0], known.sub(b"", second[1]), second[2]), what


def _told(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


def _routes(found: Iterable[Any]) -> Iterator[APIRoute]:
    for each in found:
        if isinstance(each, APIRoute):
            yield each
        elif (router := getattr(each, "original_router", None)) is not None:
            yield from _routes(router.routes)
        else:
            assert isinstance(each, Route), each  # such as FastAPI's own for the description, in development only


@pytest.fixture
async def house(serve: Serve) -> Household:
    return await household(serve)


async def test_every_route_is_in_the_description(house: Household) -> None:
    """What is not cannot be tried below: pages and their files are all there is, and they hold nobody's data."""
    described = {(each.method, each.path) for each in operations(house.api)}
    unseen = {
        route.path
        for route in _routes(house.api.app.routes)
        if not described >= {(each, route.path) for each in route.methods or ()}
    }
    assert {"/static/{path:path}", "/{path:path}"} <= unseen
    for path in sorted(unseen - {"/static/{path:path}"}):
        address = path.replace("{path:path}", "nowhere").format(date="2026-11-19")
        answer = await house.api.anonymous.get(address, headers={"Accept": "text/html"})
        assert answer.status_code == (404 if address == "/nowhere" else 200), path
        for canary in await _canaries(house.api):
            assert canary not in answer.text, path


async def test_whoever_may_not_learns_nothing(house: Household) -> None:
    api = house.api
    canaries = await _canaries(api)
    run = await api.db.row("SELECT id::text FROM runs LIMIT 1")
    assert run is not None
    known = {"another member": "bob", "a coach without a share": "carl"}
    await house.signed_in("alice")
    ended = {
        "stolen": await house.stolen("alice"),
        "expired": await house.expired("alice"),
        "revoked": await house.revoked("alice"),
        "made up": {"Cookie": "circadia=AAAA", "Origin": "http://127.0.0.1:8000"},
    }
    tokens = dict(foreign_tokens(house))
    assert (await api.anonymous.get("/api/v1/me", headers=ended["stolen"])).status_code == 401  # and so is written down
    before = await _kept(api)
    tried = 0

    async def both(operation: Operation, headers: Headers, status: int, kind: str, who: str) -> None:
        nonlocal tried
        said = f"{operation.method} {operation.path} as {who}"
        mine = await operation.ask(api.anonymous, "alice", headers, run[0])
        other = await operation.ask(api.anonymous, _NOBODY, headers, _ID)
        assert mine.status_code == other.status_code == status, (said, mine.text)
        if mine.headers["content-type"] == "application/problem+json":
            assert mine.json()["type"].endswith(f":{kind}"), (said, mine.text)
        if "{run_id}" not in operation.path:
            _same(mine, other, said)
        else:
            assert mine.json()["detail"] == other.json()["detail"], said
        for canary in canaries:
            assert canary not in mine.text, said
        tried += 1

    for operation in operations(api):
        if operation.open:
            for user_id in ("alice", _NOBODY):
                answer = await operation.ask(api.anonymous, user_id, {})
                assert not any(each in answer.text for each in canaries), operation
            continue
        below_whoop = operation.path.startswith("/api/v1/whoop/")
        await both(operation, {}, 401, "no_key", "nobody")
        for who, headers in ended.items():
            kind = "no_key" if operation.by_key_only else "session_over"
            await both(operation, headers, 401, kind, f"somebody with a {who} session")
        for who, headers in tokens.items():
            takes_tokens = below_whoop and not operation.by_key_only and operation.path != "/api/v1/whoop/status"
            kind = "invalid_token" if takes_tokens else "no_session" if operation.by_session_only else "invalid_key"
            await both(operation, headers, 401, kind, f"a token, {who}")
        for who, user_id in known.items():
            # a request may end sessions, and is not to be answered as the one before
            headers = await house.signed_in(user_id)
            if operation.by_key_only:
                await both(operation, headers, 401, "no_key", who)
            elif operation.of_a_user:
                await both(operation, headers, 404, "unknown_user", who)
            elif "{run_id}" in operation.path:
                await both(operation, headers, 404, "unknown_run", who)
            elif not operation.by_session_only and operation.path != "/api/v1/whoop/metrics":
                await both(operation, headers, 403, "owner_only", who)
        stranger = house.token("bob")
        if operation.of_a_user and below_whoop:
            await both(operation, stranger, 404, "unknown_user", "the token of another")
        elif not below_whoop:
            kind = "no_session" if operation.by_session_only else "invalid_key"
            await both(operation, house.token("alice"), 401, kind, "her own token elsewhere")
    assert tried > 500
    assert await _kept(api) == before
    assert await _canaries(api) == canaries


async def test_a_coach_reads_and_no_more(house: Household) -> None:
    """What is shared is read; what changes anything, and what is between a member and the owner, is not there."""
    headers = await house.signed_in("cora")
    read = set()
    for operation in operations(house.api):
        if not operation.of_a_user:
            continue
        answer = await operation.ask(house.api.anonymous, "alice", headers)
        if operation.method != "GET" or operation.path in _PRIVATE:
            assert answer.status_code == 404, (operation, answer.text)
            assert answer.json()["type"].endswith(":unknown_user"), operation
        else:
            assert answer.status_code in (200, 304, 422), (operation, answer.text)
            read.add(operation.path)
        assert (await operation.ask(house.api.anonymous, "bob", headers)).status_code == 404, operation
    assert {"/api/v1/whoop/daily-data/{user_id}", "/api/v1/whoop/sync-status/{user_id}"} <= read


_PRIVATE = {
    "/api/v1/shares/{user_id}",
    "/api/v1/audit/{user_id}",
    "/api/v1/whoop/export/{user_id}",
}

_TRICKS = [
    "/api/v1/whoop/daily-data/bob/../alice",
    "/api/v1/whoop/daily-data/bob%2F..%2Falice",
    "/api/v1/whoop/daily-data/./alice",
    "/api/v1/whoop/daily-data/%2e/alice",
    "/api/v1/whoop/daily-data//alice",
    "/api/v1/whoop//daily-data/alice",
    "//api/v1/whoop/daily-data/alice",
    "/api/v1/whoop/daily-data/alice/",
    "/api/v1/whoop/daily-data/alice;bob",
    "/api/v1/whoop/daily-data/alice%00",
    "/api/v1/whoop/daily-data/alice%20",
    "/api/v1/whoop/daily-data/%61lice",
    "/api/v1/whoop/daily-data/ALICE",
    "/api/v1/whoop/daily-data/alice?user_id=bob",
    "/api/v1/whoop/daily-data/alice#bob",
    "/api/v1/whoop/daily-data/%EF%BD%81lice",
    "/API/v1/whoop/daily-data/alice",
    "/api/v1/whoop/../unified/alice/days?from=2026-11-18&to=2026-11-19",
    "/internal/data/all/alice",
    "/api/v1/health/alice",
]


@pytest.mark.parametrize("who", ["session", "token"])
async def test_no_spelling_of_a_path_leads_to_somebody_else(house: Household, who: str) -> None:
    headers = await house.signed_in("bob") if who == "session" else house.token("bob")
    canaries = await _canaries(house.api)
    for path in _TRICKS:
        answer = await house.api.anonymous.get(path, headers=headers)
        assert answer.status_code in (401, 404, 405, 422), (path, answer.status_code, answer.text)
        assert not any(each in answer.text for each in canaries), path
