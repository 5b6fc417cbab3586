"""Reading a recent day may ask WHOOP: when, how often, how long somebody waits, and what they are told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import Api, Json, Serve

TODAY = "2026-11-20"
MINUTE = 60
STARTED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def reasons(document: Json) -> dict[str, str]:
    return {each["part"]: each["reason"] for each in document["missing"]}


def down(api: Api) -> None:
    api.simulator.fault("status", path="/developer", status=503, body="html", count=None)


async def test_what_is_up_to_date_is_not_asked_for(alice: Api) -> None:
    alice.clock.advance(15 * MINUTE)
    for day in (TODAY, None, "2026-11-19", "2026-11-15"):
        await alice.day("alice", day)
    assert alice.requests() == 0


async def test_a_stale_today_is_fetched_before_the_answer(alice: Api) -> None:
    alice.clock.advance(15 * MINUTE + 1)
    document = await alice.day("alice", TODAY)
    assert document["as_of"] == stamp(alice.clock())
    assert "fetching" not in reasons(document).values()
    assert alice.requests() == 4, "one request per type that a day shows"


async def test_without_a_date_today_counts(alice: Api) -> None:
    """The newest day may be yesterday's, and long complete: what is asked is whether there is a newer one."""
    alice.clock.advance(20 * 3600)
    newest = alice.simulator.truth(alice.account)["cycle"][0]["id"]
    document = await alice.day("alice")
    assert document["cycle"]["id"] == newest
    assert document["as_of"] == stamp(alice.clock())


async def test_a_day_that_was_over_at_the_last_sync_is_complete(alice: Api) -> None:
    """A date ends everywhere at noon UTC of the next: the sync at 12:00 on the 20th completed the 19th."""
    alice.clock.advance(3600)
    for day in ("2026-11-19", "2026-11-18", "2026-11-14"):
        await alice.day("alice", day)
    assert alice.requests() == 0


async def test_a_week_is_asked_about_and_not_a_day_more(alice: Api) -> None:
    """Of days that were not over at the last sync, those of the last week are stale; older ones are history's."""
    alice.clock.advance(8 * 24 * 3600)
    await alice.day("alice", TODAY)
    assert alice.requests() == 0
    await alice.day("alice", "2026-11-21")
    assert alice.requests() > 0


async def test_an_older_unknown_date_is_an_empty_day(alice: Api) -> None:
    alice.clock.advance(24 * 3600)
    document = await alice.day("alice", "2026-01-01")
    assert document["state"] == "empty"
    assert alice.requests() == 0


async def test_an_empty_answer_counts_as_asked(serve: Serve) -> None:
    api = await serve()
    api.simulator.state.hidden.add(api.account)
    await api.connected()
    api.simulator.traffic.reset()
    for _ in range(3):
        assert set(reasons(await api.day("alice", TODAY)).values()) == {"no_data"}
    assert api.requests() == 0
    api.clock.advance(15 * MINUTE + 1)
    for _ in range(3):
        assert set(reasons(await api.day("alice", TODAY)).values()) == {"no_data"}
    assert api.requests() == 4


async def test_one_flight_for_all_readers(alice: Api) -> None:
    alice.clock.advance(3600)
    alice.wire.hold()
    readers = [asyncio.create_task(alice.day("alice", TODAY)) for _ in range(20)]
    await asyncio.sleep(0.3)
    assert not any(each.done() for each in readers), "somebody was given the old day while the new one was coming"
    alice.wire.let_go()
    documents = await asyncio.gather(*readers)
    assert alice.requests() == 4
    assert {each["as_of"] for each in documents} == {stamp(alice.clock())}


async def test_one_flight_across_processes(serve: Serve) -> None:
    first = await serve()
    await first.connected()
    second = await serve(simulator=first.simulator)
    first.simulator.traffic.reset()
    first.clock.advance(3600)
    documents = await asyncio.gather(*(each.day("alice", TODAY) for each in (first, second) * 5))
    assert first.requests() == 4
    assert {each["as_of"] for each in documents} <= {stamp(first.clock()), stamp(STARTED)}


