"""One request to Sahha: tries, slots, time limits, pauses; nothing secret in what is said of it."""

from __future__ import annotations

import asyncio
import gzip
import logging
import traceback
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest
import stamina
import structlog

from circadia.clients.http import pause_of
from circadia.clients.sahha.wire import IN_FLIGHT
from circadia.errors import (
    CircadiaError,
    Invalid,
    Misconfigured,
    NotFound,
    RateLimited,
    UnexpectedReply,
    Unreachable,
    UpstreamDown,
)
from circadia.simulator.clock import StandingClock
from tests.clients.sahha.sahha import SECRET, Answer, Sahha, client, read

DAY = date(2026, 11, 20)
GOOD = httpx2.Response(200, json=[])
SCORE = read("scores.null.json")[0]


@pytest.mark.parametrize(
    ("answer", "error", "kind", "tries"),
    [
        (httpx2.Response(400, text="Bad Request"), Invalid, "invalid_request", 1),
        (httpx2.Response(403), Invalid, "invalid_request", 1),
        (httpx2.Response(404), NotFound, "unknown_profile", 1),
        (httpx2.Response(410, json={"title": "Gone"}), NotFound, "profile_gone", 1),
        (httpx2.Response(422), Invalid, "invalid_request", 1),
        (httpx2.Response(429), RateLimited, "rate_limited", 1),
        (httpx2.Response(429, headers={"Retry-After": "0"}), RateLimited, "rate_limited", 3),
        (httpx2.Response(500, json={"title": "An internal exception"}), UpstreamDown, "upstream_down", 3),
        (httpx2.Response(503, text="<html>"), UpstreamDown, "upstream_down", 3),
        (httpx2.Response(302, headers={"Location": "/login"}), UnexpectedReply, "unexpected_reply", 1),
        (httpx2.Response(206, json=[]), UnexpectedReply, "unexpected_reply", 1),
        (httpx2.Response(200, content=b'[{"id": "5a3f'), UnexpectedReply, "unexpected_reply", 1),
        (httpx2.Response(200, content=b""), UnexpectedReply, "unexpected_reply", 1),
        (httpx2.Response(200, html="<html>Sign in</html>"), UnexpectedReply, "unexpected_reply", 1),
        (httpx2.Response(200, json={}), UnexpectedReply, "unexpected_reply", 1),
        (httpx2.Response(200, content=b"null"), UnexpectedReply, "unexpected_reply", 1),
        (httpx2.ConnectError("refused"), Unreachable, "upstream_down", 3),
        (httpx2.ConnectTimeout("slow"), Unreachable, "upstream_down", 3),
        (httpx2.RemoteProtocolError("cut"), UpstreamDown, "upstream_down", 3),
        (httpx2.ReadError("cut"), UpstreamDown, "upstream_down", 3),
        (httpx2.ReadTimeout("slow"), Unreachable, "timeout", 1),
        (httpx2.PoolTimeout("full"), Unreachable, "timeout", 1),
    ],
    ids=lambda each: repr(each) if isinstance(each, httpx2.Response | Exception) else str(each),
)
async def test_what_an_answer_means_and_how_often_it_is_asked_for(
    clock: StandingClock, answer: Answer, error: type[CircadiaError], kind: str, tries: int
) -> None:
    sahha = Sahha(answer)
    with pytest.raises(error) as caught:
        await client(sahha, clock).scores("ana", DAY, DAY)
    assert (type(caught.value), caught.value.kind) == (error, kind)
    assert len(sahha.requests) == tries
    assert len(sahha.token_requests) == 1


@pytest.mark.parametrize(
    "bad",
    [
        httpx2.Response(500),
        httpx2.Response(429, headers={"Retry-After": "0"}),
        httpx2.ConnectError("no"),
        httpx2.RemoteProtocolError("cut"),
    ],
    ids=repr,
)
async def test_a_trouble_that_passes_is_not_told(clock: StandingClock, bad: Answer) -> None:
    sahha = Sahha(bad, bad, httpx2.Response(200, json=[SCORE]))
    assert len((await client(sahha, clock).scores("ana", DAY, DAY)).items) == 1
    assert len(sahha.requests) == 3


