"""Workers that die, sleep, or lose their database: their work is taken over, and what they do later changes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from circadia.domain.catalog import COLLECTIONS
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import World
from circadia.storage import jobs, runs, sync_states
from circadia.storage.postgres import Database
from circadia.sync.leader import Leader, Step
from circadia.sync.pace import Pace
from circadia.sync.queue import PRIORITIES
from tests import simulated
from tests.conftest import NewStage, OpenRuntime
from tests.postgres import Server
from tests.prove.product import HURRIED, FileClock
from tests.prove.stage import PLENTY, open_stage, serving
from tests.prove.stage import Stage as Stage_
from tests.simulated import Stage
from tests.sync.following import PATIENCE_S, backfill_of, ended, jobs_of, loaded
from tests.truth import differences

NAMES = [each.name for each in COLLECTIONS]
CYCLES = "/developer/v2/cycle"


@asynccontextmanager
async def processes(server: Server, directory: Path) -> AsyncIterator[tuple[Stage_, int]]:
    """The product as a process, in the middle of a member's long history."""
    clock = FileClock(directory / "clock")
    clock.set(simulated.EPOCH)
    world = World(seed=4, members=1, days=700, epoch=simulated.EPOCH)
    whoop = WhoopSimulator(world, clock=clock, limits=PLENTY, clients=(simulated.CLIENT,))
    whoop.fault("slow", path=CYCLES, after=3, count=None, seconds=0.2)
    async with serving(whoop) as url, open_stage(server, whoop, url, clock) as there:
        await there.product.ready()
        await there.connect(world.user_ids[0])
        async with asyncio.timeout(PATIENCE_S):
            while whoop.traffic.count(path=CYCLES) < 8:
                await asyncio.sleep(0.01)
        yield there, world.user_ids[0]


async def test_the_jobs_of_a_killed_worker_are_taken_over(postgres_server: Server, tmp_path: Path) -> None:
    """kill -9 in the middle of a backfill; another process goes on and the store equals the world."""
    async with processes(postgres_server, tmp_path) as (there, account):
        there.product.kill()
        whoop = there.whoop
        assert await there.runtime.db.row("SELECT state FROM runs WHERE kind = 'backfill'") == ("running",)
        before = whoop.traffic.count(path=CYCLES)
        whoop.state.faults.clear()
        there.product.start()
        await there.quiet(pass_s=0.1)
        assert await there.runtime.db.rows("SELECT state FROM runs WHERE kind = 'backfill'") == [("succeeded",)]
        assert whoop.traffic.count(path=CYCLES) - before < 700 // 25, "it did not begin anew"
        assert await differences(there.runtime.db, there.user_of(account), whoop.truth(account)) == []


