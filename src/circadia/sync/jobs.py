"""How runs are carried out: Procrastinate's queue in the same PostgreSQL, and who works it off.

What is due is our data; that it runs once, in order and again after a crash is the engine's. Any number of workers on
any machine may run; a dead one's jobs are taken over. The parts: `queue` (asking for runs), `runner` (carrying one
out), `workers` (this process's), `leader` and `upkeep` (what one process does for all).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector

from circadia.clients.whoop.auth import Tokens
from circadia.clock import Clock
from circadia.domain.lanes import Lane
from circadia.errors import Conflict
from circadia.storage import jobs, members, runs
from circadia.storage.postgres import Database
from circadia.storage.runs import Run, RunKind
from circadia.sync import events
from circadia.sync.engine import Engine
from circadia.sync.leader import Leader, Step
from circadia.sync.pace import SLOTS, Pace
from circadia.sync.queue import Queue
from circadia.sync.runner import Runner
from circadia.sync.schedule import Schedule
from circadia.sync.upkeep import Upkeep
from circadia.sync.workers import Workers

log = structlog.get_logger()

Steering = Literal["start", "pause", "resume"]

_KINDS: tuple[RunKind, ...] = ("sync", "backfill", "reconcile")


class Jobs:
    """The queue and, where one is wanted, the worker of this process, which may lead. `watch` is called each minute by
    whoever leads."""

    def __init__(
        self,
        db: Database,
        engine: Engine,
        tokens: Tokens,
        clock: Clock,
        schedule: Schedule,
        *,
        pace: Pace,
        watch: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._pace = pace
        self._db = db
        self._tokens = tokens
        self._clock = clock
        self._schedule = schedule
        self._watch = watch
        self._app = App(connector=PsycopgConnector())
        self._queue = Queue(self._app, db, clock)
        self._runner = Runner(db, engine, self._queue, clock)
        for kind in _KINDS:
            self._app.task(name=kind)(self._runner.run)
        self._workers: Workers | None = None
        self._leader: Leader | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Join the queue on the database's own pool."""
        await self._app.open_async(self._db.pool)

    async def close(self) -> None:
        """Stop the worker, letting the current pages and every token renewal finish."""
        await self.stop_worker()
        await self._tokens.drain()
        await self._app.close_async()

    async def request(
        self,
        member_id: int,
        kind: RunKind,
        lane: Lane,
        types: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Ask for a run; one that waits already is widened and raised instead of doubled. Returns the run to follow."""
        return await self._queue.request(member_id, kind, lane, types, options)

    async def steer_backfill(self, member_id: int, action: Steering) -> Run | None:
        """Ask for a member's history, hold it back, or let it go on; a run under way ends at its next page and waits,
        `queued`, to be resumed. Returns the run, None when there is none to hold. Conflict for a start of one that is
        held back."""
        if action == "pause":
            await members.pause(self._db, member_id, self._clock())
            return await runs.unfinished(self._db, member_id, "backfill")
        if action == "resume":
            await members.pause(self._db, member_id, None)
        elif await members.paused(self._db, member_id):
            raise Conflict("this member's history is held back", kind="paused", remedy="Resume it.")
        return await runs.load(self._db, await self._queue.request(member_id, "backfill", "backfill"))

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
        return await jobs.working(self._db, self._pace.dead_after_s)

    @property
    def worker_alive(self) -> bool:
        """Whether this process works, and leads or stands by."""
        return self._workers is not None and self._workers.alive and not any(each.done() for each in self._tasks)

    def start_worker(self, slots: int = SLOTS) -> None:
        """Work in the background of this process until `stop_worker`, with so many runs side by side."""
        self._workers = Workers(self._app, self._db, self._runner, self._clock, self._pace)
        self._leader = self._new_leader()
        self._tasks = [
            asyncio.create_task(self._workers.work(slots), name="workers"),
            asyncio.create_task(self._leader.lead(), name="leader"),
        ]

    async def stop_worker(self) -> None:
        """Ask the worker to stop and wait until it has."""
        self._runner.stop()
        if self._workers is None or self._leader is None:
            return
        self._workers.stop()
        self._leader.stop()
        _, late = await asyncio.wait(self._tasks, timeout=self._pace.grace_s + 2)
        if late:
            # one of the engine's own tasks has missed its cancellation in a query
            log.warning("worker.would_not_stop")
            for each in late:
                each.cancel()
            await asyncio.wait(late, timeout=self._pace.grace_s)
        self._workers = self._leader = None
        self._tasks = []

    async def lead_once(self) -> None:
        """Everything that the leader does, once."""
        await self._new_leader().once()

    def _new_leader(self) -> Leader:
        upkeep = Upkeep(self._db, self._queue, self._tokens, self._clock, self._pace.dead_after_s)
        steps = [
            Step("suspended", self._pace.rescue_every_s, upkeep.end_suspended),
            Step("rescue", self._pace.rescue_every_s, upkeep.rescue),
            Step("wake", 1.0, upkeep.wake),
            Step("events", 0.5, partial(upkeep.ask, partial(events.ripe, self._db))),
            Step("due", 5.0, partial(upkeep.ask, self._schedule.due)),
            Step("plan", 60.0, self._schedule.pull_in),
            Step("house", 60.0, upkeep.keep_house),
            Step("grants", 60.0, upkeep.keep_grants_alive),
        ]
        if self._watch is not None:
            # not before what is due after a pause of the whole service has been asked for
            steps.append(Step("watch", 45.0, self._watch, first_s=5.0))
        return Leader(self._db, steps, self._pace)
