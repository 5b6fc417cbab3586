"""WHOOP as a source, at the wire: a service that is dead, hangs, is slow, breaks, refuses, or answers in part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest
from structlog.testing import capture_logs

from circadia.errors import Invalid, Misconfigured, NotFound, UnexpectedReply, Unreachable
from circadia.gateway.breaker import OPEN_S, THRESHOLD, CircuitOpen
from circadia.gateway.told import State, Told
from circadia.gateway.whoop_reading import Fetch
from tests.gateway.wires import (
    FIRST,
    PARTS,
    TODAY,
    Fault,
    Whoop,
    answers,
    cut_off,
    dead,
    garbage,
)
from tests.simulated import US

SOON_S = 5.0
"""Longer than any answer takes that comes at all."""

FETCHES: list[Fetch] = ["parallel", "sequential"]
both = pytest.mark.parametrize("fetch", FETCHES)


async def read(whoop: Whoop, wait_s: float = SOON_S) -> Told:
    return await whoop.source.read("alice", FIRST, TODAY, wait_s)


@both
async def test_what_is_told(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    told = await read(whoop)
    assert (told.state, told.error, told.late) == ("ok", None, False)
    assert list(told.body) == PARTS
    assert [row["date"] for row in told.body["sleep"]["data"]] == ["2026-11-20", "2026-11-19", "2026-11-18"]
    assert told.body["profile"]["first_name"] == "Ada"
    assert told.offset == timedelta(hours=-5)
    assert told.as_of == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert told.connected_at == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert [(gap.day, gap.part, gap.reason) for gap in told.gaps] == [(date(2026, 11, 19), "recovery", "pending_score")]
    assert {each.source for each in told.observations} == {"whoop"}
    hrv = {each.day: each.value for each in told.observations if each.metric == "hrv_rmssd_ms"}
    assert hrv == {FIRST: 64.2, TODAY: 64.2}
    asked = ["all", "status"] if fetch == "parallel" else ["status", *PARTS]
    assert sorted(whoop.wire.asked) == sorted(asked)


@pytest.mark.parametrize("state", ["connected", "needs_reconnect", "not_connected"])
@pytest.mark.parametrize("last", [TODAY, date(2020, 1, 2)])
async def test_one_after_the_other_and_at_once_tell_the_same(state: str, last: date) -> None:
    found = []
    for fetch in FETCHES:
        whoop = Whoop(fetch)
        whoop.wire.state = state
        found += [await whoop.source.read("alice", last - timedelta(2), last, SOON_S) for _ in range(2)]
    assert found == [found[0]] * 4
    assert found[0].state == {"connected": "ok"}.get(state, state)


TROUBLES: list[tuple[Fault, State, bool]] = [
    (dead, "unavailable", True),
    (cut_off, "unavailable", True),
    (answers(500), "unavailable", True),
    (answers(503, {"type": "urn:circadia:problem:upstream_down", "detail": "the database"}), "unavailable", True),
    (garbage, "unavailable", True),
    (answers(200, ["no object"]), "unavailable", True),
    (answers(200, {"connected": True, "user_id": "alice", "data": "rows", "sleep": 7}), "unavailable", True),
    (answers(401), "unavailable", False),
    (answers(403), "unavailable", False),
    (answers(429, retry_after="7"), "rate_limited", False),
    (answers(503, {"type": "urn:circadia:problem:rate_limited"}, retry_after="x"), "rate_limited", False),
]


@both
@pytest.mark.parametrize(("fault", "state", "counts"), TROUBLES)
async def test_trouble(fetch: Fetch, fault: Fault, state: State, counts: bool) -> None:
    whoop = Whoop(fetch)
    whoop.wire.faults["*"] = fault
    for n in range(1, 4):
        told = await read(whoop)
        heard = True if whoop.links.last("alice") else None
        assert (told.state, told.available, told.late, told.connected) == (state, False, False, heard)
        assert len((told.error or "").split()) > 3
        assert whoop.breaker.failure_count == (n if counts else 0)
    whoop.wire.faults.clear()
    assert (await read(whoop)).state == "ok"
    assert whoop.breaker.failure_count == 0


@both
async def test_a_service_that_hangs_is_given_up_in_time(fetch: Fetch) -> None:
    whoop = Whoop(fetch, timeout_s=0.05)
    whoop.wire.held = {"*"}
    told = await read(whoop)
    assert (told.state, told.late, told.available) == ("timeout", False, False)
    assert whoop.breaker.failure_count == 1
    await read(whoop)
    whoop.wire.let_go()
    assert (await read(whoop)).state == "ok"


async def test_what_hangs_part_after_part_is_not_asked_for_everything() -> None:
    whoop = Whoop("sequential", timeout_s=0.05)
    await read(whoop)
    whoop.wire.asked.clear()
    whoop.wire.held = {"*"}
    assert (await read(whoop)).state == "timeout"
    assert whoop.wire.asked == ["recovery", "sleep"]


@both
async def test_nothing_stored_is_no_trouble(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    for fault in (None, answers(404), answers(404, {"detail": "Not Found"})):
        whoop.wire.faults = {name: fault for name in (*PARTS, "all") if fault}
        told = await whoop.source.read("alice", date(2020, 1, 1), date(2020, 1, 3), SOON_S)
        assert (told.state, told.observations, told.error) == ("ok", (), None)
        assert whoop.breaker.failure_count == 0


async def test_a_key_that_is_refused_is_said_and_logged_once() -> None:
    whoop = Whoop(key="key-of-somebody-else")
    with capture_logs() as lines:
        for _ in range(2 * THRESHOLD):
            told = await read(whoop)
    assert "WHOOP_SERVICE_API_KEY" in (told.error or "")
    assert [line["event"] for line in lines] == ["whoop_service.refused"]
    assert "key-of" not in str(lines) + (told.error or "")
    assert whoop.breaker.state == "closed"


@both
async def test_after_five_failures_nobody_asks_for_half_a_minute(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    whoop.wire.faults["*"] = answers(500)
    for _ in range(THRESHOLD):
        assert (await read(whoop)).state == "unavailable"
    whoop.wire.asked.clear()
    for _ in range(10):
        told = await read(whoop)
        assert (told.state, told.connected) == ("circuit_open", None)
        assert (await whoop.source.status("alice", SOON_S)).state == "circuit_open"
        with pytest.raises(CircuitOpen):
            await whoop.source.connect("alice", None)
        assert not await whoop.source.ready()
    assert whoop.wire.asked == []
    whoop.seconds.now += OPEN_S
    assert (await read(whoop)).state == "unavailable"
    assert whoop.breaker.state == "open"
    whoop.wire.faults.clear()
    whoop.seconds.now += OPEN_S
    assert (await read(whoop)).state == "ok"
    assert (whoop.breaker.state, whoop.breaker.failure_count) == ("closed", 0)


@pytest.mark.parametrize("name", PARTS[:-1])
@pytest.mark.parametrize("fault", [answers(500), garbage, None])
async def test_one_part_that_fails_leaves_the_others(name: str, fault: Fault | None) -> None:
    whole = await read(Whoop("sequential"))
    whoop = Whoop("sequential", timeout_s=0.2 if fault else 0.05)
    if fault is None:
        whoop.wire.held = {name}
    else:
        whoop.wire.faults[name] = fault
    for _ in range(2 * THRESHOLD if fault else 1):
        told = await read(whoop)
        assert told.state == ("unavailable" if fault else "timeout")
        assert told.body == whole.body | {name: None}
        assert (told.error or "").endswith(f"not here: {name}")
        lost = [gap.day for gap in told.gaps if gap.reason == told.state]
        assert lost == [FIRST, FIRST + timedelta(1), TODAY]
    assert whoop.breaker.failure_count == 0


@both
async def test_a_deadline_ends_the_waiting_and_not_the_work(fetch: Fetch) -> None:
    whoop = Whoop(fetch, timeout_s=30)
    whoop.wire.held = {"all", "sleep"}
    told = await read(whoop, 0.05)
    assert (told.state, told.late, told.connected) == ("timeout", True, True)
    expected = [] if fetch == "parallel" else ["recovery"]
    assert [name for name, body in told.body.items() if body] == expected
    waiting = asyncio.create_task(read(whoop))
    await asyncio.sleep(0.01)
    whoop.wire.let_go()
    assert (await waiting).state == "ok"
    assert whoop.wire.count("all") + whoop.wire.count("recovery") == whoop.wire.count("status") == 1
    assert (whoop.breaker.failure_count, whoop.breaker.state) == (0, "closed")


@both
async def test_fifty_who_ask_the_same_are_one_flight(fetch: Fetch) -> None:
    whoop = Whoop(fetch, timeout_s=30)
    whoop.wire.held = {"*"}
    waiting = [asyncio.create_task(read(whoop)) for _ in range(50)]
    await asyncio.sleep(0.01)
    for each in waiting[:20]:
        each.cancel()
    await asyncio.sleep(0)
    whoop.wire.let_go()
    told = await asyncio.gather(*waiting[20:])
    assert {each.state for each in told} == {"ok"}
    assert sorted(whoop.wire.asked) == sorted(set(whoop.wire.asked))
    assert len(whoop.wire.asked) == {"parallel": 2, "sequential": 6}[fetch]


@both
async def test_a_link_is_asked_for_once_in_a_while(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    for _ in range(3):
        await read(whoop)
    assert whoop.wire.count("status") == 1
    whoop.seconds.now += 61
    await read(whoop)
    assert (await whoop.source.status("alice", SOON_S)).state == "ok"
    assert whoop.wire.count("status") == 2


@both
async def test_who_has_no_link_costs_one_question_a_quarter_minute(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    whoop.wire.state = "not_connected"
    assert await read(whoop) == Told("whoop", "not_connected")
    whoop.wire.asked.clear()
    for _ in range(3):
        assert await read(whoop) == Told("whoop", "not_connected")
        assert await whoop.source.status("alice", SOON_S) == Told("whoop", "not_connected")
    assert whoop.wire.asked == []
    whoop.wire.state = "connected"
    whoop.seconds.now += 16
    assert (await read(whoop)).state == "ok"
    assert await whoop.source.read(None, FIRST, TODAY, SOON_S) == Told("whoop", "not_connected")


@both
@pytest.mark.parametrize("fault", [dead, answers(500), answers(401)])
async def test_trouble_is_none_of_those_who_had_no_link(fetch: Fetch, fault: Fault) -> None:
    whoop = Whoop(fetch)
    whoop.wire.state = "not_connected"
    await read(whoop)
    whoop.seconds.now += 3600
    whoop.wire.faults["*"] = fault
    for _ in range(THRESHOLD + 2):
        assert await read(whoop) == Told("whoop", "not_connected")
        assert await whoop.source.status("alice", SOON_S) == Told("whoop", "not_connected")
    told = await whoop.source.read("bob", FIRST, TODAY, SOON_S)
    assert told.state in ("unavailable", "circuit_open")
    assert told.connected is None


@both
async def test_in_trouble_who_had_a_link_is_still_told_to_have_one(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    await read(whoop)
    whoop.seconds.now += 3600
    whoop.wire.faults["*"] = dead
    for _ in range(THRESHOLD + 2):
        assert (await read(whoop)).connected is True
        assert (await whoop.source.status("alice", SOON_S)).connected is True
        assert (await whoop.source.status("bob", SOON_S)).connected is None


@both
async def test_connect_and_disconnect_drop_what_was_known(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    whoop.wire.state = "not_connected"
    await read(whoop)
    begun = await whoop.source.connect("alice", "https://app.example/done")
    assert (begun.authorization_url, begun.expires_in) == ("https://whoop.example/auth", 600)
    for _ in range(3):
        assert (await read(whoop)).state == "not_connected"
    whoop.seconds.now += 1
    whoop.wire.state = "connected"
    assert (await read(whoop)).state == "ok"
    assert whoop.links.get("alice") is not None
    await whoop.source.disconnect("alice", "keep", US)
    assert await whoop.source.status("alice", SOON_S) == Told("whoop", "not_connected")
    assert await read(whoop) == Told("whoop", "not_connected")


@both
async def test_who_has_to_reconnect_is_told_what_is_stored(fetch: Fetch) -> None:
    fine = await read(Whoop(fetch))
    whoop = Whoop(fetch)
    whoop.wire.state = "needs_reconnect"
    told = await read(whoop)
    assert told.state == "needs_reconnect"
    assert told.observations == fine.observations
    assert "no longer accepts" in (told.error or "")
    assert whoop.breaker.failure_count == 0


@both
async def test_an_answer_knows_better_than_what_is_remembered(fetch: Fetch) -> None:
    whoop = Whoop(fetch)
    await read(whoop)
    whoop.wire.state = "needs_reconnect"
    assert (await read(whoop)).state == "needs_reconnect"
    whoop.wire.state = "not_connected"
    assert await read(whoop) == Told("whoop", "not_connected")


async def test_data_without_a_status_are_data() -> None:
    whoop = Whoop()
    whoop.wire.faults["status"] = answers(500)
    told = await read(whoop)
    assert replace(told, connected_at=datetime(2026, 11, 1, 9, tzinfo=UTC)) == await read(Whoop())
    assert told.connected_at is None


@both
async def test_how_long_the_service_may_wait_for_whoop(fetch: Fetch) -> None:
    for timeout_s, wait_s, limit in [(2, 30.0, 1800), (2, 1.0, 800), (2, 0.2, 0), (60, 30.0, 10_000)]:
        whoop = Whoop(fetch, timeout_s=timeout_s)
        await read(whoop, wait_s)
        first = whoop.wire.waits["all" if fetch == "parallel" else "recovery"]
        assert max(limit - 150, 0) <= first <= limit
        assert all(whoop.wire.waits[name] == 0 for name in PARTS[1:-1] if fetch == "sequential")


async def test_a_lost_connection_is_tried_again_and_nothing_else() -> None:
    def once(fault: Fault, later: Fault | None = None) -> Callable[[httpx2.Request], httpx2.Response]:
        whoop.wire.asked.clear()

        def answer(request: httpx2.Request) -> httpx2.Response:
            if len(whoop.wire.asked) == 1:
                return fault(request)
            return (later or answers(200, {"authorization_url": "https://whoop.example/auth"}))(request)

        return answer

    whoop = Whoop()
    link = whoop.source.link
    for fault, tries in [(dead, 2), (cut_off, 2), (answers(500), 1), (answers(429), 1), (garbage, 1)]:
        whoop.wire.faults = {"status": once(fault)}
        await asyncio.gather(link.status("alice"), return_exceptions=True)
        assert whoop.wire.count("status") == tries
    for fault, tries in [(dead, 2), (cut_off, 1)]:
        whoop.wire.faults = {"connect": once(fault)}
        await asyncio.gather(link.connect("alice", None), return_exceptions=True)
        assert whoop.wire.count("connect") == tries


async def test_what_connecting_may_be_answered() -> None:
    whoop = Whoop()
    problem = {"type": "urn:circadia:problem:redirect_not_allowed", "detail": "not allowed", "remedy": "Add it."}
    whoop.wire.faults["connect"] = answers(422, problem)
    with pytest.raises(Invalid) as refused:
        await whoop.source.connect("alice", "https://elsewhere.example")
    assert (refused.value.kind, refused.value.message) == ("redirect_not_allowed", "not allowed")
    whoop.wire.faults["connect"] = answers(503, {"type": "urn:circadia:problem:whoop_not_configured"})
    with pytest.raises(Misconfigured):
        await whoop.source.connect("alice", None)
    assert whoop.breaker.failure_count == 0
    whoop.wire.faults["connect"] = answers(200, {"state": "s"})
    with pytest.raises(UnexpectedReply):
        await whoop.source.connect("alice", None)
    whoop.wire.faults["connect"] = answers(200, {"authorization_url": "https://whoop.example/auth"})
    assert (await whoop.source.connect("alice", None)).expires_in == 300
    whoop.wire.faults["disconnect"] = answers(404, {"type": "urn:circadia:problem:not_connected"})
    with pytest.raises(NotFound):
        await whoop.source.disconnect("alice", "keep", US)
    whoop.wire.faults["connect"] = dead
    with pytest.raises(Unreachable):
        await whoop.source.connect("alice", None)


async def test_a_call_ends_when_its_time_is_over_however_it_trickles() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b" "

    whoop = Whoop(timeout_s=0.1)
    whoop.wire.faults["*"] = lambda _request: httpx2.Response(200, content=trickle())
    async with asyncio.timeout(5):
        with pytest.raises(Unreachable) as error:
            await whoop.source.link.status("alice")
    assert error.value.kind == "timeout"


async def test_whether_it_answers() -> None:
    whoop = Whoop()
    assert await whoop.source.ready()
    for fault in (dead, answers(503), answers(500)):
        whoop.wire.faults["*"] = fault
        assert not await whoop.source.ready()
    assert whoop.breaker.failure_count == 0