async def test_a_worker_that_was_only_asleep_changes_nothing_when_it_wakes(
    postgres_server: Server, tmp_path: Path
) -> None:
    """Suspended in the middle of a backfill, while it leads, and taken for dead; it wakes after the end."""
    async with processes(postgres_server, tmp_path) as (there, account):
        db = there.runtime.db
        asleep = there.product
        asleep.signal(signal.SIGSTOP)
        there.whoop.state.faults.clear()
        second = asleep.another()
        second.start()
        try:
            # the server does so itself, after twenty seconds
            await db.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE state = 'idle in transaction' AND datname = current_database()"""
            )
            await there.quiet(pass_s=0.1)
            rows = "SELECT id, state, attempt, progress, outcome, finished_at FROM runs ORDER BY created_at"
            states = "SELECT type, last_sync_at, due_at, success_began_at, outcome FROM sync_states ORDER BY type"
            told, known = await db.rows(rows), await db.rows(states)
            there.clock.advance(120)
            asked = there.whoop.traffic.counts.total()
            asleep.signal(signal.SIGCONT)
            async with asyncio.timeout(PATIENCE_S):
                while b"run.superseded" not in asleep.output() and b"leader.lost" not in asleep.output():
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1.0)
            assert await db.rows(rows) == told
            assert {each[1] for each in told} == {"succeeded"}
            assert await db.rows(states) == known
            assert there.whoop.traffic.counts.total() - asked <= len(NAMES), "it has stopped at its page"
            assert await differences(db, there.user_of(account), there.whoop.truth(account)) == []
        finally:
            second.kill()


async def stalled(here: Stage, types: list[str]) -> UUID:
    """A run that a worker had begun when it died."""
    run_id = await here.runtime.jobs.request(here.grant.member_id, "sync", "person", types)
    await here.db.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'sync'")
    await runs.start(here.db, run_id, here.clock())
    return run_id


async def test_a_dead_worker_s_run_is_queued_again_and_can_be_joined(stage: NewStage) -> None:
    here = await stage(days=20)
    run_id = await stalled(here, ["cycle"])
    await here.runtime.jobs.lead_once()
    assert (await loaded(here, run_id)).state == "queued"
    assert await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["sleep"]) == run_id
    here.runtime.jobs.start_worker()
    run = await ended(here, run_id)
    assert (run.state, run.types, run.attempt) == ("succeeded", ["cycle", "sleep"], 3)


async def test_who_was_taken_over_cannot_end_the_run_that_others_have_joined(stage: NewStage) -> None:
    here = await stage(days=20)
    run_id = await stalled(here, ["cycle"])
    lost = await loaded(here, run_id)
    await here.runtime.jobs.lead_once()
    assert await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["sleep"]) == run_id
    assert await runs.report(here.db, run_id, {"cycle": {}}, lost.attempt) is None
    assert not await runs.finish(here.db, run_id, "succeeded", here.clock(), attempt=lost.attempt)
    here.runtime.jobs.start_worker()
    run = await ended(here, run_id)
    assert run.outcome is not None
    assert set(run.outcome["types"]) == {"cycle", "sleep"}


async def test_a_job_that_kills_its_workers_stays_in_its_lane(stage: NewStage) -> None:
    here = await stage()
    await stalled(here, ["cycle"])
    for _ in range(12):
        await here.runtime.jobs.lead_once()
        found = await here.db.row(
            "UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'sync' RETURNING priority"
        )
        assert found == (PRIORITIES["person"] + 1,)


async def test_an_orphan_s_former_worker_cannot_end_it(stage: NewStage) -> None:
    here = await stage()
    run = await runs.start(here.db, (await backfill_of(here)).id, here.clock())
    assert run is not None
    await here.db.execute("DELETE FROM procrastinate_jobs")
    here.clock.advance(61)
    await here.runtime.jobs.lead_once()
    assert (await loaded(here, run.id)).state == "queued"
    assert not await runs.finish(here.db, run.id, "succeeded", here.clock(), attempt=run.attempt)


async def test_a_dead_worker_s_job_gives_way_to_a_newer_one(stage: NewStage) -> None:
    here = await stage()
    first = await stalled(here, ["cycle"])
    second = await here.runtime.jobs.request(here.grant.member_id, "sync", "person", ["cycle"])
    assert first != second
    await here.runtime.jobs.lead_once()
    run = await loaded(here, first)
    assert run.error is not None
    assert (run.state, run.error["kind"]) == ("failed", "interrupted")
    assert await jobs_of(here) == [("backfill", "todo"), ("sync", "todo")]
    here.runtime.jobs.start_worker()
    assert (await ended(here, second)).state == "succeeded"


async def test_a_job_between_two_slices_is_not_taken_for_a_newer_one(stage: NewStage) -> None:
    """Its worker died when the next slice was in the queue already."""
    here = await stage()
    run = await backfill_of(here)
    await runs.start(here.db, run.id, here.clock())
    await here.db.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status) "
        "SELECT queue_name, task_name, lock, queueing_lock, args, 'doing' FROM procrastinate_jobs"
    )
    await here.runtime.jobs.lead_once()
    assert (await loaded(here, run.id)).state == "queued"
    assert await jobs_of(here) == [("backfill", "todo")]


async def test_a_worker_that_died_after_the_run_had_ended_leaves_nothing_to_do(stage: NewStage) -> None:
    here = await stage()
    run_id = await stalled(here, ["cycle"])
    await runs.finish(here.db, run_id, "succeeded", here.clock(), attempt=1, outcome={"types": {}})
    await here.runtime.jobs.lead_once()
    assert await jobs_of(here) == [("backfill", "todo")]
    assert (await loaded(here, run_id)).outcome == {"types": {}}


async def test_a_worker_that_lives_keeps_its_jobs(stage: NewStage) -> None:
    here = await stage()
    await stalled(here, ["cycle"])
    await here.db.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    await here.db.execute(
        "UPDATE procrastinate_jobs SET worker_id = (SELECT id FROM procrastinate_workers) WHERE task_name = 'sync'"
    )
    await here.runtime.jobs.lead_once()
    assert ("sync", "doing") in await jobs_of(here)


async def test_who_fell_asleep_in_the_midst_of_a_statement_locks_nothing_for_long(
    stage: NewStage, runtime: OpenRuntime
) -> None:
    here = await stage(days=5)
    with psycopg.connect(here.db.url, application_name="circadia") as asleep:
        asleep.execute("LOCK TABLE members IN ACCESS EXCLUSIVE MODE")
        # Parse and Bind of the wire protocol, and then no Execute
        parts = ((b"P", b"one\0SELECT 1\0\0\0"), (b"B", b"\0one\0" + bytes(6)))
        told = b"".join(kind + (4 + len(body)).to_bytes(4, "big") + body for kind, body in parts)
        assert os.write(asleep.fileno(), told) == len(told)
        working = await runtime(here.simulator, pace=HURRIED)
        working.jobs.start_worker()
        async with asyncio.timeout(PATIENCE_S), here.db.begin() as another:
            await another.execute("LOCK TABLE members IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.OperationalError):
            asleep.execute("SELECT 1")


async def test_a_job_that_was_fetched_and_never_begun_is_put_back(stage: NewStage, runtime: OpenRuntime) -> None:
    """The answer to the fetch was lost with its connection, so the worker it was for does not know of it."""
    here = await stage(days=20)
    working = await runtime(here.simulator, pace=HURRIED)
    working.jobs.start_worker()
    await ended(here, (await backfill_of(here)).id)
    async with here.db.begin() as connection:
        run_id = await runs.add(connection, here.grant.member_id, "sync", "person", ["cycle"], {}, here.clock())
        key = f"sync:{here.grant.member_id}"
        await connection.execute(
            """INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id)
               SELECT 'person', 'sync', %s, %s, jsonb_build_object('run_id', %s::text), 'doing', min(id)
               FROM procrastinate_workers""",
            (key, key, str(run_id)),
        )
    assert (await ended(here, run_id)).state == "succeeded"


async def test_a_run_without_a_job_is_found_and_carried_out(stage: NewStage) -> None:
    here = await stage(days=20)
    run_id = (await backfill_of(here)).id
    await runs.start(here.db, run_id, here.clock())
    await here.db.execute("DELETE FROM procrastinate_jobs")
    await here.runtime.jobs.lead_once()
    assert await jobs_of(here) == [], "it may be about to be queued"
    here.clock.advance(61)
    here.runtime.jobs.start_worker()
    await here.runtime.jobs.lead_once()
    assert (await ended(here, run_id)).state == "succeeded"


async def test_a_sleeper_s_late_word_on_a_type_is_not_heard(stage: NewStage) -> None:
    """A sync that began later has succeeded: neither success nor failure of the earlier one changes what it wrote."""
    here = await stage(days=20)
    began_at = here.clock()
    here.clock.advance(600)
    await here.sync("cycle")
    known = await here.state("cycle")
    late, due_at = here.clock() + timedelta(seconds=60), here.clock() + timedelta(days=9)
    member_id = here.grant.member_id
    async with here.db.begin() as connection:
        await sync_states.succeed(
            connection,
            member_id,
            "cycle",
            cursor=began_at,
            began_at=began_at,
            now=late,
            due_at=due_at,
            pending=0,
            outcome={},
        )
    await sync_states.fail(here.db, member_id, "cycle", began_at=began_at, now=late, due_at=due_at, error={})
    await sync_states.put_off(here.db, member_id, "cycle", began_at=began_at, due_at=due_at)
    assert await here.state("cycle") == known


async def test_an_earlier_attempt_writes_nothing_any_more(stage: NewStage) -> None:
    here = await stage()
    run_id = (await backfill_of(here)).id
    first = await runs.start(here.db, run_id, here.clock())
    second = await runs.start(here.db, run_id, here.clock())
    assert first is not None
    assert second is not None
    assert (first.attempt, second.attempt) == (1, 2)
    assert await runs.report(here.db, run_id, {"cycle": {}}, first.attempt) is None
    assert not await runs.requeue(here.db, run_id, first.attempt)
    assert not await runs.lower(here.db, run_id, first.attempt, "backfill")
    assert not await runs.finish(here.db, run_id, "failed", here.clock(), attempt=first.attempt)
    assert await loaded(here, run_id) == second
    assert await runs.finish(here.db, run_id, "succeeded", here.clock(), attempt=second.attempt)
    assert await runs.start(here.db, run_id, here.clock()) is None


class Counted:
    """A leader's step that counts itself."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


