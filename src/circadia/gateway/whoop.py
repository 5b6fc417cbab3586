"""WHOOP as a source: what the WHOOP service has stored of a user, in process or over HTTP alike.

A read is one unit for the breaker: it fails when it was to bring data and trouble kept all of them away. A part that
fails by itself is told as missing, the others stand.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import structlog

from circadia.domain.members import Actor
from circadia.errors import CircadiaError, Misconfigured, NotFound, UnexpectedReply
from circadia.gateway.breaker import Breaker
from circadia.gateway.flights import Flights
from circadia.gateway.link_notes import LinkNotes
from circadia.gateway.links import Links
from circadia.gateway.told import FAILED, Told
from circadia.gateway.whoop_reading import Body, Fetch, WhoopLink, WhoopReading, ask_status, state_of
from circadia.storage.whoop_links import LinkMemory

log = structlog.get_logger()

_LIFETIME_S = 300
"""How long a consent lives of which the WHOOP service does not say it; documented so by the entry point's readers."""

_LATE = "the WHOOP service has not answered in time"


@dataclass(frozen=True, slots=True)
class Begun:
    """A consent to be asked for: the browser has to be at `authorization_url` within `expires_in` seconds."""

    user_id: str
    authorization_url: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class _UnderWay:
    reading: WhoopReading
    task: asyncio.Task[Told]


class WhoopSource:
    """Reads users' WHOOP data. Identical reads share one flight, which outlives those who wait for it. `memory` keeps
    over restarts who had a link; `exists` is false where no WHOOP service is known."""

    def __init__(
        self,
        link: WhoopLink,
        breaker: Breaker,
        links: Links,
        *,
        fetch: Fetch = "parallel",
        memory: LinkMemory | None = None,
        exists: bool = True,
    ) -> None:
        self.link = link
        self.breaker = breaker
        self.links = links
        self._fetch = fetch
        self.exists = exists
        self._notes = LinkNotes(memory)
        self._under_way: dict[tuple[str, date, date], _UnderWay] = {}
        self._asking: Flights[str, Told] = Flights()
        self._refused = False

    async def read(self, whoop_id: str | None, first: date, last: date, wait_s: float) -> Told:
        """What is stored of a user, after at most `wait_s` seconds: what has arrived by then."""
        if whoop_id is None:
            return Told("whoop", "not_connected")
        key = whoop_id, first, last
        shared = self._under_way.get(key)
        if shared is None:
            reading = WhoopReading(self.link, self.links, whoop_id, first, last, wait_s)
            shared = self._under_way[key] = _UnderWay(reading, asyncio.create_task(self._run(whoop_id, reading)))
            shared.task.add_done_callback(lambda _done: self._under_way.pop(key))
        await asyncio.wait([shared.task], timeout=wait_s)
        told = shared.task.result() if shared.task.done() else shared.reading.told(_LATE)
        return await self._unless_unlinked(whoop_id, told)

    async def status(self, whoop_id: str | None, wait_s: float) -> Told:
        """How a user stands with WHOOP, without data, after at most `wait_s` seconds."""
        if whoop_id is None:
            return Told("whoop", "not_connected")
        asking = self._asking.join(whoop_id, lambda: self._status(whoop_id))
        await asyncio.wait([asking], timeout=wait_s)
        told = asking.result() if asking.done() else Told("whoop", "timeout", error=_LATE, late=True)
        return await self._unless_unlinked(whoop_id, told)

    async def connect(self, whoop_id: str, redirect_url: str | None) -> Begun:
        """Begin a consent. CircuitOpen while the WHOOP service is left alone."""
        async with self.breaker.call():
            told = await self.link.connect(whoop_id, redirect_url)
            try:
                lifetime_s = int(told.get("expires_in") or _LIFETIME_S)
                begun = Begun(whoop_id, str(told["authorization_url"]), lifetime_s)
            except (KeyError, TypeError, ValueError) as error:
                raise UnexpectedReply("the WHOOP service began a consent and does not say where") from error
        self.links.begun(whoop_id)
        self._notes.heard(whoop_id, None)
        return begun

    async def disconnect(self, whoop_id: str, data: Literal["keep", "erase"], by: Actor) -> Body:
        """End a link. NotFound if there is none."""
        ended: bool | None = None
        try:
            async with self.breaker.call():
                done = await self.link.disconnect(whoop_id, data, by)
            ended = False
        except NotFound:
            ended = False
            raise
        else:
            return done
        finally:
            self.links.ended(whoop_id)
            self._notes.heard(whoop_id, ended)

    async def ready(self) -> bool:
        """Whether the WHOOP service answers now; not asked while it is left alone, and never held against it."""
        if self.breaker.state == "open":
            return False
        try:
            return await self.link.ready()
        except CircadiaError:
            return False

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [each.task for each in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._asking.close()
        await self._notes.close()

    async def _run(self, whoop_id: str, reading: WhoopReading) -> Told:
        if reading.unlinked:
            return reading.told()
        try:
            async with self.breaker.call():
                await reading.ask(self._fetch)
        except CircadiaError as error:
            return self._failed(error)
        self._refused = False
        self._note(whoop_id)
        return reading.told()

    async def _status(self, whoop_id: str) -> Told:
        link = self.links.get(whoop_id)
        try:
            if link is None:
                async with self.breaker.call():
                    link = await ask_status(self.link, self.links, whoop_id)
                self._note(whoop_id)
        except CircadiaError as error:
            return self._failed(error)
        if not link.exists:
            return Told("whoop", "not_connected")
        return Told("whoop", "ok" if link.state == "connected" else link.state, connected_at=link.connected_at)

    def _note(self, whoop_id: str) -> None:
        if (heard := self.links.last(whoop_id)) is not None:
            self._notes.heard(whoop_id, heard.exists)

    async def _unless_unlinked(self, whoop_id: str, told: Told) -> Told:
        """Trouble with the WHOOP service is none of those who had no link when it was last heard of; who had one is
        told so."""
        if told.state not in FAILED or told.available:
            return told
        last = self.links.last(whoop_id)
        linked = last.exists if last else await self._notes.recall(whoop_id)
        return Told("whoop", "not_connected") if linked is False else replace(told, linked=linked)

    def _failed(self, error: CircadiaError) -> Told:
        """Trouble with the WHOOP service as an answer. A key that is refused is logged once."""
        if isinstance(error, Misconfigured):
            if not self._refused:
                log.error("whoop_service.refused", kind=error.kind, remedy=error.remedy)
            self._refused = True
        return Told("whoop", state_of(error), error=error.sentence)
