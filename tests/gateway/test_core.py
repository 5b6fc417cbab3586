"""The gateway over both sources at their wires, on a real database: whatever breaks, the other source is all there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import httpx2
import pytest

from circadia.domain.identities import Identity
from circadia.domain.metrics import Policy
from circadia.domain.readings import Source
from circadia.errors import Conflict, Invalid, Misconfigured, NotFound, UpstreamDown
from circadia.gateway.breaker import THRESHOLD, Breaker
from circadia.gateway.core import Gateway
from circadia.gateway.remembered import KEPT_S, Remembered
from circadia.gateway.sahha import SahhaSource
from circadia.gateway.told import Told
from circadia.gateway.unified import Timings, Unified
from circadia.gateway.whoop_reading import Fetch
from circadia.simulator.clock import StandingClock
from circadia.storage import erasure, identities, overrides
from circadia.storage.postgres import Database
from circadia.storage.whoop_links import LinkMemory
from tests.clients.sahha.sahha import client
from tests.gateway.sahha_wire import FakeSahha, biomarker, night, score
from tests.gateway.wires import FIRST, TODAY, Fault, Seconds, Whoop, answers, dead, garbage
from tests.postgres import Server
from tests.simulated import US

LONG_S = 30.0
SHORT_S = 1.0
"""A deadline that is waited for; what does answer needs a small part of it."""

DAY = timedelta(days=1)
FETCHES: list[Fetch] = ["parallel", "sequential"]
both = pytest.mark.parametrize("fetch", FETCHES)


class Stage:
    """A gateway between a Sahha and a WHOOP service that know everybody: three days, at -05:00."""

    def __init__(
        self,
        db: Database,
        clock: StandingClock,
        fetch: Fetch = "parallel",
        *,
        deadline_s: float = LONG_S,
        timeout_s: float = LONG_S,
        whoop_enabled: bool = True,
    ) -> None:
        self.db = db
        self.sahha = FakeSahha()
        for n in range(3):
            day = TODAY - n * DAY
            self.sahha.have["score"].append(score(day, 0.5 + n / 10, hours=-5))
            self.sahha.have["biomarker"] += [biomarker(day, "steps", str(1000 * n), -5), night(day, 400 + n, -5)]
        self.whoop = Whoop(fetch, timeout_s=timeout_s, memory=LinkMemory(db, clock))
        self.source = SahhaSource(db, client(self.sahha, clock), Breaker("sahha", now=clock), clock)
        self.gateway = Gateway(
            self.source,
            self.whoop.source,
            partial(identities.resolve, db),
            partial(overrides.policies, db),
            partial(erasure.erase_user, db),
            clock,
            deadline_s=deadline_s,
            fetch=fetch,
            whoop_enabled=whoop_enabled,
        )

    async def read(self, user_id: str = "alice") -> Unified:
        async with asyncio.timeout(LONG_S):
            return await self.gateway.read(user_id, FIRST, TODAY)

    def let_go(self) -> None:
        self.sahha.let_go()
        self.whoop.wire.let_go()

    async def close(self) -> None:
        self.let_go()
        await self.gateway.close()
        await self.source.close()


Build = Callable[..., Stage]


@pytest.fixture
async def build(db: Database, clock: StandingClock) -> AsyncIterator[Build]:
    """Builds stages on this test's database and takes them down."""
    built: list[Stage] = []

    def one(fetch: Fetch = "parallel", *, database: Database | None = None, **how: Any) -> Stage:
        built.append(Stage(database or db, clock, fetch, **how))
        return built[-1]

    yield one
    for each in built:
        await each.close()


def speaking(told: Unified) -> list[Source]:
    """The sources whose words are in it."""
    return [each.source for each in (told.sahha, told.whoop) if each.available]


def timeless(told: Unified) -> Unified:
    """The same but for how long it took."""
    sahha, whoop = replace(told.sahha, took_ms=0), replace(told.whoop, took_ms=0)
    return replace(told, sahha=sahha, whoop=whoop, timings=Timings(0, 0, 0, 0))


