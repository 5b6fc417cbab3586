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
from tests.postgres import Server

HOOK = "/webhooks/whoop"
SECRET = simulated.CLIENT.client_secret
BODY = (
    b'{"user_id":10129,"id":"ecfc6a15-4661-442f-a9a4-f160dd7afae8","type":"sleep.updated",'
    b'"trace_id":"e369c784-5100-49e8-8098-75d35c47b31b"}'
)
NOON = "1795176000000"
SIGNED_AT_NOON = "GeYxdklSUw+BeL8pUN3Ugv9wCIC6RhIqSL1qdrtTwxk="
RECORD = "0c5c4c4e-0000-4000-8000-000000000000"
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


def event(user_id: Any, kind: Any = "workout.updated", **changes: Any) -> bytes:
    return orjson.dumps({"user_id": user_id, "id": RECORD, "type": kind, "trace_id": "trace-1"} | changes)


async def post(api: Api, body: bytes, given: dict[str, str] | list[tuple[str, str]] | None = None) -> httpx2.Response:
    return await api.anonymous.post(HOOK, content=body, headers=given or signed(api, body))


async def answered(api: Api) -> None:
    """Let the leader notice what has come, and a run try to answer it."""
    api.clock.advance(2)
    async with asyncio.timeout(LONGEST_WAIT_S):
        while await api.unfinished() or await api.db.row(
            "SELECT 1 FROM deliveries WHERE state = 'waiting' AND attempts = 0"
        ):
            await asyncio.sleep(0.05)


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
            "unknown",
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
        (BODY, [*good.items(), (mark, SIGNED_AT_NOON)]),
        (BODY, [*good.items(), (stamp, NOON)]),
        (BODY, signed(api, BODY, "another-secret")),
        (BODY, signed(api, BODY, age_s=24 * 3600 + 1)),
        (BODY, signed(api, BODY, age_s=-24 * 3600 - 1)),
    ):
        problem(await post(api, body, given), 401, "bad_signature")
    for odd in ("soon", "-1", "999999999999999", "1" * 40, "1795176000000.0"):
        digest = hmac.new(SECRET.encode(), odd.encode() + BODY, hashlib.sha256).digest()
        problem(await post(api, BODY, headers(odd, base64.b64encode(digest).decode())), 401, "bad_signature")
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
        (event(True), "invalid_request"),
        (event(None), "invalid_request"),
        (event(1, id=None), "invalid_request"),
        (event(1, id=[RECORD]), "invalid_request"),
        (event(1, id=""), "invalid_request"),
        (event(1, {}), "unknown_webhook"),
        (event(1, trace_id=7), "invalid_request"),
        (event(1, trace_id="a\x00b"), "invalid_request"),
        (event(1).replace(b"trace-1", b"\xff"), "invalid_request"),
        (event(1).replace(b"trace-1", b"\\ud800"), "invalid_request"),
        (b"[" * 60_000, "invalid_request"),
        (event(1, trace_id=""), "invalid_request"),
        (event(1, trace_id="x" * 201), "invalid_request"),
        (event(1, id="a\x00b"), "invalid_request"),
    ):
        problem(await post(api, body), 422, kind)
    assert await stored(api) == []


async def test_a_webhook_brings_what_it_tells_of(alice: Api) -> None:
    alice.clock.advance(60)
    (mutation,) = alice.simulator.mutate(alice.account, "retype_workout")
    truth = {each["id"]: each["sport_name"] for each in alice.simulator.truth(alice.account)["workout"]}
    assert (await post(alice, event(alice.account, id=mutation.id))).status_code == 204
    await answered(alice)
    found = await alice.get("/api/v1/whoop/records/alice/workout", limit=100)
    assert {each["id"]: each["sport_name"] for each in found["records"]} == truth
    assert {seen.path for seen in alice.simulator.traffic.counts} == {"/developer/v2/activity/workout"}
    assert [each[4] for each in await stored(alice)] == ["settled"]


async def test_one_that_comes_again_is_answered_and_ignored(alice: Api) -> None:
    workout = alice.simulator.truth(alice.account)["workout"][0]["id"]
    for _ in range(3):
        assert (await post(alice, event(alice.account, id=workout))).status_code == 204
        await answered(alice)
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
    assert await api.unfinished() == 1, "the backfill: a webhook only is stored"
    api.clock.advance(2)
    for _ in range(2):
        await api.runtime.jobs.lead_once()
    found = await api.db.rows("SELECT types FROM runs WHERE kind = 'sync' AND lane = 'webhook'")
    assert [sorted(each[0]) for each in found] == [["cycle", "recovery", "sleep", "workout"]]


async def test_of_somebody_unknown_it_is_kept_and_nothing_follows(alice: Api) -> None:
    assert (await post(alice, event(alice.account + 1))).status_code == 204
    assert [each[3] for each in await stored(alice)] == [alice.account + 1]
    await alice.http.delete("/internal/auth/connection/alice")
    assert (await post(alice, event(alice.account, trace_id="later"))).status_code == 204
    assert [each[4] for each in await stored(alice)] == ["unknown", "unknown"]
    await answered(alice)
    assert await alice.db.row("SELECT count(*) FROM runs WHERE lane = 'webhook'") == (0,)


async def test_it_is_taken_while_whoop_is_down(alice: Api) -> None:
    alice.simulator.fault("status", path="/developer", status=503, count=None)
    assert (await post(alice, event(alice.account))).status_code == 204
    await answered(alice)
    assert [each[4] for each in await stored(alice)] == ["waiting"]
    assert await alice.db.row("SELECT attempts FROM deliveries") == (1,)


async def test_it_is_refused_while_the_database_is_away_so_that_whoop_sends_it_again(
    serve: Serve, database_url: str, postgres_server: Server
) -> None:
    api = await serve(worker=False)
    api.db.pool.timeout = 0.5
    with postgres_server.away(database_url):
        for _ in range(2):
            problem(await post(api, event(1)), 503, "upstream_down")
    async with asyncio.timeout(LONGEST_WAIT_S):
        while (answer := await post(api, event(1))).status_code != 204:
            problem(answer, 503, "upstream_down")
    assert len(await stored(api)) == 1


async def test_it_is_taken_while_nobody_works_and_done_when_somebody_does(serve: Serve) -> None:
    api = await serve(worker=False)
    await api.connect()
    workout = api.simulator.truth(api.account)["workout"][0]["id"]
    assert (await post(api, event(api.account, id=workout))).status_code == 204
    await serve(simulator=api.simulator)
    await answered(api)
    assert [each[4] for each in await stored(api)] == ["settled"]


async def test_the_simulator_s_own_webhooks_arrive(serve: Serve, clock: StandingClock) -> None:
    """Signed, sent and retried by the simulator: a day of a member's life arrives without one scheduled sync."""
    way = simulated.Late()
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
    await answered(api)
    for kind in ("sleep", "workout", "recovery"):
        found = await api.get(f"/api/v1/whoop/records/alice/{kind}", limit=100, raw="true")
        key = BY_NAME[kind].key
        there = {each[key]: each for each in whoop.truth(api.account)[kind]}
        assert {each["raw"][key]: each["raw"] for each in found["records"]} == there
