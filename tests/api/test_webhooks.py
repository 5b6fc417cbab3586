"""WHOOP's webhooks: who may send one, what is kept of it, and that it leads to the normal road, whatever is down."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import Any

import httpx2
import orjson
import pytest

from circadia.domain.catalog import BY_NAME
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import Client, WhoopSimulator
from circadia.simulator.world import World
from tests import simulated
from tests.api.conftest import LONGEST_WAIT_S, ORIGIN, Api, Serve
from tests.api.table import problem

HOOK = "/webhooks/whoop"
SECRET = simulated.CLIENT.client_secret
BODY = (
    b'{"user_id":10129,"id":"ecfc6a15-4661-442f-a9a4-f160dd7afae8","type":"sleep.updated",'
    b'"trace_id":"e369c784-5100-49e8-8098-75d35c47b31b"}'
)
NOON = "1795176000000"
SIGNED_AT_NOON = "GeYxdklSUw+BeL8pUN3Ugv9wCIC6RhIqSL1qdrtTwxk="
"""HMAC-SHA256 of NOON + BODY under SECRET, worked out once with another tool."""


def headers(timestamp: str, signature: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-WHOOP-Signature-Timestamp": timestamp,
        "X-WHOOP-Signature": signature,
    }


def signed(api: Api, body: bytes, secret: str = SECRET, *, age_s: float = 0) -> dict[str, str]:
    timestamp = str(int((api.clock().timestamp() - age_s) * 1000))
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return headers(timestamp, base64.b64encode(digest).decode())


def event(user_id: Any, kind: str = "workout.updated", **changes: Any) -> bytes:
    return orjson.dumps({"user_id": user_id, "id": "0c5c4c4e", "type": kind, "trace_id": "trace-1"} | changes)


async def post(api: Api, body: bytes, given: dict[str, str] | None = None) -> httpx2.Response:
    return await api.anonymous.post(HOOK, content=body, headers=given or signed(api, body))


async def stored(api: Api) -> list[tuple[Any, ...]]:
    return await api.db.rows("SELECT trace_id, type, record_id, whoop_user_id, state FROM deliveries ORDER BY id")


async def test_a_known_signature(api: Api) -> None:
    answer = await post(api, BODY, headers(NOON, SIGNED_AT_NOON))
    assert (answer.status_code, answer.content) == (204, b"")
    assert await stored(api) == [
        (
            "e369c784-5100-49e8-8098-75d35c47b31b",
            "sleep.updated",
            "ecfc6a15-4661-442f-a9a4-f160dd7afae8",
            10129,
            "waiting",
        )
    ]


async def test_anything_else_is_refused_and_not_kept(api: Api) -> None:
    good = headers(NOON, SIGNED_AT_NOON)
    stamp, mark = "X-WHOOP-Signature-Timestamp", "X-WHOOP-Signature"
    for body, given in (
        (BODY + b" ", good),
        (BODY.replace(b"10129", b"10128"), good),
        (BODY, good | {stamp: "1795176000001"}),
        (BODY, good | {stamp: ""}),
        (BODY, good | {mark: ""}),
        (BODY, good | {mark: SIGNED_AT_NOON.lower()}),
        (BODY, good | {mark: SIGNED_AT_NOON.rstrip("=")}),
        (BODY, {"Content-Type": "application/json"}),
        (BODY, signed(api, BODY, "another-secret")),
        (BODY, signed(api, BODY, age_s=24 * 3600 + 1)),
        (BODY, signed(api, BODY, age_s=-24 * 3600 - 1)),
    ):
        problem(await post(api, body, given), 401, "bad_signature")
    odd = hmac.new(SECRET.encode(), b"soon" + BODY, hashlib.sha256).digest()
    problem(await post(api, BODY, headers("soon", base64.b64encode(odd).decode())), 401, "bad_signature")
    assert await stored(api) == []


async def test_a_retry_may_carry_its_first_timestamp(api: Api) -> None:
    assert (await post(api, BODY, signed(api, BODY, age_s=3600))).status_code == 204


async def test_the_previous_secret_still_counts(serve: Serve) -> None:
    api = await serve(worker=False, WHOOP_CLIENT_SECRET_PREVIOUS="the-secret-before")
    assert (await post(api, BODY, signed(api, BODY, "the-secret-before"))).status_code == 204
    assert (await post(api, event(1), signed(api, event(1)))).status_code == 204
    problem(await post(api, BODY, signed(api, BODY, "the-one-before-that")), 401, "bad_signature")


@pytest.mark.parametrize("whole", [True, False])
async def test_too_large(api: Api, whole: bool) -> None:
    body = orjson.dumps({"padding": "x" * 64 * 1024})

    async def chunks() -> Any:
        for start in range(0, len(body), 4096):
            yield body[start : start + 4096]

    answer = await api.anonymous.post(HOOK, content=body if whole else chunks(), headers=signed(api, body))
    problem(answer, 413, "body_too_large")


async def test_signed_and_still_not_a_webhook(api: Api) -> None:
    for body, kind in (
        (b"", "invalid_request"),
        (b"{", "invalid_request"),
        (b"[]", "invalid_request"),
        (b"{}", "invalid_request"),
        (event(1, "sleep.renamed"), "unknown_webhook"),
        (event(1, "cycle.updated"), "unknown_webhook"),
        (event(1, "sleep"), "unknown_webhook"),
        (event(-1), "invalid_request"),
        (event("1"), "invalid_request"),
        (event(2**63), "invalid_request"),
        (event(1, trace_id=""), "invalid_request"),
        (event(1, trace_id="x" * 201), "invalid_request"),
        (event(1, id="a\x00b"), "invalid_request"),
    ):
        problem(await post(api, body), 422, kind)
    assert await stored(api) == []


async def test_a_webhook_brings_what_it_tells_of(alice: Api) -> None:
    alice.clock.advance(60)
    alice.simulator.mutate(alice.account, "retype_workout")
    truth = {each["id"]: each["sport_name"] for each in alice.simulator.truth(alice.account)["workout"]}
    assert (await post(alice, event(alice.account))).status_code == 204
    await alice.history()
    found = await alice.get("/api/v1/whoop/records/alice/workout", limit=100)
    assert {each["id"]: each["sport_name"] for each in found["records"]} == truth
    assert {seen.path for seen in alice.simulator.traffic.counts} == {"/developer/v2/activity/workout"}
    assert [each[4] for each in await stored(alice)] == ["settled"]


async def test_one_that_comes_again_is_answered_and_ignored(alice: Api) -> None:
    for _ in range(3):
        assert (await post(alice, event(alice.account))).status_code == 204
        await alice.history()
    assert len(await stored(alice)) == 1
    assert await alice.db.row("SELECT count(*) FROM runs WHERE kind = 'sync'") == (1,)


async def test_many_at_once_wait_in_one_run(serve: Serve) -> None:
    api = await serve(worker=False)
    await api.connect()
    kinds = ["workout.updated", "sleep.updated", "recovery.deleted", "workout.deleted"] * 5
    bodies = [event(api.account, kind, trace_id=f"trace-{number}") for number, kind in enumerate(kinds)]
    answers = await asyncio.gather(*(post(api, each) for each in bodies))
    assert {each.status_code for each in answers} == {204}
    assert len(await stored(api)) == 20
    found = await api.db.rows("SELECT types FROM runs WHERE kind = 'sync'")
    assert [sorted(each[0]) for each in found] == [["recovery", "sleep", "workout"]]


async def test_of_somebody_unknown_it_is_kept_and_nothing_follows(alice: Api) -> None:
    assert (await post(alice, event(alice.account + 1))).status_code == 204
    assert [each[3] for each in await stored(alice)] == [alice.account + 1]
    await alice.http.delete("/internal/auth/connection/alice")
    assert (await post(alice, event(alice.account, trace_id="later"))).status_code == 204
    assert await alice.unfinished() == 0


async def test_it_is_taken_while_whoop_is_down(alice: Api) -> None:
    alice.simulator.fault("status", path="/developer", status=503, count=None)
    assert (await post(alice, event(alice.account))).status_code == 204
    await alice.history()
    assert [each[4] for each in await stored(alice)] == ["waiting"]


async def test_it_is_taken_while_nobody_works_and_done_when_somebody_does(serve: Serve) -> None:
    api = await serve(worker=False)
    await api.connect()
    assert (await post(api, event(api.account))).status_code == 204
    assert await api.unfinished() == 2
    await serve(simulator=api.simulator)
    await api.history()
    assert [each[4] for each in await stored(api)] == ["settled"]


class Late(httpx2.AsyncBaseTransport):
    """The simulator's way to a receiver that starts after it."""

    receiver: httpx2.AsyncBaseTransport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self.receiver.handle_async_request(request)