async def until(here: Counted, times: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while here.times < times:
            await asyncio.sleep(0.01)


BRISK = Pace(heartbeat_s=0.1, dead_after_s=0.5, rescue_every_s=0.1)


async def test_one_leads_and_the_next_follows(db: Database) -> None:
    first, second = Counted(), Counted()
    leaders = [Leader(db, [Step("count", 0.01, each)], BRISK) for each in (first, second)]
    leading = asyncio.create_task(leaders[0].lead())
    await until(first, 3)
    standing_by = asyncio.create_task(leaders[1].lead())
    await until(first, first.times + 40)
    assert second.times == 0
    leaders[0].stop()
    await leading
    await until(second, 3)
    leaders[1].stop()
    await standing_by
    held = (
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database()"
    )
    assert await db.row(f"{held} AND l.locktype = 'advisory'") == (0,)


async def test_a_silent_leader_is_deposed(db: Database) -> None:
    """A suspended process, or a machine without network, holds its lock for ever."""
    async with await psycopg.AsyncConnection.connect(db.url, autocommit=True) as silent:
        await silent.execute("SELECT pg_advisory_lock(%s)", (0x6C656164,))
        counted = Counted()
        leader = Leader(db, [Step("count", 0.01, counted)], BRISK)
        leading = asyncio.create_task(leader.lead())
        await until(counted, 1)
        with pytest.raises(psycopg.OperationalError):
            await silent.execute("SELECT 1")
        leader.stop()
        await leading


async def test_a_step_that_breaks_is_tried_again_and_disturbs_no_other(db: Database) -> None:
    sound, broken = Counted(), Counted()

    async def breaks() -> None:
        await broken()
        raise ValueError("a bug")

    leader = Leader(db, [Step("breaks", 0.01, breaks), Step("sound", 0.01, sound)], BRISK)
    leading = asyncio.create_task(leader.lead())
    await until(broken, 2)
    assert sound.times > broken.times
    leader.stop()
    await leading


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
    run = await here.runtime.jobs.request(here.grant.member_id, "sync", "person")
    assert (await ended(here, run)).state == "succeeded"
    async with asyncio.timeout(PATIENCE_S):
        while not here.runtime.jobs.worker_alive:
            await asyncio.sleep(0.05)
    assert await jobs.working(here.db, 20.0)


async def test_a_lead_that_breaks_is_followed_by_the_next(db: Database) -> None:
    """Whatever ended it: the process that leads has to find back by itself."""
    counted = Counted()
    fails = iter([True, False])

    class Breaking(Leader):
        async def _try(self) -> None:
            if next(fails, False):
                raise ValueError("a bug")
            await super()._try()

    leader = Breaking(db, [Step("count", 0.01, counted)], BRISK)
    leading = asyncio.create_task(leader.lead())
    await until(counted, 2)
    leader.stop()
    await leading


async def test_a_process_whose_leader_has_ended_is_not_ready(stage: NewStage) -> None:
    here = await stage(days=20)
    here.runtime.jobs.start_worker()
    await ended(here, (await backfill_of(here)).id)
    assert here.runtime.jobs.worker_alive
    (leading,) = [each for each in asyncio.all_tasks() if each.get_name() == "leader"]
    leading.cancel()
    await asyncio.wait([leading])
    assert not here.runtime.jobs.worker_alive
