"""One answer from two sources, whatever breaks: both are asked under one deadline, their words merged by policy.

Who asks the same at the same time shares one flight. A source that is late is told as such, and goes on: the next who
asks finds what it brought.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

import structlog

from circadia.clock import Clock
from circadia.domain import merge
from circadia.domain.identities import Identity
from circadia.domain.members import Actor
from circadia.domain.metrics import Policy
from circadia.domain.readings import Source
from circadia.errors import CircadiaError, Conflict, Misconfigured, NotFound, UpstreamDown
from circadia.gateway import spans
from circadia.gateway.breaker import Breaker
from circadia.gateway.flights import Flights
from circadia.gateway.remembered import Remembered
from circadia.gateway.spans import Span
from circadia.gateway.told import FAILED, Told
from circadia.gateway.unified import Health, Sources, Timings, Unified, Upstream
from circadia.gateway.whoop import Begun, WhoopSource
from circadia.gateway.whoop_reading import Body, Fetch

log = structlog.get_logger()

Answer = TypeVar("Answer")

_GRACE = 0.05
"""The share of the deadline that is kept back: once for the sources to say what they have, once for the merge."""


class SahhaReader(Protocol):
    """What is asked of `gateway.sahha.SahhaSource`."""

    breaker: Breaker

    @property
    def configured(self) -> bool:
        """Whether there are credentials to ask Sahha with."""
        ...

    async def read(self, external_id: str | None, first: date, last: date, wait_s: float) -> Told:
        """What is known of a profile, after at most `wait_s` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class _Question:
    """What a flight is for: who, when, and how it is merged."""

    identity: Identity
    span: Span
    overrides: tuple[tuple[str, Policy], ...]


