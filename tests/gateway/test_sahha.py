"""Sahha as a source: told from the database, asked once for all, and told with its age when Sahha is in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from itertools import count

import httpx2
import pytest

from circadia.errors import Misconfigured, Unreachable, UpstreamDown
from circadia.gateway.breaker import THRESHOLD, Breaker
from circadia.gateway.sahha import SahhaSource
from circadia.gateway.told import Gap, Told
from circadia.simulator.clock import StandingClock
from circadia.storage import sahha
from circadia.storage.postgres import Database
from tests.clients.sahha.sahha import client
from tests.gateway.sahha_wire import FakeSahha, a_week, biomarker, night, score
from tests.postgres import Server
from tests.simulated import EPOCH

TODAY = EPOCH.date()
DAY = timedelta(days=1)
WEEK = TODAY - 6 * DAY
PATIENT_S = 30.0
NUMBERS = count()


@pytest.fixture
def ana() -> str:
    """A person that nobody else knows."""
    return f"person-{next(NUMBERS)}"


@pytest.fixture
def wire() -> FakeSahha:
    """A Sahha that has a week of her."""
    return a_week(TODAY)


@pytest.fixture
async def source(db: Database, wire: FakeSahha, clock: StandingClock) -> AsyncIterator[SahhaSource]:
    """What is tested; time passes for its breaker as for all."""
    breaker = Breaker("Sahha", clock=lambda: clock().timestamp(), now=clock)
    made = SahhaSource(db, client(wire, clock), breaker, clock)
    yield made
    wire.let_go()
    await made.close()


def readings(told: Told, metric: str) -> dict[date, object]:
    return {each.day: each.value for each in told.observations if each.metric == metric}


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():
            await asyncio.sleep(0.01)


async def test_thirty_readers_cause_one_fetch(source: SahhaSource, wire: FakeSahha, ana: str) -> None:
    told = await asyncio.gather(*(source.read(ana, WEEK, TODAY, PATIENT_S) for _ in range(30)))
    assert wire.asked == {"score": 1, "biomarker": 1, "profile": 1}
    assert {(each.state, each.late, len(each.observations)) for each in told} == {("ok", False, 21)}
    first = told[0]
    assert readings(first, "steps") == {TODAY - n * DAY: 1000.0 * n for n in range(7)}
    assert readings(first, "sleep_duration_s") == {TODAY - n * DAY: 60.0 * (400 + n) for n in range(7)}
    assert readings(first, "readiness_score")[TODAY] == 0
    assert first.body["scores"] == wire.have["score"]
    assert [each["endDateTime"] for each in first.body["biomarkers"]] == sorted(
        (each["endDateTime"] for each in wire.have["biomarker"]), reverse=True
    )
    assert (first.as_of, first.offset, first.gaps, first.error) == (EPOCH, timedelta(0), (), None)


async def test_what_is_fresh_is_told_without_asking(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock
) -> None:
    await source.read(ana, WEEK, TODAY, PATIENT_S)
    wire.asked.clear()
    clock.advance(599)
    assert (await source.read(ana, WEEK, TODAY, PATIENT_S)).as_of == EPOCH
    assert not wire.asked
    clock.advance(1)
    wire.have["biomarker"][0] = biomarker(TODAY, "steps", "7777")
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert wire.asked == {"score": 1, "biomarker": 1}
    assert wire.windows[-1][1:] == (TODAY - 2 * DAY, TODAY + DAY)
    assert (told.as_of, readings(told, "steps")[TODAY]) == (clock(), 7777.0)


async def test_a_deadline_ends_the_waiting_and_never_the_work(
    source: SahhaSource, wire: FakeSahha, ana: str, db: Database
) -> None:
    wire.hold()
    told = await source.read(ana, WEEK, TODAY, 0.05)
    assert (told.state, told.late, told.available, told.observations) == ("timeout", True, False, ())
    assert told.error == "Sahha has not answered in time"
    waiting = asyncio.create_task(source.read(ana, WEEK, TODAY, PATIENT_S))
    left = asyncio.create_task(source.read(ana, WEEK, TODAY, PATIENT_S))
    await until(lambda: wire.asked.total() == 3)
    left.cancel()
    wire.let_go()
    assert (await waiting).state == "ok"
    assert wire.asked == {"score": 1, "biomarker": 1, "profile": 1}
    wire.fail(httpx2.Response(500))
    assert len((await source.read(ana, WEEK, TODAY, 0)).observations) == 21


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        (httpx2.ConnectError("no route"), "unavailable", "Sahha cannot be reached"),
        (httpx2.ReadTimeout("slow"), "timeout", "Sahha did not answer within 10 s"),
        (httpx2.Response(500, content=b"{}"), "unavailable", "Sahha answered 500"),
        (httpx2.Response(200, content=b"{"), "unavailable", "the answer is no JSON"),
        (httpx2.Response(429, headers={"Retry-After": "60"}), "rate_limited", "Sahha asks to wait"),
        (httpx2.Response(400, content=b"Bad Request"), "unavailable", "Sahha answered 400"),
        (httpx2.Response(401), "unavailable", "Compare SAHHA_CLIENT_ID"),
    ],
    ids=["unreachable", "hung", "broken", "garbled", "limited", "refused", "credentials"],
)
async def test_in_trouble_what_is_stored_is_told_with_its_age(
    source: SahhaSource,
    wire: FakeSahha,
    ana: str,
    clock: StandingClock,
    answer: httpx2.Response | httpx2.HTTPError,
    state: str,
    error: str,
) -> None:
    await source.read(ana, WEEK, TODAY, PATIENT_S)
    clock.advance(3600)
    wire.fail(answer)
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert (told.state, told.as_of, len(told.observations), told.late) == (state, EPOCH, 21, False)
    assert (await source.read(ana, WEEK - 60 * DAY, WEEK - 59 * DAY, PATIENT_S)).connected is True
    assert error in (told.error or "")
    clock.advance(120)
    told = await source.read(f"{ana}'s sister", WEEK, TODAY, PATIENT_S)
    assert (told.state, told.available, told.observations, told.as_of) == (state, False, (), None)
    assert told.connected is None
    assert error in (told.error or "")
    assert told.gaps[0] == Gap(WEEK, "sahha", "scores", state)
    wire.recover()
    clock.advance(120)
    assert (await source.read(f"{ana}'s sister", WEEK, TODAY, PATIENT_S)).state == "ok"


async def test_a_sahha_that_fails_again_and_again_is_left_alone(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock
) -> None:
    await source.read(ana, WEEK, TODAY, PATIENT_S)
    clock.advance(3600)
    wire.fail(httpx2.ReadTimeout("slow"))
    while source.breaker.failure_count < THRESHOLD:
        await source.read(ana, WEEK, TODAY, PATIENT_S)
    wire.asked.clear()
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert (told.state, told.as_of, len(told.observations)) == ("circuit_open", EPOCH, 21)
    assert not wire.asked
    wire.recover()
    clock.advance(30)
    wire.hold()
    reading = asyncio.create_task(source.read(ana, WEEK, TODAY, PATIENT_S))
    await until(lambda: wire.asked.total() == 1)
    assert source.breaker.state == "half_open"
    wire.let_go()
    assert (await reading).state == "ok", "the first kind is the trial, and the second waits for it"
    assert wire.asked == {"score": 1, "biomarker": 1}


async def test_trouble_with_one_kind_keeps_no_other_away(source: SahhaSource, wire: FakeSahha, ana: str) -> None:
    wire.fail(httpx2.Response(503), "biomarker", "profile")
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert (told.state, {each.metric for each in told.observations}) == ("unavailable", {"readiness_score"})
    assert {each.part for each in told.gaps} == {"biomarkers"}
    wire.recover()
    wire.asked.clear()
    assert (await source.read(ana, WEEK, TODAY, PATIENT_S)).state == "ok"
    assert wire.asked == {"biomarker": 1, "profile": 1}


@pytest.mark.parametrize(("status", "holds_s"), [(404, 600), (410, 86400)])
async def test_somebody_sahha_does_not_know_is_not_asked_for_again_at_once(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock, status: int, holds_s: int
) -> None:
    wire.fail(httpx2.Response(status))
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert (told.state, told.connected, told.available, told.gaps) == ("not_connected", False, False, ())
    wire.recover()
    wire.asked.clear()
    clock.advance(holds_s - 1)
    assert (await source.read(ana, WEEK, clock().date(), PATIENT_S)).state == "not_connected"
    assert (await source.rows("score", ana, WEEK, TODAY, 10, PATIENT_S)).state == "not_connected"
    assert not wire.asked
    clock.advance(1)
    wire.sources = ["com.whoop.iphone"]
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert (told.state, told.connected) == ("ok", True)
    assert {each.via for each in told.observations if each.metric == "sleep_duration_s"} == {("whoop",)}
    assert {each.via for each in told.observations if each.metric == "steps"} == {()}


async def test_an_empty_person_that_the_account_does_not_know_is_unknown(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock
) -> None:
    have, wire.have = wire.have, {kind: [] for kind in wire.have}
    wire.fail(httpx2.Response(404), "profile")
    assert (await source.read(ana, WEEK, TODAY, PATIENT_S)).state == "not_connected"
    clock.advance(600)
    wire.have = have
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert (told.state, len(told.observations)) == ("ok", 21)


async def test_somebody_who_is_called_otherwise_at_sahha_is_somebody_else(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock, db: Database
) -> None:
    wire.called = "somebody-else"
    told = await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert (told.state, told.available, told.observations) == ("not_connected", False, ())
    kept = "SELECT count(*) FROM sahha_scores JOIN sahha_profiles p ON p.id = profile_id WHERE external_id = %s"
    assert await db.row(kept, (ana,)) == (0,)
    wire.asked.clear()
    clock.advance(599)
    assert (await source.read(ana, WEEK, TODAY, PATIENT_S)).state == "not_connected"
    assert not wire.asked
    clock.advance(1)
    wire.called = ana.upper()
    assert (await source.read(ana, WEEK, TODAY, PATIENT_S)).state == "ok"


async def test_invented_people_are_forgotten_after_a_day(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock, db: Database
) -> None:
    wire.fail(httpx2.Response(404))
    assert (await source.read(f"invented-{ana}", WEEK, TODAY, PATIENT_S)).state == "not_connected"
    wire.recover()
    for hours, left in ((23, 1), (2, 0)):
        clock.advance(hours * 3600)
        await source.read(f"{ana}-{hours}", WEEK, TODAY, PATIENT_S)
        found = await db.row("SELECT count(*) FROM sahha_profiles WHERE external_id = %s", (f"invented-{ana}",))
        assert found == (left,)


async def test_nobody_and_no_credentials(source: SahhaSource, db: Database, clock: StandingClock, ana: str) -> None:
    assert (await source.read(None, WEEK, TODAY, PATIENT_S)).state == "not_connected"
    assert source.configured
    alone = SahhaSource(db, None, Breaker("Sahha"), clock)
    assert not alone.configured
    assert (await alone.read(ana, WEEK, TODAY, PATIENT_S)).state == "not_configured"
    with pytest.raises(Misconfigured, match="no Sahha account"):
        await alone.integrations(ana)


async def test_four_hundred_days(source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock) -> None:
    first = TODAY - 399 * DAY
    wire.have["biomarker"] = [biomarker(TODAY - n * DAY, "steps", str(n)) for n in range(400)]
    told = await source.read(ana, first, TODAY, PATIENT_S)
    assert readings(told, "steps") == {TODAY - n * DAY: float(n) for n in range(400)}
    windows = [(since, last) for kind, since, last in wire.windows if kind == "biomarker"]
    assert len(windows) == 14
    assert all((last - since).days < 31 for since, last in windows)
    assert windows == sorted(windows, reverse=True)
    for asked in (2, 1):
        wire.asked.clear()
        clock.advance(86400)
        await source.read(ana, first, clock().date(), PATIENT_S)
        assert wire.asked["biomarker"] == asked
    assert wire.windows[-1][1:] == (TODAY - 3 * DAY, TODAY + 3 * DAY)


async def test_a_long_fetch_that_breaks_off_keeps_what_it_brought(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock
) -> None:
    wire.have["biomarker"] = [biomarker(TODAY - n * DAY, "steps", str(n)) for n in range(60)]
    await source.read(ana, TODAY - 28 * DAY, TODAY, PATIENT_S)
    wire.fail(httpx2.Response(503))
    told = await source.read(ana, TODAY - 59 * DAY, TODAY, PATIENT_S)
    assert told.state == "unavailable"
    assert readings(told, "steps") == {TODAY - n * DAY: float(n) for n in range(30)}
    assert Gap(TODAY - 59 * DAY, "sahha", "biomarkers", "unavailable") in told.gaps


@pytest.mark.parametrize(("hours", "today"), [(14, TODAY + DAY), (-11, TODAY), (-13, TODAY - DAY)])
async def test_a_person_far_from_greenwich(
    source: SahhaSource, wire: FakeSahha, ana: str, hours: int, today: date
) -> None:
    wire.have["score"] = [score(today - n * DAY, 0.5, hours=hours) for n in range(3)]
    wire.have["biomarker"] = [night(today - n * DAY, 400 + n, hours) for n in range(3)]
    told = await source.read(ana, TODAY - 3 * DAY, TODAY + DAY, PATIENT_S)
    assert told.offset == timedelta(hours=hours)
    assert readings(told, "sleep_duration_s") == {today - n * DAY: 60.0 * (400 + n) for n in range(3)}
    assert {each.day for each in told.gaps} == {TODAY - 3 * DAY + n * DAY for n in range((today - TODAY).days + 1)}
    alone = await source.read(ana, today, today, PATIENT_S)
    assert [each["scoreDateTime"][:10] for each in alone.body["scores"]] == [str(today)]
    assert {each.day for each in alone.observations} == {today}


async def test_dates_that_sahha_has_nothing_of(source: SahhaSource, wire: FakeSahha, ana: str) -> None:
    wire.have["score"] = []
    told = await source.read(ana, WEEK - DAY, TODAY + DAY, PATIENT_S)
    scores = [Gap(WEEK + n * DAY, "sahha", "scores", "not_recorded") for n in range(-1, 7)]
    assert told.gaps == (*scores, Gap(WEEK - DAY, "sahha", "biomarkers", "not_recorded"))


async def test_erasing_somebody_while_they_are_fetched_leaves_nothing(
    source: SahhaSource, wire: FakeSahha, ana: str, db: Database
) -> None:
    wire.hold()
    reading = asyncio.create_task(source.read(ana, WEEK, TODAY, PATIENT_S))
    await until(lambda: wire.asked.total() == 3)
    async with db.begin() as connection:
        await sahha.forget(connection, ana)
    wire.let_go()
    told = await reading
    assert (told.state, told.available) == ("not_connected", False)
    assert await db.row("SELECT count(*) FROM sahha_profiles WHERE external_id = %s", (ana,)) == (0,)


async def test_rows_of_the_older_endpoints(
    source: SahhaSource, wire: FakeSahha, ana: str, clock: StandingClock
) -> None:
    window = {"startDateTime": "2026-11-09T00:00:00+00:00", "endDateTime": "2026-11-15T00:00:00+00:00"}
    label = {"id": wire.have["score"][0]["id"], "name": "activity_level", "value": "lightly_active"}
    wire.have["archetype"] = [label | window | {"dataType": "ordinal", "periodicity": "weekly", "ordinality": 1}]
    found = await source.rows("score", ana, WEEK, TODAY, 3, PATIENT_S)
    assert [each.raw for each in found.rows] == wire.have["score"][:3]
    assert (found.state, found.as_of) == ("ok", EPOCH)
    assert wire.asked == {"score": 1, "profile": 1}
    for _ in range(2):
        found = await source.rows("archetype", ana, TODAY - 20 * DAY, TODAY, 100, PATIENT_S)
        assert [each.raw for each in found.rows] == wire.have["archetype"]
        clock.advance(6 * 3600 - 1)
    assert wire.asked["archetypes"] == 1
    wire.fail(httpx2.Response(503))
    found = await source.rows("archetype", ana, TODAY - 20 * DAY, TODAY, 100, PATIENT_S)
    assert (found.state, len(found.rows)) == ("unavailable", 1)


async def test_what_is_not_stored_is_passed_on(source: SahhaSource, wire: FakeSahha, ana: str) -> None:
    wire.fail(httpx2.Response(200, content=b'[{"integrationType": "oura"}, 7]'), "integration")
    assert await source.integrations(ana) == [{"integrationType": "oura"}]
    trend = (
        b'[{"category": "score", "name": "sleep", "trendStartDateTime": "2026-11-01T00:00:00Z", '
        b'"trendEndDateTime": "2026-11-15T00:00:00Z"}]'
    )
    wire.fail(httpx2.Response(200, content=trend), "trend")
    assert [each["name"] for each in await source.trends(ana, WEEK, TODAY)] == ["sleep"]
    wire.fail(httpx2.ConnectError("no route"), "comparison")
    with pytest.raises(Unreachable):
        await source.comparisons(ana, WEEK, TODAY)
    assert source.breaker.failure_count == 1


async def test_the_database_away_is_trouble_before_sahha_is_asked(
    wire: FakeSahha, ana: str, clock: StandingClock, postgres_server: Server
) -> None:
    url = postgres_server.create()
    db = Database(url, timeout=0.5)
    await db.open()
    source = SahhaSource(db, client(wire, clock), Breaker("Sahha"), clock)
    with postgres_server.away(url), pytest.raises(UpstreamDown, match="the database does not answer"):
        await source.read(ana, WEEK, TODAY, PATIENT_S)
    assert not wire.asked
    await source.close()
    await db.close()
    postgres_server.drop(url)
