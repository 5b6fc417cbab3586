"""Polls and webhooks together against a simulated Sahha: whatever happens on the way, what it has is what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from circadia.clients.http import open_client
from circadia.clients.sahha import webhooks
from circadia.clients.sahha.client import SahhaClient
from circadia.clients.sahha.tokens import Credentials
from circadia.errors import CircadiaError
from circadia.gateway.breaker import Breaker
from circadia.gateway.sahha import SahhaSource
from circadia.simulator.clock import StandingClock
from circadia.simulator.sahha import SahhaSimulator, Switches
from circadia.simulator.world import Quirks, World
from circadia.storage.postgres import Database

SECRET = "the-webhook-s-secret"
CREDENTIALS = Credentials("client-id", "client-secret")
DAYS = 6
_ABOUT_THE_DELIVERY = {"profileId", "accountId", "externalId", "createdAtUtc", "version"}


class Receiver(httpx2.AsyncBaseTransport):
    """What the webhook's route does, without the route."""

    source: SahhaSource

    def __init__(self, clock: StandingClock) -> None:
        self._clock = clock

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        try:
            webhooks.verify(SECRET, request.headers.get("x-signature"), body)
            await self.source.take(webhooks.read(body, request.headers), body, self._clock())
        except CircadiaError:
            return httpx2.Response(401)
        return httpx2.Response(204)


@pytest.fixture(params=["same", "fresh"])
async def stage(
    request: pytest.FixtureRequest, db: Database, clock: StandingClock
) -> AsyncIterator[tuple[SahhaSimulator, SahhaSource]]:
    """A simulated Sahha with one person `ana`, whose records keep their id when a day ends, or get another."""
    world = World(seed=3, members=1, days=DAYS, epoch=clock(), quirks=Quirks.all_on())
    receiver = Receiver(clock)
    simulator = SahhaSimulator(
        world, clock=clock, accounts={"ana": world.user_ids[0]}, client_id=CREDENTIALS.id,
        client_secret=CREDENTIALS.secret, switches=Switches(settled_ids=request.param),
        webhook=("https://circadia.example/webhooks/sahha", SECRET), webhook_transport=receiver,
    )  # fmt: skip
    http = open_client(httpx2.ASGITransport(app=simulator.app))
    client = SahhaClient(http, CREDENTIALS, "https://sahha.example", clock)
    receiver.source = SahhaSource(db, client, Breaker("Sahha"), clock)
    yield simulator, receiver.source
    await receiver.source.close()
    await http.aclose()


def told(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Records by id, without what a webhook adds."""
    return {
        each["id"]: {name: value for name, value in each.items() if name not in _ABOUT_THE_DELIVERY} for each in records
    }


async def test_what_sahha_has_is_what_is_stored(
    stage: tuple[SahhaSimulator, SahhaSource], clock: StandingClock
) -> None:
    simulator, source = stage
    for seed, kind in enumerate(("duplicate", "reorder", "drop", "delay", "forge")):
        simulator.fault(
            f"webhook_{kind}", probability=0.2, seed=seed, **({"seconds": 40_000} if kind == "delay" else {})
        )
    accepted = 0
    for step in range(6):
        clock.advance(8 * 3600)
        accepted += await simulator.deliver_due()
        today = clock().date()
        if step % 3:
            await source.read("ana", today - timedelta(days=step % 4), today + timedelta(days=1), 30)
    simulator.state.faults.clear()
    clock.advance(3600)
    accepted += await simulator.deliver_due()
    assert accepted > 100
    assert set(simulator.forged) == {401}
    found = await source.read("ana", today - timedelta(days=DAYS), today + timedelta(days=1), 30)
    truth = simulator.truth("ana", DAYS - 2)
    assert found.state == "ok"
    assert truth["scores"]
    assert truth["biomarkers"]
    for part in ("scores", "biomarkers"):
        expected = told(truth[part])
        stored = {id_: each for id_, each in told(found.body[part]).items() if id_ in expected}
        assert stored == expected
