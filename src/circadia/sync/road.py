"""One record type of one member, and the way from WHOOP to its rows by one lane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx2

from circadia.clients.whoop.client import Page, WhoopClient
from circadia.domain.catalog import RecordType
from circadia.domain.lanes import Lane
from circadia.domain.members import Connection as Grant
from circadia.domain.windows import Window
from circadia.storage import records
from circadia.storage.postgres import Database
from circadia.storage.records import Key
from circadia.sync import pages
from circadia.sync.outcome import Outcome
from circadia.sync.pages import After, Stored


@dataclass(frozen=True, slots=True)
class Road:
    """What every walk over a type's records needs; it holds no state."""

    db: Database
    client: WhoopClient
    auth: httpx2.Auth
    grant: Grant
    type: RecordType
    lane: Lane

    def pages(self, window: Window) -> AsyncIterator[Page]:
        """The pages of a window, newest records first."""
        return self.client.pages(self.type.path, self.auth, window, self.lane)

    async def store(self, page: Page, after: After | None = None) -> Stored:
        """A page in one transaction."""
        return await pages.store(self.db, self.type, self.grant, page, after)

    async def ask(self, key: Key) -> Outcome:
        """Ask for one record by itself: there is an upsert, gone a tombstone."""
        asked_at = self.client.now()
        assert self.type.item is not None
        raw = await self.client.document(self.type.item.format(**{self.type.key: key}), self.auth, self.lane)
        if raw is not None:
            stored = await self.store(Page([raw], asked_at, last=True))
            return Outcome().page(stored.fetched, stored.written, stored.rejected)
        async with self.db.begin() as connection:
            await records.lock(connection, self.grant.member_id)
            deleted = await records.bury(connection, self.type, self.grant.member_id, [key], learned_at=asked_at)
        return replace(Outcome(requests=1), deleted=deleted)
