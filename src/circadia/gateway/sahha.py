"""Sahha as a source, database first: what is stored is told at once while it is fresh; what is not is asked for, once
for all who want it. Deadlines end the waiting, never the asking. When Sahha is in trouble, what is stored is told with
its age.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from circadia.clients.sahha.client import SahhaClient
from circadia.clients.sahha.parsing import Listing
from circadia.clients.sahha.webhooks import Event
from circadia.clock import Clock
from circadia.domain import sahha_readings
from circadia.domain.freshness import EDGE
from circadia.domain.sahha import Biomarker, Kind, Score
from circadia.errors import Misconfigured
from circadia.gateway import sahha_intake
from circadia.gateway.breaker import Breaker
from circadia.gateway.flights import Flights
from circadia.gateway.sahha_fetch import Describing, Ended, Fetch, turn
from circadia.gateway.told import FAILED, Gap, State, Told
from circadia.storage import sahha_rows
from circadia.storage.postgres import Database
from circadia.storage.sahha import Standing
from circadia.storage.sahha_rows import Stored

Model = TypeVar("Model", bound=BaseModel)

DAILY: tuple[Kind, ...] = ("score", "biomarker")
"""What the days are made of."""

_PARTS: Mapping[Kind, str] = MappingProxyType({"score": "scores", "biomarker": "biomarkers"})
_REFUSED_FOR = MappingProxyType({"unknown": timedelta(minutes=10), "gone": timedelta(days=1)})
_LATE = "Sahha has not answered in time"


@dataclass(frozen=True, slots=True)
class Rows:
    """Sahha's records of one kind, newest first. `state` and `error` as in `Told`; `whole` is False when trouble kept
    away some date that was never asked for, so that records may be missing."""

    state: State
    rows: tuple[Stored, ...] = ()
    error: str | None = None
    as_of: datetime | None = None
    whole: bool = True


class SahhaSource:
    """Reads people's Sahha data. `client` None: no credentials are set."""

    def __init__(self, db: Database, client: SahhaClient | None, breaker: Breaker, clock: Clock) -> None:
        self.breaker = breaker
        self._db = db
        self._client = client
        self._clock = clock
        self._flights: Flights[tuple[str, tuple[Kind, ...], date, date], Ended] = Flights()
        self._passed_on: Flights[tuple[str | date, ...], list[dict[str, Any]]] = Flights()
        self._describing: Describing = Flights()

    @property
    def configured(self) -> bool:
        """Whether there are credentials to ask Sahha with."""
        return self._client is not None

    async def read(self, external_id: str | None, first: date, last: date, wait_s: float) -> Told:
        """The dates `first` to `last`, both included, after at most `wait_s` seconds. UpstreamDown when our own
        database is away."""
        before: Told | None = None

        async def read_before(standing: Standing) -> None:
            nonlocal before
            before = await self._stored(Ended("timeout", _LATE, late=True), standing, first, last)

        ended, standing = await self._freshened(external_id, DAILY, first, last, wait_s, read_before)
        return before if ended.late and before is not None else await self._stored(ended, standing, first, last)

    async def rows(
        self, kind: Kind, external_id: str | None, first: date, last: date, limit: int, wait_s: float
    ) -> Rows:
        """The newest `limit` records of a kind (score, biomarker, archetype) of the dates `first` to `last`, both
        included. UpstreamDown when our own database is away."""
        ended, standing = await self._freshened(external_id, (kind,), first, last, wait_s)
        if standing is None or ended.state == "not_connected":
            return Rows(ended.state, error=ended.error)
        found = await sahha_rows.read(self._db, standing.id, kind, first, last, limit)
        oldest = found[-1].day if len(found) == limit else first
        whole = ended.state not in FAILED or not _unasked(standing, kind, oldest, last, self._clock())
        return Rows(ended.state, tuple(found), ended.error, standing.as_of, whole)

    def trends(self, external_id: str, first: date, last: date) -> asyncio.Task[list[dict[str, Any]]]:
        """Sahha's trends as it tells them now, asked for once for all who want them; await it through
        `asyncio.shield`. Raises what the client does, CircuitOpen, and Misconfigured without credentials."""
        return self._passing("trends", external_id, lambda client: client.trends(external_id, first, last), first, last)

    def comparisons(self, external_id: str, first: date, last: date) -> asyncio.Task[list[dict[str, Any]]]:
        """Sahha's comparisons, likewise."""
        return self._passing(
            "comparisons", external_id, lambda client: client.comparisons(external_id, first, last), first, last
        )

    def integrations(self, external_id: str) -> asyncio.Task[list[dict[str, Any]]]:
        """A profile's cloud integrations, likewise."""
        return self._passing("integrations", external_id, lambda client: client.integrations(external_id))

    def _passing(
        self, what: str, external_id: str, ask: Callable[[SahhaClient], Awaitable[Listing[Any]]], *dates: date
    ) -> asyncio.Task[list[dict[str, Any]]]:
        async def passed_on() -> list[dict[str, Any]]:
            client = self._asked()
            async with turn(client, self.breaker):
                return [raw for _, raw in (await ask(client)).items]

        return self._passed_on.join((what, external_id, *dates), passed_on)

    async def take(self, event: Event, body: bytes, now: datetime) -> None:
        """Store what a verified webhook says; a second copy of it changes nothing."""
        await sahha_intake.take(self._db, event, body, now)

    async def retry_rejects(self) -> int:
        """Read again what an older version could not; returns how many records are readable now."""
        return await sahha_intake.retry_rejects(self._db)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.close()
        await self._passed_on.close()
        await self._describing.close()
        if self._client is not None:
            await self._client.close()

    async def _stored(self, ended: Ended, standing: Standing | None, first: date, last: date) -> Told:
        """What the database has, under the name of how asking for more went."""
        told = Told("sahha", ended.state, error=ended.error, late=ended.late)
        if standing is None or ended.state == "not_connected":
            return told
        if ended.state in FAILED and standing.linked is False:
            return Told("sahha", "not_connected")  # its trouble is none of those whom it did not know
        scores, biomarkers = [
            await sahha_rows.read(self._db, standing.id, kind, first - EDGE, last + EDGE) for kind in DAILY
        ]
        observations = sahha_readings.observations(
            _parsed(Score, scores), _parsed(Biomarker, biomarkers), sources=standing.sources
        )
        body = {
            part: [each.raw for each in found if first <= each.day <= last]
            for part, found in zip(_PARTS.values(), (scores, biomarkers), strict=True)
        }
        return replace(
            told,
            observations=tuple(each for each in observations if first <= each.day <= last),
            body=body,
            gaps=tuple(_gaps(ended.state, standing, (scores, biomarkers), first, last, self._clock())),
            as_of=standing.as_of,
            offset=standing.offset,
            linked=standing.linked if ended.state in FAILED else None,
        )

    async def _freshened(
        self,
        external_id: str | None,
        kinds: tuple[Kind, ...],
        first: date,
        last: date,
        wait_s: float,
        meanwhile: Callable[[Standing], Awaitable[None]] | None = None,
    ) -> tuple[Ended, Standing | None]:
        """How asking for what is stale went, and what is known of the profile after that. `meanwhile` is done while
        Sahha is being asked: when the time is over there is none left for it."""
        ends_at = asyncio.get_running_loop().time() + wait_s
        if self._client is None:
            return Ended("not_configured"), None
        if external_id is None:
            return Ended("not_connected"), None
        fetch = Fetch(
            self._db, self._client, self.breaker, self._describing, self._clock, external_id, kinds, first, last
        )
        standing = await fetch.standing()
        if standing is not None and _refused(standing, self._clock()):
            return Ended("not_connected"), standing
        if standing is not None and not fetch.stale(standing):
            return Ended("ok"), standing
        flight = self._flights.join((external_id, kinds, first, last), fetch.run)
        if meanwhile is not None and standing is not None:
            await meanwhile(standing)
        await asyncio.wait([flight], timeout=max(ends_at - asyncio.get_running_loop().time(), 0.0))
        if not flight.done():
            return Ended("timeout", _LATE, late=True), standing
        return flight.result(), await fetch.standing()

    def _asked(self) -> SahhaClient:
        if self._client is None:
            raise Misconfigured(
                "no Sahha account is configured",
                kind="sahha_not_configured",
                remedy="Set SAHHA_CLIENT_ID and SAHHA_CLIENT_SECRET.",
            )
        return self._client


