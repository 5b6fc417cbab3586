"""Reconciliation: everything WHOOP lists of a type compared with everything that is stored of it, page by page.

Each page's records are upserted, which heals missed edits, and the stretch that the page shows whole is compared with
the rows in it, which finds missed deletions. The next page is asked for by time, from the last record of this one, and
not by WHOOP's page token: a token counts records, and one that is deleted or added meanwhile would shift the rest. So a
page repeats one record of the page before, and nothing can slip through between them, also when days lie between.

What was on no page is judged when the whole stretch is known, so that the brake weighs all of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from circadia.domain.windows import RECENT
from circadia.errors import Conflict, RateLimited
from circadia.storage import absences, holds, sync_states, walks
from circadia.storage.walks import Walk
from circadia.sync.deletions import ask, believe, find_missing, hold, list_page
from circadia.sync.outcome import Outcome
from circadia.sync.progress import Progress, Stopping
from circadia.sync.road import Road

_WALK_LIVES = timedelta(days=7)
"""A walk that nobody has taken up for so long is begun anew."""

_RESTS = timedelta(hours=6)
"""How long a walk that failed is not taken up by the schedule."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One walk over one type.

    full            to the beginning, not just the last months
    allow_deletes   the owner's word that whatever WHOOP says is gone is to go, however much
    begun_since     a walk that broke off is taken up only if it began at or after this
    """

    road: Road
    full: bool
    allow_deletes: bool
    begun_since: datetime | None
    settle: Callable[[], Awaitable[None]]
    progress: Progress | None

    async def run(self) -> Outcome:
        """From where it stopped to its end. Where it fails it is left to rest for a while."""
        walk = await self._taken_up()
        try:
            return await self._run(walk, await self._reach(walk))
        except Stopping:
            raise
        except Exception as error:
            # a bug is the worker's to tell of, and rests like any failure
            rest = error.until if isinstance(error, RateLimited) else self.road.client.now() + _RESTS
            await walks.rest(self.road.db, self.road.grant.member_id, self.road.type.name, rest)
            raise

    async def _run(self, walk: Walk, reach: datetime | None) -> Outcome:
        outcome = Outcome()
        await self._keep(walk)
        while walk.to is not None:
            walk, page = await self._page(walk, walk.to, reach)
            outcome = outcome.plus(page)
            await self._tell(outcome, walk.to)
        outcome = await self._judge(walk, outcome)
        async with self.road.db.begin() as connection:
            await walks.end(connection, self.road.grant.member_id, self.road.type.name, walk)
        return outcome

    async def _taken_up(self) -> Walk:
        now = self.road.client.now()
        found = await walks.load(self.road.db, self.road.grant.member_id, self.road.type.name)
        anew = Walk("all" if self.full else "recent", now, now)
        if found is None or found.end < (self.begun_since or now - _WALK_LIVES):
            return anew
        if not self.full or found.depth == "all":
            return found
        return replace(found, depth="all") if found.to is not None else anew

    async def _reach(self, walk: Walk) -> datetime | None:
        """The instant that the walk has to come down to, None for the beginning. What the backfill has not brought yet
        is left to it; where the owner has allowed deletions, those that are held lie within reach."""
        state = await sync_states.load(self.road.db, self.road.grant.member_id, self.road.type.name)
        floor = state.floor_at if state.history_done_at is None else None
        if walk.depth == "all":
            return floor
        reach = walk.end - RECENT
        held = await holds.of_type(self.road.db, self.road.grant.member_id, self.road.type.name)
        if self.allow_deletes and held is not None:
            reach = min(reach, held.from_at)
        return max(reach, floor) if floor is not None else reach

    async def _page(self, walk: Walk, until: datetime, reach: datetime | None) -> tuple[Walk, Outcome]:
        """A page and its comparison. One with records that could not be read is compared another time."""
        listing = await list_page(self.road, until)
        missing = await find_missing(self.road, listing)
        keys = [] if listing.outcome.rejected else [str(each) for each in missing.keys]
        over = listing.since is None or (reach is not None and listing.since <= reach)
        walk = replace(
            walk,
            to=None if over else listing.since,
            listed=walk.listed + len(listing.seen),
            live=walk.live + missing.live,
            missing=[*walk.missing, *keys],
        )
        await self._keep(walk)
        return walk, listing.outcome

    async def _keep(self, walk: Walk) -> None:
        async with self.road.db.connection() as connection:
            await walks.keep(connection, self.road.grant.member_id, self.road.type.name, walk)

    async def _judge(self, walk: Walk, outcome: Outcome) -> Outcome:
        """What was on no page: asked for one by one, or held if there is too much of it to be believed."""
        async with self.road.db.connection() as connection:
            keys = await absences.live_among(connection, self.road.type, self.road.grant.member_id, walk.missing)
        if not keys:
            return outcome
        if not self.allow_deletes:
            believed, cost = await believe(self.road, len(walk.missing), walk.live, listed=walk.listed > 0)
            outcome = outcome.plus(cost)
            if not believed:
                return outcome.plus(await hold(self.road, keys, walk.live))
        for key in keys:
            outcome = outcome.plus(await ask(self.road, key))
            await self._tell(outcome, None)
        return outcome

    async def _tell(self, outcome: Outcome, reached: datetime | None) -> None:
        await self.settle()
        if self.progress is not None:
            await self.progress(self.road.type.name, outcome, reached)


async def still_held(road: Road) -> Conflict | None:
    """What to tell the owner of a type's deletions that are held back."""
    held = await holds.of_type(road.db, road.grant.member_id, road.type.name)
    if held is None:
        return None
    return Conflict(
        f"{held.missing} of {held.live} {road.type.name} records between {held.from_at:%Y-%m-%d} and "
        f"{held.to_at:%Y-%m-%d} are missing at WHOOP, more than a person would delete, so none was deleted here",
        kind="deletions_held",
        remedy=f"If the WHOOP app does not have them either: `circadia reconcile {held.user_id} --allow-deletes`.",
    )