@pytest.mark.parametrize("case", read("errors.json"), ids=lambda each: str(each["status"]))
async def test_the_documented_errors(clock: StandingClock, case: dict[str, Any]) -> None:
    body = {} if case["body"] is None else {"json": case["body"]}
    sahha = Sahha(httpx2.Response(case["status"], headers=case.get("headers"), **body))
    held = client(sahha, clock)
    if case["status"] == 204:
        assert (await held.scores("ana", DAY, DAY)).items == ()
        return
    outcomes = {400: Invalid, 401: Misconfigured, 404: NotFound, 410: NotFound, 429: RateLimited, 500: UpstreamDown}
    with pytest.raises(outcomes[case["status"]]):
        await held.scores("ana", DAY, DAY)


async def test_an_answer_that_is_not_compressed_as_it_says(clock: StandingClock) -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return httpx2.Response(200, json={"accountToken": "issued-1", "expiresIn": 60})
        content = gzip.compress(b"[]") if request.url.path.endswith("ana") else b"[]"
        stream = httpx2.ByteStream(content)
        return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream)

    held = client(answer, clock)
    assert (await held.scores("ana", DAY, DAY)).items == ()
    with pytest.raises(UnexpectedReply, match="compressed"):
        await held.scores("ben", DAY, DAY)


class Delays:
    """Stands where the event loop's sleep was, writes down what was asked of it, and moves the clock."""

    def __init__(self, clock: StandingClock) -> None:
        self.seconds: list[float] = []
        self._clock = clock

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._clock.advance(seconds)


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch, clock: StandingClock) -> Delays:
    found = Delays(clock)
    monkeypatch.setattr(asyncio, "sleep", found)
    return found


@pytest.mark.parametrize(("retry_after", "wait_s"), [("0", 0.0), ("1", 1.0), ("Fri, 20 Nov 2026 12:00:01 GMT", 1.0)])
async def test_a_short_pause_is_as_long_as_sahha_asks(
    clock: StandingClock, delays: Delays, retry_after: str, wait_s: float
) -> None:
    sahha = Sahha(httpx2.Response(429, headers={"Retry-After": retry_after}), GOOD)
    with stamina.set_testing(False):
        await client(sahha, clock).scores("ana", DAY, DAY)
    assert delays.seconds == [wait_s]


@pytest.mark.parametrize("retry_after", [None, "2", "7", "soon", "Fri, 20 Nov 2026 12:00:05 GMT"])
async def test_nobody_sleeps_through_a_longer_pause(
    clock: StandingClock, delays: Delays, retry_after: str | None
) -> None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    sahha = Sahha(httpx2.Response(429, headers=headers), GOOD)
    with stamina.set_testing(False), pytest.raises(RateLimited):
        await client(sahha, clock).scores("ana", DAY, DAY)
    assert (delays.seconds, len(sahha.requests)) == ([], 1)


async def test_a_429_holds_back_whoever_was_about_to_try_again(clock: StandingClock) -> None:
    sahha = Sahha()
    limited = asyncio.Event()
    asked: list[str] = []

    async def wire(request: httpx2.Request) -> httpx2.Response:
        *_, who = request.url.path.split("/")
        if who == "ana":
            asked.append(who)
            await limited.wait()
            return httpx2.Response(500)
        if who == "ben":
            asked.append(who)
            limited.set()
            return httpx2.Response(429, headers={"Retry-After": "1"})
        return await sahha(request)

    held = client(wire, clock)
    found = await asyncio.gather(*(held.scores(each, DAY, DAY) for each in ("ana", "ben")), return_exceptions=True)
    assert [type(each) for each in found] == [RateLimited, RateLimited]
    assert sorted(asked) == ["ana", "ben"]


async def test_a_pause_without_being_asked_grows_and_varies(clock: StandingClock, delays: Delays) -> None:
    sahha = Sahha(httpx2.Response(500))
    with stamina.set_testing(False), pytest.raises(UpstreamDown):
        await client(sahha, clock).scores("ana", DAY, DAY)
    first, second = delays.seconds
    assert 0.1 <= first <= 0.3
    assert 0.2 <= second <= 0.4