async def test_whoop_is_down(alice: Api) -> None:
    """What is stored, as of when it was true; and another try five minutes later, not before."""
    before = await alice.day("alice", TODAY)
    down(alice)
    alice.clock.advance(16 * MINUTE)
    assert (await alice.day("alice", TODAY))["as_of"] == before["as_of"] == stamp(STARTED)
    tried = alice.requests()
    assert tried > 0
    for wait in (0, 60, 60, 60, 60, 59):
        alice.clock.advance(wait)
        await alice.day("alice", TODAY)
    assert alice.requests() == tried
    alice.clock.advance(1)
    await alice.day("alice", TODAY)
    assert alice.requests() > tried


async def test_five_minutes_hold_for_every_date_of_a_member(alice: Api) -> None:
    down(alice)
    alice.clock.advance(16 * 3600)
    await alice.day("alice", "2026-11-21")
    tried = alice.requests()
    await alice.day("alice", TODAY)
    await alice.day("alice")
    assert alice.requests() == tried


async def test_members_do_not_wait_for_each_other(serve: Serve) -> None:
    api = await serve(members=2)
    other = api.simulator.state.world.user_ids[1]
    await api.connected()
    await api.connected("bob", other)
    api.simulator.traffic.reset()
    api.clock.advance(3600)
    documents = await asyncio.gather(api.day("alice", TODAY), api.day("bob", TODAY))
    assert {each["as_of"] for each in documents} == {stamp(api.clock())}
    for account in (api.account, other):
        assert api.simulator.traffic.count(path="/developer/v2/cycle", user_id=account) == 1


async def test_waiting_ends_and_the_work_goes_on(alice: Api) -> None:
    before = await alice.day("alice", TODAY)
    alice.clock.advance(3600)
    alice.wire.hold()
    async with asyncio.timeout(15):
        document = await alice.day("alice", TODAY)
    assert set(reasons(document).values()) == {"fetching"}
    assert {**document, "missing": before["missing"]} == before
    assert await alice.unfinished() == 1
    alice.wire.let_go()
    await alice.history()
    after = await alice.day("alice", TODAY)
    assert after["as_of"] == stamp(alice.clock())
    assert "fetching" not in reasons(after).values()
    assert alice.requests() == 4


async def test_a_complete_day_says_that_a_newer_answer_is_coming(alice: Api) -> None:
    found = await alice.db.row("SELECT document::jsonb FROM days WHERE day = '2026-11-19'")
    assert found is not None
    alice.clock.advance(3600)
    alice.wire.hold()
    document = await alice.day("alice")
    assert document["date"] == "2026-11-19"
    assert [(each["part"], each["reason"]) for each in document["missing"]] == [("day", "fetching")]
    assert document["recovery"] == found[0]["recovery"]
    alice.wire.let_go()


async def test_the_first_days_are_waited_for(serve: Serve) -> None:
    """Right after consent the first pages are on their way: a reader waits for them and asks for nothing more."""
    api = await serve()
    answer = await api.connect()
    assert answer.status_code == 200
    document = await api.day("alice", "2026-11-18")
    assert document["cycle"] is not None
    await api.history()
    api.simulator.traffic.reset()
    await api.day("alice", TODAY)
    assert api.requests() == 0


@pytest.mark.parametrize("how", ["disconnected", "revoked"])
async def test_without_a_grant_nobody_is_asked(alice: Api, how: str) -> None:
    if how == "disconnected":
        await alice.http.delete("/internal/auth/connection/alice")
    else:
        alice.simulator.revoke(alice.account)
        alice.clock.advance(2 * 3600)
        await alice.sync()
    alice.simulator.traffic.reset()
    alice.clock.advance(timedelta(hours=1).total_seconds())
    await alice.day("alice", TODAY)
    await alice.day("nobody", TODAY)
    assert alice.requests() == 0
