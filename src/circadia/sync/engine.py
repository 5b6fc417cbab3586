"""The one road from WHOOP to disk. Poll, backfill, webhook, command line and button all walk it.

A type is synced by a window of time: every page is stored as it arrives, and only when the whole window is here does
the cursor move and is absence taken for a deletion. History is walked once, newest first, below the floor of what has
arrived, so a walk that died goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from circadia import metrics
from circadia.clients.whoop.auth import MemberAuth, Tokens
from circadia.clients.whoop.client import Page, WhoopClient
from circadia.clock import Clock
from circadia.domain.catalog import COLLECTIONS, RecordType, allowed
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.domain.plans import Plan, due_after
from circadia.domain.windows import EDGE, OVERLAP, Window, history, incremental, next_due
from circadia.errors import CircadiaError, GrantLost, RateLimited, ScopeMissing
from circadia.storage import days, deliveries, holds, members, records, sync_states
from circadia.storage.postgres import Connection, Database
from circadia.storage.sync_states import SyncState
from circadia.sync import pages
from circadia.sync.deletions import Listing, learn_deletions
from circadia.sync.outcome import Outcome, Report, told

log = structlog.get_logger()

_SETTLE_EVERY = 1.0
_PARKED_FOR = timedelta(days=1)
_PUSH_SEEN_WITHIN = timedelta(days=2)

Progress = Callable[[str, Outcome, datetime | None], Awaitable[None]]
"""Told after each page that held records: the type, its outcome so far, the start of the oldest record that is here."""


class Engine:
    """Syncs a member's record types. One per process; it holds no state of its own."""

    def __init__(self, db: Database, client: WhoopClient, tokens: Tokens, clock: Clock, plan: Plan) -> None:
        self._db = db
        self._client = client
        self._tokens = tokens
        self._clock = clock
        self._plan = plan

    async def sync(self, grant: Grant, types: Sequence[RecordType], lane: Lane) -> Report:
        """Bring types up to date, one after the other. What fails is said in the report and in the type's state."""
        began_at = self._clock()
        report = Report({}, {})
        for type_ in allowed(tuple(types), grant.scopes):
            await self._attempt(grant, type_, report, self._sync_one(grant, type_, lane))
            if any(isinstance(each, GrantLost) for each in report.errors.values()):
                break
        await self._conclude(grant)
        if not report.errors:
            nouns = [each.push for each in types if each.push]
            await deliveries.settle(self._db, grant.whoop_user_id, nouns, began_at, self._clock())
        return report

    async def backfill(self, grant: Grant, lane: Lane, progress: Progress | None = None) -> Report:
        """Walk the whole history of every type that is not here yet, all types side by side, newest records first."""
        report = Report({}, {})
        settler = _Settler(lambda: self._conclude(grant))
        walks = [
            asyncio.create_task(
                self._attempt(grant, type_, report, self._history(grant, type_, lane, settler, progress))
            )
            for type_ in allowed(COLLECTIONS, grant.scopes)
        ]
        try:
            await asyncio.gather(*walks)
        finally:
            for walk in walks:
                walk.cancel()
            await asyncio.gather(*walks, return_exceptions=True)
            await self._conclude(grant)
        return report

    async def _attempt(self, grant: Grant, type_: RecordType, report: Report, work: Awaitable[Outcome]) -> None:
        try:
            report.outcomes[type_.name] = outcome = await work
        except CircadiaError as error:
            report.errors[type_.name] = error
            metrics.count_sync(type_.name, error.kind, {})
            await self._postpone(grant, type_, error)
        else:
            metrics.count_sync(type_.name, "succeeded", outcome.as_dict())
            log.info("sync.done", user=grant.user_id, type=type_.name, **outcome.as_dict())

    async def _postpone(self, grant: Grant, type_: RecordType, error: CircadiaError) -> None:
        """A type that failed comes back later, the later the more often it failed, never before WHOOP's own wish."""
        now = self._clock()
        state = await sync_states.load(self._db, grant.member_id, type_.name)
        until = error.until if isinstance(error, RateLimited) else None
        if isinstance(error, GrantLost | ScopeMissing):
            until = now + _PARKED_FOR
        due_at = next_due(now, type_.every, state.failures + 1, until)
        await sync_states.fail(
            self._db, grant.member_id, type_.name, now=now, due_at=due_at, error=told(error) | {"at": now.isoformat()}
        )
        log.warning("sync.failed", user=grant.user_id, type=type_.name, kind=error.kind, reason=error.message)

    async def _conclude(self, grant: Grant) -> None:
        """Every run leaves settled days and says up to when the copy is true."""
        async with self._db.begin() as connection:
            await self._advance_as_of(connection, grant)
            await days.settle(connection, grant.member_id)

    async def _advance_as_of(self, connection: Connection, grant: Grant) -> None:
        """The copy is as fresh as its stalest type."""
        names = [each.name for each in allowed(COLLECTIONS, grant.scopes)]
        if (as_of := await sync_states.stalest(connection, grant.member_id, names)) is not None:
            await members.advance_as_of(connection, grant.member_id, as_of)

    async def _sync_one(self, grant: Grant, type_: RecordType, lane: Lane) -> Outcome:
        if not type_.collection:
            return await self._observe(grant, type_, lane)
        state = await sync_states.load(self._db, grant.member_id, type_.name)
        if state.cursor_at is None:
            return await self._open_history(grant, type_, lane)
        edge = timedelta(0) if type_.timed else EDGE
        outcome = Outcome()
        while True:
            began_at = self._clock()
            listing = Listing(incremental(state.cursor_at, began_at, edge), began_at)
            async for page in self._pages(grant, type_, listing.window, lane):
                listing.add(await pages.store(self._db, type_, grant, page))
            deletions = await learn_deletions(self._db, self._client, self._auth(grant), type_, grant, listing, lane)
            outcome = outcome.plus(listing.outcome).plus(deletions)
            if not listing.news_on_later_pages:
                break
            closing = await self._closing_look(grant, type_, lane)
            outcome = outcome.plus(closing)
            if not closing.deleted:
                break
        await self._succeed(grant, type_, listing.window.end, began_at, outcome)
        return outcome

    async def _observe(self, grant: Grant, type_: RecordType, lane: Lane) -> Outcome:
        began_at = self._clock()
        raw = await self._client.document(type_.path, self._auth(grant), lane)
        outcome = Outcome(requests=1)
        if raw is not None:
            written, rejected = await pages.store_document(self._db, type_, grant, raw, began_at)
            outcome = Outcome().page(1, written, rejected)
        await self._succeed(grant, type_, None, began_at, outcome)
        return outcome

    async def _open_history(self, grant: Grant, type_: RecordType, lane: Lane) -> Outcome:
        """The newest page of a type of which nothing is here; the walk below it is the backfill's."""
        began_at, outcome = self._clock(), Outcome()
        window = history(None, began_at)
        async for page in self._pages(grant, type_, window, lane):
            stored = await self._store_history(grant, type_, page, window, began_at, done=page.last)
            outcome = outcome.page(stored.fetched, stored.written, stored.rejected)
            break
        await self._succeed(grant, type_, None, began_at, outcome)
        return outcome

    async def _history(
        self, grant: Grant, type_: RecordType, lane: Lane, settler: _Settler, progress: Progress | None
    ) -> Outcome:
        """One walk below the floor, then, where it had more than one page, a closing look at the newest page for what
        changed while it went on. Page tokens count records: when one that was read has been deleted meanwhile, a
        later page has passed one over, so the walk is repeated."""
        outcome = Outcome()
        while True:
            state = await sync_states.load(self._db, grant.member_id, type_.name)
            if state.history_done_at is not None:
                return outcome
            began_at = self._clock()
            walked = await self._walk(grant, type_, lane, state, began_at, settler, progress)
            outcome = outcome.plus(walked)
            if state.floor_at is not None or walked.requests > 1:
                closing = await self._closing_look(grant, type_, lane)
                outcome = outcome.plus(closing)
                await sync_states.end_history(
                    self._db, grant.member_id, type_.name, began_at, again=closing.deleted > 0
                )
            await self._succeed(grant, type_, None, began_at, outcome)

    async def _walk(
        self,
        grant: Grant,
        type_: RecordType,
        lane: Lane,
        state: SyncState,
        began_at: datetime,
        settler: _Settler,
        progress: Progress | None,
    ) -> Outcome:
        """The history below the floor. Somebody waits for the first page of a new member; the rest has time."""
        outcome, window = Outcome(), history(state.floor_at, began_at)
        first: Lane = lane if state.cursor_at else "person"
        async for page in self._pages(grant, type_, window, lane, first):
            whole = page.last and state.floor_at is None and not outcome.requests
            stored = await self._store_history(grant, type_, page, window, began_at, done=whole)
            outcome = outcome.page(stored.fetched, stored.written, stored.rejected)
            await settler.now_and_then()
            if progress is not None and page.records:
                await progress(type_.name, outcome, stored.oldest_start)
        return outcome

    async def _store_history(
        self, grant: Grant, type_: RecordType, page: Page, window: Window, began_at: datetime, *, done: bool
    ) -> pages.Stored:
        """A page of the walk and the floor it lowers, in one transaction."""

        async def lower_floor(connection: Connection, stored: pages.Stored) -> None:
            await sync_states.advance_history(
                connection,
                grant.member_id,
                type_.name,
                cursor=window.end,
                began_at=began_at,
                floor=stored.oldest_start,
                done=done,
                due_at=due_after(self._plan, type_, began_at, seed=grant.member_id),
            )

        return await pages.store(self._db, type_, grant, page, after=lower_floor)

    async def _closing_look(self, grant: Grant, type_: RecordType, lane: Lane) -> Outcome:
        """The newest page once more: what is new on it, and what it no longer holds."""
        began_at = self._clock()
        listing = Listing(history(None, began_at), began_at)
        async for page in self._pages(grant, type_, listing.window, lane):
            listing.add(await pages.store(self._db, type_, grant, page))
            break
        async with self._db.connection() as connection:
            stretch = await records.stretch(connection, type_, grant.member_id, listing.seen)
        listing.window = replace(listing.window, start=stretch[0] if stretch else None)
        deletions = await learn_deletions(self._db, self._client, self._auth(grant), type_, grant, listing, lane)
        return listing.outcome.plus(deletions)

    def _pages(
        self, grant: Grant, type_: RecordType, window: Window, lane: Lane, first: Lane | None = None
    ) -> AsyncIterator[Page]:
        return self._client.pages(type_.path, self._auth(grant), window, lane, first)

    def _auth(self, grant: Grant) -> MemberAuth:
        return MemberAuth(self._tokens, grant.member_id)

    async def _succeed(
        self, grant: Grant, type_: RecordType, cursor: datetime | None, began_at: datetime, outcome: Outcome
    ) -> None:
        now = self._clock()
        async with self._db.begin() as connection:
            await records.lock(connection, grant.member_id)  # before the type's row, as a page does
            offset = await members.local_offset(connection, grant.member_id)
            pushed = await deliveries.arrive(connection, grant.whoop_user_id, now - _PUSH_SEEN_WITHIN)
            await sync_states.succeed(
                connection,
                grant.member_id,
                type_.name,
                cursor=cursor,
                began_at=began_at,
                now=now,
                due_at=due_after(self._plan, type_, now, offset=offset, seed=grant.member_id, pushed=pushed),
                outcome=outcome.as_dict(),
            )
            if cursor is not None and not outcome.held_deletions:
                await holds.release(connection, grant.member_id, type_.name, cursor - OVERLAP)
            await self._advance_as_of(connection, grant)


class _Settler:
    """Settles a member's days during a long walk, about once a second, so that what arrived can be read."""

    def __init__(self, conclude: Callable[[], Awaitable[None]]) -> None:
        self._conclude = conclude
        self._last = 0.0

    async def now_and_then(self) -> None:
        """Settle if the last time is a while ago."""
        now = asyncio.get_running_loop().time()
        if now - self._last >= _SETTLE_EVERY:
            self._last = now
            await self._conclude()
