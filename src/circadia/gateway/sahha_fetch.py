"""One asking of Sahha for a person's dates: what is stale of them, page by page into the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

import structlog

from circadia.clients.sahha.client import SahhaClient
from circadia.clients.sahha.parsing import Listing
from circadia.clock import Clock
from circadia.domain.freshness import EDGE, LATER, SOON, ranges
from circadia.domain.sahha import Archetype, Biomarker, Kind, Score
from circadia.errors import CircadiaError, NotFound
from circadia.gateway.breaker import Breaker
from circadia.gateway.told import State
from circadia.gateway.whoop_reading import state_of
from circadia.storage import sahha, sahha_rows
from circadia.storage.postgres import Database
from circadia.storage.sahha import Standing

log = structlog.get_logger()

_SOON: Mapping[Kind, timedelta] = MappingProxyType({"score": SOON, "biomarker": SOON, "archetype": LATER})
_DESCRIBED_FOR = timedelta(days=1)
_KEPT = timedelta(days=30)
"""How long superseded rows and the notes of webhooks stay: no copy is expected to come later than that."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How asking went; `late` when it has not ended yet."""

    state: State
    error: str | None = None
    late: bool = False


class Fetch:
    """Asks for some kinds of data of the dates `first` to `last`, both included."""

    def __init__(
        self,
        db: Database,
        client: SahhaClient,
        breaker: Breaker,
        clock: Clock,
        external_id: str,
        kinds: tuple[Kind, ...],
        first: date,
        last: date,
    ) -> None:
        self._db = db
        self._client = client
        self._breaker = breaker
        self._clock = clock
        self._external_id = external_id
        self._kinds = kinds
        self._first, self._last = first, last

    async def standing(self) -> Standing | None:
        """What is known of the profile and of what was asked for."""
        return await sahha.standing(self._db, self._external_id, self._kinds, self._first, self._last, self._clock())

    def stale(self, standing: Standing) -> dict[Kind, list[date]]:
        """The dates to ask for, by kind; a kind that is fresh is not there."""
        now = self._clock()
        found = {kind: standing.asked[kind].stale(self._first, self._last, now, _SOON[kind]) for kind in self._kinds}
        return {kind: days for kind, days in found.items() if days}

    async def run(self) -> Ended:
        """Ask, and store what comes. What goes wrong with one kind keeps no other away; whatever goes wrong is told."""
        try:
            return await self._run()
        except CircadiaError as error:
            return _ended(error)

    async def _run(self) -> Ended:
        now = self._clock()
        async with self._db.begin() as connection:
            await sahha.profile_id(connection, self._external_id, now)
        standing = await self.standing()
        if standing is None:
            return Ended("not_connected")
        brought = [self._bring(standing.id, kind, days) for kind, days in self.stale(standing).items()]
        ended, unknown = await asyncio.gather(asyncio.gather(*brought), self._describe(standing, now))
        failures = [each for each in ended if each is not None]
        refusal = next((each for each in failures if isinstance(each, NotFound)), None)
        if unknown is not None and not failures and await self._nothing_stored():
            refusal = unknown
        if refusal is not None:
            await sahha.refuse(self._db, standing.id, "gone" if refusal.kind == "profile_gone" else "unknown", now)
            return Ended("not_connected")
        return _ended(failures[0]) if failures else Ended("ok")

    async def _nothing_stored(self) -> bool:
        standing = await self.standing()
        return standing is None or standing.known_at is None

    async def _bring(self, profile: int, kind: Kind, days: list[date]) -> CircadiaError | None:
        """Store a kind's dates, the newest first, each page with the note that it was fetched in one transaction;
        returns what ended it early."""
        try:
            for first, last in ranges(days):
                async with self._breaker.call():
                    found = await self._ask(kind, first - EDGE, last + EDGE)
                async with self._db.begin() as connection:
                    await sahha.lock(connection, profile)
                    written = await sahha_rows.write(
                        connection, profile, kind, found.items, found.rejects, found.began_at
                    )
                    await sahha.fetched(
                        connection, profile, kind, first, last, found.began_at, records=bool(found.items)
                    )
                log.debug("sahha.fetched", kind=kind, written=written.written, rejected=written.rejected)
        except CircadiaError as error:
            log.info("sahha.not_fetched", kind=kind, reason=error.kind)
            return error
        return None

    async def _ask(
        self, kind: Kind, first: date, last: date
    ) -> Listing[Score] | Listing[Biomarker] | Listing[Archetype]:
        match kind:
            case "score":
                return await self._client.scores(self._external_id, first, last)
            case "biomarker":
                return await self._client.biomarkers(self._external_id, first, last)
            case _:
                return await self._client.archetypes(self._external_id, first, last)

    async def _describe(self, standing: Standing, now: datetime) -> NotFound | None:
        """Once a day: which apps and devices the profile collects from, and what is old is dropped. Nothing else
        depends on it, so trouble with it is no trouble; returns that the account does not know the profile."""
        at = standing.described_at
        if at is not None and now - at < _DESCRIBED_FOR and standing.state == "active":
            return None
        unknown, sources = None, standing.sources
        try:
            async with self._breaker.call():
                profile = await self._client.profile(self._external_id)
            sources = tuple(each.source_name for each in profile.data_sources if each.source_name)
        except NotFound as error:
            unknown = error
        except CircadiaError as error:
            log.info("sahha.not_described", reason=error.kind)
            return None
        await sahha.describe(self._db, standing.id, sources, now)
        await sahha_rows.drop_superseded(self._db, standing.id, now - _KEPT)
        await sahha.forget_deliveries(self._db, now - _KEPT)
        return unknown


def _ended(error: CircadiaError) -> Ended:
    said = error.message if error.remedy is None else f"{error.message}: {error.remedy}"
    return Ended("not_connected" if isinstance(error, NotFound) else state_of(error), said)
