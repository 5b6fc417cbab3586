"""How runs are carried out: Procrastinate's queue in the same PostgreSQL.

What is due is our data; that it runs once, in order and again after a crash is the engine's. A member has at most one
running and one waiting sync; a backfill has a lock of its own, so nobody waits behind one. Any number of workers on
any machine may run; a dead one's jobs are taken over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.worker import Worker

from circadia.clients.whoop.auth import Tokens
from circadia.clock import Clock
from circadia.domain.catalog import BY_NAME, CATALOG, COLLECTIONS
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.domain.windows import IDLE_LIMIT, idle
from circadia.errors import CircadiaError, UpstreamDown
from circadia.storage import members, runs, sync_states
from circadia.storage import tokens as stored_tokens
from circadia.storage.postgres import Database, row
from circadia.storage.runs import RunKind
from circadia.sync.engine import Engine
from circadia.sync.outcome import Outcome, Report, told

log = structlog.get_logger()

PRIORITIES: dict[Lane, int] = {"person": 50, "webhook": 40, "scheduled": 30, "reconcile": 20, "backfill": 10}
"""Higher goes first."""

HEARTBEAT, STALLED_AFTER, RESCUE_EVERY, GRACE = 5.0, 20.0, 5.0, 10.0
"""Seconds between a worker's signs of life, until it counts as dead, between looks for the jobs of the dead, and for
a page to finish at a stop."""

_RESCUE_LOCK = 0x72657363

_KEEP_RUNS = timedelta(days=30)
_FAILED_HISTORY_RESTS = timedelta(minutes=15)
_LONGEST_IMPORT = timedelta(hours=2)
_REQUEST_TRIES = 300
_MOST_BACK_OFF = 30.0


_NOT_CONNECTED = {"kind": "not_connected", "message": "the member is not connected", "remedy": "Connect WHOOP."}
_BROKE = {"kind": "internal", "message": "an unexpected error; the log has its trace", "remedy": None}
_INTERRUPTED = {"kind": "interrupted", "message": "its worker died; a newer run does its work", "remedy": None}

Work = Callable[[runs.Run, Grant], Awaitable[Report]]


class Stopping(Exception):
    """The worker is asked to stop; the walk ends after the page it has stored."""


class Jobs:
    """The queue and, where one is wanted, the worker of this process."""

    def __init__(self, db: Database, engine: Engine, tokens: Tokens, clock: Clock) -> None:
        self._db = db
        self._engine = engine
        self._tokens = tokens
        self._clock = clock
        self._stopping = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._engine_worker: Worker | None = None
        self.worker_alive = False
        self._app = App(connector=PsycopgConnector())
        self._sync_task = self._app.task(name="sync")(self._run_sync)
        self._backfill_task = self._app.task(name="backfill")(self._run_backfill)
        tend = self._app.task(name="tend", queueing_lock="tend", lock="tend")(self._tend)
        self._app.periodic(cron="* * * * *", periodic_id="tend")(tend)

    async def open(self) -> None:
        """Join the queue on the database's own pool."""
        await self._app.open_async(self._db.pool)

    async def close(self) -> None:
        """Stop the worker, letting the current pages and every token renewal finish."""
        await self.stop_worker()
        await self._tokens.drain()
        await self._app.close_async()

    async def request(self, member_id: int, kind: RunKind, lane: Lane, types: Sequence[str] = ()) -> UUID:
        """Ask for a run; one that waits already is widened instead of doubled. Returns the run to follow."""
        wanted = list(types) or [each.name for each in (COLLECTIONS if kind == "backfill" else CATALOG)]
        task = self._backfill_task if kind == "backfill" else self._sync_task
        key = f"{kind}:{member_id}"
        for _ in range(_REQUEST_TRIES):
            waiting = await runs.of_waiting_job(self._db, key)
            if waiting is not None and await runs.widen(self._db, waiting, wanted):
                return waiting
            left = await runs.without_job(self._db, member_id, kind)
            if left is not None and not await runs.widen(self._db, left, wanted):
                continue
            run_id = left or await runs.create(self._db, member_id, kind, lane, wanted, self._clock())
            try:
                await task.configure(lock=key, queueing_lock=key, priority=PRIORITIES[lane]).defer_async(
                    run_id=str(run_id)
                )
            except AlreadyEnqueued:  # somebody was faster: theirs is the run that waits
                await runs.discard(self._db, run_id)
                await asyncio.sleep(0.01)
            else:
                return run_id
        raise UpstreamDown("the queue holds a run of this member that cannot be joined now")

    async def finished(self, run_id: UUID, timeout: float | None) -> bool:
        """Wait for a run's end by looking at its row; False when it is not over after `timeout` seconds."""
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        while True:
            run = await runs.load(self._db, run_id)
            if run is None or run.state in runs.FINISHED:
                return True
            if deadline is not None and asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(0.05)

    async def someone_works(self) -> bool:
        """Whether any worker anywhere has given a sign of life lately."""
        found = await self._db.row(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)",
            (STALLED_AFTER,),
        )
        return bool(found and found[0])

    def start_worker(self, concurrency: int = 8) -> None:
        """Work in the background of this process until `stop_worker`."""
        self._worker = asyncio.create_task(self._work(concurrency), name="worker")

    async def stop_worker(self) -> None:
        """Ask the worker to stop and wait until it has."""
        self._stopping.set()
        if self._engine_worker is not None:
            self._engine_worker.stop()  # type: ignore[no-untyped-call]
        if self._worker is not None:
            _, late = await asyncio.wait([self._worker], timeout=GRACE + 2)
            if late:
                # one of the engine's own tasks has missed its cancellation in a query
                log.warning("worker.would_not_stop")
                self._worker.cancel()
                await asyncio.wait([self._worker], timeout=GRACE)
            self._worker = None

    async def _work(self, concurrency: int) -> None:
        """Keep a worker running: it returns when PostgreSQL goes away, so a return is a failure."""
        watch = asyncio.create_task(self._watch(), name="watch")
        try:
            await self._keep_working(concurrency)
        finally:
            self._stopping.set()
            await watch

    async def _keep_working(self, concurrency: int) -> None:
        back_off = 0.5
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            self.worker_alive = True
            # held to be told to stop: a cancellation can be lost in a query it happens to meet
            self._engine_worker = Worker(
                self._app,
                concurrency=concurrency,
                install_signal_handlers=False,
                fetch_job_polling_interval=1.0,
                shutdown_graceful_timeout=GRACE,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=STALLED_AFTER,
                delete_jobs="always",
            )
            try:
                await self._engine_worker.run()  # type: ignore[no-untyped-call]
            except (ProcrastinateException, OSError) as error:
                log.warning("worker.failed", reason=type(error).__name__)
            finally:
                self.worker_alive = False
            if self._stopping.is_set():
                return
            if asyncio.get_running_loop().time() - began > _MOST_BACK_OFF:
                back_off = 0.5
            log.warning("worker.returned", again_in_s=back_off)
            await self._pause(back_off)
            back_off = min(back_off * 2, _MOST_BACK_OFF)

    async def _run_sync(self, run_id: str) -> None:
        async def work(run: runs.Run, grant: Grant) -> Report:
            return await self._engine.sync(grant, [BY_NAME[each] for each in run.types], _lane(run))

        await self._run(UUID(run_id), work)

    async def _run_backfill(self, run_id: str) -> None:
        async def work(run: runs.Run, grant: Grant) -> Report:
            async def progress(name: str, outcome: Outcome, reached: datetime | None) -> None:
                at = reached.isoformat() if reached else None
                await runs.report(self._db, run.id, {name: outcome.as_dict() | {"reached_at": at}})
                if self._stopping.is_set():
                    raise Stopping

            report = await self._engine.backfill(grant, _lane(run), progress)
            rest = [each for each in CATALOG if not each.collection]
            singles = await self._engine.sync(grant, rest, _lane(run))
            return Report(report.outcomes | singles.outcomes, report.errors | singles.errors)

        await self._run(UUID(run_id), work)

    async def _run(self, run_id: UUID, work: Work) -> None:
        """Carry out a run and write down its end; whatever it raises is its end too."""
        run = await runs.load(self._db, run_id)
        if run is None or run.state in runs.FINISHED:
            return
        with structlog.contextvars.bound_contextvars(run=str(run_id), user=run.user_id):
            grant = await members.grant(self._db, run.member_id)
            if grant is None or grant.state != "connected":
                await runs.finish(self._db, run_id, "failed", self._clock(), error=_NOT_CONNECTED)
                return
            run = replace(run, types=await runs.start(self._db, run_id, self._clock()))
            try:
                report = await work(run, grant)
            except Stopping:
                await runs.requeue(self._db, run_id)
            except CircadiaError as error:
                log.warning("run.failed", kind=error.kind, reason=error.message)
                await runs.finish(self._db, run_id, "failed", self._clock(), error=told(error))
            except Exception:
                # the worker's boundary: a bug ends the run, not the worker
                log.exception("run.broke")
                await runs.finish(self._db, run_id, "failed", self._clock(), error=_BROKE)
            else:
                await runs.finish(self._db, run_id, report.state, self._clock(), outcome=report.as_dict())
                log.info("run.done", kind=run.kind, ended=report.state)

    async def _tend(self, timestamp: int) -> None:
        """Every minute: defer what is due, resume histories, keep idle grants alive, forget old runs."""
        now = self._clock()
        for member_id, types in await sync_states.due_members(self._db, now):
            await self.request(member_id, "sync", "scheduled", types)
        for member_id in await sync_states.unfinished_histories(self._db):
            if await self._queued("backfill", member_id):
                continue
            last = await runs.newest(self._db, member_id, "backfill")
            if last is None or last.finished_at is None or last.finished_at <= now - _FAILED_HISTORY_RESTS:
                await self.request(member_id, "backfill", "backfill")
        for member_id in await stored_tokens.idle_members(self._db, now - IDLE_LIMIT):
            await self._keep_alive(member_id)
        await runs.abandon_imports(self._db, now - _LONGEST_IMPORT, now)
        await runs.forget_before(self._db, now - _KEEP_RUNS)

    async def _keep_alive(self, member_id: int) -> None:
        """Renew a grant for its own sake; what goes wrong is logged where it happens and tried again next time."""
        token = await self._tokens.stored(member_id)
        if token is not None and idle(token.obtained_at, self._clock()):
            try:
                await self._tokens.renewed(member_id, token.version)
            except CircadiaError as error:
                log.info("token.not_renewed", member=member_id, kind=error.kind)

    async def _queued(self, kind: RunKind, member_id: int) -> bool:
        """Whether the queue holds a job of a kind for a member, waiting or running."""
        found = await self._db.row(
            "SELECT 1 FROM procrastinate_jobs WHERE lock = %s AND status IN ('todo', 'doing') LIMIT 1",
            (f"{kind}:{member_id}",),
        )
        return found is not None

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _watch(self) -> None:
        """Look after the jobs of dead workers, outside of the queue: a job that did it could die holding its lock."""
        while not self._stopping.is_set():
            try:
                async with self._db.begin() as connection:
                    if await row(connection, "SELECT 1 WHERE pg_try_advisory_xact_lock(%s)", (_RESCUE_LOCK,)):
                        await self._rescue()
            except (ProcrastinateException, UpstreamDown) as error:
                log.warning("rescue.failed", reason=type(error).__name__)
            await self._pause(RESCUE_EVERY)

    async def _rescue(self) -> None:
        """Put the jobs of dead workers back into the queue, and their runs with them. One process at a time does it:
        between the look and the deed nobody else may have brought a job back to life."""
        for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
            log.warning("job.rescued", task=job.task_name, job=job.id)
            run_id = job.task_kwargs.get("run_id")
            run = await runs.load(self._db, UUID(str(run_id))) if run_id else None
            if run_id and (run is None or run.state in runs.FINISHED):
                await self._drop(job)
                continue
            if run is not None:
                await runs.requeue(self._db, run.id)
            try:
                await self._app.job_manager.retry_job(job)
            except UniqueViolation:  # a newer job for the same member waits already
                await self._drop(job)
                if run is not None:
                    await runs.finish(self._db, run.id, "failed", self._clock(), error=_INTERRUPTED)

    async def _drop(self, job: Job) -> None:
        await self._app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)


def _lane(run: runs.Run) -> Lane:
    return cast("Lane", run.lane)
