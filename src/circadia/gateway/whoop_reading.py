"""One read of a user's WHOOP data: what the WHOOP service is asked, in which order, and what its answers come to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, cast

from circadia.domain import whoop_readings
from circadia.domain.members import Actor, ConnectionState
from circadia.domain.records import offset_of
from circadia.errors import CircadiaError, RateLimited, UnexpectedReply, Unreachable
from circadia.gateway.breaker import CircuitOpen
from circadia.gateway.links import Link, Links
from circadia.gateway.told import Gap, State, Told

Body = dict[str, Any]
Fetch = Literal["parallel", "sequential"]

PARTS = ("recovery", "sleep", "workouts", "cycles", "profile")

_PART_OF_A_DAY = {"cycles": "cycle"}
"""What the day document calls a part, where it is not the route's name."""

_REPLY_S = 0.2
"""What is kept of the time for the answer's way when the WHOOP service is told how long it may wait for WHOOP."""

_LONGEST_WAIT_MS = 10_000
"""The longest wait that the WHOOP service lets itself be asked for."""

_MOST_SILENT = 2
"""After so many parts in a row without any answer the rest is not asked for: the service hangs."""


class WhoopLink(Protocol):
    """The WHOOP service, near or far. Every method answers the JSON of the route it stands for.

    Where that is a 404 it is the same JSON without the data: `today`, `connection`, `timezone_offset` and `missing`,
    as far as they are known. Raises UpstreamDown (kind `timeout` after `timeout_s` seconds), UnexpectedReply for what
    cannot be read, RateLimited, and Misconfigured for a key that is refused.
    """

    timeout_s: float

    async def status(self, user_id: str) -> Body:
        """How a user's connection stands."""
        ...

    async def part(self, name: str, user_id: str, first: date, last: date, wait_ms: int) -> Body:
        """One of `PARTS` for some dates; the profile has none."""
        ...

    async def everything(self, user_id: str, first: date, last: date, wait_ms: int) -> Body:
        """All of `PARTS`, each under its name."""
        ...

    async def connect(self, user_id: str, redirect_url: str | None) -> Body:
        """Begin a consent."""
        ...

    async def disconnect(self, user_id: str, data: Literal["keep", "erase"], by: Actor) -> Body:
        """End a connection; NotFound if there is none. `by` is who wants it, for an audit that is kept here."""
        ...

    async def ready(self) -> bool:
        """Whether it answers."""
        ...


def state_of(error: CircadiaError) -> State:
    """The state of a source whose read ended with an error."""
    if isinstance(error, CircuitOpen):
        return "circuit_open"
    if isinstance(error, RateLimited):
        return "rate_limited"
    return "timeout" if error.kind == "timeout" else "unavailable"


async def ask_status(link: WhoopLink, links: Links, user_id: str) -> Link:
    """A user's link as the WHOOP service knows it now."""
    asked_at = links.now()
    found = Link.of(await link.status(user_id))
    links.put(user_id, found, asked_at)
    return found