def figures(told: Unified, metric: str) -> dict[date, object]:
    return {day: metrics[metric].reading.value for day, metrics in told.days.items() if metric in metrics}


@both
async def test_one_answer_from_both(build: Build, fetch: Fetch) -> None:
    told = await build(fetch).read()
    assert list(told.days) == [FIRST, FIRST + DAY, TODAY]
    assert (told.first, told.last, told.today, told.offset) == (FIRST, TODAY, TODAY, timedelta(hours=-5))
    assert (told.sahha.state, told.whoop.state, told.errors) == ("ok", "ok", [])
    assert speaking(told) == ["sahha", "whoop"]
    assert figures(told, "steps") == {FIRST: 2000, FIRST + DAY: 1000, TODAY: 0}
    assert figures(told, "hrv_rmssd_ms") == {FIRST: 64.2, TODAY: 64.2}
    night_of = told.days[FIRST]["sleep_duration_s"]
    assert (night_of.reading.value, night_of.reading.source) == (25920, "whoop")
    assert [(each.reading.value, each.reading.source) for each in night_of.lost] == [(402 * 60, "sahha")]
    less, more = told.completeness(FIRST + DAY), told.completeness(FIRST)
    assert less is not None
    assert more is not None
    assert 0 < less < more <= 1
    timings = told.timings
    assert timings.total_ms >= max(timings.sahha_ms, timings.whoop_ms, timings.merge_ms) > 0
    assert (timings.sahha_ms, timings.whoop_ms) == (told.sahha.took_ms, told.whoop.took_ms)


async def test_one_after_the_other_and_at_once_give_the_same(build: Build) -> None:
    found = [timeless(await build(fetch).read()) for fetch in FETCHES for _ in range(2)]
    assert found == [found[0]] * 4


SAHHA_BREAKS: dict[str, Callable[[FakeSahha], None]] = {
    "dead": lambda sahha: sahha.fail(httpx2.ConnectError("refused")),
    "500": lambda sahha: sahha.fail(httpx2.Response(500)),
    "garbage": lambda sahha: sahha.fail(httpx2.Response(200, text="<html>")),
    "hung": lambda sahha: sahha.hold(),
}
WHOOP_BREAKS: dict[str, Fault | None] = {"dead": dead, "500": answers(500), "garbage": garbage, "hung": None}


def break_whoop(stage: Stage, how: str) -> None:
    fault = WHOOP_BREAKS[how]
    if fault is None:
        stage.whoop.wire.held = {"*"}
    else:
        stage.whoop.wire.faults["*"] = fault


@both
@pytest.mark.parametrize("how", WHOOP_BREAKS)
async def test_whoop_s_trouble_leaves_sahha_whole(build: Build, fetch: Fetch, how: str) -> None:
    whole = await build(fetch).read()
    stage = build(fetch, timeout_s=0.1)
    break_whoop(stage, how)
    told = await stage.read()
    assert timeless(told).sahha == timeless(whole).sahha
    assert (told.whoop.state, told.whoop.available) == ("timeout" if how == "hung" else "unavailable", False)
    assert [each.partition(":")[0] for each in told.errors] == ["Whoop"]
    assert speaking(told) == ["sahha"]
    assert figures(told, "steps") == figures(whole, "steps")
    stage.whoop.wire.faults.clear()
    stage.let_go()
    assert (await stage.read()).errors == []


@both
@pytest.mark.parametrize("how", SAHHA_BREAKS)
async def test_sahha_s_trouble_leaves_whoop_whole(build: Build, fetch: Fetch, how: str) -> None:
    whole = await build(fetch).read("alice")
    stage = build(fetch, deadline_s=SHORT_S if how == "hung" else LONG_S)
    SAHHA_BREAKS[how](stage.sahha)
    stage.whoop.wire.latency_s = 0.02
    told = await stage.read("bob")
    assert timeless(told).whoop.observations == whole.whoop.observations
    assert (told.sahha.state, told.sahha.late) == (("timeout", True) if how == "hung" else ("unavailable", False))
    assert [each.partition(":")[0] for each in told.errors] == ["Sahha"]
    assert speaking(told) == ["whoop"]
    stage.sahha.recover()
    stage.let_go()
    assert (await stage.read("bob")).errors == []