async def test_the_simulator_s_own_webhooks_arrive(serve: Serve, clock: StandingClock) -> None:
    """Signed, sent and retried by the simulator: a day of a member's life arrives without one scheduled sync."""
    way = Late()
    client = Client(simulated.CLIENT.client_id, SECRET, (simulated.CALLBACK,), webhook_url=f"{ORIGIN}{HOOK}")
    world = World(seed=1, members=1, days=30, epoch=clock())
    whoop = WhoopSimulator(world, clock=clock, limits=simulated.ROOMY, clients=(client,), webhook_transport=way)
    api = await serve(simulator=whoop)
    way.receiver = httpx2.ASGITransport(app=api.app)
    await api.connected()
    delivered = 0
    for _hour in range(26):
        clock.advance(3600)
        delivered += await whoop.deliver_due()
    assert delivered > 3
    async with asyncio.timeout(LONGEST_WAIT_S):
        while await api.unfinished():
            await asyncio.sleep(0.05)
    for kind in ("sleep", "workout", "recovery"):
        found = await api.get(f"/api/v1/whoop/records/alice/{kind}", limit=100, raw="true")
        key = BY_NAME[kind].key
        there = {each[key]: each for each in whoop.truth(api.account)[kind]}
        assert {each["raw"][key]: each["raw"] for each in found["records"]} == there