def _refused(standing: Standing, now: datetime) -> bool:
    """Whether Sahha has said lately that there is no such profile."""
    holds = _REFUSED_FOR.get(standing.state)
    return holds is not None and standing.described_at is not None and now - standing.described_at < holds


def _parsed(model: type[Model], stored: Sequence[Stored]) -> Iterator[tuple[Model, datetime]]:
    """Rows as objects. One that another version of Circadia has stored and this one cannot read gives no reading; in
    Sahha's own words it is told all the same."""
    for each in stored:
        try:
            record = model.model_validate(each.raw)
        except ValidationError:
            continue
        yield record, each.received_at


def _unasked(standing: Standing, kind: Kind, first: date, last: date, now: datetime) -> bool:
    """Whether some date that has begun for the person was never asked for."""
    today = (now + (standing.offset or timedelta(0))).date()
    days = (first + timedelta(n) for n in range((min(last, today) - first).days + 1))
    return any(each not in standing.asked[kind].at for each in days)


def _gaps(
    state: State, standing: Standing, found: Sequence[Sequence[Stored]], first: date, last: date, now: datetime
) -> Iterator[Gap]:
    """What is not there of the dates that have begun: Sahha had nothing, or could not be asked."""
    today = (now + (standing.offset or timedelta(0))).date()
    for (kind, part), rows in zip(_PARTS.items(), found, strict=True):
        present = {each.day for each in rows}
        for n in range((min(last, today) - first).days + 1):
            day = first + timedelta(n)
            if day not in present:
                untold = state in FAILED and day not in standing.asked[kind].at
                yield Gap(day, "sahha", part, state if untold else "not_recorded")