@both
async def test_trouble_on_both_sides_is_an_answer_too(build: Build, fetch: Fetch) -> None:
    stage = build(fetch, deadline_s=SHORT_S, timeout_s=0.1)
    stage.sahha.hold()
    break_whoop(stage, "hung")
    told = await stage.read()
    assert (told.sahha.state, told.whoop.state) == ("timeout", "timeout")
    assert told.days == {FIRST: {}, FIRST + DAY: {}, TODAY: {}}
    assert (speaking(told), len(told.errors)) == ([], 2)
    assert (told.sahha.connected, told.whoop.connected, told.stranger) == (None, None, False)
    assert told.completeness(TODAY) is None


@both
async def test_what_is_late_arrives_for_the_next(build: Build, fetch: Fetch) -> None:
    stage = build(fetch, deadline_s=SHORT_S)
    stage.sahha.hold()
    stage.whoop.wire.held = {"all", "recovery"}
    told = await stage.read()
    assert told.sahha.late
    assert told.whoop.late
    stage.let_go()
    async with asyncio.timeout(LONG_S):
        while (told := await stage.read()).errors:
            await asyncio.sleep(0.01)
    assert stage.sahha.asked["score"] == 1
    assert speaking(told) == ["sahha", "whoop"]


async def test_a_source_that_does_not_come_back_is_left_behind(build: Build, db: Database) -> None:
    """Our own tables can hang as well."""
    stage = build(deadline_s=SHORT_S)
    await stage.read()
    async with db.begin() as blocker:
        await blocker.execute("LOCK TABLE sahha_profiles IN ACCESS EXCLUSIVE MODE")
        told = await stage.read()
    assert (told.sahha.state, told.sahha.late) == ("timeout", True)
    assert told.whoop.state == "ok"
    assert figures(told, "hrv_rmssd_ms")


@both
async def test_fifty_who_ask_the_same_are_one(build: Build, fetch: Fetch) -> None:
    stage = build(fetch)
    stage.sahha.hold()
    stage.whoop.wire.held = {"*"}
    asking = [asyncio.create_task(stage.read()) for _ in range(50)]
    await asyncio.sleep(0.05)
    for each in asking[:10]:
        each.cancel()
    await asyncio.sleep(0)
    stage.let_go()
    told = await asyncio.gather(*asking[10:])
    assert all(each is told[0] for each in told)
    assert told[0].errors == []
    assert stage.sahha.asked == {"score": 1, "biomarker": 1, "profile": 1}
    assert sorted(stage.whoop.wire.asked) == sorted(set(stage.whoop.wire.asked))


@both
async def test_without_whoop_everybody_is_a_sahha_only_user(build: Build, fetch: Fetch) -> None:
    without = build(fetch, whoop_enabled=False)
    told = timeless(await without.read())
    period = timeless(await without.gateway.read_period("alice", "today"))
    standing = await without.gateway.sources("alice")
    assert without.whoop.wire.asked == []
    alone = build(fetch)
    alone.whoop.wire.state = "not_connected"
    assert told == timeless(await alone.read())
    assert period == timeless(await alone.gateway.read_period("alice", "today"))
    assert replace(standing.whoop, took_ms=0) == replace((await alone.gateway.sources("alice")).whoop, took_ms=0)
    assert told.whoop == Told("whoop", "not_connected")
    assert (speaking(told), told.errors) == (["sahha"], [])
    health = await without.gateway.health()
    assert (health.whoop.enabled, health.whoop.reachable) == (False, None)
    with pytest.raises(Misconfigured):
        await without.gateway.connect("alice")


