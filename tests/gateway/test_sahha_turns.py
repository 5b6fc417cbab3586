"""Sahha's calls in line: what is waiting when the circuit opens, while a pause lasts, and beside a call that hangs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx2
import pytest

from circadia.clients.sahha.wire import IN_FLIGHT
from circadia.errors import RateLimited
from circadia.gateway.breaker import Breaker
from circadia.gateway.sahha import SahhaSource
from circadia.simulator.clock import StandingClock
from circadia.storage.postgres import Database
from tests.clients.sahha.sahha import client
from tests.gateway.sahha_wire import FakeSahha, a_week
from tests.simulated import EPOCH

TODAY = EPOCH.date()
WEEK = TODAY - timedelta(6)
PATIENT_S = 30.0


@pytest.fixture
def wire() -> FakeSahha:
    """A Sahha that has a week of everybody."""
    return a_week(TODAY)


async def test_what_waits_for_its_turn_is_not_sent_after_the_circuit_has_opened(
    db: Database, wire: FakeSahha, clock: StandingClock
) -> None:
    source = SahhaSource(db, client(wire, clock, timeout_s=0.2), Breaker("Sahha"), clock)
    wire.hold()
    told = await asyncio.gather(*(source.read(f"hung-{n}", WEEK, TODAY, PATIENT_S) for n in range(20)))
    assert {each.state for each in told} == {"timeout", "circuit_open"}
    assert wire.asked.total() <= 2 * IN_FLIGHT
    await source.close()


async def test_who_comes_while_the_circuit_is_open_does_not_wait_for_a_turn(
    db: Database, wire: FakeSahha, clock: StandingClock
) -> None:
    busy = client(wire, clock)
    source = SahhaSource(db, busy, Breaker("Sahha"), clock)
    wire.fail(httpx2.ReadTimeout("slow"))
    while source.breaker.state == "closed":
        await source.read("ana", WEEK, TODAY, PATIENT_S)
    async with AsyncExitStack() as turns:
        for _ in range(IN_FLIGHT):
            await turns.enter_async_context(busy.turn())
        assert (await source.read("ben", WEEK, TODAY, 5.0)).state == "circuit_open"
    await source.close()


async def test_a_pause_that_lasts_is_no_answer_of_sahha(db: Database, wire: FakeSahha, clock: StandingClock) -> None:
    arrived, free = asyncio.Event(), asyncio.Event()

    async def exchange(request: httpx2.Request) -> httpx2.Response:
        if "/integration/" in request.url.path:
            arrived.set()
            await free.wait()
        return await wire(request)

    source = SahhaSource(db, client(exchange, clock), Breaker("Sahha", clock=lambda: clock().timestamp()), clock)
    asking = source.integrations("ana")
    await arrived.wait()
    wire.fail(httpx2.ReadTimeout("slow"))
    while source.breaker.state == "closed":
        await source.read("ana", WEEK, TODAY, PATIENT_S)
    wire.fail(httpx2.Response(429, headers={"Retry-After": "60"}), "integration")
    free.set()
    with pytest.raises(RateLimited):
        await asking
    wire.asked.clear()
    for wait_s, state, circuit in ((31, "rate_limited", "half_open"), (29, "ok", "closed")):
        clock.advance(wait_s)
        told = await source.read("ana", WEEK, TODAY, PATIENT_S)
        assert (told.state, source.breaker.state) == (state, circuit)
        assert bool(wire.asked) is (state == "ok")
    await source.close()


async def test_a_profile_that_hangs_keeps_nothing_away(db: Database, wire: FakeSahha, clock: StandingClock) -> None:
    source = SahhaSource(db, client(wire, clock), Breaker("Sahha"), clock)
    wire.hung = {"profile"}
    before = asyncio.all_tasks()
    told = await source.read("ana", WEEK, TODAY, PATIENT_S)
    assert (told.state, told.late, len(told.observations)) == ("ok", False, 21)
    assert len(asyncio.all_tasks() - before) == 1
    clock.advance(600)
    assert (await source.read("ana", WEEK, TODAY, PATIENT_S)).state == "ok"
    assert wire.asked == {"score": 2, "biomarker": 2, "profile": 1}
    await source.close()
    assert asyncio.all_tasks() == before