class Gateway:
    """Reads users from both sources. `identities` says who a user is at each, `overrides` how theirs are merged;
    `erase` removes what is kept of a user beside their WHOOP data; `deadline_s` seconds after the question the answer
    goes out with what is there."""

    def __init__(
        self,
        sahha: SahhaReader,
        whoop: WhoopSource,
        identities: Callable[[str], Awaitable[Identity]],
        overrides: Callable[[str], Awaitable[Mapping[str, Policy]]],
        erase: Callable[[Identity], Awaitable[bool]],
        clock: Clock,
        *,
        deadline_s: float,
        fetch: Fetch = "parallel",
        whoop_enabled: bool = True,
    ) -> None:
        self._sahha = sahha
        self._whoop = whoop
        self._known = Remembered(identities, overrides)
        self._erase = erase
        self._clock = clock
        self._deadline_s = deadline_s
        self._fetch = fetch
        self._whoop_enabled = whoop_enabled
        self._flights: Flights[_Question, Unified] = Flights()
        self._late: set[asyncio.Task[Any]] = set()

    async def read(self, user_id: str, first: date, last: date) -> Unified:
        """The dates `first` to `last`, both included. UpstreamDown when our own database is away and nothing is
        remembered of the user."""
        return await self._shared(user_id, Span((first, last)))

    async def read_last(self, user_id: str, days: int) -> Unified:
        """The last `days` of the user's own dates, today included."""
        return await self._shared(user_id, Span(back=days - 1))

    async def read_period(self, user_id: str, period: str, *, whoop: bool = True) -> Unified:
        """One date: `today` and `yesterday` are the user's own. Invalid for what is no period or has not begun.
        Without `whoop` the answer is that of a user who has none."""
        return await self._shared(user_id, spans.period(period, self._clock()), whoop=whoop)

    async def sources(self, user_id: str) -> Sources:
        """How a user stands with each source."""
        ends_at = self._ends_at()
        now = self._clock()
        identity = await self.identity(user_id)
        sahha = self._begun("sahha", self._sahha.read(identity.sahha_id, now.date(), now.date(), _left(ends_at)))
        whoop = self._begun(
            "whoop", self._whoop.status(identity.whoop_id if self._whoop_enabled else None, _left(ends_at))
        )
        return Sources(user_id, now, *await self._in_time(sahha, whoop, ends_at))

    async def connect(self, user_id: str, redirect_url: str | None = None) -> Begun:
        """Begin connecting a user to WHOOP. CircuitOpen while the WHOOP service is left alone."""
        return await self._whoop.connect(await self._linkable(user_id), redirect_url)

    async def disconnect(self, user_id: str, data: Literal["keep", "erase"] = "keep", *, by: Actor) -> Body:
        """End a user's link to WHOOP, also where WHOOP is switched off; with `erase` also everything that is kept of
        them, at the WHOOP service first. NotFound if there is nothing of the kind."""
        identity = await self.identity(user_id)
        ended: Body = {"connected": False, "revoked_at_whoop": False}
        missing: NotFound | None = NotFound("nothing is kept of this user", kind="not_connected")
        if self._whoop.exists and identity.whoop_id is not None:
            try:
                ended, missing = await self._whoop.disconnect(identity.whoop_id, data, by), None
            except NotFound as error:
                missing = error
        if data == "erase" and await self._erase(identity):
            missing = None
        self._known.drop(user_id)
        if missing is not None:
            raise missing
        return ended | {"user_id": user_id, "data": data}

    async def health(self) -> Health:
        """How this process gets on with both sources; asks the WHOOP service whether it answers."""
        sahha, whoop = self._sahha.breaker, self._whoop.breaker
        reachable = await self._reachable() if self._whoop_enabled else None
        return Health(
            self._clock(),
            Upstream(self._sahha.configured, sahha.state, sahha.failure_count, sahha.last_success_at),
            Upstream(self._whoop_enabled, whoop.state, whoop.failure_count, whoop.last_success_at, reachable),
        )

    async def in_time(self, asking: Awaitable[Answer], wait_s: float) -> Answer:
        """What is asked for, after at most `wait_s` seconds; UpstreamDown then, and the asking goes on. For what waits
        for our own database beside a source."""
        task = self._kept(asyncio.ensure_future(asking))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it any more
        await asyncio.wait([task], timeout=wait_s)
        if not task.done():
            raise UpstreamDown("the gateway's database does not answer", remedy="Ask again in a moment.")
        return task.result()

    async def identity(self, user_id: str) -> Identity:
        """Who a user is at the sources. UpstreamDown as in `read`."""
        return (await self._known.of(user_id, self._deadline_s / 3))[0]

    def forget(self, user_id: str) -> None:
        """Something else was said of who a user is, or of how theirs is merged."""
        self._known.drop(user_id)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._known.close()
        await self._flights.close()
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._whoop.close()

    async def _shared(self, user_id: str, span: Span, *, whoop: bool = True) -> Unified:
        began_at, ends_at = time.perf_counter(), self._ends_at()
        identity, overrides = await self._known.of(user_id, self._deadline_s / 3)
        if not (whoop and self._whoop_enabled):
            identity = replace(identity, whoop_id=None)
        question = _Question(identity, span, tuple(overrides.items()))
        return await asyncio.shield(self._flights.join(question, lambda: self._read(question, began_at, ends_at)))

    async def _read(self, question: _Question, began_at: float, ends_at: float) -> Unified:
        now = self._clock()
        identity, span, overrides = question.identity, question.span, dict(question.overrides)
        first, last = span.widest(now)
        sahha, whoop = await self._both(identity.sahha_id, identity.whoop_id, first, last, ends_at)
        merging_at = time.perf_counter()
        offset = _offset(sahha, whoop)
        today = (now + offset).date()
        first, last = span.exact(today)
        sahha, whoop = spans.cut(sahha, first, last), spans.cut(whoop, first, last)
        merged = merge.merged(
            (*sahha.observations, *whoop.observations),
            now=now,
            overrides=overrides,
            expected={each.source for each in (sahha, whoop) if each.connected is not False},
            troubled={each.source for each in (sahha, whoop) if each.state in FAILED},
        )
        dates = [first + timedelta(n) for n in range((last - first).days + 1)]
        done_at = time.perf_counter()
        return Unified(
            identity.user_id,
            first,
            last,
            today,
            now,
            offset,
            sahha,
            whoop,
            {day: merged.get(day, {}) for day in dates},
            Timings(_ms(done_at - began_at), sahha.took_ms, whoop.took_ms, _ms(done_at - merging_at)),
            overrides,
        )

    async def _both(
        self, sahha_id: str | None, whoop_id: str | None, first: date, last: date, ends_at: float
    ) -> tuple[Told, Told]:
        """What both sources have told by `ends_at`, whichever is asked first."""

        def ask_whoop() -> asyncio.Task[Told]:
            return self._begun("whoop", self._whoop.read(whoop_id, first, last, _left(ends_at)))

        in_order = self._fetch == "sequential"
        wait_s = _left(ends_at) / (2 if in_order else 1)
        sahha = self._begun("sahha", self._sahha.read(sahha_id, first, last, wait_s))
        if in_order:
            await asyncio.wait([sahha], timeout=wait_s)
        whoop = ask_whoop()
        return await self._in_time(sahha, whoop, ends_at)

    async def _in_time(self, sahha: asyncio.Task[Told], whoop: asyncio.Task[Told], ends_at: float) -> tuple[Told, Told]:
        """What both have told by `ends_at`; they come back by themselves when their time is over, and a moment more
        lets them say what they have."""
        await asyncio.wait([sahha, whoop], timeout=_left(ends_at) + self._deadline_s * _GRACE)
        return self._told("sahha", sahha), self._told("whoop", whoop)

    async def _reachable(self) -> bool:
        try:
            return await self.in_time(self._whoop.ready(), self._deadline_s * (1 - _GRACE))
        except UpstreamDown:
            return False

    def _begun(self, source: Source, reading: Awaitable[Told]) -> asyncio.Task[Told]:
        return self._kept(asyncio.ensure_future(_timed(source, reading)))

    def _kept(self, task: asyncio.Task[Answer]) -> asyncio.Task[Answer]:
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    def _told(self, source: Source, task: asyncio.Task[Told]) -> Told:
        if task.done():
            return task.result()
        return Told(source, "timeout", error="not in time", late=True, took_ms=_ms(self._deadline_s))

    async def _linkable(self, user_id: str) -> str:
        """A user's id at the WHOOP service, where they may be linked."""
        if not self._whoop_enabled:
            raise Misconfigured(
                "WHOOP is switched off here", kind="whoop_disabled", remedy="Set ENABLE_WHOOP_INTEGRATION=true."
            )
        identity = await self.identity(user_id)
        if identity.whoop_id is None:
            raise Conflict(
                "this user is nobody at the WHOOP service, by the identity map",
                kind="no_whoop_identity",
                remedy="Say who they are there: `circadia identity`.",
            )
        return identity.whoop_id

    def _ends_at(self) -> float:
        return asyncio.get_running_loop().time() + self._deadline_s * (1 - 2 * _GRACE)


async def _timed(source: Source, reading: Awaitable[Told]) -> Told:
    """What a source tells, its trouble included, and how long it took."""
    began_at = time.perf_counter()
    try:
        told = await reading
    except CircadiaError as error:
        told = Told(source, "unavailable", error=error.message)
    except Exception as error:  # noqa: BLE001 - whatever breaks at one source must not hide the other
        # without its message, which may hold a value
        frames = traceback.format_tb(error.__traceback__)
        log.error("source.broke", source=source, error=type(error).__name__, trace="".join(frames))  # noqa: TRY400
        told = Told(source, "unavailable", error="an unexpected error; the log has its trace")
    return replace(told, took_ms=_ms(time.perf_counter() - began_at))


def _left(ends_at: float) -> float:
    return max(ends_at - asyncio.get_running_loop().time(), 0.0)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _offset(*told: Told) -> timedelta:
    """The user's distance from UTC, as the source knows it that has observed them last."""
    known = [each for each in told if each.offset is not None]
    newest = max(known, key=_observed_at, default=None)
    return newest.offset if newest is not None and newest.offset is not None else timedelta(0)


def _observed_at(told: Told) -> datetime:
    return max((each.observed_at for each in told.observations), default=datetime.min.replace(tzinfo=UTC))
