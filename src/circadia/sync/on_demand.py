"""Reading a recent day asks WHOOP when what is stored is missing or stale, and waits a moment for the answer.

Somebody's wait ends after three seconds; the fetch goes on. A member is asked for at most once in five minutes, however
many read, and an empty answer counts as asked. Days older than a week are what they are: history brings them.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import TYPE_CHECKING

from circadia.clock import Clock
from circadia.domain.catalog import COLLECTIONS
from circadia.domain.windows import ASK_AGAIN_AFTER, answers_today, needs_asking
from circadia.storage import members, runs, sync_states
from circadia.storage.postgres import Database

if TYPE_CHECKING:
    from circadia.sync.jobs import Jobs

WAIT_S = 3.0
_POLL_S = 0.05
_TYPES = [each.name for each in COLLECTIONS]


class OnDemand:
    """Asks WHOOP for readers, for one process."""

    def __init__(self, db: Database, jobs: Jobs, clock: Clock) -> None:
        self._db = db
        self._jobs = jobs
        self._clock = clock
        self._asking: dict[int, asyncio.Task[bool]] = {}

    async def freshen(self, user_id: str, day: date, wait_s: float = WAIT_S) -> bool:
        """Bring a recent day up to date if it needs it. True when WHOOP's answer is still on its way after `wait_s`."""
        now = self._clock()
        if not answers_today(day, now):
            return False
        found = await sync_states.freshness(self._db, user_id, _TYPES)
        if found is None or not needs_asking(day, found[1], now):
            return False
        member_id, began_at = found
        asking = self._asking.get(member_id)
        if asking is None:
            asking = self._asking[member_id] = asyncio.create_task(self._ask(member_id, began_at, now))
            asking.add_done_callback(lambda _done: self._asking.pop(member_id, None))
        if not await asyncio.shield(asking):
            return False
        return not await self._answered(member_id, user_id, day, wait_s)

    async def _ask(self, member_id: int, began_at: datetime | None, now: datetime) -> bool:
        """Whether a run that brings the answer is under way, asked for by us if nobody has. One that waits in a lower
        lane is raised to that of somebody who waits."""
        for kind in runs.FETCHING if began_at is None else ("sync",):
            run = await runs.unfinished(self._db, member_id, kind)
            if run is not None and not run.paused:
                if run.state == "queued" and run.lane != "person":
                    await self._jobs.request(member_id, kind, "person", _TYPES)
                return True
        if not await members.claim_asking(self._db, member_id, now, now - ASK_AGAIN_AFTER):
            return False
        await self._jobs.request(member_id, "sync", "person", _TYPES)
        return True

    async def _answered(self, member_id: int, user_id: str, day: date, wait_s: float) -> bool:
        """Whether the day stopped needing an answer, or the run that would bring it ended, within `wait_s` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            found = await sync_states.freshness(self._db, user_id, _TYPES)
            if found is None or not needs_asking(day, found[1], self._clock()):
                return True
            under_way = [await runs.unfinished(self._db, member_id, kind) for kind in runs.FETCHING]
            if all(run is None or run.paused for run in under_way):
                return True
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(_POLL_S)
