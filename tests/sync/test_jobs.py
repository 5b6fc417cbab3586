"""Runs on the queue: one running and one waiting per member, taken over from the dead, resumed after a stop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
import pytest
from procrastinate.exceptions import ProcrastinateException

from circadia.domain.catalog import CATALOG, COLLECTIONS
from circadia.errors import UpstreamDown
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import World
from circadia.storage import runs, sync_states
from circadia.storage.runs import Run
from circadia.sync import jobs
from tests import simulated
from tests.conftest import NewStage, OpenRuntime
from tests.postgres import Server
from tests.prove.product import FileClock
from tests.prove.stage import PLENTY, open_stage, serving
from tests.simulated import Stage
from tests.truth import differences

PATIENCE_S = 30.0
NAMES = [each.name for each in COLLECTIONS]


async def loaded(here: Stage, run_id: UUID) -> Run:
    run = await runs.load(here.db, run_id)
    assert run is not None
    return run


async def ended(here: Stage, run_id: UUID) -> Run:
    assert await here.runtime.jobs.finished(run_id, PATIENCE_S)
    return await loaded(here, run_id)


async def backfill_of(here: Stage) -> Run:
    run = await runs.newest(here.db, here.grant.member_id, "backfill")
    assert run is not None
    return run


async def jobs_of(here: Stage) -> list[tuple[str, str]]:
    found = await here.db.rows(
        "SELECT task_name, status::text FROM procrastinate_jobs WHERE position(':' IN lock) > 0 ORDER BY id"
    )
    return [(each[0], each[1]) for each in found]


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


def hold(here: Stage, path: str, gate: asyncio.Event) -> asyncio.Event:
    """Keep the first request for `path` waiting until the gate opens; the event says that it has come."""
    came = asyncio.Event()
    through = here.wire.handle_async_request

    async def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == path and not gate.is_set():
            came.set()
            await gate.wait()
        return await through(request)

    here.wire.handle_async_request = handle  # type: ignore[method-assign]
    return came


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
    await second.jobs._tend(0)
    assert (await ended(here, run.id)).state == "succeeded"
    assert await here.differences() == []


async def test_a_run_of_a_member_who_is_gone_or_not_connected(stage: NewStage) -> None:
    here = await stage()
    waiting = await here.runtime.jobs.request(here.grant.member_id, "sync", "person")
    await here.runtime.connections.disconnect("alice", "keep")
    here.runtime.jobs.start_worker()
    run = await ended(here, waiting)
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["kind"] == "not_connected"
    gone = await here.runtime.jobs.request(here.grant.member_id, "sync", "person")
    await here.runtime.connections.disconnect("alice", "erase")
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


async def test_what_is_due_is_deferred_and_what_is_not_is_left(stage: NewStage) -> None:
    here = await stage(days=20)
    await here.backfill()
    await here.sync()
    await here.db.execute("DELETE FROM procrastinate_jobs")
    await here.db.execute("DELETE FROM runs")
    here.clock.advance(14 * 60)
    await here.runtime.jobs._tend(0)
    assert await jobs_of(here) == []
    here.clock.advance(60)
    await here.runtime.jobs._tend(0)
    assert await jobs_of(here) == [("sync", "todo")]
    run = await runs.newest(here.db, here.grant.member_id, "sync")
    assert run is not None
    assert run.types == sorted(NAMES)
    assert run.lane == "scheduled"


async def test_idle_grants_are_kept_alive_and_old_runs_forgotten(stage: NewStage) -> None:
    here = await stage()
    old = (await backfill_of(here)).id
    await runs.finish(here.db, old, "succeeded", here.clock())
    here.clock.advance(20 * 3600 + 600)
    await here.runtime.jobs._tend(0)
    token = await here.runtime.tokens.stored(here.grant.member_id)
    assert token is not None
    assert token.version == 2
    here.simulator.revoke(here.account)
    here.clock.advance(31 * 86_400)
    await here.runtime.jobs._tend(0)
    assert await runs.load(here.db, old) is None
    status = await here.runtime.connections.status("alice")
    assert status["state"] == "needs_reconnect"


async def test_the_jobs_of_a_killed_worker_are_taken_over(postgres_server: Server, tmp_path: Path) -> None:
    """kill -9 in the middle of a backfill; another process goes on and the store equals the world."""
    clock = FileClock(tmp_path / "clock")
    clock.set(simulated.EPOCH)
    world = World(seed=4, members=1, days=700, epoch=simulated.EPOCH)
    whoop = WhoopSimulator(world, clock=clock, limits=PLENTY, clients=(simulated.CLIENT,))
    account = world.user_ids[0]
    whoop.fault("slow", path="/developer/v2/cycle", after=3, count=None, seconds=0.2)
    async with serving(whoop) as url, open_stage(postgres_server, whoop, url, clock) as there:
        await there.product.ready()
        await there.connect(account)
        async with asyncio.timeout(PATIENCE_S):
            while whoop.traffic.count(path="/developer/v2/cycle") < 5:
                await asyncio.sleep(0.01)
        there.product.kill()
        first = await there.runtime.db.row("SELECT state FROM runs WHERE kind = 'backfill'")
        assert first == ("running",)
        before = whoop.traffic.count(path="/developer/v2/cycle")
        whoop.state.faults.clear()
        there.product.start()
        await there.quiet()
        assert await there.runtime.db.rows("SELECT state FROM runs WHERE kind = 'backfill'") == [("succeeded",)]
        assert whoop.traffic.count(path="/developer/v2/cycle") - before < 700 // 25, "it did not begin anew"
        user_id = there.user_of(account)
        assert await differences(there.runtime.db, user_id, whoop.truth(account)) == []


async def test_a_stalled_job_gives_way_to_a_newer_one(stage: NewStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dead worker's job cannot be queued again, because a newer one of the member waits: its run ends so."""
    here = await stage()
    first = await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["cycle"])
    await here.db.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    await here.db.execute(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers) "
        "WHERE task_name = 'sync'"
    )
    await runs.start(here.db, first, here.clock())
    second = await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["cycle"])
    assert first != second
    await here.runtime.jobs._rescue()
    run = await loaded(here, first)
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["kind"] == "interrupted"
    assert await jobs_of(here) == [("backfill", "todo"), ("sync", "todo")]
    monkeypatch.setattr(jobs, "STALLED_AFTER", 20.0)
    here.runtime.jobs.start_worker()
    assert (await ended(here, second)).state == "succeeded"


