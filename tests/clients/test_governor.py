"""One budget for the whole app: never exceeded, whoever asks from wherever, with a reserve for people."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import httpx2
import pytest

from circadia.clients.governor import Announced, Governor, Limits
from circadia.domain.lanes import Lane
from circadia.errors import RateLimited
from circadia.runtime import StoredBudget
from circadia.simulator.clock import StandingClock
from circadia.storage import budget
from circadia.storage.budget import SHARES
from circadia.storage.postgres import Database


def governor(db: Database, clock: StandingClock, per_minute: int = 20, per_day: int = 1000) -> Governor:
    """A governor of its own, as another process would have; waiting moves the clock."""
    limits = Limits(per_minute, per_day)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        await asyncio.sleep(0)

    return Governor(StoredBudget(db, "app", limits, clock), limits, clock, sleep)


async def granted(held: Governor, lane: Lane, most: int = 10_000) -> int:
    """How many units a lane gets without waiting."""
    for count in range(most):
        try:
            await held.take(lane, timedelta(0))
        except RateLimited:
            return count
    return most


@pytest.mark.parametrize("lane", list(SHARES))
async def test_a_lane_fills_its_share_of_the_minute_and_no_more(db: Database, clock: StandingClock, lane: Lane) -> None:
    assert await granted(governor(db, clock), lane) == int(20 * SHARES[lane])


async def test_what_lower_lanes_leave_is_kept_for_people(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock)
    assert [await granted(held, lane) for lane in ("backfill", "reconcile", "scheduled", "webhook", "person")] == [
        16, 1, 1, 1, 1,
    ]  # fmt: skip


async def test_two_processes_never_exceed_the_minute_together(db: Database, clock: StandingClock) -> None:
    held = [governor(db, clock), governor(db, clock)]
    at: Counter[float] = Counter()
    began = clock()

    async def ask(number: int) -> None:
        for _ in range(15):
            await held[number % 2].take("person", timedelta(hours=1))
            at[(clock() - began).total_seconds()] += 1

    await asyncio.gather(*(ask(each) for each in range(4)))
    assert at.total() == 60
    late = 3  # the clock may have moved on, by the others' waiting, before one of four looks at it
    for second in at:
        assert sum(count for when, count in at.items() if second - 60 < when <= second) <= 20 + late


async def test_the_day_s_window_holds_too_and_says_when_it_opens(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=100, per_day=10)
    assert await granted(held, "person") == 10
    with pytest.raises(RateLimited) as caught:
        await held.take("person")
    assert clock() + timedelta(hours=23) < caught.value.until <= clock() + timedelta(hours=24, minutes=15)
    clock.advance((caught.value.until - clock()).total_seconds())
    assert await granted(held, "person", 1) == 1


async def test_a_429_pauses_everybody(db: Database, clock: StandingClock) -> None:
    here, there = governor(db, clock), governor(db, clock)
    until = await here.refused({"X-RateLimit-Reset": "17"})
    assert until == clock() + timedelta(seconds=17)
    with pytest.raises(RateLimited) as caught:
        await there.take("person", timedelta(seconds=10))
    assert caught.value.until == until
    await there.take("person", timedelta(seconds=20))
    assert clock() >= until


async def test_an_earlier_pause_does_not_shorten_a_later_one(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock)
    await held.refused({"Retry-After": "300"})
    await held.refused({"Retry-After": "3"})
    with pytest.raises(RateLimited) as caught:
        await held.take("person", timedelta(0))
    assert caught.value.until == clock() + timedelta(seconds=300)


async def test_a_waiter_can_leave_and_takes_no_unit_along(db: Database, clock: StandingClock) -> None:
    limits = Limits(1, 100)
    held = Governor(StoredBudget(db, "app", limits, clock), limits, clock)
    await held.take("person")
    waiting = asyncio.create_task(held.take("person"))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    usage = await budget.usage(db, "app", clock())
    assert (usage.minute, usage.day, usage.taken, usage.refused) == (1, 1, {"person": 1}, {"person": 1})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-RateLimit-Limit": "100, 100;window=60, 10000;window=86400"}, ({60: 100, 86400: 10000}, None, None)),
        ({"X-RateLimit-Limit": "10000,10000;window=86400,100;window=60"}, ({60: 100, 86400: 10000}, None, None)),
        ({"X-RateLimit-Limit": "100"}, ({}, None, None)),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3"}, ({}, 0, timedelta(seconds=3))),
        ({"X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "soon"}, ({}, None, None)),
        ({"X-RateLimit-Reset": "4", "Retry-After": "9"}, ({}, None, timedelta(seconds=4))),
        ({"Retry-After": "Fri, 20 Nov 2026 12:00:00 GMT"}, ({}, None, None)),
        ({}, ({}, None, None)),
    ],
    ids=str,
)
def test_the_headers_as_whoop_sends_them(headers: dict[str, str], expected: tuple[object, ...]) -> None:
    found = Announced.read(httpx2.Headers(headers))
    assert (found.limits, found.remaining, found.reset) == expected


async def test_lower_limits_of_whoop_are_believed_for_a_while_and_higher_ones_never(
    db: Database, clock: StandingClock
) -> None:
    held = governor(db, clock)
    await held.observe({"X-RateLimit-Limit": "900, 900;window=60, 90000;window=86400"})
    assert await granted(held, "person") == 20
    clock.advance(120)
    await held.observe({"X-RateLimit-Limit": "5, 5;window=60, 10000;window=86400"})
    assert await granted(held, "person") == 5
    usage = await budget.usage(db, "app", clock())
    assert (usage.per_minute, usage.per_day) == (5, 10000)
    clock.advance(601)
    assert await granted(held, "person") == 20


async def test_the_last_unit_of_whoop_s_window_pauses_until_it_resets(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock)
    await held.observe({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "9"})
    await held.take("person", timedelta(0))
    await held.observe({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"})
    usage = await budget.usage(db, "app", clock())
    assert usage.paused_until == clock() + timedelta(seconds=9)
    assert (await budget.usage(db, "app", clock() + timedelta(seconds=9))).paused_until is None
