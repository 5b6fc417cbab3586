"""One asking of Sahha for a person's dates: what is stale of them, page by page into the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
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
from circadia.gateway.flights import Flights
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

_MOMENT_S = 0.5
"""How much longer than for its data is waited for the description of a profile."""

Describing = Flights[str, NotFound | None]
"""The descriptions of profiles under way, by external id."""


@asynccontextmanager
async def turn(client: SahhaClient, breaker: Breaker) -> AsyncIterator[None]:
    """One call to Sahha. CircuitOpen at once, or when the circuit has opened while the call waited for its turn;
    RateLimited, which is nothing to the circuit, while a pause that Sahha asked for lasts."""
    breaker.check()
    async with client.turn(), breaker.call():
        yield


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
        describing: Describing,
        clock: Clock,
        external_id: str,
        kinds: tuple[Kind, ...],
        first: date,
        last: date,
    ) -> None:
        self._db = db
        self._client = client
        self._breaker = breaker
        self._describing = describing
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
        stale = self.stale(standing).items()
        if self._breaker.state == "closed":
            bringing = asyncio.gather(*(self._bring(standing.id, *each) for each in stale))
            describing = self._described(standing, now)  # after the data in the line for a turn
            ended = await bringing
        else:  # the first of them is the trial
            ended = [await self._bring(standing.id, *each) for each in stale]
            describing = self._described(standing, now)
        failures = [each for each in ended if each is not None]
        refusal = next((each for each in failures if isinstance(each, NotFound)), None)
        nobody_yet = not failures and standing.known_at is None and await self._nothing_stored()
        await asyncio.wait([describing], timeout=None if nobody_yet else _MOMENT_S)
        unknown = describing.result() if describing.done() else None
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
                async with turn(self._client, self._breaker):
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

    def _described(self, standing: Standing, now: datetime) -> asyncio.Task[NotFound | None]:
        return self._describing.join(self._external_id, lambda: self._describe(standing, now))

    async def _describe(self, standing: Standing, now: datetime) -> NotFound | None:
        """Once a day: which apps and devices the profile collects from, and what is old is dropped. Nothing else
        depends on it, so trouble with it is no trouble; returns that the account does not know the profile."""
        at = standing.described_at
        if at is not None and now - at < _DESCRIBED_FOR and standing.state == "active":
            return None
        try:
            unknown = await self._described_now(standing, now)
            await sahha_rows.drop_superseded(self._db, standing.id, now - _KEPT)
            await sahha.forget_deliveries(self._db, now - _KEPT)
            await sahha.forget_unknown(self._db, now - _DESCRIBED_FOR)
        except CircadiaError as error:
            log.info("sahha.not_described", reason=error.kind)
            return None
        return unknown

    async def _described_now(self, standing: Standing, now: datetime) -> NotFound | None:
        """Sahha takes its own id of a profile for the app's: what it told then is somebody else's, and goes."""
        try:
            async with turn(self._client, self._breaker):
                profile = await self._client.profile(self._external_id)
        except NotFound as error:
            await sahha.describe(self._db, standing.id, standing.sources, now)
            return error
        if profile.external_id.casefold() == self._external_id.casefold():
            sources = tuple(each.source_name for each in profile.data_sources if each.source_name)
            await sahha.describe(self._db, standing.id, sources, now)
            return None
        async with self._db.begin() as connection:
            await sahha.forget(connection, self._external_id)
            empty = await sahha.profile_id(connection, self._external_id, now)
        await sahha.refuse(self._db, empty, "unknown", now)
        return NotFound("Sahha calls this profile otherwise", kind="unknown_profile")


def _ended(error: CircadiaError) -> Ended:
    return Ended("not_connected" if isinstance(error, NotFound) else state_of(error), error.sentence)