async def test_a_lane_decides_who_goes_first(stage: NewStage) -> None:
    here = await stage()
    await here.runtime.jobs.request(here.grant.member_id, "sync", "person")
    found: dict[str, int] = dict(await here.db.rows("SELECT task_name, priority FROM procrastinate_jobs"))
    assert found["sync"] == jobs.PRIORITIES["person"] > found["backfill"] == jobs.PRIORITIES["backfill"]


async def test_a_waiting_delivery_is_settled_by_a_sync_that_began_after_it(stage: NewStage) -> None:
    here = await stage(days=20)
    for trace, at in (("before", here.clock()), ("after", here.clock.at.replace(hour=13))):
        await here.db.execute(
            "INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state) "
            "VALUES ('whoop', %s, 'sleep.updated', 'x', %s, %s, 'waiting')",
            (trace, here.account, at),
        )
    await here.sync()
    assert await here.db.rows("SELECT trace_id, state FROM deliveries ORDER BY id") == [
        ("before", "settled"),
        ("after", "waiting"),
    ]
    assert await sync_states.due_members(here.db, here.clock()) == []


async def test_the_housekeeping_of_a_dead_worker_blocks_nobody(
    stage: NewStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that died while it looked for due members holds that job's lock; what is due is synced all the same."""
    monkeypatch.setattr(jobs, "RESCUE_EVERY", 0.1)
    here = await stage(days=20)
    await here.backfill()
    await here.sync()
    await here.db.execute("DELETE FROM procrastinate_jobs")
    await here.db.execute("DELETE FROM runs")
    await here.db.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status) "
        """VALUES ('default', 'tend', 'tend', 'tend', '{"timestamp": 0}', 'doing')"""
    )
    here.clock.advance(3600)
    here.runtime.jobs.start_worker()
    async with asyncio.timeout(PATIENCE_S):
        while (run := await runs.newest(here.db, here.grant.member_id, "sync")) is None:
            await asyncio.sleep(0.05)
    assert (await ended(here, run.id)).state == "succeeded"


