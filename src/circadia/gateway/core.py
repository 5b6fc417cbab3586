"""One answer from two sources, whatever breaks: both are asked under one deadline, their words merged by policy.

Who asks the same at the same time shares one flight. A source that is late is told as such, and goes on: the next who
asks finds what it brought.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Protocol

from circadia.clock import Clock
from circadia.domain import merge
from circadia.domain.identities import Identity
from circadia.domain.metrics import Policy
from circadia.domain.readings import MergedDay, Source
from circadia.errors import CircadiaError, Conflict, Misconfigured, NotFound
from circadia.gateway import spans
from circadia.gateway.breaker import Breaker, CircuitState
from circadia.gateway.flights import Flights
from circadia.gateway.remembered import Remembered
from circadia.gateway.spans import Span
from circadia.gateway.told import FAILED, Told
from circadia.gateway.whoop import Begun, WhoopSource
from circadia.gateway.whoop_reading import Body, Fetch

LABELS: Mapping[Source, str] = {"sahha": "Sahha", "whoop": "Whoop"}
"""How a source is called in `errors`."""

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
class Timings:
    """Milliseconds that the parts of an answer took."""

    total_ms: float
    sahha_ms: float
    whoop_ms: float
    merge_ms: float


@dataclass(frozen=True, slots=True)
class Unified:
    """A user's dates `first` to `last` from both sources. `days` has every one of them, `today` is the user's own date
    at `now`, `offset` their clock's distance from UTC, `overrides` what they have merged otherwise."""

    user_id: str
    first: date
    last: date
    today: date
    now: datetime
    offset: timedelta
    sahha: Told
    whoop: Told
    days: Mapping[date, MergedDay]
    timings: Timings
    overrides: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def errors(self) -> list[str]:
        """Somebody's trouble, a sentence for each source that has some."""
        told = [each for each in (self.sahha, self.whoop) if each.state in FAILED]
        return [f"{LABELS[each.source]}: {each.error or each.state.replace('_', ' ')}" for each in told]

    @property
    def expected(self) -> set[Source]:
        """The sources that the user is connected to."""
        return {each.source for each in (self.sahha, self.whoop) if each.connected}

    def sources(self) -> list[Source]:
        """The sources whose words are in it."""
        return [each.source for each in (self.sahha, self.whoop) if each.available]

    def completeness(self, day: date) -> float:
        """Readings present of those that the connected sources could give, 0..1."""
        return merge.completeness(self.days[day], self.expected)


@dataclass(frozen=True, slots=True)
class Sources:
    """How a user stands with each source."""

    user_id: str
    now: datetime
    sahha: Told
    whoop: Told


@dataclass(frozen=True, slots=True)
class Upstream:
    """How this process gets on with a source. `reachable` None: nobody looked."""

    enabled: bool
    circuit: CircuitState
    failure_count: int
    last_success_at: datetime | None
    reachable: bool | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How this process gets on with both."""

    now: datetime
    sahha: Upstream
    whoop: Upstream


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
        self._flights: Flights[tuple[str, Span, bool], Unified] = Flights()
        self._late: set[asyncio.Task[Told]] = set()

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
        identity, _overrides = await self._known.of(user_id, self._deadline_s / 3)
        sahha = self._begun("sahha", self._sahha.read(identity.sahha_id, now.date(), now.date(), _left(ends_at)))
        whoop = self._begun(
            "whoop", self._whoop.status(identity.whoop_id if self._whoop_enabled else None, _left(ends_at))
        )
        return Sources(user_id, now, *await self._in_time(sahha, whoop, ends_at))

    async def connect(self, user_id: str, redirect_url: str | None = None) -> Begun:
        """Begin connecting a user to WHOOP. CircuitOpen while the WHOOP service is left alone."""
        return await self._whoop.connect(await self._linkable(user_id), redirect_url)

    async def disconnect(self, user_id: str, data: Literal["keep", "erase"] = "keep") -> Body:
        """End a user's link to WHOOP; with `erase` also everything that is kept of them, at the WHOOP service first.
        NotFound if there is nothing of the kind."""
        if data == "keep":
            return await self._whoop.disconnect(await self._linkable(user_id), data)
        identity, _overrides = await self._known.of(user_id, self._deadline_s)
        ended: Body = {"connected": False, "revoked_at_whoop": False}
        missing: NotFound | None = None
        if self._whoop_enabled and identity.whoop_id is not None:
            try:
                ended = await self._whoop.disconnect(identity.whoop_id, data)
            except NotFound as error:
                missing = error
        if not await self._erase(identity) and missing is not None:
            raise missing
        return ended | {"user_id": user_id, "data": data}

    async def health(self) -> Health:
        """How this process gets on with both sources; asks the WHOOP service whether it answers."""
        sahha, whoop = self._sahha.breaker, self._whoop.breaker
        reachable = await self._whoop.ready() if self._whoop_enabled else None
        return Health(
            self._clock(),
            Upstream(self._sahha.configured, sahha.state, sahha.failure_count, sahha.last_success_at),
            Upstream(self._whoop_enabled, whoop.state, whoop.failure_count, whoop.last_success_at, reachable),
        )

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.close()
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._whoop.close()

    async def _shared(self, user_id: str, span: Span, *, whoop: bool = True) -> Unified:
        asked = user_id, span, whoop and self._whoop_enabled
        return await asyncio.shield(self._flights.join(asked, lambda: self._read(*asked)))

    async def _read(self, user_id: str, span: Span, with_whoop: bool) -> Unified:
        began_at = time.perf_counter()
        ends_at = self._ends_at()
        now = self._clock()
        identity, overrides = await self._known.of(user_id, self._deadline_s / 3)
        first, last = span.widest(now)
        whoop_id = identity.whoop_id if with_whoop else None
        sahha, whoop = await self._both(identity.sahha_id, whoop_id, first, last, ends_at)
        merging_at = time.perf_counter()
        offset = _offset(sahha, whoop)
        today = (now + offset).date()
        first, last = span.exact(today)
        sahha, whoop = spans.cut(sahha, first, last), spans.cut(whoop, first, last)
        merged = merge.merged(
            (*sahha.observations, *whoop.observations),
            now=now,
            offset=offset,
            overrides=overrides,
            expected={each.source for each in (sahha, whoop) if each.connected},
        )
        dates = [first + timedelta(n) for n in range((last - first).days + 1)]
        done_at = time.perf_counter()
        return Unified(
            user_id,
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

    def _begun(self, source: Source, reading: Awaitable[Told]) -> asyncio.Task[Told]:
        task = asyncio.ensure_future(_timed(source, reading))
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
        identity, _overrides = await self._known.of(user_id, self._deadline_s / 3)
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
