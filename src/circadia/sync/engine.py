"""The one road from WHOOP to disk. Poll, backfill, webhook, command line and button all walk it.

A type is synced by a window of time: every page is stored as it arrives, and only when the whole window is here does
the cursor move and is absence taken for a deletion. History is walked once, newest first, below the floor of what has
arrived, so a walk that died goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from circadia import metrics
from circadia.clients.whoop.auth import MemberAuth, Tokens
from circadia.clients.whoop.client import WhoopClient
from circadia.clock import Clock
from circadia.domain.cadence import PENDING_FOR
from circadia.domain.catalog import COLLECTIONS, RecordType, allowed
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.domain.windows import EDGE, Window, incremental
from circadia.errors import CircadiaError, GrantLost, NotFound, RateLimited, ScopeMissing
from circadia.storage import days, holds, members, records, sync_states, walks
from circadia.storage.postgres import Connection, Database
from circadia.sync import events, pages
from circadia.sync.abreast import Abreast
from circadia.sync.answers import Answers
from circadia.sync.deletions import STEP, Listing, learn_deletions, look
from circadia.sync.history import History
from circadia.sync.outcome import Outcome, Report, broke, in_vain, told
from circadia.sync.progress import Progress, Stopping
from circadia.sync.reconcile import Reconciliation, still_held
from circadia.sync.road import Road
from circadia.sync.schedule import Schedule

log = structlog.get_logger()

_SETTLE_EVERY = 1.0
_PARKED_FOR = timedelta(days=1)


class Engine:
    """Syncs a member's record types. One per process; it holds no state of its own."""

    def __init__(self, db: Database, client: WhoopClient, tokens: Tokens, clock: Clock, schedule: Schedule) -> None:
        self._db = db
        self._client = client
        self._tokens = tokens
        self._clock = clock
        self._schedule = schedule

    async def sync(self, grant: Grant, types: Sequence[RecordType], lane: Lane) -> Report:
        """Bring types up to date, one after the other, and answer the webhooks that wait for it: first what they are
        about, then what changes with it. What fails is said in the report and in the type's state."""
        report = Report({}, {})
        hints = await events.open_hints(self._db, grant, types, self._clock())
        answers = Answers(self._db, grant, lane, lambda type_: self._road(grant, type_, lane), self._clock)
        for type_ in sorted(allowed(tuple(types), grant.scopes), key=lambda each: bool(hints) and each.push is None):
            if (vain := in_vain(report)) is not None:
                report.errors[type_.name] = vain
                await self._postpone(grant, type_, vain, self._clock())
                continue
            places = events.places(hints, type_, lane)
            try:
                await self._attempt(grant, type_, report, self._visit(grant, type_, lane, places))
            except CircadiaError:
                raise
            except Exception:
                # a bug is the worker's to tell of; the webhooks count their attempt
                await answers.fail(hints)
                raise
            if any(isinstance(each, GrantLost | NotFound) for each in report.errors.values()):
                break
        await answers.give(hints, report)
        await self._conclude(grant)
        return report

    async def backfill(self, grant: Grant, lane: Lane, progress: Progress | None = None) -> Report:
        """Walk the whole history of every type that is not here yet, all types side by side, newest records first.
        Stopping when a progress report asked for it and every walk has stored the page it was at."""
        report = Report({}, {})
        settler = _Settler(lambda: self._conclude(grant))
        types = allowed(COLLECTIONS, grant.scopes)
        abreast = Abreast(types, progress)

        async def walked(type_: RecordType) -> Outcome:
            with abreast.walking(type_):
                await abreast.turn(type_)
                return await self._history(grant, type_, lane, settler, abreast)

        walks = [asyncio.create_task(self._attempt(grant, each, report, walked(each), walk=True)) for each in types]
        try:
            ended = await asyncio.gather(*walks, return_exceptions=True)
        finally:
            for walk in walks:
                walk.cancel()
            await asyncio.gather(*walks, return_exceptions=True)
            await self._conclude(grant)
        errors = [each for each in ended if isinstance(each, BaseException)]
        for error in errors:
            if not isinstance(error, Stopping):
                raise error
        if errors:
            raise Stopping(report)
        return report

    async def reconcile(
        self,
        grant: Grant,
        types: Sequence[RecordType],
        *,
        lane: Lane,
        full: bool = False,
        allow_deletes: bool = False,
        asked_at: datetime | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Compare what WHOOP lists with what is stored, one type after the other: the last 90 days, or everything with
        `full`. Where deletions stay held back the report has an error; `allow_deletes` is the owner's word for them.

        What was compared since `asked_at` is not compared again. A walk that broke off is taken up, by a person's
        request only if it began since then. Stopping when a progress report asked for it."""
        report = Report({}, {})
        settler = _Settler(lambda: self._conclude(grant))
        states = await sync_states.all_of(self._db, grant.member_id)
        done = await walks.compared(self._db, grant.member_id, "all" if full else "recent")
        since = asked_at if lane == "person" else None
        try:
            for type_ in allowed(COLLECTIONS, grant.scopes):
                if type_ not in types or type_.name not in states or states[type_.name].cursor_at is None:
                    continue
                road = self._road(grant, type_, lane)
                at = done.get(type_.name)
                allowed_now = allow_deletes and states[type_.name].held_deletions > 0
                if asked_at is None or at is None or at < asked_at or allowed_now:
                    walk = Reconciliation(road, full, allow_deletes, since, settler.now_and_then, progress)
                    await self._attempt(grant, type_, report, walk.run(), walk=True)
                if type_.name not in report.errors and (held := await still_held(road)) is not None:
                    report.errors[type_.name] = held
                if any(isinstance(each, GrantLost | NotFound | RateLimited) for each in report.errors.values()):
                    break
        except Stopping:
            raise Stopping(report) from None
        finally:
            await self._conclude(grant)
        return report

    async def _attempt(
        self, grant: Grant, type_: RecordType, report: Report, work: Awaitable[Outcome], *, walk: bool = False
    ) -> None:
        """What fails puts the type off. A `walk` of its history does not: what is new arrives all the same."""
        began_at = self._clock()
        try:
            report.outcomes[type_.name] = outcome = await work
        except CircadiaError as raised:
            gone = isinstance(raised, GrantLost) and await members.grant(self._db, grant.member_id) is None
            report.errors[type_.name] = error = records.erased() if gone else raised
            metrics.count_sync(type_.name, error.kind, {})
            log.warning("sync.failed", user=grant.user_id, type=type_.name, kind=error.kind, reason=error.message)
            state = await sync_states.load(self._db, grant.member_id, type_.name)
            if not isinstance(error, NotFound) and (not walk or state.due_at is None):
                await self._postpone(grant, type_, error, began_at)
        except Stopping:
            raise
        except Exception:
            # a bug is the worker's to tell of; the type is put off all the same, or it would come back at once
            if not walk or (await sync_states.load(self._db, grant.member_id, type_.name)).due_at is None:
                await self._postpone(grant, type_, broke(), began_at)
            raise
        else:
            metrics.count_sync(type_.name, "succeeded", outcome.as_dict())
            log.info("sync.done", user=grant.user_id, type=type_.name, **outcome.as_dict())

    async def _postpone(self, grant: Grant, type_: RecordType, error: CircadiaError, began_at: datetime) -> None:
        """A type that failed comes back later, the later the more often it failed. One that found no budget has not
        failed: it goes on when there is some."""
        now = self._clock()
        if isinstance(error, RateLimited):
            due_at = self._schedule.resume_due(error.until, now, grant.member_id)
            await sync_states.put_off(self._db, grant.member_id, type_.name, began_at=began_at, due_at=due_at)
        else:
            state = await sync_states.load(self._db, grant.member_id, type_.name)
            parked = isinstance(error, GrantLost | ScopeMissing) and not await self._reconnected(grant, error)
            due_at = now + _PARKED_FOR if parked else await self._schedule.retry_due(now, state.failures + 1)
            why = told(error) | {"at": now.isoformat()}
            await sync_states.fail(
                self._db, grant.member_id, type_.name, began_at=began_at, now=now, due_at=due_at, error=why
            )

    async def _reconnected(self, grant: Grant, error: CircadiaError) -> bool:
        """Whether what failed for want of a grant, or of a scope, may go well now: the member has consented anew, or
        the pair that was dead was not the present one."""
        present = await members.grant(self._db, grant.member_id)
        if present is None or present.state != "connected":
            return False
        return isinstance(error, GrantLost) or present.connected_at != grant.connected_at

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

    async def _visit(self, grant: Grant, type_: RecordType, lane: Lane, places: events.Places) -> Outcome:
        """The newest records of a type, and the pages of older ones that webhooks have told of."""
        outcome = await self._sync_one(grant, type_, lane) if places.newest else Outcome()
        return outcome.plus(await events.look(self._road(grant, type_, lane), places.around))

    async def _sync_one(self, grant: Grant, type_: RecordType, lane: Lane) -> Outcome:
        if not type_.collection:
            return await self._observe(grant, type_, lane)
        road = self._road(grant, type_, lane)
        state = await sync_states.load(self._db, grant.member_id, type_.name)
        if state.cursor_at is None:
            began_at = self._clock()
            outcome = await self._history_of(road).open()
            await self._succeed(grant, type_, None, began_at, outcome)
            return outcome
        held = await holds.of_type(self._db, grant.member_id, type_.name) if state.held_deletions else None
        edge = timedelta(0) if type_.timed else EDGE
        outcome = Outcome()
        while True:
            began_at = self._clock()
            since, until = incremental(state.cursor_at, began_at, held.from_at if held else None)
            listing = Listing(since, until, began_at)
            async for page in road.pages(Window(since - edge, until)):
                listing.add(await road.store(page))
            outcome = outcome.plus(listing.outcome).plus(await learn_deletions(road, listing))
            if not listing.news_on_later_pages:
                break
            closing = await look(road, self._clock())
            outcome = outcome.plus(closing)
            if not closing.deleted:
                break
        outcome = outcome.plus(await self._late_scores(road, since))
        await self._succeed(grant, type_, until, began_at, outcome)
        return outcome

    async def _late_scores(self, road: Road, since: datetime) -> Outcome:
        """Records that WHOOP has made lately of a time before the window, as a strap that was away for weeks brings
        them, and has not scored yet: the page that holds the newest of them is looked at as well."""
        async with self._db.connection() as connection:
            created_after = self._clock() - PENDING_FOR
            waiting = await records.pending(connection, road.type, road.grant.member_id, created_after)
        older = [start for start in waiting if start < since]
        return await look(road, max(older) + STEP) if older else Outcome()

    async def _observe(self, grant: Grant, type_: RecordType, lane: Lane) -> Outcome:
        began_at = self._clock()
        raw = await self._client.document(type_.path, MemberAuth(self._tokens, grant.member_id), lane)
        outcome = Outcome(requests=1)
        if raw is not None:
            written, rejected = await pages.store_document(self._db, type_, grant, raw, began_at)
            outcome = Outcome().page(1, written, rejected)
        await self._succeed(grant, type_, None, began_at, outcome)
        return outcome

    async def _history(
        self, grant: Grant, type_: RecordType, lane: Lane, settler: _Settler, progress: Progress | None
    ) -> Outcome:
        outcome, again = Outcome(), True
        while again:
            state = await sync_states.load(self._db, grant.member_id, type_.name)
            if state.history_done_at is not None:
                break
            began_at = self._clock()
            road = self._road(grant, type_, lane)
            walked, again = await self._history_of(road).walk(state, settler.now_and_then, progress)
            outcome = outcome.plus(walked)
            await self._succeed(grant, type_, None, began_at, outcome)
        return outcome

    def _history_of(self, road: Road) -> History:
        return History(road, lambda now: self._schedule.first_due(road.type, now))

    def _road(self, grant: Grant, type_: RecordType, lane: Lane) -> Road:
        auth = MemberAuth(self._tokens, grant.member_id)
        return Road(self._db, self._client, auth, grant, type_, lane)

    async def _succeed(
        self, grant: Grant, type_: RecordType, cursor: datetime | None, began_at: datetime, outcome: Outcome
    ) -> None:
        now, stretch = self._clock(), await self._schedule.stretch()
        async with self._db.begin() as connection:
            await records.lock(connection, grant.member_id)  # before the type's row, as a page does
            due_at, pending = await self._schedule.next_due(
                connection, grant.member_id, type_, now, stretch, changed=outcome.written > 0
            )
            await sync_states.succeed(
                connection,
                grant.member_id,
                type_.name,
                cursor=cursor,
                began_at=began_at,
                now=now,
                due_at=due_at,
                pending=pending,
                outcome=outcome.as_dict(),
            )
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
