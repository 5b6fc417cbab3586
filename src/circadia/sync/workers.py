"""The workers of a process: one of the engine's for each queue, started again whenever it gives up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException, ProcrastinateException
from procrastinate.worker import Worker

from circadia.clock import Clock
from circadia.errors import UpstreamDown
from circadia.storage import jobs
from circadia.storage.postgres import Database
from circadia.sync.pace import Pace
from circadia.sync.queue import QueueName
from circadia.sync.runner import Runner

log = structlog.get_logger()

SHARES: dict[QueueName, int] = {"person": 5, "webhook": 4, "sync": 4, "backfill": 3}
"""How the slots of a worker are dealt out."""

_POLLS_EVERY: dict[QueueName, float] = {"person": 0.5, "webhook": 1.0, "sync": 1.0, "backfill": 1.0}
_FIRST_BACK_OFF, _MOST_BACK_OFF = 0.5, 30.0


def deal(slots: int) -> dict[QueueName, int]:
    """A number of slots dealt out to the queues, at least one to each; what is left over goes to people."""
    whole = sum(SHARES.values())
    dealt = {queue: max(1, slots * share // whole) for queue, share in SHARES.items()}
    dealt["person"] += max(0, slots - sum(dealt.values()))
    return dealt


class _Worker(Worker):
    """The engine's worker, without two of its habits."""

    async def _periodic_deferrer(self) -> None:
        """We have no periodic tasks: this side task would return at once, and with it the watch over the others,
        heartbeat and listener, which stops a worker that has lost them."""
        await asyncio.Event().wait()

    async def _persist_job_status(self, *args: Any, **kwargs: Any) -> None:
        """A job whose end cannot be written down has been taken over, or is going to be: nobody else's concern."""
        try:
            await super()._persist_job_status(*args, **kwargs)
        except ConnectorException as error:
            log.warning("job.end_not_written", reason=type(error.__cause__ or error).__name__)


class Workers:
    """Works off the queues until it is stopped."""

    def __init__(self, app: App, db: Database, runner: Runner, clock: Clock, pace: Pace) -> None:
        self._app = app
        self._db = db
        self._runner = runner
        self._clock = clock
        self._pace = pace
        self._stopping = asyncio.Event()
        self._working: dict[QueueName, Worker] = {}

    @property
    def alive(self) -> bool:
        """Whether each queue has its worker."""
        return len(self._working) == len(SHARES)

    async def work(self, slots: int) -> None:
        """Work until `stop`, with so many runs side by side."""
        await asyncio.gather(
            *(self._keep_working(queue, count) for queue, count in deal(slots).items()), self._look_for_strays()
        )

    def stop(self) -> None:
        """Take nothing new, and come to an end when the runs under way have."""
        self._stopping.set()
        for each in self._working.values():
            # told, not cancelled: a cancellation can be lost in a query it happens to meet
            each.stop()  # type: ignore[no-untyped-call]

    async def _keep_working(self, queue: QueueName, slots: int) -> None:
        """Keep a worker running: it returns when PostgreSQL goes away, so a return is a failure."""
        back_off = _FIRST_BACK_OFF
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            worker = _Worker(
                self._app,
                queues=[queue],
                concurrency=slots,
                install_signal_handlers=False,
                fetch_job_polling_interval=_POLLS_EVERY[queue],
                shutdown_graceful_timeout=self._pace.grace_s,
                update_heartbeat_interval=self._pace.heartbeat_s,
                stalled_worker_timeout=self._pace.dead_after_s,
                delete_jobs="always",
            )
            self._working[queue] = worker
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            except (ProcrastinateException, OSError) as error:
                log.warning("worker.failed", queue=queue, reason=type(error).__name__)
            finally:
                del self._working[queue]
            if self._stopping.is_set():
                return
            if asyncio.get_running_loop().time() - began > _MOST_BACK_OFF:
                back_off = _FIRST_BACK_OFF
            log.warning("worker.returned", queue=queue, again_in_s=back_off)
            await self._pause(back_off)
            back_off = min(back_off * 2, _MOST_BACK_OFF)

    async def _look_for_strays(self) -> None:
        """Put back what the engine has fetched for us and nobody carries out: the answer to the fetch, or the word that
        a run had ended, was lost with a connection. Seen twice, because a job is fetched before its run begins."""
        before: set[int] = set()
        while not self._stopping.is_set():
            await self._pause(self._pace.rescue_every_s)
            ours = [each.worker_id for each in self._working.values() if each.worker_id is not None]
            try:
                fetched = await jobs.fetched_by(self._db, ours)
                strays = {job for job, run in fetched.items() if not self._runner.carries_out(run)}
                for each in await jobs.take(self._db, sorted(strays & before), self._clock()):
                    log.warning("job.stray", task=each.task, run=each.run_id, queued=each.queued)
                before = strays - before
            except UpstreamDown as error:
                log.warning("strays.not_looked_for", reason=error.message)
            except Exception:
                # the worker's boundary: a bug here ends neither the queues' workers nor the next look
                log.exception("strays.look_broke")

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
