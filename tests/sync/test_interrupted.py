"""Walks that break off, and collections that shift under a walk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import httpx2
import pytest

from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.sync.engine import Progress
from circadia.sync.jobs import Stopping
from circadia.sync.outcome import Outcome
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
    assert state.failures == 1
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
