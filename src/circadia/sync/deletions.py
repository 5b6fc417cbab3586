"""Learning of deletions from what a whole listing no longer holds.

WHOOP tells of deletions by webhook only, and webhooks get lost. A record that lies inside the window of a complete
listing and is not on it is asked for by itself; 404 makes it a tombstone. The brake: when more is missing than a person
would delete, or the listing is empty though WHOOP should have something, nothing is deleted and the state says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx2
import structlog

from circadia.clients.whoop.client import Page, WhoopClient
from circadia.domain.catalog import RecordType
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.domain.windows import EDGE, Window, history
from circadia.storage import holds, records
from circadia.storage.postgres import Database
from circadia.storage.records import Key
from circadia.sync import pages
from circadia.sync.outcome import Outcome
from circadia.sync.pages import Stored

log = structlog.get_logger()

_ALWAYS_PLAUSIBLE = 5
_PLAUSIBLE_SHARE = 0.3


@dataclass(slots=True)
class Listing:
    """A window as it arrives. `news_on_later_pages`: whether a page after the first held records never seen before."""

    window: Window
    began_at: datetime
    seen: list[Key] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    news_on_later_pages: bool = False

    def add(self, stored: Stored) -> None:
        """One more page of it."""
        self.news_on_later_pages |= self.outcome.requests > 0 and stored.written.inserted > 0
        self.seen += stored.keys
        self.outcome = self.outcome.page(stored.fetched, stored.written, stored.rejected)


async def learn_deletions(
    db: Database,
    client: WhoopClient,
    auth: httpx2.Auth,
    type_: RecordType,
    grant: Grant,
    listing: Listing,
    lane: Lane,
) -> Outcome:
    """Tombstone what WHOOP has deleted inside a window that has arrived whole."""
    window = listing.window
    if listing.outcome.rejected or window.start is None or type_.item is None:
        return Outcome()
    async with db.connection() as connection:
        absent, live = await records.absent(
            connection,
            type_,
            grant.member_id,
            listing.seen,
            since=window.start if type_.timed else window.start + EDGE,
            until=window.end,
            began_at=listing.began_at,
        )
    if not absent:
        return Outcome()
    requests = 0
    plausible = len(absent) <= max(_ALWAYS_PLAUSIBLE, _PLAUSIBLE_SHARE * live)
    if plausible and not listing.seen:
        plausible, requests = await _has_any(client, auth, type_, lane), 1
    if not plausible:
        log.warning("deletions.held", user=grant.user_id, type=type_.name, missing=len(absent), live=live)
        async with db.begin() as connection:
            await holds.hold(
                connection,
                grant.member_id,
                type_.name,
                from_at=window.start,
                to_at=window.end,
                missing=len(absent),
                live=live,
                now=listing.began_at,
            )
        return Outcome(requests=requests, held_deletions=len(absent))
    outcome = Outcome(requests=requests)
    for row in absent:
        outcome = outcome.plus(await _ask_for(db, client, auth, type_, grant, row, lane))
    return outcome


async def _has_any(client: WhoopClient, auth: httpx2.Auth, type_: RecordType, lane: Lane) -> bool:
    """Whether WHOOP lists any record of a type at all: an outage or a lapsed membership lists none."""
    async for page in client.pages(type_.path, auth, history(None, client.now()), lane):
        return bool(page.records)
    return False


async def _ask_for(
    db: Database,
    client: WhoopClient,
    auth: httpx2.Auth,
    type_: RecordType,
    grant: Grant,
    row: records.Row,
    lane: Lane,
) -> Outcome:
    """Ask for one record by itself: gone is a tombstone, there is an upsert."""
    asked_at = client.now()
    assert type_.item is not None
    raw = await client.document(type_.item.format(**row), auth, lane)
    if raw is not None:
        stored = await pages.store(db, type_, grant, Page([raw], asked_at, last=True))
        return Outcome().page(stored.fetched, stored.written, stored.rejected)
    async with db.begin() as connection:
        await records.lock(connection, grant.member_id)
        deleted = await records.bury(connection, type_, grant.member_id, [row[type_.key]], learned_at=asked_at)
    return replace(Outcome(requests=1), deleted=deleted)
