"""Carrying out runs: what a worker does with one job.

A backfill goes in slices, so that many members' histories share the slots and the budget: after some pages, or when
the budget is used up, its job goes back to the end of the queue and the run goes on from the page that was stored.
A run can be stopped (the worker ends), paused (the owner holds it back) and superseded (somebody took it for dead and
began anew); in each case it ends at a page boundary.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from circadia import metrics
from circadia.clock import Clock
from circadia.domain.catalog import BY_NAME, CATALOG
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.errors import CircadiaError, RateLimited
from circadia.storage import members, runs
from circadia.storage.postgres import Database
from circadia.storage.runs import Run
from circadia.sync import coverage
from circadia.sync.engine import Engine
from circadia.sync.outcome import Outcome, Report, broke, told
from circadia.sync.progress import Stopping
from circadia.sync.queue import Queue

log = structlog.get_logger()

SLICE_PAGES = 20
"""So many pages of one member's history, then it is another's turn."""

_WAITS_IN_PLACE = timedelta(seconds=60)
_LOOK_S = 0.25

_NOT_CONNECTED = {"kind": "not_connected", "message": "the member is not connected", "remedy": "Connect WHOOP."}
_SUPERSEDED = {"kind": "interrupted", "message": "its worker was stopped; a newer run does its work", "remedy": None}


class Runner:
    """Carries out runs for one process."""

    def __init__(self, db: Database, engine: Engine, queue: Queue, clock: Clock) -> None:
        self._db = db
        self._engine = engine
        self._queue = queue
        self._clock = clock
        self._stopping = asyncio.Event()
        self._backfill_rests_until: datetime | None = None
        self._current: Counter[str] = Counter()

    def carries_out(self, run_id: str) -> bool:
        """Whether this process is at work on a run."""
        return self._current[run_id] > 0

    def stop(self) -> None:
        """End every run at its next page boundary."""
        self._stopping.set()

    async def run(self, run_id: str) -> None:
        """Carry out a run and write down its end; whatever it raises is its end too."""
        self._current[run_id] += 1
        try:
            with structlog.contextvars.bound_contextvars(run=run_id):
                await self._run(UUID(run_id))
        finally:
            self._current[run_id] -= 1
            self._current += Counter()  # forgets what is at zero

    async def _run(self, run_id: UUID) -> None:
        run = await runs.load(self._db, run_id)
        if run is None or run.state in runs.FINISHED:
            return
        if run.paused:
            await runs.requeue(self._db, run_id, run.attempt)
            return
        if run.kind == "backfill" and not await self._rested(run):
            return
        grant = await members.grant(self._db, run.member_id)
        run = await runs.start(self._db, run_id, self._clock())
        if run is None:
            return
        with structlog.contextvars.bound_contextvars(user=run.user_id):
            try:
                if grant is None or grant.state != "connected":
                    await self._end(run, "failed", error=_NOT_CONNECTED)
                else:
                    await self._carry_out(run, grant)
            except Stopping:
                await self._put_off(run)
            except asyncio.CancelledError:
                await asyncio.shield(self._put_off(run))
                raise
            except CircadiaError as error:
                log.warning("run.failed", kind=error.kind, reason=error.message)
                await self._end(run, "failed", error=told(error))
            except Exception:
                # the worker's boundary: a bug ends the run, not the worker
                log.exception("run.broke")
                await self._end(run, "failed", error=told(broke()))

    async def _carry_out(self, run: Run, grant: Grant) -> None:
        """A sync; or a piece of a reconciliation or of a member's history. A history asked for by a better lane than
        its own, as when a member connects, gets the newest page of each type by that lane and the rest by its own."""
        pages = None
        if run.kind == "backfill":
            pages = SLICE_PAGES if run.lane == "backfill" else len(run.types)
        part = _Slice(self, run, pages)
        try:
            report = await self._work(run, grant, part)
        except Stopping as stop:
            await part.add(stop.report)
            if not part.full or self._stopping.is_set():
                raise
            await self._go_on(run, _until(stop.report))
            return
        if run.kind != "sync" and (until := _until(report)) is not None:
            await self._go_on(run, until)
            return
        outcome = report.as_dict()
        if run.kind == "backfill":
            outcome["coverage"] = coverage.as_outcome(await coverage.proof(self._db, run.user_id))
        await self._end(run, report.state, outcome=outcome)

    async def _work(self, run: Run, grant: Grant, part: _Slice) -> Report:
        types = [BY_NAME[each] for each in run.types]
        if run.kind == "sync":
            return await self._engine.sync(grant, types, run.lane)
        if run.kind == "reconcile":
            asked = {name: bool(run.options.get(name)) for name in ("full", "allow_deletes")}
            report = await self._engine.reconcile(
                grant, types, lane=run.lane, asked_at=run.created_at, progress=part, **asked
            )
            await part.add(report)
            return Report(part.outcomes, report.errors)
        report = await self._engine.backfill(grant, run.lane, part)
        await part.add(report)
        if _until(report) is not None:
            return report
        singles = await self._engine.sync(grant, [each for each in CATALOG if not each.collection], run.lane)
        return Report(part.outcomes | singles.outcomes, report.errors | singles.errors)

    async def _go_on(self, run: Run, until: datetime | None) -> None:
        """The run's next piece, at the end of the queue."""
        lane: Lane = "backfill" if run.kind == "backfill" else run.lane
        if lane == "backfill":
            self._backfill_rests_until = until or self._backfill_rests_until
        if await runs.lower(self._db, run.id, run.attempt, lane):
            await self._queue.put(run, lane, until)

    async def _rested(self, run: Run) -> bool:
        """Wait, slot in hand, until the budget has room for history again: with the next member it would be as short.
        False when that is far away; the job has been put off then."""
        until = self._backfill_rests_until
        if until is None or run.lane != "backfill":
            return True
        if until - self._clock() > _WAITS_IN_PLACE:
            await self._queue.put(run, run.lane, until)
            return False
        while self._clock() < until and not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _LOOK_S)
        if self._stopping.is_set():
            await self._queue.put(run, run.lane)
            return False
        self._backfill_rests_until = None
        return True

    async def _put_off(self, run: Run) -> None:
        """A run stopped before its end: another worker goes on with it, unless its owner holds it back."""
        if not await runs.requeue(self._db, run.id, run.attempt):
            return
        now = await runs.load(self._db, run.id)
        if now is None or now.paused or await self._queue.put(now, now.lane):
            return
        await runs.finish(self._db, run.id, "failed", self._clock(), error=_SUPERSEDED, attempt=run.attempt)

    async def _end(
        self,
        run: Run,
        state: runs.RunState,
        *,
        outcome: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """Write down the end, unless the run was asked to look again meanwhile, or is somebody else's by now."""
        if await runs.finish(self._db, run.id, state, self._clock(), outcome=outcome, error=error, attempt=run.attempt):
            metrics.count_run(run.kind, state)
            log.info("run.done", kind=run.kind, ended=state)
            return
        now = await runs.load(self._db, run.id)
        if now is not None and now.attempt == run.attempt and now.state == "running":
            await self._queue.put(now, now.lane)
        else:
            log.warning("run.superseded", kind=run.kind, attempt=run.attempt)

    async def report(self, run: Run, progress: dict[str, Any]) -> bool:
        """Write down how far a run is; False when it has to end here."""
        now = await runs.report(self._db, run.id, progress, run.attempt)
        return now is not None and not now.paused and not self._stopping.is_set()


class _Slice:
    """The progress of one slice: counts pages, and adds them to what earlier slices of the run have brought."""

    def __init__(self, runner: Runner, run: Run, pages: int | None = None) -> None:
        self._runner = runner
        self._run = run
        self._left = pages
        self._told = dict(run.progress)
        self.outcomes = {name: Outcome.of(each) for name, each in run.progress.items()}
        self._before = dict(self.outcomes)

    @property
    def full(self) -> bool:
        """Whether it has stored its pages."""
        return self._left is not None and self._left <= 0

    async def __call__(self, name: str, outcome: Outcome, reached: datetime | None) -> None:
        """A page was stored. Stopping when it was the slice's last, or when the run has to end here."""
        if self._left is not None:
            self._left -= 1
        if not await self._tell(name, outcome, reached) or self.full:
            raise Stopping

    async def add(self, report: Report) -> None:
        """Types whose walk has ended."""
        for name, outcome in report.outcomes.items():
            await self._tell(name, outcome, None)

    async def _tell(self, name: str, outcome: Outcome, reached: datetime | None) -> bool:
        self.outcomes[name] = self._before.get(name, Outcome()).plus(outcome)
        at = {"reached_at": reached.isoformat()} if reached else {}
        self._told[name] = {"reached_at": None} | self._told.get(name, {}) | self.outcomes[name].as_dict() | at
        return await self._runner.report(self._run, {name: self._told[name]})


def _until(report: Report) -> datetime | None:
    """When the budget has room again for all that it put off; None when it put off nothing."""
    return max((each.until for each in report.errors.values() if isinstance(each, RateLimited)), default=None)
