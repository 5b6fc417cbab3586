"""What goes wrong with the gateway's upstreams and databases, how it is put right, and what the gateway may call it."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import Literal

from circadia.domain.readings import SOURCES, Source
from circadia.gateway.told import State
from tests.prove.gateway_proxy import Fault, answering, without
from tests.prove.gateway_stack import Stack, Upstream

Kind = Literal["killed", "hung", "slow by 5 s", "500", "invalid JSON", "wrong key"]
SLOW_S = 5.0

KINDS: dict[Kind, frozenset[State]] = {
    "killed": frozenset({"unavailable", "circuit_open"}),
    "hung": frozenset({"timeout", "circuit_open"}),
    "slow by 5 s": frozenset({"timeout", "circuit_open"}),
    "500": frozenset({"unavailable", "circuit_open"}),
    "invalid JSON": frozenset({"unavailable", "circuit_open"}),
    "wrong key": frozenset({"unavailable"}),
}
"""Each with the states that it may be told as."""

GONE: frozenset[State] = frozenset({"unavailable", "timeout", "circuit_open"})
"""What a source may be called that cannot say what it has, because its database is gone."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the fault table: a kind of trouble of one upstream or of both, or a database that is gone."""

    sources: tuple[Source, ...]
    kind: Kind | None

    def __str__(self) -> str:
        if self.kind is None:
            return f"database of {'the gateway' if self.sources == ('sahha',) else 'the WHOOP service'} gone"
        names = {"sahha": "Sahha", "whoop": "WHOOP service"}
        return f"{' and '.join(names[each] for each in self.sources)} {self.kind}"

    @property
    def states(self) -> frozenset[State]:
        """What the sources in trouble may be called. A slow Sahha's values come for the next who asks."""
        if self.kind is None:
            return GONE
        return KINDS[self.kind] | ({"ok"} if self.kind == "slow by 5 s" and "sahha" in self.sources else set())

    async def begin(self, stack: Stack) -> None:
        """Let it happen."""
        if self.kind is None:
            stack.databases[self.sources[0]].fall()
        else:
            await asyncio.gather(*(_suffer(stack.upstreams[each], self.kind) for each in self.sources))

    async def end(self, stack: Stack) -> None:
        """Put it right; it is when this returns."""
        if self.kind is None:
            await asyncio.to_thread(stack.databases[self.sources[0]].rise)
        else:
            await asyncio.gather(*(_heal(stack.upstreams[each], self.kind) for each in self.sources))


def rows(*sources: Source, database: bool = False) -> list[Row]:
    """Every kind of trouble of these sources together; with `database` also the loss of the first one's."""
    return [*(Row(sources, kind) for kind in KINDS), *([Row(sources[:1], None)] if database else [])]


TABLE: tuple[tuple[Row, ...], ...] = (
    tuple(rows("whoop", database=True)),
    tuple(rows("sahha", database=True)),
    tuple(rows(*SOURCES)),
)
"""The whole of it, in parts that need nothing of one another."""


async def _suffer(upstream: Upstream, kind: Kind) -> None:
    match kind:
        case "killed":
            upstream.program.kill()
            await upstream.way.cut()
        case "hung":
            upstream.program.signal(signal.SIGSTOP)
        case "slow by 5 s":
            upstream.way.fault = Fault(delay_s=SLOW_S)
        case "500":
            upstream.way.fault = answering(500, b'{"error": "an unexpected error"}')
        case "invalid JSON":
            upstream.way.fault = answering(200, b'{"recovery": {"latest"')
        case "wrong key":
            upstream.way.fault = without(upstream.secret)


async def _heal(upstream: Upstream, kind: Kind) -> None:
    match kind:
        case "killed":
            upstream.program.start()
            await upstream.program.ready()
            await upstream.way.mend()
        case "hung":
            upstream.program.signal(signal.SIGCONT)
        case _:
            upstream.way.fault = None
