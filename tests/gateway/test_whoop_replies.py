"""What the WHOOP service may not say, and when nothing can be asked of it."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest

from circadia.clock import system_clock
from circadia.errors import RateLimited
from circadia.gateway.breaker import THRESHOLD
from circadia.gateway.whoop_reading import Fetch
from tests.gateway.wires import FIRST, PARTS, TODAY, Fault, Whoop, answers

SOON_S = 5.0
"""Longer than any answer takes that comes at all."""

FETCHES: list[Fetch] = ["parallel", "sequential"]


def busy(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.PoolTimeout("no connection was free", request=request)


@pytest.mark.parametrize("fetch", FETCHES)
async def test_who_gets_no_connection_does_not_hold_it_against_the_service(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    whoop.wire.faults["*"] = busy
    for _ in range(2 * THRESHOLD):
        told = await whoop.source.read("alice", FIRST, TODAY, SOON_S)
        assert (told.state, told.available) == ("unavailable", False)
        assert "more is being asked" in (told.error or "")
    assert (whoop.breaker.failure_count, whoop.breaker.state) == (0, "closed")


def not_gzip(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx2.ByteStream(b"plain"))


_SLEEP = {"user_id": "alice", "data": [{"date": "2026-11-20", "timezone_offset": ["-05:00"]}]}


@pytest.mark.parametrize("fetch", FETCHES)
@pytest.mark.parametrize(
    "faults",
    [
        {"*": not_gzip},
        {"*": answers(200, {"connected": True, "state": "connected", "connection_date": "yesterday"})},
        {name: answers(200, _SLEEP | {"sleep": _SLEEP}) for name in ("all", *PARTS)},
        {name: answers(200, _SLEEP | {"data": [], "timezone_offset": ["-05:00"]}) for name in ("all", *PARTS)},
    ],
    ids=["compression", "connection_date", "timezone_offset", "timezone_offset of a part"],
)
async def test_what_the_documentation_does_not_allow_is_the_services_failure(
    fetch: Fetch, faults: dict[str, Fault]
) -> None:
    whoop = Whoop(fetch)
    whoop.wire.faults = faults
    told = await whoop.source.read("alice", FIRST, TODAY, SOON_S)
    assert (told.state, told.observations) == ("unavailable", ())
    assert whoop.breaker.failure_count == 1


@pytest.mark.parametrize(("retry_after", "wait_s"), [("7", 7), ("9" * 30, 2), ("9" * 9, 3600), ("soon", 2)])
async def test_how_long_the_service_asks_to_wait(retry_after: str, wait_s: int) -> None:
    whoop = Whoop()
    whoop.wire.faults["*"] = answers(429, retry_after=retry_after)
    before = system_clock()
    with pytest.raises(RateLimited) as limited:
        await whoop.source.link.status("alice")
    assert before <= limited.value.until - timedelta(seconds=wait_s) <= system_clock()
