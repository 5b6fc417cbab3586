"""Reading a recent day asks WHOOP when what is stored is missing or stale, and waits a moment for the answer.

Somebody's wait ends after three seconds; the fetch goes on. A member is asked for at most once in five minutes, however
many read, and an empty answer counts as asked. Days older than a week are what they are: history brings them.
"""

from __future__ import annotations

import asyncio
from datetime import date
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


async def freshen(db: Database, jobs: Jobs, clock: Clock, user_id: str, day: date, wait_s: float = WAIT_S) -> bool:
    """Bring a recent day up to date if it needs it. True when an answer of WHOOP is still under way after `wait_s`."""
    now = clock()
    if not answers_today(day, now):
        return False
    found = await sync_states.freshness(db, user_id, _TYPES)
    if found is None:
        return False
    member_id, began_at = found
    if not needs_asking(day, began_at, now):
        return False
    under_way = await runs.unfinished(db, member_id, "sync")
    arriving = began_at is None and await runs.unfinished(db, member_id, "backfill") is not None
    if under_way is None and not arriving:
        if not await members.claim_asking(db, member_id, now, now - ASK_AGAIN_AFTER):
            return False
        await jobs.request(member_id, "sync", "person", _TYPES)
    return not await _answered(db, member_id, user_id, day, clock, wait_s)


async def _answered(db: Database, member_id: int, user_id: str, day: date, clock: Clock, wait_s: float) -> bool:
    """Whether the day stopped needing an answer, or the run that would bring it ended, within `wait_s` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        found = await sync_states.freshness(db, user_id, _TYPES)
        if found is None or not needs_asking(day, found[1], clock()):
            return True
        if all([await runs.unfinished(db, member_id, kind) is None for kind in runs.FETCHING]):
            return True
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_POLL_S)
