"""What the leader does besides: it takes over from the dead, asks for what is due and unfinished, and keeps house."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import structlog

from circadia.clients.whoop.auth import Tokens
from circadia.clock import Clock
from circadia.domain.windows import IDLE_LIMIT, idle
from circadia.errors import CircadiaError, NotFound
from circadia.storage import jobs, runs, sync_states
from circadia.storage import tokens as stored_tokens
from circadia.storage.postgres import Database
from circadia.sync import events
from circadia.sync.queue import Queue, key
from circadia.sync.wanted import Wanted

log = structlog.get_logger()

_KEEP_RUNS = timedelta(days=30)
_LONGEST_IMPORT = timedelta(hours=2)
_ORPHAN_AFTER = timedelta(minutes=1)
_HISTORY_RESTS = timedelta(minutes=15)
_HISTORY_RESTS_MOST = timedelta(days=1)

_SUPERSEDED = {"kind": "interrupted", "message": "its worker died; a newer run does its work", "remedy": None}

Source = Callable[[datetime], Awaitable[Iterable[Wanted]]]
"""Says what is wanted now."""


class Upkeep:
    """The leader's steps."""

    def __init__(self, db: Database, queue: Queue, tokens: Tokens, clock: Clock, dead_after_s: float) -> None:
        self._db = db
        self._queue = queue
        self._tokens = tokens
        self._clock = clock
        self._dead_after_s = dead_after_s

    async def rescue(self) -> None:
        """Put the jobs of dead workers back into the queue, and their runs with them."""
        for each in await jobs.take_from_dead(self._db, self._dead_after_s, self._clock()):
            log.warning("job.rescued", task=each.task, run=each.run_id, queued=each.queued)

    async def end_suspended(self) -> None:
        """Free what suspended processes have locked."""
        if ended := await jobs.end_suspended(self._db, self._dead_after_s):
            log.warning("session.suspended", ended=ended)

    async def wake(self) -> None:
        """Let runs go on whose rest is over."""
        await jobs.wake(self._db, self._clock())

    async def ask(self, source: Source) -> None:
        """Ask for what a source wants. What is not pressing waits while a run of the kind is there already: its end
        moves what is due."""
        for each in await source(self._clock()):
            pressing = each.lane in ("person", "webhook")
            if pressing or not await jobs.exists(self._db, key(each.kind, each.member_id)):
                await self._request(each)

    async def keep_house(self) -> None:
        """Every minute: pick up lost runs and unfinished histories, keep idle grants alive, forget what is old."""
        now = self._clock()
        await self._adopt_orphans(now)
        await self._resume_histories(now)
        await events.tidy(self._db, now)
        await runs.abandon_imports(self._db, now - _LONGEST_IMPORT, now)
        await runs.forget_before(self._db, now - _KEEP_RUNS)

    async def keep_grants_alive(self) -> None:
        """Renew idle grants for their own sake; what goes wrong is logged where it happens and tried again later."""
        for member_id in await stored_tokens.idle_members(self._db, self._clock() - IDLE_LIMIT):
            token = await self._tokens.stored(member_id)
            if token is None or not idle(token.obtained_at, self._clock()):
                continue
            try:
                await self._tokens.renewed(member_id, token.version)
            except CircadiaError as error:
                log.info("token.not_renewed", member=member_id, kind=error.kind)

    async def _adopt_orphans(self, now: datetime) -> None:
        """Runs whose job got lost, as when the database went away at their end, go on."""
        for run in await runs.orphans(self._db, now - _ORPHAN_AFTER):
            log.warning("run.orphaned", run=str(run.id), kind=run.kind)
            async with self._db.begin() as connection:
                if await jobs.hold_waiting(connection, key(run.kind, run.member_id)) == run.id:
                    continue  # its job has come meanwhile
                taken = await runs.take_over(connection, str(run.id))
            if taken is not None and not await self._queue.put(run, run.lane):
                await runs.finish(self._db, run.id, "failed", now, error=_SUPERSEDED, attempt=taken[1])

    async def _resume_histories(self, now: datetime) -> None:
        """Ask for histories that are not here whole; the longer they bring nothing, the less often."""
        for member_id in await sync_states.unfinished_histories(self._db):
            if await jobs.exists(self._db, key("backfill", member_id)):
                continue
            count, ended_at = await runs.fruitless(self._db, member_id, "backfill")
            rest = min(_HISTORY_RESTS * 2 ** max(count - 1, 0), _HISTORY_RESTS_MOST)
            if ended_at is None or ended_at <= now - rest:
                await self._request(Wanted(member_id, "backfill", "backfill"))

    async def _request(self, wanted: Wanted) -> None:
        """Ask for a run, unless the member has been erased since."""
        try:
            await self._queue.request(wanted.member_id, wanted.kind, wanted.lane, wanted.types, wanted.options)
        except NotFound:
            log.info("run.not_requested", member=wanted.member_id, kind=wanted.kind)
