"""The WHOOP service in process and over HTTP: the same answers, the same word as a source, on the same data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from circadia.clients.whoop_service import WhoopService
from circadia.errors import CircadiaError
from circadia.gateway.breaker import Breaker
from circadia.gateway.links import Links
from circadia.gateway.told import Told
from circadia.gateway.whoop import WhoopSource
from circadia.gateway.whoop_here import WhoopHere
from circadia.gateway.whoop_reading import PARTS, Fetch, WhoopLink
from tests.api.conftest import BOOTSTRAP, ORIGIN, Api, Serve
from tests.simulated import US

TODAY = date(2026, 11, 20)
RANGES = [(TODAY - timedelta(6), TODAY), (date(2020, 1, 1), date(2020, 1, 3)), (TODAY, TODAY + timedelta(1))]
FETCHES: list[Fetch] = ["parallel", "sequential"]
TIMEOUT_S = 20.0


def near(api: Api) -> WhoopHere:
    runtime = api.runtime
    return WhoopHere(api.db, runtime.connections, runtime.on_demand, api.clock, TIMEOUT_S)


def far(api: Api) -> WhoopService:
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=api.app))
    return WhoopService(http, ORIGIN, BOOTSTRAP, TIMEOUT_S, api.clock)


async def outcome(asking: Awaitable[Any]) -> Any:
    try:
        return await asking
    except CircadiaError as error:
        return type(error), error.kind, error.message, error.remedy


async def alike(api: Api, route: str, *asked: Any) -> Any:
    """What both links answer."""
    here, there = [await outcome(getattr(link, route)(*asked)) for link in (near(api), far(api))]
    assert here == there
    return here


async def told(api: Api, user_id: str, first: date, last: date) -> Told:
    """What both links make of it in either order, as a source."""
    found = []
    for fetch in FETCHES:
        for link in (near(api), far(api)):
            source = WhoopSource(link, Breaker("whoop"), Links(), fetch=fetch)
            found.append(await source.read(user_id, first, last, TIMEOUT_S))
    assert found == [found[0]] * 4
    return found[0]


async def test_the_same_answers(alice: Api) -> None:
    for user_id in ("alice", "nobody"):
        await alike(alice, "status", user_id)
        for first, last in RANGES:
            for name in PARTS:
                await alike(alice, "part", name, user_id, first, last, 0)
            await alike(alice, "everything", user_id, first, last, 0)
    body = await alike(alice, "everything", "alice", *RANGES[0], 0)
    assert {name for name in PARTS if body[name]} == set(PARTS)
    refused = await alike(alice, "connect", "alice", "https://elsewhere.example/")
    assert refused[1] == "redirect_not_allowed"
    begun = [await link.connect("alice", f"{ORIGIN}/done") for link in (near(alice), far(alice))]
    assert [{**each, "state": "", "authorization_url": ""} for each in begun] == [
        {"user_id": "alice", "authorization_url": "", "state": "", "expires_in": 600}
    ] * 2
    assert (await alike(alice, "disconnect", "nobody", "keep", US))[1] == "not_connected"
    assert await alike(alice, "ready") is True


async def test_the_same_word(alice: Api) -> None:
    for first, last in RANGES:
        await told(alice, "nobody", first, last)
        found = await told(alice, "alice", first, last)
        assert found.state == "ok"
        assert found.available
        assert found.offset == timedelta(hours=-5)
    days = {each.day for each in (await told(alice, "alice", *RANGES[0])).observations}
    assert len(days) > 4
    assert all(RANGES[0][0] <= day <= TODAY for day in days)
    assert all(gap.day <= TODAY for gap in (await told(alice, "alice", *RANGES[2])).gaps)
    await alice.db.execute("UPDATE connections SET state = 'needs_reconnect', reason = 'test'")
    found = await told(alice, "alice", *RANGES[0])
    assert (found.state, found.available) == ("needs_reconnect", True)
    await near(alice).disconnect("alice", "keep", US)
    assert await told(alice, "alice", *RANGES[0]) == Told("whoop", "not_connected")


@pytest.mark.parametrize("link", [near, far])
async def test_whoop_is_waited_for_only_when_told(alice: Api, link: Callable[[Api], WhoopLink]) -> None:
    alice.clock.advance(3600)
    await link(alice).everything("alice", *RANGES[0], 0)
    assert alice.requests() == 0
    body = await link(alice).everything("alice", *RANGES[0], 10_000)
    assert body["cycles"]["as_of"] == alice.clock().strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert alice.requests() == 4


async def test_a_member_without_any_data(serve: Serve) -> None:
    api = await serve(worker=False)
    assert (await api.connect()).status_code == 200
    found = await told(api, "alice", *RANGES[1])
    assert (found.state, found.available, found.observations) == ("ok", False, ())
    assert {gap.reason for gap in found.gaps} == {"history_arriving"}
    for first, last in RANGES:
        body = await alike(api, "everything", "alice", first, last, 0)
        assert set(body) == {"today", "timezone_offset", "connection", "missing"}