class WhoopReading:
    """What one read has brought so far; `told` may be asked at any time. `wait_s` is how long somebody waits for it."""

    def __init__(self, link: WhoopLink, links: Links, user_id: str, first: date, last: date, wait_s: float) -> None:
        self._link = link
        self._links = links
        self._user_id = user_id
        self._first, self._last = first, last
        self._ends_at = asyncio.get_running_loop().time() + wait_s
        self._known = links.get(user_id)
        self._state: ConnectionState | None = self._known.state if self._known else None
        self._offset: timedelta | None = None
        self._as_of: datetime | None = None
        self._gaps: dict[tuple[date, str], Gap] = {}
        self._bodies: dict[str, Body | None] = {}
        self._failures: dict[str, CircadiaError] = {}

    async def ask(self, fetch: Fetch) -> None:
        """Ask for everything; raises the trouble that kept all of it away."""
        await (self._at_once() if fetch == "parallel" else self._in_order())
        if self._failures and not self._bodies and not self.unlinked:
            raise next(iter(self._failures.values()))

    def told(self, late: str | None = None) -> Told:
        """What has arrived. `late` says in words that the rest has not."""
        if self.unlinked:
            return Told("whoop", "not_connected")
        state, error = self._standing(late)
        body = {name: self._bodies.get(name) for name in PARTS}
        return Told(
            "whoop",
            state,
            observations=whoop_readings.observations(body),
            body=body if self._bodies else {},
            gaps=tuple(sorted(self._missing(state), key=lambda gap: (gap.day, gap.part))),
            error=error,
            as_of=self._as_of,
            connected_at=self._known.connected_at if self._known else None,
            offset=self._offset,
            late=late is not None,
        )

    @property
    def unlinked(self) -> bool:
        """Whether the user is known to have no link: nothing more is to be asked."""
        return self._state == "not_connected"

    def _standing(self, late: str | None) -> tuple[State, str | None]:
        absent = ", ".join(name for name in PARTS if name not in self._bodies)
        if late is not None:
            return "timeout", f"{late}; not here yet: {absent}"
        if self._failures:
            first = next(iter(self._failures.values()))
            return state_of(first), f"{first.message}; not here: {absent}"
        if self._state == "needs_reconnect":
            return "needs_reconnect", "WHOOP no longer accepts the connection; what was stored before is told"
        return "ok", None

    def _missing(self, state: State) -> Iterator[Gap]:
        yield from self._gaps.values()
        for name in PARTS:
            if name not in self._bodies and name != "profile":
                for n in range((self._last - self._first).days + 1):
                    yield Gap(self._first + timedelta(n), "whoop", _PART_OF_A_DAY.get(name, name), state)

    async def _at_once(self) -> None:
        status = None if self._known else self._ask_status()
        told, failed = await asyncio.gather(self._tried(self._ask_everything()), self._tried(status))
        if told is not None:
            self._failures = dict.fromkeys(PARTS, told)
        elif failed is not None and self._state is None:
            raise failed

    async def _in_order(self) -> None:
        unasked = await self._tried(None if self._known else self._ask_status())
        silent = int(isinstance(unasked, Unreachable))
        failed: CircadiaError | None = None
        for place, name in enumerate(PARTS):
            if self.unlinked:
                return
            if silent < _MOST_SILENT:
                # whoever has waited for WHOOP once has the news of all parts
                failed = await self._tried(self._ask_part(name, self._wait_ms() if place == 0 else 0))
                silent = silent + 1 if isinstance(failed, Unreachable) else 0
            if failed is not None:
                self._failures[name] = failed
        if unasked is not None and self._state is None:
            raise unasked

    async def _tried(self, asking: Coroutine[Any, Any, None] | None) -> CircadiaError | None:
        try:
            if asking is not None:
                await asking
        except CircadiaError as error:
            return error
        return None

    async def _ask_status(self) -> None:
        self._known = await ask_status(self._link, self._links, self._user_id)
        self._state = self._state or self._known.state

    async def _ask_part(self, name: str, wait_ms: int) -> None:
        answer = await self._link.part(name, self._user_id, self._first, self._last, wait_ms)
        self._hear(answer)
        self._bodies[name] = self._body(name, answer)

    async def _ask_everything(self) -> None:
        answer = await self._link.everything(self._user_id, self._first, self._last, self._wait_ms())
        self._hear(answer)
        self._bodies = {name: self._body(name, answer.get(name)) for name in PARTS}

    def _wait_ms(self) -> int:
        """How long the WHOOP service may wait for WHOOP, so that its answer is still in time."""
        left_s = min(self._ends_at - asyncio.get_running_loop().time(), self._link.timeout_s)
        return min(max(int((left_s - _REPLY_S) * 1000), 0), _LONGEST_WAIT_MS)

    def _body(self, name: str, answer: Any) -> Body | None:
        """A part's body; None when nothing is stored. UnexpectedReply for what is no such body."""
        rows = answer.get("data", []) if isinstance(answer, dict) else [] if answer is None else None
        if not isinstance(rows, list) or not all(_is_row(each) for each in (answer or {}, *rows)):
            raise UnexpectedReply(f"the WHOOP service's {name} is not what its documentation says")
        if not answer or not answer.get("user_id" if name == "profile" else "data"):
            return None
        if (as_of := answer.get("as_of")) is not None:
            with _readable():
                stamp = datetime.fromisoformat(as_of)
                self._as_of = max(self._as_of or stamp, stamp)
        return cast("Body", answer)

    def _hear(self, answer: Body) -> None:
        """What every answer says beside its data. The connection's state in it is newer than a remembered one."""
        state = answer.get("connection")
        if state in ("connected", "needs_reconnect", "not_connected"):
            self._state = state
            if self._known is not None and self._known.state != state:
                self._links.drop(self._user_id)
        with _readable():
            if self._offset is None and answer.get("timezone_offset"):
                self._offset = offset_of(answer["timezone_offset"])
            for each in answer.get("missing") or ():
                gap = Gap(date.fromisoformat(each["date"]), "whoop", each["part"], each["reason"], each.get("remedy"))
                self._gaps[gap.day, gap.part] = gap


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("timezone_offset"), str | None)


@contextmanager
def _readable() -> Iterator[None]:
    """What cannot be read is the WHOOP service's failure."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnexpectedReply("the WHOOP service says things that its documentation does not allow") from error
