"""One budget for the whole app: never exceeded, whoever asks from wherever, with a reserve for people."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx2
import pytest

from circadia.clients.governor import Announced, Governor, Limits
from circadia.domain.lanes import LANES, Lane
from circadia.errors import RateLimited
from circadia.runtime import StoredBudget
from circadia.simulator.clock import StandingClock
from circadia.storage import budget
from circadia.storage.budget import Usage
from circadia.storage.postgres import Database

NO_PATIENCE = timedelta(0)


def governor(
    db: Database, clock: StandingClock, per_minute: int = 20, per_day: int = 1000, app: str = "app"
) -> Governor:
    """A governor of its own, as another process would have; waiting moves the clock."""
    limits = Limits(per_minute, per_day)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        await asyncio.sleep(0)

    return Governor(StoredBudget(db, app, limits, clock), limits, clock, sleep)


async def granted(held: Governor, lane: Lane, patience: timedelta = NO_PATIENCE, most: int = 10_000) -> int:
    """How many units a lane gets, each within `patience`."""
    for count in range(most):
        try:
            await held.take(lane, patience=patience)
        except RateLimited:
            return count
    return most


async def used(db: Database, clock: StandingClock) -> Usage:
    return await budget.usage(db, "app", clock())


@pytest.mark.parametrize("lane", list(LANES))
async def test_a_lane_fills_its_share_of_the_minute_and_no_more(db: Database, clock: StandingClock, lane: Lane) -> None:
    a_pace = timedelta(seconds=5)
    assert await granted(governor(db, clock), lane, a_pace) == int(20 * LANES[lane].share)


async def test_what_lower_lanes_leave_is_kept_for_people(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock)
    a_pace = timedelta(seconds=5)
    lanes: list[Lane] = ["backfill", "reconcile", "scheduled", "webhook", "person"]
    assert [await granted(held, lane, a_pace) for lane in lanes] == [16, 1, 1, 1, 1]


async def test_half_of_a_share_goes_at_once_and_the_rest_evenly(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=75)
    assert await granted(held, "backfill") == 30
    began, later = clock(), []
    for _ in range(30):
        await held.take("backfill", patience=timedelta(seconds=5))
        later.append((clock() - began).total_seconds())
    assert max(sum(each <= other < each + 5 for other in later) for each in later) == 5
    assert 20 <= later[-1] <= 30
    assert await granted(held, "person") == 15


async def test_processes_never_exceed_the_minute_together(database_url: str, clock: StandingClock) -> None:
    async with AsyncExitStack() as stack:
        processes = [Database(database_url, size=2) for _ in range(12)]
        for each in processes:
            await each.open()
            stack.push_async_callback(each.close)
        for app in ("one", "two", "three"):
            held = [governor(each, clock, per_minute=100, app=app) for each in processes]
            assert sum(await asyncio.gather(*(granted(each, "person") for each in held))) == 100


async def test_a_unit_counts_until_it_has_left_whoop_s_window_for_certain(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=1)
    clock.advance(0.9)
    await held.take("person")
    began = clock()
    await held.take("person")
    assert timedelta(seconds=62) <= clock() - began <= timedelta(seconds=63)


async def test_the_day_s_window_holds_too_and_says_when_it_opens(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=100, per_day=10)
    assert await granted(held, "person") == 10
    with pytest.raises(RateLimited) as caught:
        await held.take("person")
    assert clock() + timedelta(hours=23) < caught.value.until <= clock() + timedelta(hours=24, minutes=16)
    clock.advance((caught.value.until - clock()).total_seconds())
    assert await granted(held, "person", most=1) == 1


@pytest.mark.parametrize("lane", list(LANES))
async def test_a_lane_waits_as_long_as_its_patience_says(db: Database, clock: StandingClock, lane: Lane) -> None:
    held, patience = governor(db, clock), LANES[lane].patience
    await held.refused({"Retry-After": str(int(patience.total_seconds()) + 1)})
    with pytest.raises(RateLimited):
        await held.take(lane)
    clock.advance(1)
    began = clock()
    await held.take(lane)
    assert clock() - began == patience


async def test_a_429_pauses_everybody(db: Database, clock: StandingClock) -> None:
    here, there = governor(db, clock), governor(db, clock)
    until = await here.refused({"X-RateLimit-Reset": "17"})
    assert until == clock() + timedelta(seconds=17)
    with pytest.raises(RateLimited) as caught:
        await there.take("person", patience=timedelta(seconds=10))
    assert caught.value.until == until
    await there.take("person", patience=timedelta(seconds=20))
    assert clock() >= until


async def test_an_earlier_pause_does_not_shorten_a_later_one(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock)
    await held.refused({"Retry-After": "300"})
    await held.refused({"Retry-After": "3"})
    with pytest.raises(RateLimited) as caught:
        await held.take("person", patience=NO_PATIENCE)
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
    usage = await used(db, clock)
    assert (usage.minute, usage.day, usage.taken, usage.refused) == (1, 1, {"person": 1}, {"person": 1})


async def test_a_request_that_waits_is_counted_as_refused_once(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=75)
    assert await granted(held, "backfill") == 30
    assert (await used(db, clock)).refused == {"backfill": 1}
    await held.refused({"Retry-After": "2"})
    await held.take("backfill", 1, timedelta(minutes=1))
    usage = await used(db, clock)
    assert usage.refused == usage.refused_last_minute == {"backfill": 2}


LIMIT = "100, 100;window=60, 10000;window=86400"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-RateLimit-Limit": LIMIT}, ({60: 100, 86400: 10000}, 60, None, None)),
        (
            {"X-RateLimit-Limit": "10000,10000;window=86400,100;window=60"},
            ({60: 100, 86400: 10000}, 86400, None, None),
        ),
        ({"X-RateLimit-Limit": "5, 5;window=60, 5;window=86400"}, ({60: 5, 86400: 5}, None, None, None)),
        ({"X-RateLimit-Limit": "100"}, ({}, None, None, None)),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3"}, ({}, None, 0, timedelta(seconds=3))),
        ({"X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "soon"}, ({}, None, None, None)),
        ({"X-RateLimit-Reset": "4", "Retry-After": "9"}, ({}, None, None, timedelta(seconds=4))),
        ({"Retry-After": "Fri, 20 Nov 2026 12:00:00 GMT"}, ({}, None, None, None)),
        ({"X-RateLimit-Reset": "1795176000"}, ({}, None, None, timedelta(days=1))),
        ({"Retry-After": "9" * 18}, ({}, None, None, timedelta(days=1))),
        ({}, ({}, None, None, None)),
    ],
    ids=str,
)
def test_the_headers_as_whoop_sends_them(headers: dict[str, str], expected: tuple[object, ...]) -> None:
    found = Announced.read(httpx2.Headers(headers))
    assert (found.limits, found.nearest, found.remaining, found.reset) == expected


async def test_lower_limits_of_whoop_are_believed_for_a_while_and_higher_ones_never(
    db: Database, clock: StandingClock
) -> None:
    held = governor(db, clock)
    await held.observe({"X-RateLimit-Limit": "900, 900;window=60, 90000;window=86400"})
    assert await granted(held, "person") == 20
    clock.advance(120)
    await held.observe({"X-RateLimit-Limit": "5, 5;window=60, 10000;window=86400"})
    assert await granted(held, "person") == 5
    usage = await used(db, clock)
    assert (usage.per_minute, usage.per_day) == (5, 10000)
    clock.advance(601)
    assert await granted(held, "person") == 20
    usage = await used(db, clock)
    assert (usage.per_minute, usage.per_day) == (None, None)


async def test_lower_limits_are_believed_as_long_as_whoop_repeats_them(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock)
    for _ in range(4):
        await held.observe({"X-RateLimit-Limit": "5, 5;window=60, 10000;window=86400"})
        clock.advance(300)
    assert await granted(held, "person") == 5


async def test_the_last_unit_of_whoop_s_window_pauses_until_it_resets(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock)
    await held.observe({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "9"})
    await held.take("person", patience=NO_PATIENCE)
    await held.observe({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"})
    assert (await used(db, clock)).paused_until == clock() + timedelta(seconds=9)
    assert (await budget.usage(db, "app", clock() + timedelta(seconds=9))).paused_until is None


def told(remaining: int, limit: str = LIMIT) -> dict[str, str]:
    return {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": str(remaining)}


async def test_what_another_program_takes_of_ours_is_left_to_it(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=90)
    assert await granted(held, "person", most=5) == 5
    await held.observe(told(remaining=40))
    assert (await used(db, clock)).minute == 5 + 50
    assert await granted(held, "person") == 35, "one in twenty of WHOOP's is left alone"
    await held.observe(told(remaining=15))
    assert await granted(held, "person") == 10, "WHOOP's next answer counts, not the sum of both"
    clock.advance(63)
    assert await granted(held, "person") == 90


async def test_another_program_may_take_what_our_limit_leaves_it(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=30)
    assert await granted(held, "person", most=10) == 10
    await held.observe(told(remaining=25))
    assert await granted(held, "person") == 20


async def test_our_own_units_are_nobody_else_s(db: Database, clock: StandingClock) -> None:
    held = governor(db, clock, per_minute=100)
    assert await granted(held, "person", most=95) == 95
    await held.observe(told(remaining=5))
    clock.advance(64)
    await held.observe(told(remaining=5), timedelta(seconds=5))
    assert await granted(held, "person") == 100, "the answer is from before those units left the window"


async def test_what_another_program_takes_of_the_day_is_believed_for_an_hour(
    db: Database, clock: StandingClock
) -> None:
    held = governor(db, clock, per_minute=500, per_day=100)
    day = "100, 500;window=60, 100;window=86400"
    await held.observe(told(remaining=60, limit=day))
    assert (await used(db, clock)).day == 0, "there is plenty left"
    await held.observe(told(remaining=10, limit=day))
    assert (await used(db, clock)).taken == {"others": 90}
    assert await granted(held, "person") == 10
    clock.advance(3600 + 15 * 60 + 2)
    assert await granted(held, "person") == 90
