"""The leader: what has to be done by one process at a time, whichever that is.

It is outside of the queue, because a job that did it could die holding its own lock. Who leads holds an advisory lock
on a connection and gives a sign of life there: when its process dies the lock is free at once, and when it is only
silent (suspended, or its machine lost the network) the others end that connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from circadia.errors import UpstreamDown
from circadia.storage.postgres import Connection, Database, row
from circadia.sync.pace import Pace

log = structlog.get_logger()

_LOCK = 0x6C656164
_GRACE_S = 5.0
_LEAST_BACK_OFF_S = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """Something the leader does again and again, `every_s` seconds after it has done it, for the first time after
    `first_s` seconds; steps go side by side."""

    name: str
    every_s: float
    do: Callable[[], Awaitable[None]]
    first_s: float = 0.0


class Leader:
    """Leads, or stands by, until it is stopped."""

    def __init__(self, db: Database, steps: Sequence[Step], pace: Pace) -> None:
        self._db = db
        self._steps = steps
        self._pace = pace
        self._stopping = asyncio.Event()

    async def once(self) -> None:
        """Each step once, in their order, whoever leads."""
        for step in self._steps:
            await step.do()

    def stop(self) -> None:
        """Give the lead back and come to an end."""
        self._stopping.set()

    async def lead(self) -> None:
        """Lead whenever nobody else does, until `stop`."""
        while not self._stopping.is_set():
            try:
                await self._try()
            except UpstreamDown as error:
                log.warning("leader.lost", reason=error.message)
            except Exception:
                # the worker's boundary, as for a step: whatever ended this lead, there has to be a next one
                log.exception("leader.broke")
            await self._pause(self._pace.heartbeat_s)

    async def _try(self) -> None:
        async with self._db.connection() as connection:
            if await row(connection, "SELECT 1 WHERE pg_try_advisory_lock(%s)", (_LOCK,)) is None:
                await self._end_silent(connection)
                return
            log.info("leader.leads")
            try:
                await self._lead(connection)
            finally:
                if not connection.closed:
                    await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))

    async def _lead(self, connection: Connection) -> None:
        over = asyncio.Event()
        tasks = [asyncio.create_task(self._repeat(each, over), name=each.name) for each in self._steps]
        try:
            while not self._stopping.is_set():
                await connection.execute("SELECT 1")
                await self._pause(self._pace.heartbeat_s)
        finally:
            over.set()
            _, late = await asyncio.wait(tasks, timeout=_GRACE_S)
            for each in late:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, step: Step, over: asyncio.Event) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), step.first_s)
        while not over.is_set():
            rest_s = step.every_s
            try:
                await step.do()
            except UpstreamDown as error:
                log.warning("leader.step_failed", step=step.name, reason=error.message)
                rest_s = max(rest_s, _LEAST_BACK_OFF_S)
            except Exception:
                # the worker's boundary: a bug in one step ends neither the others nor its own next try
                log.exception("leader.step_broke", step=step.name)
                rest_s = max(rest_s, _LEAST_BACK_OFF_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), rest_s)

    async def _end_silent(self, connection: Connection) -> None:
        """Free the lock of a leader that gives no sign of life any more."""
        ended = await row(
            connection,
            """SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
               WHERE l.locktype = 'advisory' AND l.granted
                 AND a.datname = current_database() AND a.usename = current_user
                 AND l.classid = 0 AND l.objid = %s AND l.objsubid = 1
                 AND a.state_change < now() - make_interval(secs => %s)""",
            (_LOCK, self._pace.dead_after_s),
        )
        if ended is not None:
            log.warning("leader.deposed")

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
