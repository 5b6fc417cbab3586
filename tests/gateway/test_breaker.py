"""The breaker against an upstream that fails, refuses, hangs and comes back; the clock is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from prometheus_client import generate_latest

from circadia import metrics
from circadia.errors import (
    CircadiaError,
    Invalid,
    Misconfigured,
    NotFound,
    RateLimited,
    UnexpectedReply,
    Unreachable,
    Unsent,
    UpstreamDown,
)
from circadia.gateway.breaker import OPEN_S, THRESHOLD, Breaker, CircuitOpen
from tests.gateway.wires import Seconds

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_names = count()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    return Breaker(f"upstream-{next(_names)}", seconds, lambda: NOW)


class Upstream:
    """Counts the calls that reach it; fails with `error` while there is one."""

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.calls = 0
        self.error: Callable[[], CircadiaError] | None = None

    async def call(self) -> None:
        async with self.breaker.call():
            self.calls += 1
            if self.error is not None:
                raise self.error()

    async def fail(self, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(CircadiaError):
                await self.call()


@pytest.fixture
def upstream(breaker: Breaker) -> Upstream:
    return Upstream(breaker)


def down() -> CircadiaError:
    return UpstreamDown("it answered 500")


async def test_five_failures_in_a_row_open_it_and_then_nothing_is_asked(upstream: Upstream) -> None:
    upstream.error = down
    await upstream.fail(THRESHOLD - 1)
    assert upstream.breaker.state == "closed"
    await upstream.fail()
    assert (THRESHOLD, upstream.breaker.state) == (5, "open")
    for _ in range(20):
        with pytest.raises(CircuitOpen) as refused:
            await upstream.call()
    assert refused.value.kind == "circuit_open"
    assert upstream.calls == upstream.breaker.failure_count == THRESHOLD


async def test_what_people_read_of_it(seconds: Seconds) -> None:
    for name, called in (("sahha", "Sahha"), ("whoop", "the WHOOP service")):
        upstream = Upstream(Breaker(name, seconds))
        upstream.error = down
        await upstream.fail(THRESHOLD)
        with pytest.raises(CircuitOpen) as refused:
            await upstream.call()
        wanted = f"{called} has failed 5 times in a row; it is left alone for half a minute and then tried again"
        assert refused.value.sentence == wanted


async def test_one_trial_after_thirty_seconds_closes_it(upstream: Upstream, seconds: Seconds) -> None:
    upstream.error = down
    await upstream.fail(THRESHOLD)
    upstream.error = None
    seconds.now += OPEN_S - 0.001
    await upstream.fail()
    assert upstream.calls == THRESHOLD
    seconds.now += 0.001
    assert (OPEN_S, upstream.breaker.state) == (30.0, "half_open")
    await upstream.call()
    assert (upstream.breaker.state, upstream.breaker.failure_count) == ("closed", 0)
    assert upstream.breaker.last_success_at == NOW
    upstream.error = down
    await upstream.fail(THRESHOLD - 1)
    assert upstream.breaker.state == "closed"


async def test_a_trial_that_fails_opens_it_again(upstream: Upstream, seconds: Seconds) -> None:
    upstream.error = down
    await upstream.fail(THRESHOLD)
    for n in range(1, 4):
        seconds.now += OPEN_S
        await upstream.fail(3)
        assert upstream.calls == THRESHOLD + n
        assert upstream.breaker.state == "open"


async def test_only_one_trial_at_a_time(breaker: Breaker, upstream: Upstream, seconds: Seconds) -> None:
    upstream.error = down
    await upstream.fail(THRESHOLD)
    seconds.now += OPEN_S
    answer = asyncio.Event()

    async def slow() -> None:
        async with breaker.call():
            await answer.wait()

    trial = asyncio.create_task(slow())
    await asyncio.sleep(0)
    for _ in range(3):
        with pytest.raises(CircuitOpen):
            await upstream.call()
    answer.set()
    await trial
    assert breaker.state == "closed"


async def test_a_trial_that_is_given_up_says_nothing_and_leaves_room(
    breaker: Breaker, upstream: Upstream, seconds: Seconds
) -> None:
    upstream.error = down
    await upstream.fail(THRESHOLD)
    seconds.now += OPEN_S

    async def hang() -> None:
        async with breaker.call():
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hang(), 0.01)
    assert breaker.state == "half_open"
    upstream.error = None
    await upstream.call()
    assert (breaker.state, breaker.failure_count) == ("closed", 0)


async def test_a_caller_who_stops_waiting_is_no_failure(breaker: Breaker) -> None:
    async def hang() -> None:
        async with breaker.call():
            await asyncio.Event().wait()

    for _ in range(2 * THRESHOLD):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hang(), 0.001)
    assert (breaker.state, breaker.failure_count) == ("closed", 0)


@pytest.mark.parametrize(
    "error", [down, lambda: Unreachable("no answer", kind="timeout"), lambda: UnexpectedReply("no JSON")]
)
async def test_what_is_a_failure(upstream: Upstream, error: Callable[[], CircadiaError]) -> None:
    upstream.error = error
    await upstream.fail(THRESHOLD)
    assert upstream.breaker.state == "open"


@pytest.mark.parametrize(
    "error",
    [
        lambda: NotFound("no data"),
        lambda: Misconfigured("401"),
        lambda: Invalid("422"),
        lambda: RateLimited("429", until=NOW + timedelta(seconds=2)),
    ],
)
async def test_what_is_none_and_ends_a_row_of_them(upstream: Upstream, error: Callable[[], CircadiaError]) -> None:
    upstream.error = down
    await upstream.fail(THRESHOLD - 1)
    upstream.error = error
    await upstream.fail()
    assert (upstream.breaker.failure_count, upstream.breaker.last_success_at) == (0, None)
    upstream.error = down
    await upstream.fail(THRESHOLD - 1)
    assert upstream.breaker.state == "closed"


async def test_answers_to_what_was_sent_before_it_opened_change_nothing(breaker: Breaker, upstream: Upstream) -> None:
    answer = asyncio.Event()

    async def slow(error: CircadiaError | None) -> None:
        async with breaker.call():
            await answer.wait()
            if error is not None:
                raise error

    early = [asyncio.create_task(slow(None)), asyncio.create_task(slow(down()))]
    await asyncio.sleep(0)
    upstream.error = down
    await upstream.fail(THRESHOLD)
    answer.set()
    await asyncio.gather(*early, return_exceptions=True)
    assert (breaker.state, breaker.failure_count) == ("open", THRESHOLD)


async def test_what_metrics_tell(upstream: Upstream, seconds: Seconds) -> None:
    name = upstream.breaker.name

    def told() -> list[str]:
        lines = generate_latest(metrics.REGISTRY).decode().splitlines()
        return [line for line in lines if f'"{name}"' in line and "_created" not in line]

    assert told() == [f'circadia_breaker_open{{upstream="{name}"}} 0.0']
    upstream.error = down
    await upstream.fail(THRESHOLD + 2)
    assert told() == [
        f'circadia_breaker_open{{upstream="{name}"}} 1.0',
        f'circadia_upstream_failures_total{{kind="upstream_down",upstream="{name}"}} 5.0',
    ]
    upstream.error = None
    seconds.now += OPEN_S
    assert told()[0].endswith(" 1.0")
    await upstream.call()
    assert told()[0].endswith(" 0.0")


async def test_who_could_not_ask_says_nothing_about_the_upstream(upstream: Upstream, seconds: Seconds) -> None:
    upstream.error = down
    await upstream.fail(THRESHOLD - 1)
    upstream.error = lambda: Unsent("no connection was free")
    await upstream.fail(THRESHOLD)
    assert (upstream.breaker.state, upstream.breaker.failure_count) == ("closed", THRESHOLD - 1)
    upstream.error = down
    await upstream.fail()
    seconds.now += OPEN_S
    upstream.error = lambda: Unsent("no connection was free")
    await upstream.fail(2)
    assert (upstream.breaker.state, upstream.breaker.failure_count) == ("half_open", THRESHOLD)
    upstream.error = None
    await upstream.call()
    assert upstream.breaker.state == "closed"