async def test_the_last_days_are_the_user_s_own(build: Build, clock: StandingClock) -> None:
    """At -05:00 the 20th goes on for five hours after it is over in UTC."""
    clock.advance(16 * 3600)
    stage = build()
    told = await stage.gateway.read_last("alice", 2)
    assert (told.first, told.last, told.today) == (TODAY - DAY, TODAY, TODAY)
    assert list(told.days) == [TODAY - DAY, TODAY]
    assert {each.day for each in (*told.sahha.observations, *told.whoop.observations)} == {TODAY - DAY, TODAY}
    assert [row["date"] for row in told.whoop.body["sleep"]["data"]] == ["2026-11-20", "2026-11-19"]
    assert (told.whoop.body["sleep"]["from"], told.whoop.body["sleep"]["to"]) == ("2026-11-19", "2026-11-20")
    assert told.whoop.body["recovery"]["latest"]["date"] == "2026-11-20"
    assert sorted({row["scoreDateTime"][:10] for row in told.sahha.body["scores"]}) == ["2026-11-19", "2026-11-20"]
    assert {gap.day for gap in told.whoop.gaps} == {TODAY - DAY}
    clock.advance(2 * 3600)
    asleep = await stage.gateway.read_last("alice", 1)
    assert (asleep.today, asleep.completeness(asleep.today), asleep.gaps(asleep.today)) == (TODAY + DAY, None, [])


async def test_periods(build: Build) -> None:
    stage = build()
    for period, day in [
        ("today", TODAY),
        ("yesterday", TODAY - DAY),
        ("2026-11-18", FIRST),
        ("11/18/2026", FIRST),
        ("11/20/2026", TODAY),
    ]:
        told = await stage.gateway.read_period("alice", period)
        assert (told.first, told.last, list(told.days)) == (day, day, [day])
        assert figures(told, "steps") == {day: 1000 * (TODAY - day).days}
        assert {each.day for each in (*told.sahha.observations, *told.whoop.observations)} == {day}
        assert [row["date"] for row in told.whoop.body["cycles"]["cycles"]] == [str(day)]
        assert {row["endDateTime"][:10] for row in told.sahha.body["biomarkers"]} == {str(day)}
    slips = ("0000-01-01", "0001-01-01", "0001-01-02", "01/02/0001", "1969-12-31", "2200-01-01", "9999-12-31")
    for text in ("tomorrow", "2026-13-01", "13/01/2026", "2026-1-2", "20261118", "", "٢٠٢٦-11-18", *slips):
        with pytest.raises(Invalid) as error:
            await stage.gateway.read_period("alice", text)
        assert error.value.kind == "invalid_period"
    with pytest.raises(Invalid) as error:
        await stage.gateway.read_period("alice", "2026-11-22")
    assert error.value.kind == "future_date"


async def test_who_is_who(build: Build, clock: StandingClock) -> None:
    stage = build()
    await identities.put(stage.db, Identity("alice", "alice-at-sahha", None), clock())
    await identities.put(stage.db, Identity("bob", None, "bob-at-whoop"), clock())
    alice, bob = await stage.read("alice"), await stage.read("bob")
    assert (alice.sahha.state, alice.whoop) == (
        "ok",
        replace(Told("whoop", "not_connected"), took_ms=alice.whoop.took_ms),
    )
    assert (bob.sahha.state, bob.whoop.state) == ("not_connected", "ok")
    assert bob.whoop.body["sleep"]["user_id"] == "bob-at-whoop"
    assert (await stage.gateway.connect("bob")).user_id == "bob-at-whoop"
    with pytest.raises(Conflict):
        await stage.gateway.connect("alice")


async def test_how_a_user_merges(build: Build, clock: StandingClock) -> None:
    stage = build()
    await overrides.put(stage.db, "alice", {"sleep_duration_s": {"sources": ["sahha", "whoop"]}}, clock())
    told = await stage.read("alice")
    assert told.days[FIRST]["sleep_duration_s"].reading.source == "sahha"
    assert set(told.overrides) == {"sleep_duration_s"}
    assert (await stage.read("bob")).days[FIRST]["sleep_duration_s"].reading.source == "whoop"


async def test_our_own_database_away(build: Build, postgres_server: Server) -> None:
    """Who was heard of before is served from WHOOP; nobody is taken for somebody else."""
    url = postgres_server.create()
    own = Database(url, size=4)
    await own.open()
    try:
        stage = build(database=own, deadline_s=1.5)
        await stage.read("alice")
        postgres_server.drop(url)
        told = await stage.read("alice")
        assert told.whoop.state == "ok"
        assert figures(told, "hrv_rmssd_ms")
        assert told.sahha.state in ("timeout", "unavailable")
        with pytest.raises(UpstreamDown):
            await stage.read("bob")
        await stage.close()
    finally:
        await own.close()


