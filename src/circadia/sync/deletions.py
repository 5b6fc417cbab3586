"""Learning of deletions from what a listing no longer holds.

WHOOP tells of deletions by webhook only, and webhooks get lost. A record that lies inside a stretch that was listed
whole and is not on it is asked for by itself; 404 makes it a tombstone. The brake: when more is missing than a person
would delete, or the listing is empty though WHOOP should have something, nothing is asked and nothing deleted, and the
missing records are held until they are accounted for or their owner allows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from circadia.domain.brake import plausible
from circadia.domain.windows import Window, history
from circadia.storage import absences, holds
from circadia.storage.records import Key
from circadia.sync.outcome import Outcome
from circadia.sync.pages import Stored
from circadia.sync.road import Road

log = structlog.get_logger()

STEP = timedelta(milliseconds=1)
"""WHOOP's resolution: a window that ends this much after a record's start has that record on it."""


@dataclass(slots=True)
class Listing:
    """Everything that starts in `[since, until)` (`since` None is the beginning of time) as WHOOP listed it, page by
    page. `news_on_later_pages`: whether a page after the first held records never seen before."""

    since: datetime | None
    until: datetime
    began_at: datetime
    seen: list[Key] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    news_on_later_pages: bool = False

    def add(self, stored: Stored) -> None:
        """One more page of it."""
        self.news_on_later_pages |= self.outcome.requests > 0 and stored.written.inserted > 0
        self.seen += stored.keys
        self.outcome = self.outcome.page(stored.fetched, stored.written, stored.rejected)


@dataclass(frozen=True, slots=True)
class Missing:
    """Stored records that were not on a listing, `live` of the stretch in all; `held` are those of them held back
    before."""

    keys: list[Key]
    live: int
    held: frozenset[str]


async def list_page(road: Road, until: datetime) -> Listing:
    """One page: the newest records that start before `until`, stored, and the stretch that it shows whole.

    Another page of the same window is read only where a whole page has one start, or nothing on it can be read."""
    listing = Listing(None, until, road.client.now())
    async for page in road.pages(Window(None, until)):
        stored = await road.store(page)
        listing.add(stored)
        if page.last:
            break
        if stored.oldest_at is not None and stored.oldest_at + STEP < until:
            listing.since = stored.oldest_at + STEP
            break
    return listing


async def find_missing(road: Road, listing: Listing) -> Missing:
    """What is stored of a listing's stretch and was not on it. What it shows is held no longer."""
    member_id = road.grant.member_id
    async with road.db.begin() as connection:
        keys, live = await absences.absent(
            connection,
            road.type,
            member_id,
            listing.seen,
            since=listing.since,
            until=listing.until,
            began_at=listing.began_at,
        )
        held = await holds.account(connection, road.type, member_id, listing.seen)
    return Missing(keys, live, held & {str(each) for each in keys})


async def learn_deletions(road: Road, listing: Listing) -> Outcome:
    """Tombstone what WHOOP has deleted inside a stretch that was listed whole, and hold what is not believed. One with
    records that could not be read is not whole; what is held back stays so until a reconciliation judges it."""
    if listing.outcome.rejected or road.type.item is None:
        return Outcome()
    missing = await find_missing(road, listing)
    if not missing.keys:
        return Outcome()
    if missing.held:
        return await hold(road, missing.keys, missing.live)
    believed, outcome = await believe(road, len(missing.keys), missing.live, listed=bool(listing.seen))
    if not believed:
        return outcome.plus(await hold(road, missing.keys, missing.live))
    for key in missing.keys:
        outcome = outcome.plus(await ask(road, key))
    return outcome


async def believe(road: Road, missing: int, live: int, *, listed: bool) -> tuple[bool, Outcome]:
    """Whether so many deletions are believed, and the request it may have taken: where nothing was listed, WHOOP is
    asked whether it lists any record of the type at all, as an outage or a lapsed membership does not."""
    if not plausible(missing, live):
        return False, Outcome()
    if listed:
        return True, Outcome()
    async for page in road.pages(history(None, road.client.now())):
        return bool(page.records), Outcome(requests=1)
    return False, Outcome()


async def hold(road: Road, keys: Sequence[Key], live: int) -> Outcome:
    """Hold back the deletion of `keys`."""
    now = road.client.now()
    async with road.db.begin() as connection:
        fresh = await holds.hold(connection, road.type, road.grant.member_id, keys, live=live, now=now)
    if fresh:
        log.warning("deletions.held", user=road.grant.user_id, type=road.type.name, missing=len(keys), live=live)
    return replace(Outcome(), held_deletions=len(keys))


async def ask(road: Road, key: Key) -> Outcome:
    """Ask for one record that was missing: whatever the answer, it is held no longer."""
    outcome = await road.ask(key)
    async with road.db.begin() as connection:
        await holds.account(connection, road.type, road.grant.member_id, [key])
    return outcome


async def look(road: Road, until: datetime) -> Outcome:
    """The page of records that start before `until`, stored and compared with what is stored."""
    listing = await list_page(road, until)
    return listing.outcome.plus(await learn_deletions(road, listing))
