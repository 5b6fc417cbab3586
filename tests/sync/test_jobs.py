"""Runs on the queue: one running and one waiting per member, by the lane of whoever waits."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from circadia.domain.catalog import CATALOG, COLLECTIONS
from circadia.errors import NotFound
from circadia.simulator.faults import TOKEN_PATH
from circadia.storage import runs
from circadia.sync.queue import PRIORITIES, QUEUES
from circadia.sync.upkeep import Upkeep
from circadia.sync.wanted import Wanted
from circadia.sync.workers import SHARES, deal
from tests import simulated
from tests.conftest import NewStage, OpenRuntime
from tests.simulated import US, Stage
from tests.sync.following import PATIENCE_S, backfill_of, ended, hold, jobs_of, loaded

NAMES = [each.name for each in COLLECTIONS]


async def test_connecting_fills_the_store_by_itself(stage: NewStage) -> None:
    here = await stage(days=60)
    waiting = await backfill_of(here)
    assert not await here.runtime.jobs.finished(waiting.id, 0)
    assert not await here.runtime.jobs.someone_works()
    here.runtime.jobs.start_worker()
    run = await ended(here, waiting.id)
    assert (run.state, run.error) == ("succeeded", None)
    assert run.outcome is not None
    assert set(run.outcome["types"]) == {each.name for each in CATALOG}
    assert set(run.progress) == set(NAMES)
    assert run.started_at is not None
    assert run.finished_at == here.clock()
    assert here.runtime.jobs.worker_alive
    assert await here.runtime.jobs.someone_works()
    assert await here.differences() == []


async def test_a_waiting_run_is_widened_instead_of_doubled(stage: NewStage) -> None:
    here = await stage()
    request = here.runtime.jobs.request
    first = await request(here.grant.member_id, "sync", "scheduled", ["sleep"])
    second = await request(here.grant.member_id, "sync", "person", ["cycle", "sleep"])
    assert first == second
    assert (await loaded(here, first)).types == ["cycle", "sleep"]
    assert await jobs_of(here) == [("backfill", "todo"), ("sync", "todo")]
    assert await request(here.grant.member_id, "sync", "person") == first
    assert set((await loaded(here, first)).types) == {each.name for each in CATALOG}


async def place_of(here: Stage, task: str) -> tuple[str, int]:
    """Queue and priority of a waiting job."""
    found = await here.db.row(
        "SELECT queue_name, priority FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo'", (task,)
    )
    assert found is not None
    return found[0], found[1]


async def test_who_joins_from_a_better_lane_raises_the_run(stage: NewStage) -> None:
    here = await stage()
    run_id = await here.runtime.jobs.request(here.grant.member_id, "sync", "scheduled", ["sleep"])
    assert await place_of(here, "sync") == ("sync", PRIORITIES["scheduled"])
    await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["sleep"])
    assert await place_of(here, "sync") == ("person", PRIORITIES["person"])
    assert (await loaded(here, run_id)).lane == "person"
    await here.runtime.jobs.request(here.grant.member_id, "sync", "reconcile", ["sleep"])
    assert await place_of(here, "sync") == ("person", PRIORITIES["person"]), "and from a lower one leaves it"
    assert (await loaded(here, run_id)).lane == "person"


async def test_the_options_of_who_joins_are_added(stage: NewStage) -> None:
    here = await stage()
    request = here.runtime.jobs.request
    first = await request(here.grant.member_id, "reconcile", "reconcile", ["sleep"], {"full": True})
    assert await request(here.grant.member_id, "reconcile", "person", ["cycle"], {"allow_deletes": True}) == first
    run = await loaded(here, first)
    assert (run.types, run.options) == (["cycle", "sleep"], {"full": True, "allow_deletes": True})
    assert run.attempt == 0


async def test_a_full_queue_keeps_nobody_waiting_in_a_better_one(stage: NewStage) -> None:
    """All slots for histories and for what is due are taken by requests that WHOOP does not answer; a person's sync is
    carried out meanwhile."""
    here = await stage(members=3, days=30)
    gate = asyncio.Event()
    held = hold(here, "/developer/v2/cycle", gate)
    here.runtime.jobs.start_worker(3)
    await here.runtime.jobs.request(here.grant.member_id, "sync", "scheduled", ["cycle"])
    await held.wait()
    other = await simulated.connect(here.runtime, here.simulator, "bob", here.simulator.state.world.user_ids[1])
    async with asyncio.timeout(PATIENCE_S):
        asked = await here.runtime.jobs.request(other.grant.member_id, "sync", "person", ["sleep"])
        assert (await ended(here, asked)).state == "succeeded"
    gate.set()


@pytest.mark.parametrize(
    ("slots", "dealt"), [(1, (1, 1, 1, 1)), (7, (4, 1, 1, 1)), (16, (5, 4, 4, 3)), (100, (32, 25, 25, 18))]
)
def test_slots_are_dealt_to_all_queues(slots: int, dealt: tuple[int, ...]) -> None:
    assert tuple(deal(slots)[each] for each in SHARES) == dealt
    assert set(QUEUES.values()) == set(deal(slots))


async def test_many_at_once_ask_for_one_run(stage: NewStage) -> None:
    here = await stage()
    asked = await asyncio.gather(
        *(here.runtime.jobs.request(here.grant.member_id, "sync", "person", [NAMES[each % 4]]) for each in range(12))
    )
    assert [each for each in await jobs_of(here) if each[0] == "sync"] == [("sync", "todo")]
    here.runtime.jobs.start_worker()
    done = [await ended(here, each) for each in set(asked)]
    assert set().union(*(each.types for each in done)) == set(NAMES), "nobody's wish is lost"
    assert {(await ended(here, each)).state for each in asked} == {"succeeded"}


async def test_one_runs_and_one_waits(stage: NewStage) -> None:
    here = await stage()
    gate = asyncio.Event()
    held = hold(here, "/developer/v2/cycle", gate)
    here.runtime.jobs.start_worker()
    request = here.runtime.jobs.request
    first = await request(here.grant.member_id, "sync", "person", ["cycle"])
    await held.wait()
    second = await request(here.grant.member_id, "sync", "person", ["sleep"])
    third = await request(here.grant.member_id, "sync", "person", ["workout"])
    assert second == third != first
    assert (await loaded(here, second)).state == "queued"
    gate.set()
    assert (await ended(here, first)).state == "succeeded"
    assert (await ended(here, second)).types == ["sleep", "workout"]


async def test_a_stop_ends_the_walk_after_its_page_and_the_next_worker_goes_on(
    stage: NewStage, runtime: OpenRuntime
) -> None:
    here = await stage(days=300)
    gate = asyncio.Event()
    held = hold(here, "/developer/v2/cycle", gate)
    here.runtime.jobs.start_worker()
    await held.wait()
    stopping = asyncio.create_task(here.runtime.jobs.stop_worker())
    await asyncio.sleep(0.05)
    gate.set()
    await stopping
    assert not here.runtime.jobs.worker_alive
    run = await backfill_of(here)
    assert run.state == "queued"
    asked = {name: here.asked(name) for name in NAMES}
    assert sum(asked.values()) < sum(map(here.floor, NAMES))
    second = await runtime(here.simulator)
    second.jobs.start_worker()
    here.clock.advance(60)
    await second.jobs.lead_once()
    assert (await ended(here, run.id)).state == "succeeded"
    assert await here.differences() == []


async def test_a_stop_waits_for_a_renewal_that_has_begun(stage: NewStage) -> None:
    """WHOOP may have rotated the pair already: the answer has to be heard and kept."""
    here = await stage()
    here.clock.advance(3700)
    gate = asyncio.Event()
    held = hold(here, TOKEN_PATH, gate)
    here.runtime.jobs.start_worker()
    await held.wait()
    closing = asyncio.create_task(here.runtime.jobs.close())
    await asyncio.sleep(0.3)
    assert not closing.done()
    gate.set()
    await closing
    token = await here.runtime.tokens.stored(here.grant.member_id)
    assert token is not None
    assert token.version == 2
    assert (await backfill_of(here)).state == "queued"


async def test_a_run_of_a_member_who_is_gone_or_not_connected(stage: NewStage) -> None:
    here = await stage()
    waiting = await here.runtime.jobs.request(here.grant.member_id, "sync", "person")
    await here.runtime.connections.disconnect("alice", "keep", by=US)
    here.runtime.jobs.start_worker()
    run = await ended(here, waiting)
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["kind"] == "not_connected"
    gone = await here.runtime.jobs.request(here.grant.member_id, "sync", "person")
    await here.runtime.connections.disconnect("alice", "erase", by=US)
    assert await here.runtime.jobs.finished(gone, PATIENCE_S)
    assert await runs.load(here.db, gone) is None


async def test_a_lost_grant_ends_the_run_with_its_reason(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(3600)
    here.simulator.revoke(here.account)
    here.runtime.jobs.start_worker()
    run = await ended(here, (await backfill_of(here)).id)
    assert run.state == "failed"
    assert run.outcome is not None
    assert {each["kind"] for each in run.outcome["errors"].values()} == {"needs_reconnect"}


async def test_what_is_due_is_asked_for_once(stage: NewStage) -> None:
    here = await stage(days=20)
    await here.backfill()
    await here.sync()
    await here.db.execute("DELETE FROM procrastinate_jobs")
    await here.db.execute("DELETE FROM runs")
    await here.runtime.jobs.lead_once()
    assert await jobs_of(here) == []
    await here.db.execute("UPDATE sync_states SET due_at = %s WHERE type = 'sleep'", (here.clock(),))
    await here.runtime.jobs.lead_once()
    await here.runtime.jobs.lead_once()
    assert await jobs_of(here) == [("sync", "todo")]
    run = await runs.newest(here.db, here.grant.member_id, "sync")
    assert run is not None
    assert (run.types, run.lane) == (["sleep"], "scheduled")


async def test_the_engine_s_tables_do_not_grow(stage: NewStage) -> None:
    here = await stage(days=20)
    here.runtime.jobs.start_worker()
    await ended(here, (await backfill_of(here)).id)
    for _ in range(5):
        await ended(here, await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["cycle"]))
    await here.runtime.jobs.stop_worker()
    for table in ("jobs", "events", "workers", "periodic_defers"):
        assert await here.db.row(f"SELECT count(*) FROM procrastinate_{table}") == (0,), table


async def test_idle_grants_are_kept_alive_and_old_runs_forgotten(stage: NewStage) -> None:
    here = await stage()
    old = (await backfill_of(here)).id
    await runs.finish(here.db, old, "succeeded", here.clock(), attempt=0)
    here.clock.advance(20 * 3600 + 600)
    await here.runtime.jobs.lead_once()
    token = await here.runtime.tokens.stored(here.grant.member_id)
    assert token is not None
    assert token.version == 2
    here.simulator.revoke(here.account)
    here.clock.advance(31 * 86_400)
    await here.runtime.jobs.lead_once()
    assert await runs.load(here.db, old) is None
    status = await here.runtime.connections.status("alice")
    assert status["state"] == "needs_reconnect"


async def test_a_bug_ends_the_run_and_not_the_worker(stage: NewStage) -> None:
    here = await stage()
    broken = await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["no such type"])
    here.runtime.jobs.start_worker()
    run = await ended(here, broken)
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["kind"] == "internal"
    sound = await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["cycle"])
    assert (await ended(here, sound)).state == "succeeded"


async def test_one_who_was_erased_keeps_nobody_from_being_asked_for(stage: NewStage) -> None:
    here = await stage()
    upkeep = Upkeep(here.db, here.runtime.jobs._queue, here.runtime.tokens, here.clock, 20.0)
    nobody = here.grant.member_id + 1000

    async def source(_now: datetime) -> list[Wanted]:
        return [Wanted(each, "sync", "webhook", ("cycle",)) for each in (nobody, here.grant.member_id)]

    await upkeep.ask(source)
    assert ("sync", "todo") in await jobs_of(here)
    with pytest.raises(NotFound):
        await here.runtime.jobs.request(nobody, "sync", "person", ["cycle"])


async def test_an_import_whose_process_died_is_ended(stage: NewStage) -> None:
    here = await stage()
    left = await runs.create(here.db, here.grant.member_id, "import", "person", [], here.clock())
    await runs.start(here.db, left, here.clock())
    here.clock.advance(3600)
    await here.runtime.jobs.lead_once()
    assert (run := await runs.load(here.db, left)) is not None
    assert run.state == "running"
    here.clock.advance(3601)
    await here.runtime.jobs.lead_once()
    run = await ended(here, left)
    assert run.error is not None
    assert (run.state, run.error["kind"]) == ("failed", "interrupted")