async def noted(stage: Stage, **linked: bool) -> None:
    """Wait until that is what is kept of these users' links."""
    async with asyncio.timeout(LONG_S):
        while dict(await stage.db.rows("SELECT whoop_id, linked FROM whoop_links")) != linked:
            await asyncio.sleep(0.01)


async def test_a_link_that_was_ended_is_none_when_the_service_goes_away(build: Build) -> None:
    stage = build()
    await stage.gateway.connect("alice")
    stage.whoop.seconds.now += 1
    assert (await stage.read()).whoop.state == "ok"
    await noted(stage, alice=True)
    await stage.gateway.disconnect("alice", by=US)
    await noted(stage, alice=False)
    stage.whoop.wire.faults["*"] = dead
    told = await stage.read()
    assert (told.whoop.state, told.errors) == ("not_connected", [])


async def test_an_erase_reaches_the_whoop_service_also_where_whoop_is_switched_off(build: Build) -> None:
    stage = build(whoop_enabled=False)
    assert (await stage.gateway.disconnect("alice", "erase", by=US))["data"] == "erase"
    assert stage.whoop.wire.count("disconnect") == 1


async def test_sahha_s_trouble_is_none_of_those_whom_it_did_not_know(build: Build, clock: StandingClock) -> None:
    stage = build()
    stage.sahha.fail(httpx2.Response(404))
    assert (await stage.read("dave")).sahha.state == "not_connected"
    clock.advance(3600)
    stage.sahha.fail(httpx2.Response(500))
    told = await stage.read("dave")
    assert (told.sahha.state, told.errors) == ("not_connected", [])


@both
async def test_a_fresh_process_knows_who_had_no_link_while_the_service_is_dead(build: Build, fetch: Fetch) -> None:
    before = build(fetch)
    before.whoop.wire.state = "not_connected"
    healthy = timeless(await before.read())
    await before.gateway.sources("bob")
    await noted(before, alice=False, bob=False)
    fresh = build(fetch)
    fresh.whoop.wire.faults["*"] = dead
    assert timeless(await fresh.read()) == healthy
    assert (await fresh.gateway.sources("bob")).whoop.state == "not_connected"
    stranger = await fresh.read("carol")
    assert (stranger.whoop.state, stranger.whoop.connected, stranger.expected) == ("unavailable", None, {"sahha"})
    assert stranger.completeness(FIRST) == (await before.read("bob")).completeness(FIRST)
    fresh.whoop.wire.faults.clear()
    await fresh.gateway.connect("bob")
    fresh.whoop.wire.faults["*"] = dead
    assert (await fresh.read("bob")).whoop.state == "unavailable", "the consent may have been given"


async def test_sources_connect_disconnect_and_health(build: Build) -> None:
    stage = build()
    found = await stage.gateway.sources("alice")
    assert (found.sahha.state, found.whoop.state) == ("ok", "ok")
    assert found.whoop.connected_at is not None
    assert "all" not in stage.whoop.wire.asked
    await stage.gateway.disconnect("alice", by=US)
    assert (await stage.gateway.sources("alice")).whoop.state == "not_connected"
    begun = await stage.gateway.connect("alice", "https://app.example/done")
    assert begun.authorization_url.startswith("https://")
    health = await stage.gateway.health()
    assert (health.whoop.enabled, health.whoop.circuit, health.whoop.reachable) == (True, "closed", True)
    assert (health.sahha.enabled, health.sahha.circuit, health.sahha.failure_count) == (True, "closed", 0)
    stage.whoop.wire.faults["*"] = dead
    for n in range(THRESHOLD):
        await stage.read(f"user-{n}")
    health = await stage.gateway.health()
    assert (health.whoop.circuit, health.whoop.failure_count, health.whoop.reachable) == ("open", THRESHOLD, False)
    assert health.whoop.last_success_at is not None


