"""Histories in slices: shared fairly, put off without a failure, held back and resumed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest

from circadia.domain.catalog import COLLECTIONS
from circadia.errors import Conflict
from circadia.storage import runs, sync_states
from circadia.sync import runner
from tests import simulated
from tests.conftest import NewStage
from tests.simulated import Stage
from tests.sync.following import PATIENCE_S, backfill_of, ended, hold, jobs_of, loaded

NAMES = [each.name for each in COLLECTIONS]
NOTHING_NEW = {"types": {"workout": {"fetched": 0}, "profile": {"fetched": 1}}, "errors": {}}


async def test_histories_take_turns(stage: NewStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four members, one slot: when the first one's history is here, the others have had nearly as many slices."""
    monkeypatch.setattr(runner, "SLICE_PAGES", 8)
    here = await stage(members=4, days=250)
    for number, account in enumerate(here.simulator.state.world.user_ids[1:]):
        await simulated.connect(here.runtime, here.simulator, f"member-{number}", account)
    here.simulator.traffic.reset()
    here.runtime.jobs.start_worker(1)
    at_first_end: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await here.db.rows("SELECT state, attempt FROM runs ORDER BY state = 'succeeded' DESC")
            if found[0][0] == "succeeded" and not at_first_end:
                at_first_end = [each[1] for each in found]
            if found[-1][0] == "succeeded":
                break
            await asyncio.sleep(0.01)
    assert at_first_end[0] >= 5
    assert min(at_first_end) >= at_first_end[0] - 2
    for account in here.simulator.state.world.user_ids:
        for type_ in COLLECTIONS:
            asked = here.simulator.traffic.count(path=f"/developer{type_.path}", user_id=account)
            floor = max(-(-len(here.simulator.truth(account)[type_.name]) // 25), 1)
            assert asked <= floor + 1, f"slices cost nothing, {type_.name}"


async def test_the_newest_pages_of_a_new_member_go_before_everybody_s_history(stage: NewStage) -> None:
    here = await stage(days=120)
    run = await backfill_of(here)
    assert run.lane == "webhook"
    here.runtime.jobs.start_worker()
    async with asyncio.timeout(PATIENCE_S):
        while (run := await backfill_of(here)).attempt < 2:
            await asyncio.sleep(0.01)
    assert run.lane == "backfill"
    assert set(run.progress) == set(NAMES)
    run = await ended(here, run.id)
    assert run.outcome is not None
    for name in NAMES:
        counted = run.outcome["types"][name]
        assert counted["fetched"] >= len(here.simulator.truth(here.account)[name]), "all slices are counted"
        assert counted["requests"] == here.asked(name)
    assert (run.outcome["coverage"]["complete"], run.outcome["coverage"]["reasons"]) == (True, [])


async def test_without_budget_a_history_waits_and_nothing_has_failed(stage: NewStage) -> None:
    """Forty requests a minute: the history goes on minute by minute as the same run."""
    here = await stage(days=500, settings={"RATE_LIMIT_PER_MINUTE": "40"})
    run_id = (await backfill_of(here)).id
    here.runtime.jobs.start_worker()
    minutes = 0
    async with asyncio.timeout(PATIENCE_S):
        while not await here.runtime.jobs.finished(run_id, 0.5):
            here.clock.advance(60)
            minutes += 1
            states = await sync_states.all_of(here.db, here.grant.member_id)
            assert all(each.failures == 0 and each.error is None for each in states.values())
    run = await loaded(here, run_id)
    assert (run.state, run.error) == ("succeeded", None)
    assert minutes >= 2
    assert await here.db.row("SELECT count(*) FROM runs WHERE kind = 'backfill'") == (1,)
    assert sum(map(here.asked, NAMES)) <= sum(here.floor(name) + 1 for name in NAMES) + 4 * minutes
    assert await here.differences() == []


async def test_a_rest_ends_by_our_clock(stage: NewStage) -> None:
    """The engine looks at the database's clock alone, which other clocks may be ahead of."""
    here = await stage()
    until = datetime.now(UTC) + timedelta(days=400)
    await here.db.execute("UPDATE procrastinate_jobs SET scheduled_at = %s", (until,))
    await here.runtime.jobs.lead_once()
    assert await here.db.rows("SELECT scheduled_at FROM procrastinate_jobs") == [(until,)]
    here.clock.advance(500 * 86_400)
    await here.runtime.jobs.lead_once()
    assert (None,) in await here.db.rows("SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'backfill'")


async def pause_after_pages(here: Stage, pages: int) -> UUID:
    """Hold the history back when so many pages of cycles have come; returns its run once it waits."""
    run = await backfill_of(here)
    asked = 0
    pausing: list[asyncio.Task[object]] = []

    def before(request: httpx2.Request) -> None:
        nonlocal asked
        asked += request.url.path.endswith("/cycle")
        if asked == pages and not pausing:
            pausing.append(asyncio.create_task(here.runtime.jobs.steer_backfill(here.grant.member_id, "pause")))

    here.wire.before = before
    async with asyncio.timeout(PATIENCE_S):
        while not pausing or (run := await loaded(here, run.id)).state != "queued" or await jobs_of(here):
            await asyncio.sleep(0.02)
    return run.id


async def test_a_history_is_held_back_and_resumed(stage: NewStage) -> None:
    here = await stage(days=400)
    here.fault("slow", path="/developer/v2/cycle", count=None, seconds=0.05)
    here.runtime.jobs.start_worker()
    run_id = await pause_after_pages(here, 5)
    run = await loaded(here, run_id)
    assert (run.state, run.paused) == ("queued", True)
    assert run.progress["cycle"]["requests"] >= 5
    asked = here.asked("cycle")
    assert asked < here.floor("cycle")
    here.clock.advance(3600)
    await here.runtime.jobs.lead_once()
    assert all(task != "backfill" for task, _ in await jobs_of(here)), "nobody asks for it in its owner's stead"
    with pytest.raises(Conflict, match="held back"):
        await here.runtime.jobs.steer_backfill(here.grant.member_id, "start")
    resumed = await here.runtime.jobs.steer_backfill(here.grant.member_id, "resume")
    assert resumed is not None
    assert resumed.id == run_id
    run = await ended(here, run_id)
    assert (run.state, run.paused) == ("succeeded", False)
    assert here.asked("cycle") - asked <= here.floor("cycle") - 5 + 2
    await here.sync()  # what came up in the hour of the pause, of types whose history had ended before it
    assert await here.differences() == []


async def test_a_pause_before_the_first_page(stage: NewStage) -> None:
    here = await stage()
    held = await here.runtime.jobs.steer_backfill(here.grant.member_id, "pause")
    assert held is not None
    here.runtime.jobs.start_worker()
    async with asyncio.timeout(PATIENCE_S):
        while await jobs_of(here):
            await asyncio.sleep(0.02)
    assert (await loaded(here, held.id)).state == "queued"
    assert sum(map(here.asked, NAMES)) == 0
    await here.runtime.jobs.steer_backfill(here.grant.member_id, "resume")
    assert (await ended(here, held.id)).state == "succeeded"


async def test_who_asks_while_a_history_is_under_way_joins_it(stage: NewStage) -> None:
    here = await stage(days=60)
    gate = asyncio.Event()
    held = hold(here, "/developer/v2/cycle", gate)
    here.runtime.jobs.start_worker()
    await held.wait()
    first = await backfill_of(here)
    assert await here.runtime.jobs.request(here.grant.member_id, "backfill", "backfill") == first.id
    gate.set()
    run = await ended(here, first.id)
    assert run.state == "succeeded"
    assert run.attempt >= 2, "it has looked again"
    assert await here.db.row("SELECT count(*) FROM runs WHERE kind = 'backfill'") == (1,)


async def test_a_history_that_brings_nothing_is_asked_for_ever_more_rarely(stage: NewStage) -> None:
    here = await stage(days=60)
    await here.sync("cycle", "recovery", "workout")
    await here.db.execute("DELETE FROM procrastinate_jobs")
    await here.db.execute("DELETE FROM runs")
    rests: list[float] = []
    last = here.clock()
    here.clock.advance(1)
    while len(rests) < 9:
        await here.runtime.jobs.lead_once()
        run = await runs.newest(here.db, here.grant.member_id, "backfill")
        if run is not None and run.finished_at is None:
            rests.append((here.clock() - last).total_seconds())
            last = here.clock()
            await runs.start(here.db, run.id, last)
            await here.db.execute("DELETE FROM procrastinate_jobs")
            await runs.finish(here.db, run.id, "failed", last, attempt=1, outcome=NOTHING_NEW)
        here.clock.advance(900)
    hours = [round(each / 3600, 2) for each in rests[1:]]
    assert hours == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0]


async def test_what_the_member_does_not_allow_any_more_leaves_no_unfinished_history(stage: NewStage) -> None:
    here = await stage(days=60)
    assert await sync_states.unfinished_histories(here.db) == [here.grant.member_id], "nothing was asked for yet"
    await here.backfill()
    await here.sync()
    assert await sync_states.unfinished_histories(here.db) == []
    await here.db.execute("UPDATE sync_states SET history_done_at = NULL WHERE type = 'workout'")
    assert await sync_states.unfinished_histories(here.db) == [here.grant.member_id]
    await here.db.execute("UPDATE connections SET scopes = array_remove(scopes, 'read:workout')")
    assert await sync_states.unfinished_histories(here.db) == []
