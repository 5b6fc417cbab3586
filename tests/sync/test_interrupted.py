"""Walks that break off, and collections that shift under a walk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx2
import psycopg
import pytest

from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.errors import GrantLost, ScopeMissing
from circadia.storage import members, sync_states
from circadia.sync.outcome import Outcome
from circadia.sync.progress import Progress, Stopping
from tests import simulated
from tests.conftest import NewStage
from tests.simulated import Stage

NAMES = [each.name for each in COLLECTIONS]
Act = Callable[[], object]


def stop_after(pages: int) -> Progress:
    """A progress report that breaks the walk off after some pages, whatever their types."""
    left = pages

    async def progress(_name: str, _outcome: Outcome, _reached: datetime | None) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Stopping

    return progress


@pytest.mark.parametrize("pages", [1, 3, 6])
async def test_a_walk_goes_on_where_it_stopped(stage: NewStage, pages: int) -> None:
    here = await stage(days=120)
    stops = 0
    while True:
        try:
            await here.backfill(stop_after(pages))
            break
        except Stopping:
            stops += 1
            here.clock.advance(1)
    await here.sync()
    assert await here.differences() == []
    assert stops >= 2
    for name in NAMES:
        wasted = 2 * stops  # at worst a stop falls into the closing look, which the empty rest of the walk precedes
        assert here.asked(name) <= here.floor(name) + wasted + 3, name


async def test_a_walk_goes_on_after_whoop_was_away(stage: NewStage) -> None:
    here = await stage(days=200)
    here.fault("status", path="/developer/v2/activity/sleep", after=3, count=4, status=503)
    report = await here.backfill()
    assert set(report.errors) == {"sleep"}
    state = await here.state("sleep")
    assert state.history_done_at is None
    assert state.floor_at is not None
    assert (state.failures, state.error) == (0, None), "what is new of the type is synced all the same"
    here.clock.advance(120)
    before = here.asked("sleep")
    assert (await here.backfill()).state == "succeeded"
    assert here.asked("sleep") - before <= here.floor("sleep") - 3 + 1 + 1
    await here.sync()
    assert await here.differences() == []


async def test_an_open_history_is_begun_by_a_sync_and_ended_by_a_backfill(stage: NewStage) -> None:
    here = await stage(days=200)
    report = await here.sync()
    assert [report.outcomes[name].requests for name in NAMES] == [1, 1, 1, 1]
    here.clock.advance(60)
    await here.sync()
    await here.backfill()
    await here.sync()
    assert await here.differences() == []


def on_page(here: Stage, name: str, number: int, act: Act) -> None:
    """Do something just before the request for the n-th page of a type, once."""
    path, asked, done = f"/developer{BY_NAME[name].path}", 0, False

    def before(request: httpx2.Request) -> None:
        nonlocal asked, done
        if request.url.path == path and not done:
            asked += 1
            if asked == number:
                done = True
                act()

    here.wire.before = before


async def test_records_that_arrive_while_a_walk_goes_on(stage: NewStage) -> None:
    here = await stage(days=200)
    on_page(here, "sleep", 3, lambda: here.clock.advance(26 * 3600))
    await here.backfill()
    await here.sync()
    assert await here.differences() == []


@pytest.mark.parametrize(("name", "action"), [("workout", "delete_workout"), ("sleep", "delete_sleep")])
async def test_a_record_that_is_deleted_while_a_walk_goes_on_costs_no_other(
    stage: NewStage, name: str, action: str
) -> None:
    """Page tokens count records, so a deletion on a page that was read moves the next page by one."""
    here = await stage(days=200)

    def delete() -> None:
        here.clock.advance(1)
        here.mutate(action)

    on_page(here, name, 3, delete)
    await here.backfill()
    here.clock.advance(60)
    await here.sync()
    assert await here.differences() == []


async def test_a_deletion_during_a_long_incremental_walk_costs_no_other_record(stage: NewStage) -> None:
    """After forty days away a sync brings new records on several pages: it is a walk like the first."""
    here = await stage(days=60)
    await here.backfill()
    await here.sync()
    here.clock.advance(40 * 86_400)

    def delete() -> None:
        here.clock.advance(1)
        here.mutate("delete_sleep")

    on_page(here, "sleep", 2, delete)
    await here.sync("sleep")
    here.clock.advance(60)
    await here.sync()
    assert await here.differences() == []


async def test_a_member_who_is_erased_in_mid_run_ends_it_quietly(stage: NewStage) -> None:
    here = await stage(days=200)

    def erase() -> None:
        with psycopg.connect(here.db.url, autocommit=True) as connection:
            connection.execute("DELETE FROM members")

    on_page(here, "sleep", 1, erase)
    report = await here.sync()
    assert {each.kind for each in report.errors.values()} == {"member_erased"}
    assert set(report.outcomes) == {"cycle"}
    assert await here.db.rows("SELECT 1 FROM sync_states") == []


@pytest.mark.parametrize("deed", ["backfill", "reconcile"])
async def test_a_member_who_is_erased_in_mid_walk_ends_it_quietly(stage: NewStage, deed: str) -> None:
    here = await stage(days=200)
    if deed == "reconcile":
        await here.backfill()

    async def progress(_name: str, _outcome: Outcome, _reached: datetime | None) -> None:
        async with here.db.begin() as connection:
            await members.erase(connection, here.grant.member_id)

    if deed == "backfill":
        report = await here.backfill(progress)
    else:
        engine = here.runtime.engine
        report = await engine.reconcile(here.grant, COLLECTIONS, lane="reconcile", full=True, progress=progress)
    assert report.outcomes == {}
    assert {each.kind for each in report.errors.values()} == {"member_erased"}
    assert await here.db.rows("SELECT 1 FROM sync_states UNION ALL SELECT 1 FROM sleeps") == []


async def test_a_page_of_the_history_that_always_fails_does_not_keep_new_records_away(stage: NewStage) -> None:
    here = await stage(days=200)
    here.fault("status", path="/developer/v2/activity/sleep", after=2, count=None, status=418)
    for _hour in range(3):
        assert set((await here.backfill()).errors) == {"sleep"}
        state = await here.state("sleep")
        assert (state.failures, state.error) == (0, None)
        assert state.due_at is not None
        assert state.due_at <= here.clock() + timedelta(days=1)
        here.clock.advance(3600)


async def test_a_late_first_page_does_not_open_a_finished_history_again(stage: NewStage) -> None:
    here = await stage(days=60)
    await here.backfill()
    known = await here.state("sleep")
    assert known.history_done_at is not None
    async with here.db.begin() as connection:
        await sync_states.advance_history(
            connection,
            here.grant.member_id,
            "sleep",
            cursor=here.clock(),
            began_at=here.clock(),
            floor=here.clock() - timedelta(days=25),
            done=False,
            due_at=here.clock(),
        )
    assert await here.state("sleep") == known


async def test_a_reconnect_during_a_failing_renewal_parks_nothing(stage: NewStage) -> None:
    """The old grant's failure comes in after the new consent: the type is due as after any failure."""
    here = await stage(days=20)
    await here.sync("cycle")
    here.clock.advance(3600)
    old = here.grant
    here.simulator.revoke(here.account)
    assert isinstance((await here.sync("cycle")).errors["cycle"], GrantLost)
    due_at = (await here.state("cycle")).due_at
    assert due_at == here.clock() + timedelta(days=1), "nobody can read it"
    here.clock.advance(60)
    await simulated.connect(here.runtime, here.simulator, "alice", here.account)
    for error in (GrantLost("gone"), ScopeMissing("not ticked")):
        await here.runtime.engine._postpone(old, BY_NAME["cycle"], error, here.clock())
        due_at = (await here.state("cycle")).due_at
        assert due_at is not None
        assert due_at < here.clock() + timedelta(hours=1)
    present = await members.grant(here.db, old.member_id)
    assert present is not None
    await here.runtime.engine._postpone(present, BY_NAME["cycle"], ScopeMissing("not ticked"), here.clock())
    assert (await here.state("cycle")).due_at == here.clock() + timedelta(days=1)