async def stalled(here: Stage, types: list[str]) -> UUID:
    """A run that a worker had begun when it died."""
    run_id = await here.runtime.jobs.request(here.grant.member_id, "sync", "person", types)
    await here.db.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'sync'")
    await runs.start(here.db, run_id, here.clock())
    return run_id


async def test_a_dead_worker_s_run_is_queued_again_and_can_be_joined(stage: NewStage) -> None:
    here = await stage(days=20)
    run_id = await stalled(here, ["cycle"])
    await here.runtime.jobs._rescue()
    assert (await loaded(here, run_id)).state == "queued"
    assert await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["sleep"]) == run_id
    here.runtime.jobs.start_worker()
    run = await ended(here, run_id)
    assert (run.state, run.types) == ("succeeded", ["cycle", "sleep"])


async def test_a_worker_that_died_after_the_run_had_ended_leaves_nothing_to_do(stage: NewStage) -> None:
    here = await stage()
    run_id = await stalled(here, ["cycle"])
    await runs.finish(here.db, run_id, "succeeded", here.clock(), outcome={"types": {}})
    await here.runtime.jobs._rescue()
    assert await jobs_of(here) == [("backfill", "todo")]
    assert (await loaded(here, run_id)).outcome == {"types": {}}


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


async def test_a_worker_comes_back_after_its_database_was_away(stage: NewStage, postgres_server: Server) -> None:
    here = await stage(days=20)
    here.runtime.jobs.start_worker()
    await ended(here, (await backfill_of(here)).id)
    name = here.db.url.rsplit("/", 1)[1].encode()
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(b"ALTER DATABASE " + name + b" ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name.decode(),))
        await asyncio.sleep(2)
        admin.execute(b"ALTER DATABASE " + name + b" ALLOW_CONNECTIONS true")
    here.clock.advance(60)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                run = await here.runtime.jobs.request(here.grant.member_id, "sync", "person")
                break
            except (UpstreamDown, ProcrastinateException):  # connections that have not been found dead yet
                await asyncio.sleep(0.1)
    assert (await ended(here, run)).state == "succeeded"


async def test_a_run_that_somebody_else_has_queued_meanwhile_is_not_discarded(stage: NewStage) -> None:
    """One asker has made the run, another joins it and is faster at the queue; the first then lets go of it."""
    here = await stage()
    made = await runs.create(here.db, here.grant.member_id, "sync", "person", ["cycle"], here.clock())
    assert await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["sleep"]) == made
    await runs.discard(here.db, made)
    assert (await loaded(here, made)).types == ["cycle", "sleep"]
    alone = await runs.create(here.db, here.grant.member_id, "sync", "person", ["cycle"], here.clock())
    await runs.discard(here.db, alone)
    assert await runs.load(here.db, alone) is None


async def test_an_import_whose_process_died_is_ended(stage: NewStage) -> None:
    here = await stage()
    left = await runs.create(here.db, here.grant.member_id, "import", "person", [], here.clock())
    await runs.start(here.db, left, here.clock())
    here.clock.advance(3600)
    await here.runtime.jobs._tend(0)
    assert (run := await runs.load(here.db, left)) is not None
    assert run.state == "running"
    here.clock.advance(3601)
    await here.runtime.jobs._tend(0)
    run = await ended(here, left)
    assert run.error is not None
    assert (run.state, run.error["kind"]) == ("failed", "interrupted")
