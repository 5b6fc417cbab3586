"""Webhooks: what changed, signed over the raw body, and troubled on demand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from circadia.simulator.sahha.webhooks import sign
from circadia.simulator.world import World

from .conftest import HOOK, HOOK_SECRET, Receiver, Server, connected_to, made

VECTORS = json.loads((Path(__file__).parents[2] / "fixtures" / "sahha" / "webhooks.json").read_text())
MINUTE, HOUR = 60.0, 3600.0


@pytest.mark.parametrize("vector", VECTORS, ids=[each["headers"]["X-Event-Type"] for each in VECTORS])
def test_signature_is_the_documented_one(vector: dict[str, Any]) -> None:
    assert sign(vector["secret"], vector["raw_body"].encode()) == vector["headers"]["X-Signature"]


def body(request: httpx2.Request) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(request.content)
    return told


def items(receiver: Receiver) -> list[dict[str, Any]]:
    return [body(request) for request in receiver.requests]


async def noon(server: Server) -> None:
    """Half an hour of a day in which everybody is awake."""
    server.clock.advance(9 * HOUR)
    await server.sim.deliver_due()


async def test_what_was_always_there_is_not_told(server: Server, receiver: Receiver) -> None:
    assert await server.sim.deliver_due() == 0
    server.clock.advance(MINUTE)
    assert await server.sim.deliver_due() == 0
    assert receiver.requests == []


async def test_what_changes_is_told_once_signed(server: Server, receiver: Receiver) -> None:
    server.clock.advance(9 * HOUR)
    accepted = await server.sim.deliver_due()
    assert accepted == len(receiver.requests) > 50
    for request in receiver.requests:
        assert str(request.url) == HOOK
        assert request.headers["X-Signature"] == sign(HOOK_SECRET, request.content)
        assert request.headers["X-External-Id"] == body(request)["externalId"]
    kinds = Counter(request.headers["X-Event-Type"] for request in receiver.requests)
    assert kinds.keys() >= {
        "ScoreCreatedIntegrationEvent", "BiomarkerCreatedIntegrationEvent", "DataLogReceivedIntegrationEvent",
    }  # fmt: skip
    assert await server.sim.deliver_due() == 0
    server.clock.advance(29 * MINUTE)
    before = len(receiver.requests)
    await server.sim.deliver_due()
    assert len(receiver.requests) - before <= len(kinds) * 60


async def test_an_event_is_the_object_of_the_rest_api_with_whose_it_is(server: Server, receiver: Receiver) -> None:
    await noon(server)
    scores = {each["id"]: each for each in server.sim.truth("anna", 3)["scores"]}
    biomarkers = {each["id"]: each for each in server.sim.truth("anna", 3)["biomarkers"]}
    keys = {json.loads(v["raw_body"]).get("type"): set(json.loads(v["raw_body"])) for v in VECTORS}
    compared = 0
    for request in receiver.requests:
        told = body(request)
        if told["externalId"] != "anna" or "dataLogs" in told or "dataType" in told:
            continue
        record = scores.get(told["id"]) or biomarkers[told["id"]]
        assert record.items() <= told.items()
        assert told.keys() == keys["sleep" if told["id"] in scores else "steps"]
        compared += 1
    assert compared > 20


async def test_a_data_log_tells_of_new_steps(server: Server, receiver: Receiver) -> None:
    await noon(server)
    logs = [each for each in items(receiver) if "dataLogs" in each]
    model = next(json.loads(v["raw_body"]) for v in VECTORS if "dataLogs" in v["raw_body"])
    assert logs
    assert all(each.keys() == model.keys() for each in logs)
    assert all(log.keys() == model["dataLogs"][0].keys() for each in logs for log in each["dataLogs"])


async def test_archetypes_come_when_their_week_is_over(server: Server, receiver: Receiver) -> None:
    for _ in range(6):
        server.clock.advance(24 * HOUR)
        await server.sim.deliver_due()
    found = [each for each in items(receiver) if "ordinality" in each]
    assert {each["endDateTime"][:10] for each in found if each["periodicity"] == "weekly"} == {"2026-10-04"}
    model = next(json.loads(v["raw_body"]) for v in VECTORS if "ordinality" in v["raw_body"])
    assert all(each.keys() == model.keys() for each in found)


async def test_a_refused_one_is_tried_again_the_same(server: Server, receiver: Receiver) -> None:
    server.clock.advance(9 * HOUR)
    receiver.answers = [500] * 3
    accepted = await server.sim.deliver_due()
    assert len(receiver.requests) == accepted + 3
    server.clock.advance(MINUTE)
    assert await server.sim.deliver_due() >= 3
    first = [request.content for request in receiver.requests[:3]]
    assert [request.content for request in receiver.requests[accepted + 3 : accepted + 6]] == first


async def test_given_up_after_an_hour(server: Server, receiver: Receiver) -> None:
    server.clock.advance(9 * HOUR)
    receiver.answers = [401] * 100_000
    for _ in range(8):
        await server.sim.deliver_due()
        server.clock.advance(31 * MINUTE)
    told = (await server.http.get("/_sim/deliveries")).json()
    lost = [each for each in told["finished"] if each["state"] == "lost"]
    assert lost
    assert {(each["attempts"], each["last_status"]) for each in lost} == {(5, 401)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("webhook_drop", lambda n: n - 1), ("webhook_duplicate", lambda n: n + 1), ("webhook_forge", lambda n: n + 1)],
)
async def test_faults(
    server: Server, receiver: Receiver, world: World, kind: str, expected: Callable[[int], int]
) -> None:
    undisturbed = Receiver()
    calm = connected_to(made(world, receiver=undisturbed))
    calm.clock.advance(9 * HOUR)
    await calm.sim.deliver_due()

    server.sim.fault(kind, user_id="anna", type="Score")
    server.clock.advance(9 * HOUR)
    await server.sim.deliver_due()
    assert len(receiver.requests) == expected(len(undisturbed.requests))
    counts = Counter(request.content for request in receiver.requests)
    twice = [content for content, count in counts.items() if count == 2]
    signed = [sign(HOOK_SECRET, request.content) == request.headers["X-Signature"] for request in receiver.requests]
    assert signed.count(False) == (kind == "webhook_forge") == len(server.sim.forged)
    assert len(twice) == (kind == "webhook_duplicate")
    if kind == "webhook_drop":
        (missing,) = {request.content for request in undisturbed.requests} - counts.keys()
        assert json.loads(missing)["externalId"] == "anna"


async def test_a_forged_one_tells_something_else(server: Server, receiver: Receiver) -> None:
    server.sim.fault("webhook_forge", type="Biomarker", user_id="bert")
    await noon(server)
    (forged,) = [each for each in receiver.requests if sign(HOOK_SECRET, each.content) != each.headers["X-Signature"]]
    genuine = [body(each) for each in receiver.requests if each is not forged]
    assert body(forged) not in genuine
    assert body(forged)["id"] in {each.get("id") for each in genuine}


async def test_reordered_and_delayed(server: Server, receiver: Receiver) -> None:
    server.sim.fault("webhook_delay", user_id="anna", type="Score", seconds=3 * HOUR)
    server.sim.fault("webhook_reorder", user_id="bert", type="Score")
    await noon(server)
    assert body(receiver.requests[-1])["externalId"] == "bert"
    server.clock.advance(3 * HOUR)
    await server.sim.deliver_due()
    scores = [each for each in items(receiver) if each["externalId"] == "anna" and "scoreDateTime" in each]
    late = [each for at, each in enumerate(scores) if any(each["id"] == before["id"] for before in scores[:at])]
    stale = [
        (one, other)
        for at, one in enumerate(scores)
        for other in scores[at + 1 :]
        if one["id"] == other["id"] and one["createdAtUtc"] > other["createdAtUtc"]
    ]
    assert late
    assert stale or len(late) == len({each["id"] for each in late})


async def test_nobody_is_told_with_the_switch_off_or_without_a_receiver(server: Server, receiver: Receiver) -> None:
    server.sim.switch(webhooks=False)
    await noon(server)
    assert receiver.requests == []
    server.sim.switch(webhooks=True)
    await server.sim.deliver_due()
    assert receiver.requests
