"""Webhooks: signed, only for consents, retried for an hour, and troubled on demand."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from circadia.simulator import deliveries
from circadia.simulator.clock import StandingClock
from circadia.simulator.deliveries import sign
from circadia.simulator.whoop import Client, WhoopSimulator
from circadia.simulator.world import World

from .conftest import CALLBACK, CLIENT, EPOCH, OTHER, App, Receiver, bearer, connected_to

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures" / "whoop" / "webhook.signature_vectors.json").read_text())
HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize("vector", VECTORS["valid"])
def test_signature_is_the_documented_one(vector: dict[str, str]) -> None:
    body = vector["raw_body_utf8"].encode()
    signature = sign(vector["client_secret"], vector["X-WHOOP-Signature-Timestamp"], body)
    assert signature == vector["X-WHOOP-Signature"]


@pytest.mark.parametrize("vector", VECTORS["invalid"])
def test_signature_is_not_one_of_the_known_mistakes(vector: dict[str, str]) -> None:
    body = vector["raw_body_utf8"].encode()
    signature = sign(vector["client_secret"], vector["X-WHOOP-Signature-Timestamp"], body)
    assert signature != vector["X-WHOOP-Signature"]


def sent(receiver: Receiver) -> list[dict[str, object]]:
    return [json.loads(request.content) for request in receiver.requests]


async def edited(app: App, user_id: int) -> list[str]:
    """Edit a main sleep now; the webhook types that follow."""
    sleep_id = app.sim.truth(user_id)["recovery"][2]["sleep_id"]
    return [event.type for event in app.sim.mutate(user_id, "edit_sleep", sleep_id)]


async def test_an_edit_is_announced_at_once_signed_and_once(app: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    types = await edited(app, app.users[0])
    assert {"sleep.updated", "recovery.updated"} <= set(types)
    assert await app.sim.deliver_due() == len(types)
    for request in receiver.requests:
        assert str(request.url) == CLIENT.webhook_url
        payload = json.loads(request.content)
        assert payload.keys() == {"user_id", "id", "type", "trace_id"}
        assert payload["user_id"] == app.users[0]
        stamp = request.headers["X-WHOOP-Signature-Timestamp"]
        assert stamp == str(int(EPOCH.timestamp() * 1000))
        assert request.headers["X-WHOOP-Signature"] == sign(CLIENT.client_secret, stamp, request.content)
    payloads = sent(receiver)
    assert Counter(p["type"] for p in payloads) == Counter(types)
    assert len({p["trace_id"] for p in payloads}) == len(payloads)
    assert await app.sim.deliver_due() == 0
    app.clock.advance(1)
    assert await app.sim.deliver_due() == 0


async def test_two_changes_in_one_instant_are_both_announced(app: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    first = await edited(app, app.users[0])
    await app.sim.deliver_due()
    second = await edited(app, app.users[0])
    await app.sim.deliver_due()
    assert len(receiver.requests) == len(first) + len(second)


async def test_the_world_goes_on_and_tells(app: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    app.clock.advance(2 * DAY)
    await app.sim.deliver_due()
    expected = app.sim.state.world.member(app.users[0]).events(EPOCH, app.clock())
    assert [(p["type"], p["id"]) for p in sent(receiver)] == [(e.type, e.id) for e in expected]
    assert expected


async def test_only_apps_with_consent_hear_of_a_member(app: App, other: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    await other.connect(app.users[1])
    await edited(app, app.users[0])
    await edited(app, app.users[1])
    await edited(app, app.users[2])
    await app.sim.deliver_due()
    heard = {(str(r.url), json.loads(r.content)["user_id"]) for r in receiver.requests}
    assert heard == {(CLIENT.webhook_url, app.users[0]), (OTHER.webhook_url, app.users[1])}


async def test_nothing_from_before_the_consent(app: App, receiver: Receiver) -> None:
    await edited(app, app.users[0])
    app.clock.advance(1)
    await app.connect(app.users[0])
    assert await app.sim.deliver_due() == 0


async def test_ended_access_stops_webhooks_and_a_new_consent_restores_them(app: App, receiver: Receiver) -> None:
    tokens = await app.connect(app.users[0])
    receiver.answers = [500] * 10
    await edited(app, app.users[0])
    await app.sim.deliver_due()
    tried = len(receiver.requests)
    await app.http.delete("/developer/v2/user/access", headers=bearer(tokens))
    app.clock.advance(HOUR)
    await edited(app, app.users[0])
    await app.sim.deliver_due()
    assert len(receiver.requests) == tried
    await app.connect(app.users[0])
    await edited(app, app.users[0])
    receiver.answers = []
    assert await app.sim.deliver_due() > 0


@pytest.mark.parametrize("resigned", [True, False])
async def test_five_retries_over_an_hour_with_the_same_trace_id(app: App, receiver: Receiver, resigned: bool) -> None:
    app.sim.switch(resign_retries=resigned)
    await app.connect(app.users[0])
    app.sim.fault("webhook_drop", type="recovery", count=None)
    receiver.answers = [500] * 10
    await edited(app, app.users[0])
    at: list[float] = []
    for _ in range(90):
        before = len(receiver.requests)
        await app.sim.deliver_due()
        app.sim.switch(webhooks=False)  # nothing new: what follows are retries
        at += [(app.clock() - EPOCH).total_seconds() / 60] * (len(receiver.requests) - before)
        app.clock.advance(60)
    mine = sent(receiver)
    assert len({p["trace_id"] for p in mine}) == 1
    assert len(at) == 6
    assert (at[0], at[-1]) == (0, 60)
    stamps = {r.headers["X-WHOOP-Signature-Timestamp"] for r in receiver.requests}
    assert len(stamps) == (6 if resigned else 1)
    for request in receiver.requests:
        stamp = request.headers["X-WHOOP-Signature-Timestamp"]
        assert request.headers["X-WHOOP-Signature"] == sign(CLIENT.client_secret, stamp, request.content)
    listed = (await app.http.get("/_sim/deliveries")).json()
    [lost] = [d for d in listed["finished"] if d["trace_id"] == mine[0]["trace_id"]]
    assert (lost["state"], lost["attempts"], lost["last_status"]) == ("lost", 6, 500)


async def test_slow_and_unreachable_receivers_are_retried(
    app: App, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "ANSWER_SECONDS", 0.01)
    await app.connect(app.users[0])
    types = await edited(app, app.users[0])
    receiver.before_answer = lambda: asyncio.sleep(5)
    assert await app.sim.deliver_due() == 0
    app.sim.switch(webhooks=False)

    def unreachable() -> None:
        raise httpx2.ConnectError("refused")

    receiver.before_answer = unreachable
    app.clock.advance(HOUR)
    assert await app.sim.deliver_due() == 0
    receiver.before_answer = lambda: None
    app.clock.advance(HOUR)
    assert await app.sim.deliver_due() == len(types)


async def test_a_forged_one_goes_before_the_true_one(app: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    types = await edited(app, app.users[0])
    app.sim.fault("webhook_forge")
    assert await app.sim.deliver_due() == len(types)
    assert len(app.sim.forged) == 1
    false, true = receiver.requests[:2]
    assert json.loads(false.content)["type"] == str(sent(receiver)[1]["type"]).replace("updated", "deleted")
    assert json.loads(false.content)["id"] == json.loads(true.content)["id"]
    stamp = false.headers["X-WHOOP-Signature-Timestamp"]
    for request, good in ((false, False), (true, True)):
        right = sign(CLIENT.client_secret, stamp, request.content)
        assert (request.headers["X-WHOOP-Signature"] == right) is good


async def test_drop_duplicate_reorder_and_delay(app: App, receiver: Receiver) -> None:
    user = app.users[0]
    await app.connect(user)

    async def round_of(kind: str | None, **details: object) -> list[dict[str, object]]:
        receiver.requests.clear()
        if kind:
            app.sim.fault(kind, **details)
        await edited(app, user)
        await app.sim.deliver_due()
        return sent(receiver)

    plain = [p["type"] for p in await round_of(None)]
    assert len(plain) >= 2
    assert [p["type"] for p in await round_of("webhook_drop")] == plain[1:]
    twice = await round_of("webhook_duplicate")
    assert [p["type"] for p in twice] == [plain[0], *plain]
    assert twice[0] == twice[1]
    assert [p["type"] for p in await round_of("webhook_reorder")] == [*plain[1:], plain[0]]
    assert [p["type"] for p in await round_of("webhook_delay", seconds=600, type=plain[-1], count=None)] == plain[:-1]
    receiver.requests.clear()
    app.sim.switch(webhooks=False)
    app.clock.advance(599)
    assert await app.sim.deliver_due() == 0
    app.clock.advance(1)
    assert await app.sim.deliver_due() == 1
    assert [p["type"] for p in sent(receiver)] == [plain[-1]]


async def test_webhooks_can_be_switched_off_and_pumped_by_hand(app: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    app.sim.switch(webhooks=False)
    await edited(app, app.users[0])
    assert (await app.http.post("/_sim/deliver")).json() == {"delivered": 0}
    app.sim.switch(webhooks=True)
    types = await edited(app, app.users[0])
    assert (await app.http.post("/_sim/deliver")).json() == {"delivered": len(types)}


async def test_app_without_a_webhook_url_hears_nothing(world: World, receiver: Receiver) -> None:
    deaf = Client("deaf", "secret", (CALLBACK,))
    sim = WhoopSimulator(
        world,
        clock=StandingClock(EPOCH),
        clients=(deaf,),
        webhook_transport=httpx2.MockTransport(receiver),
    )
    app = connected_to(sim, deaf)
    await app.connect(app.users[0])
    await edited(app, app.users[0])
    assert await sim.deliver_due() == 0
    assert receiver.requests == []


async def test_webhook_url_taken_away_drops_what_is_pending(app: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    receiver.answers = [500] * 10
    types = await edited(app, app.users[0])
    await app.sim.deliver_due()
    await app.http.post(f"/_sim/clients/{CLIENT.client_id}", json={"webhook_url": None})
    app.clock.advance(HOUR)
    await app.sim.deliver_due()
    assert len(receiver.requests) == len(types)
    listed = (await app.http.get("/_sim/deliveries")).json()
    assert listed["pending"] == []
    assert {delivery["state"] for delivery in listed["finished"]} == {"dropped"}


async def test_run_delivers_until_cancelled(app: App, receiver: Receiver) -> None:
    await app.connect(app.users[0])
    running = asyncio.create_task(app.sim.run(every_seconds=0.001))
    types = await edited(app, app.users[0])
    async with asyncio.timeout(5):
        while len(receiver.requests) < len(types):
            await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_pending_webhooks_outlive_the_process(tmp_path: Path, receiver: Receiver) -> None:
    clock, file = StandingClock(EPOCH), tmp_path / "state.json"

    def started() -> WhoopSimulator:
        return WhoopSimulator(
            World(seed=7, members=1, days=45, epoch=EPOCH),
            clock=clock,
            clients=(CLIENT,),
            state_file=file,
            webhook_transport=httpx2.MockTransport(receiver),
        )

    sim = started()
    app = connected_to(sim)
    await app.connect(app.users[0])
    types = await edited(app, app.users[0])
    receiver.answers = [500] * len(types)
    assert await sim.deliver_due() == 0
    traces = {p["trace_id"] for p in sent(receiver)}
    receiver.requests.clear()

    again = started()
    assert await again.deliver_due() == 0
    assert len(again.state.outbox.pending) == len(types)
    again.switch(webhooks=False)
    clock.advance(2 * 60)
    assert await again.deliver_due() == len(types)
    assert {p["trace_id"] for p in sent(receiver)} == traces
    assert await again.deliver_due() == 0