SECRET = "54.2 bpm"


class Broken:
    """A source with a bug in it."""

    breaker = Breaker("sahha")
    configured = True

    async def read(self, external_id: str | None, first: date, last: date, wait_s: float) -> Told:
        raise OverflowError(SECRET)


async def test_a_bug_in_one_source_is_told_and_hides_nothing_of_the_other(
    build: Build, clock: StandingClock, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = build()
    gateway = Gateway(
        Broken(),
        stage.whoop.source,
        partial(identities.resolve, stage.db),
        partial(overrides.policies, stage.db),
        partial(erasure.erase_user, stage.db),
        clock,
        deadline_s=LONG_S,
    )
    told = await gateway.read("alice", FIRST, TODAY)
    assert (told.sahha.state, told.whoop.state) == ("unavailable", "ok")
    assert told.errors == ["Sahha: an unexpected error; the log has its trace"]
    logged = capsys.readouterr().out
    assert "OverflowError" in logged
    assert "in read" in logged
    assert SECRET not in logged, "an error's message may hold a value"
    await gateway.close()


async def test_who_a_user_is_counts_from_the_moment_it_is_said(build: Build, clock: StandingClock) -> None:
    stage = build()
    stage.sahha.hold()
    before = asyncio.create_task(stage.read("bob"))
    while not stage.sahha.asked:
        await asyncio.sleep(0)
    await identities.put(stage.db, Identity("bob", None, "bob"), clock())
    assert (await stage.read("bob")).sahha.state == "not_connected", "nobody joins a flight for who they were"
    stage.let_go()
    assert (await before).sahha.state == "ok"


@both
async def test_an_unknown_standing_does_not_keep_the_data_away(build: Build, fetch: Fetch) -> None:
    stage = build(fetch)
    stage.whoop.wire.faults["status"] = answers(500, {})
    told = await stage.read()
    assert told.whoop.state == "ok"
    assert told.whoop.observations


async def test_an_identity_is_believed_for_an_hour_without_the_database() -> None:
    seconds, away = Seconds(), False

    async def who(user_id: str) -> Identity:
        if away:
            raise UpstreamDown("away")
        return Identity(user_id, user_id, user_id)

    async def policies(_user_id: str) -> dict[str, Policy]:
        return {}

    known = Remembered(who, policies, seconds)
    for user in ("alice", "bob"):
        await known.of(user, 1)
    away = True
    known.drop("bob")
    with pytest.raises(UpstreamDown):
        await known.of("bob", 1)
    seconds.now += KEPT_S
    assert (await known.of("alice", 1))[0].sahha_id == "alice"
    seconds.now += 1
    with pytest.raises(UpstreamDown):
        await known.of("alice", 1)


async def test_a_database_that_hangs_costs_no_more_than_the_wait() -> None:
    hanging = asyncio.Event()

    async def who(user_id: str) -> Identity:
        try:
            await hanging.wait()
        except asyncio.CancelledError:
            await hanging.wait()  # a server that hangs does not hear of a cancellation
        return Identity(user_id, user_id, user_id)

    async def policies(_user_id: str) -> dict[str, Policy]:
        return {}

    known = Remembered(who, policies)
    async with asyncio.timeout(5):
        with pytest.raises(UpstreamDown):
            await known.of("alice", 0.01)
    hanging.set()
    await known.close()


async def test_nothing_to_erase_is_said(build: Build) -> None:
    without = build(whoop_enabled=False)
    without.whoop.wire.faults["disconnect"] = answers(404, {"type": "urn:circadia:problem:not_connected"})
    with pytest.raises(NotFound):
        await without.gateway.disconnect("dave", "erase", by=US)


async def test_what_waits_for_the_database_beside_a_source_is_in_time(build: Build) -> None:
    stage, hanging = build(), asyncio.Event()

    async def reading() -> str:
        await hanging.wait()
        return "read"

    async with asyncio.timeout(LONG_S):
        with pytest.raises(UpstreamDown):
            await stage.gateway.in_time(reading(), 0.01)
        hanging.set()
        assert await stage.gateway.in_time(reading(), LONG_S) == "read"
