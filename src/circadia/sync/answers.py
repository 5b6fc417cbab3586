"""What becomes of the deliveries that a run was to answer: settled, tried again later, or parked for the operator.

One is settled when what WHOOP has of its record is here. A record that the pages did not bring is asked for by itself;
an event may come before its record can be read or is scored, so that is asked again for an hour or so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from circadia.clock import Clock
from circadia.domain.catalog import BY_NAME, RecordType, told_of
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.errors import CircadiaError, GrantLost, RateLimited, ScopeMissing, Unreachable
from circadia.storage import deliveries, lookups
from circadia.storage.lookups import Found
from circadia.storage.postgres import Database
from circadia.storage.records import Key
from circadia.sync.events import Hint, stored_records
from circadia.sync.outcome import Outcome, Report, broke, in_vain
from circadia.sync.road import Road

log = structlog.get_logger()

_TRIES = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 180, 360, 720))
"""How long after each failure the next try comes; after the last one a delivery is parked, most of a day later."""

_MISSING_TRIES = 4
_UNSCORED_FROM, _UNSCORED_UNTIL = 2, 4
_STILL_LISTED_TRIES = 2
"""Steps of `_TRIES` for a record that cannot be read yet, for one without its score (WHOOP tells of the score as well,
so there is no hurry), and for one that is listed though it was called deleted."""


_UNREADABLE = "WHOOP's record cannot be read: it is kept among the rejects, and a newer Circadia may read it"


class Answers:
    """The end of one run; `road` is its way to a type's records."""

    def __init__(
        self, db: Database, grant: Grant, lane: Lane, road: Callable[[RecordType], Road], clock: Clock
    ) -> None:
        self._db = db
        self._road = road
        self._grant = grant
        self._lane = lane
        self._clock = clock
        self._asked: set[tuple[str, Key]] = set()
        self._vain: RateLimited | Unreachable | None = None

    async def give(self, hints: Sequence[Hint], report: Report) -> None:
        """Answer what the run found waiting. Requests made for it are added to the report; after one for which the next
        would fail as well there is none."""
        self._vain = in_vain(report)
        for hint in hints:
            error = self._failure(hint, report)
            if error is None:
                try:
                    await self._judge(hint, report)
                except CircadiaError as raised:
                    error = raised
                except Exception:
                    # what one delivery breaks is not to keep the others waiting
                    log.exception("delivery.broke", user=self._grant.user_id, delivery=hint.delivery.id)
                    error = broke()
            if error is not None:
                await self._failed(hint, error)

    async def fail(self, hints: Sequence[Hint]) -> None:
        """A bug has ended the run before it could answer them."""
        for hint in hints:
            await self._failed(hint, broke())

    def _failure(self, hint: Hint, report: Report) -> CircadiaError | None:
        """Why a run has not brought what a delivery concerns; what the grant does not open is not concerned."""
        own = report.errors.get(hint.type_.name)
        if own is None and hint.type_.name not in report.outcomes:
            own = next(iter(report.errors.values()), None)
            if own is None:
                return ScopeMissing(f"the grant does not cover {hint.type_.scope}")
        others = [report.errors[each.name] for each in told_of(hint.type_) if each.name in report.errors]
        # the schedule brings what found no budget, without fetching the record itself a second time
        return own or next((each for each in others if not isinstance(each, ScopeMissing | RateLimited)), None)

    async def _failed(self, hint: Hint, error: CircadiaError) -> None:
        match error:
            case GrantLost():
                pass  # it waits until the member connects again
            case RateLimited():
                soonest = self._clock() + _TRIES[0]
                await deliveries.postpone(
                    self._db, hint.delivery.id, max(error.until, soonest), hint.delivery.attempts, error.message
                )
            case ScopeMissing():
                remedy = error.remedy or f"Connect again and leave `{hint.type_.scope}` ticked, then replay it."
                await self._park(hint, f"{error.message}. {remedy}")
            case _:
                await self._later(hint, error.message, tries=len(_TRIES))

    async def _judge(self, hint: Hint, report: Report) -> None:
        """Whether what is stored now answers a delivery all of whose types were synced."""
        if hint.record_id is None:
            await self._park(
                hint, "its record id is no UUID: set the webhook's model version to v2 in WHOOP's developer dashboard."
            )
            return
        if await self._unreadable(hint, report):
            await self._park(hint, _UNREADABLE)
            return
        found = await self._stored(hint)
        there = found is not None and found.deleted_at is None
        if hint.deleted:
            if not there or not await self._later(hint, "WHOOP still lists it", tries=_STILL_LISTED_TRIES):
                await self._settle(hint)
            return
        died_since = (
            found is not None and found.deleted_at is not None and found.deleted_at >= hint.delivery.received_at
        )
        if not there and not died_since:
            if hint.delivery.attempts and self._lane != "webhook":
                return  # its own run asks for it
            await self._ask(hint, report)
            if await self._unreadable(hint, report):
                await self._park(hint, _UNREADABLE)
                return
            found = await self._stored(hint)
            there = found is not None and found.deleted_at is None
            if not there and await self._later(hint, "WHOOP does not have the record", tries=_MISSING_TRIES):
                return
        unscored = there and found is not None and found.unscored
        if not unscored or not await self._later(
            hint, "WHOOP has not scored the record", tries=_UNSCORED_UNTIL, first=_UNSCORED_FROM
        ):
            await self._settle(hint)

    async def _stored(self, hint: Hint) -> Found | None:
        found = await stored_records(self._db, self._grant.member_id, hint.type_, [hint])
        return found.get(hint.record_id) if hint.record_id else None

    async def _unreadable(self, hint: Hint, report: Report) -> bool:
        """Whether the record came and could not be read."""
        type_, member_id = hint.type_, self._grant.member_id
        if hint.record_id is None or not report.outcomes[type_.name].rejected:
            return False
        async with self._db.connection() as connection:
            return await lookups.unreadable(
                connection, type_, member_id, type_.pushed_as, hint.record_id, hint.delivery.received_at
            )

    async def _ask(self, hint: Hint, report: Report) -> None:
        """Ask WHOOP for one record by itself."""
        if (key := await self._key(hint, report)) is not None:
            await self._ask_for(hint.type_, key, report)

    async def _key(self, hint: Hint, report: Report) -> Key | None:
        """The key of the record that a webhook names, by our own map where WHOOP names it by another record's; that
        one is asked for first when it is not here either."""
        type_ = hint.type_
        if type_.pushed_as == type_.key or hint.record_id is None:
            return hint.record_id
        if (found := await self._stored(hint)) is not None:
            return found.key
        named = BY_NAME[next(each.type for each in type_.links if each.column == type_.pushed_as)]
        key = await self._mapped(named, hint.record_id, type_.key)
        if key is None and named.scope in self._grant.scopes:
            await self._ask_for(named, hint.record_id, report)
            key = await self._mapped(named, hint.record_id, type_.key)
        return key

    async def _mapped(self, type_: RecordType, key: Key, column: str) -> Key | None:
        async with self._db.connection() as connection:
            return await lookups.value(connection, type_, self._grant.member_id, key, column)

    async def _ask_for(self, type_: RecordType, key: Key, report: Report) -> None:
        """One request for a record, however many deliveries are about it."""
        if self._vain is not None:
            raise self._vain
        if (type_.name, key) not in self._asked:
            try:
                outcome = await self._road(type_).ask(key)
            except (RateLimited, Unreachable) as error:
                self._vain = error
                raise
            self._asked.add((type_.name, key))
            report.outcomes[type_.name] = report.outcomes.get(type_.name, Outcome()).plus(outcome)

    async def _later(self, hint: Hint, why: str, *, tries: int, first: int = 0) -> bool:
        """Put a delivery off to its next step; False when it has had its `tries`. Only its own run counts a second
        failure: others come by chance."""
        attempts = max(hint.delivery.attempts, first)
        if hint.delivery.attempts and self._lane != "webhook":
            return True
        if attempts < tries:
            await deliveries.postpone(self._db, hint.delivery.id, self._clock() + _TRIES[attempts], attempts + 1, why)
            return True
        if tries == len(_TRIES):
            await self._park(hint, why)
            return True
        return False

    async def _park(self, hint: Hint, why: str) -> None:
        log.warning("delivery.parked", user=self._grant.user_id, delivery=hint.delivery.id, reason=why)
        await deliveries.park(self._db, hint.delivery.id, hint.delivery.attempts + 1, why)

    async def _settle(self, hint: Hint) -> None:
        await deliveries.settle(self._db, [hint.delivery.id], self._clock())
