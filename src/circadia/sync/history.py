"""A type's history: one walk, newest records first, below the floor of what has arrived.

A walk that died goes on where it stopped. The next page is asked for by time, from the start of the oldest record that
is here: WHOOP's page tokens count records, and one that is deleted or added meanwhile would shift the rest. The walk
ends with a look at the newest page and is repeated when that or anybody else has learned of deletions since it began.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime

from circadia.clients.whoop.client import Page
from circadia.domain.windows import Window, history
from circadia.storage import absences, coverage, sync_states
from circadia.storage.postgres import Connection
from circadia.storage.sync_states import SyncState
from circadia.sync.deletions import look
from circadia.sync.outcome import Outcome
from circadia.sync.pages import Stored
from circadia.sync.progress import Progress, Stopping
from circadia.sync.road import Road


@dataclass(frozen=True, slots=True)
class History:
    """The walk over one type. `first_due` says when the type is due after its newest page, which somebody waits for."""

    road: Road
    first_due: Callable[[datetime], datetime]

    async def open(self) -> Outcome:
        """The newest page of a type of which nothing is here; the walk below it is the backfill's."""
        began_at, outcome = self.road.client.now(), Outcome()
        window = history(None, began_at)
        async for page in self.road.pages(window):
            stored = await self._store(page, window, began_at, done=page.last)
            outcome = outcome.page(stored.fetched, stored.written, stored.rejected)
            break
        return outcome

    async def walk(
        self, state: SyncState, settle: Callable[[], Awaitable[None]], progress: Progress | None
    ) -> tuple[Outcome, bool]:
        """Everything below the floor, then, where that took more than one page, a look at the newest page for what
        changed meanwhile. Tells whether the walk has to be repeated."""
        began_at = self.road.client.now()
        outcome = await self._below(state, began_at, settle, progress)
        if state.floor_at is None and outcome.requests <= 1:
            return outcome, False
        closing = await look(self.road, self.road.client.now())
        async with self.road.db.connection() as connection:
            died = await absences.died_in_walk(connection, self.road.type, self.road.grant.member_id)
        again = closing.deleted > 0 or died
        await sync_states.end_history(
            self.road.db, self.road.grant.member_id, self.road.type.name, began_at, again=again
        )
        return outcome.plus(closing), again

    async def _below(
        self, state: SyncState, began_at: datetime, settle: Callable[[], Awaitable[None]], progress: Progress | None
    ) -> Outcome:
        outcome, window, over = Outcome(), history(state.floor_at, began_at), False
        until = window.end
        while not over:
            async for page in self.road.pages(Window(None, until)):
                whole = page.last and state.floor_at is None and not outcome.requests
                stored = await self._store(page, window, began_at, done=whole)
                outcome, over = outcome.page(stored.fetched, stored.written, stored.rejected), page.last
                await settle()
                if progress is not None and page.records:
                    with suppress(Stopping) if page.last else nullcontext():  # there is nothing to stop any more
                        await progress(self.road.type.name, outcome, stored.oldest_start)
                if stored.oldest_start is not None and stored.oldest_start < until:
                    until = stored.oldest_start
                    break  # by WHOOP's token only where a whole page cannot be placed
        return outcome

    async def _store(self, page: Page, window: Window, began_at: datetime, *, done: bool) -> Stored:
        """A page of the walk and the floor it lowers, in one transaction."""
        member_id, name = self.road.grant.member_id, self.road.type.name

        async def lower_floor(connection: Connection, stored: Stored) -> None:
            await coverage.note(connection, member_id, name, stored.arrivals)
            await sync_states.advance_history(
                connection,
                member_id,
                name,
                cursor=window.end,
                began_at=began_at,
                floor=stored.oldest_start,
                done=done,
                due_at=self.first_due(began_at),
            )

        return await self.road.store(page, lower_floor)