async def test_a_long_pause_is_told_at_once_and_kept_by_all(clock: StandingClock) -> None:
    sahha = Sahha(httpx2.Response(429, headers={"Retry-After": "60"}), GOOD)
    held = client(sahha, clock)
    with pytest.raises(RateLimited) as caught:
        await held.scores("ana", DAY, DAY)
    assert caught.value.until == clock() + timedelta(seconds=60)
    assert len(sahha.requests) == 1
    clock.advance(59.9)
    with pytest.raises(RateLimited):
        await held.biomarkers("ben", DAY, DAY)
    with pytest.raises(RateLimited):
        async with held.turn():
            raise AssertionError("nobody has a turn")
    assert len(sahha.requests) == 1
    clock.advance(0.1)
    await held.biomarkers("ben", DAY, DAY)
    assert len(sahha.requests) == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 2),
        (" 3 ", 3),
        ("-1", 2),
        ("1.5", 2),
        ("٣", 2),
        ("86400", 3600),
        ("9" * 5000, 2),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2026 12:00:30 -0000", 30),
        ("Sat, 21 Nov 2026 12:00:00 GMT", 3600),
    ],
    ids=lambda each: str(each)[:30],
)
def test_how_long_a_pause_is(clock: StandingClock, text: str, seconds: float) -> None:
    assert pause_of(text, clock()) == timedelta(seconds=seconds)


async def test_four_calls_are_in_flight_at_most(clock: StandingClock) -> None:
    sahha = Sahha()
    running = 0
    most: list[int] = []

    async def wire(request: httpx2.Request) -> httpx2.Response:
        nonlocal running
        running += 1
        most.append(running)
        for _ in range(10):
            await asyncio.sleep(0)
        running -= 1
        return await sahha(request)

    held = client(wire, clock)

    async def call(user_id: str) -> None:
        async with held.turn():
            await held.scores(user_id, DAY, DAY)

    await asyncio.gather(*(call(f"user-{number}") for number in range(20)))
    assert max(most) == IN_FLIGHT == 4
    assert len(most) == 21


async def test_an_answer_that_never_comes_ends_and_frees_its_turn(clock: StandingClock) -> None:
    sahha = Sahha()
    never = asyncio.Event()

    async def wire(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/ana"):
            await never.wait()
        return await sahha(request)

    held = client(wire, clock, timeout_s=0.05)

    async def call() -> None:
        async with held.turn():
            await held.scores("ana", DAY, DAY)

    found = await asyncio.gather(*(call() for _ in range(8)), return_exceptions=True)
    assert {(type(each), getattr(each, "kind", None)) for each in found} == {(Unreachable, "timeout")}
    async with held.turn():
        assert (await held.scores("ben", DAY, DAY)).items == ()


async def test_the_time_limits_that_the_wire_is_given(clock: StandingClock) -> None:
    sahha = Sahha()
    await client(sahha, clock).scores("ana", DAY, DAY)
    for each in (*sahha.requests, *sahha.token_requests):
        assert each.extensions["timeout"] == {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": 10.0}


@pytest.mark.parametrize(
    "sahha",
    [
        lambda: Sahha(httpx2.Response(500, text=SECRET)),
        lambda: Sahha(httpx2.Response(429)),
        lambda: Sahha(httpx2.Response(401)),
        lambda: Sahha(httpx2.Response(400, text=f"issued-1 {SECRET}")),
        lambda: Sahha(httpx2.Response(200, text=f"issued-1 {SECRET}")),
        lambda: Sahha(httpx2.ConnectError("no")),
        lambda: Sahha(httpx2.ReadTimeout("slow")),
        lambda: Sahha(token_answers=[httpx2.Response(401, text=SECRET)]),
        lambda: Sahha(token_answers=[httpx2.Response(200, json={"accountToken": ["issued-1"]})]),
        lambda: Sahha(token_answers=[httpx2.ConnectError("no")] * 3),
    ],
)
async def test_nothing_secret_is_said(clock: StandingClock, caplog: pytest.LogCaptureFixture, sahha: Any) -> None:
    """Not in an error, its causes or its traceback, nor in a line of any logger."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as lines, pytest.raises(CircadiaError) as caught:
        await client(sahha(), clock).scores("ana", DAY, DAY)
    error = caught.value
    said = "".join([*traceback.format_exception(error), repr(error), str(error.remedy), caplog.text, *map(str, lines)])
    assert "issued-" not in said
    assert SECRET not in said
