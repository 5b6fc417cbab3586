"""From webhooks to runs: a delivery is a hint that something about a member has changed, never data.

Deliveries of one member that come together ask for one run. A record that is stored and too old for the newest page is
looked at on the page that holds it. What a webhook calls deleted becomes a tombstone at once, by the order rule, and
the run that follows sees whether it is so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from circadia.domain.catalog import BY_NAME, CATALOG, RecordType, allowed, told_of
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.domain.windows import OVERLAP
from circadia.errors import NotFound
from circadia.storage import deliveries, lookups, records
from circadia.storage.deliveries import Waiting
from circadia.storage.lookups import Found
from circadia.storage.postgres import Database
from circadia.sync.deletions import learn_deletions, list_page
from circadia.sync.outcome import Outcome
from circadia.sync.road import Road
from circadia.sync.wanted import Wanted

log = structlog.get_logger()

_PATIENCE = timedelta(seconds=3)
"""A member whose webhooks do not stop coming is synced this much later than one whose do."""

_MAY_HAVE_MOVED = timedelta(days=1)
"""An edited record is on the page that would have held it, though it begins this much later now."""

_PUSHED = {each.push: each for each in CATALOG if each.push}
_DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Hint:
    """What a delivery asks of a run: `around` is where its record lies, None where the newest page may hold it;
    `record_id` is None where the webhook's is no UUID."""

    delivery: Waiting
    type_: RecordType
    deleted: bool
    record_id: UUID | None
    around: datetime | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run looks for the changes of one type."""

    newest: bool
    around: tuple[datetime, ...]


async def ripe(db: Database, now: datetime) -> list[Wanted]:
    """The runs that the waiting deliveries ask for now, one a member. Whoever calls this requests them: a delivery is
    not handed out again for a while."""
    wanted = []
    for member_id, claimed in await deliveries.claim(db, now, _PATIENCE):
        hints = [_hint(each) for each in claimed]
        try:
            await _bury(db, member_id, hints)
        except NotFound:  # erased since the claim
            continue
        names = {each.name for hint in hints for each in told_of(hint.type_)}
        types = tuple(each.name for each in CATALOG if each.name in names)
        wanted.append(Wanted(member_id, "sync", "webhook", types))
    return wanted


async def open_hints(db: Database, grant: Grant, types: Collection[RecordType], now: datetime) -> list[Hint]:
    """The deliveries that came before `now` and that a run of `types`, begun at `now`, answers: those of which it
    syncs everything that they concern. What they call deleted is a tombstone from here on."""
    nouns = [each.push for each in CATALOG if each.push and set(allowed(told_of(each), grant.scopes)) <= set(types)]
    told = [f"{noun}.{verb}" for noun in nouns for verb in ("updated", _DELETED)]
    found = [_hint(each) for each in await deliveries.waiting(db, grant.whoop_user_id, told, now)]
    await _bury(db, grant.member_id, found)
    starts: dict[tuple[str, UUID], datetime] = {}
    for type_ in {hint.type_.name: hint.type_ for hint in found}.values():
        stored = await stored_records(db, grant.member_id, type_, found)
        starts |= {(type_.name, name): each.start for name, each in stored.items()}
    return [_placed(hint, starts, now - OVERLAP) for hint in found]


def places(hints: Sequence[Hint], type_: RecordType, lane: Lane) -> Places:
    """Where to look for what `hints` concern of a type. A run that only they have asked for leaves out the newest page
    where none of them needs it."""
    concerned = [each for each in hints if type_ in told_of(each.type_)]
    around = {each.around for each in concerned if each.around is not None}
    newest = lane != "webhook" or not concerned or any(each.around is None for each in concerned)
    return Places(newest, tuple(sorted(around, reverse=True)))


async def look(road: Road, around: Sequence[datetime]) -> Outcome:
    """The pages that hold `around`, compared with what is stored, newest first; one page may hold several."""
    outcome, since = Outcome(), datetime.max.replace(tzinfo=UTC)
    for instant in sorted(around, reverse=True):
        if instant < since:
            listing = await list_page(road, instant + _MAY_HAVE_MOVED)
            outcome = outcome.plus(listing.outcome).plus(await learn_deletions(road, listing))
            since = listing.since or datetime.min.replace(tzinfo=UTC)
    return outcome


async def stored_records(db: Database, member_id: int, type_: RecordType, hints: Sequence[Hint]) -> dict[UUID, Found]:
    """The stored records, tombstones included, that hints about a type name."""
    names = [each.record_id for each in hints if each.record_id is not None and each.type_ is type_]
    if not names:
        return {}
    async with db.connection() as connection:
        return await lookups.find(connection, type_, member_id, type_.pushed_as, names)


async def tidy(db: Database, now: datetime) -> None:
    """Every minute: forget old deliveries, and let in those whose account has been connected meanwhile."""
    await deliveries.admit_all(db, now)
    await deliveries.forget_old(db, now)


def _hint(delivery: Waiting) -> Hint:
    noun, _, verb = delivery.type.partition(".")
    try:
        record_id = UUID(delivery.record_id)
    except ValueError:
        record_id = None
    return Hint(delivery, _PUSHED[noun], verb == _DELETED, record_id)


def _placed(hint: Hint, starts: dict[tuple[str, UUID], datetime], oldest_listed: datetime) -> Hint:
    start = starts.get((hint.type_.name, hint.record_id)) if hint.record_id else None
    if start is None or start >= oldest_listed:
        return hint
    return Hint(hint.delivery, hint.type_, hint.deleted, hint.record_id, start)


async def _bury(db: Database, member_id: int, hints: Sequence[Hint]) -> None:
    """Turn what webhooks call deleted into tombstones, unless a later fetch has brought it."""
    for type_ in BY_NAME.values():
        gone = [each for each in hints if each.deleted and each.type_ is type_]
        stored = await stored_records(db, member_id, type_, gone)
        if not any(each.deleted_at is None for each in stored.values()):
            continue
        async with db.begin() as connection:
            await records.lock(connection, member_id)
            for hint in gone:
                if hint.record_id in stored:
                    key, at = stored[hint.record_id].key, hint.delivery.received_at
                    died = await records.bury(connection, type_, member_id, [key], learned_at=at)
                    log.info("webhook.deleted", member=member_id, type=type_.name, records=died)
