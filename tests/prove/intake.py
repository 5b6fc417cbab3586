"""Every webhook of WHOOP's is stored in time though nobody works, and none of anybody else's.

Deliveries come at a steady rate, whether the ones before are answered or not, to the product as it is served, on a
database that flushes each commit to disk; each one's time counts from the instant it was due. Then come mutated and
forged ones. It holds when every good one was acknowledged and is there, within WHOOP's second at the 99th percentile,
and of the others none was taken and none broke anything.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from circadia.storage.postgres import Database
from tests.bench import place
from tests.postgres import Server
from tests.prove.door import Line, served
from tests.prove.knocks import Sender

_PATIENCE_S = 1.0
"""What WHOOP waits for an answer."""

_LINES = 64
_MEMBERS, _ACCOUNTS = 300, 400


@dataclass(frozen=True, slots=True)
class Size:
    """How many a second for how many seconds, and how many others afterwards."""

    rate: int
    seconds: float
    forged: int
    seed: int


@dataclass(slots=True)
class Figures:
    """What came of it."""

    size: Size
    answers: Counter[int] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    stored: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    left: int = 0
    problems: list[str] = field(default_factory=list)

    def share(self, share: float) -> float:
        """The time that this share of the good ones did not exceed, in seconds."""
        return sorted(self.took_s)[min(int(share * len(self.took_s)), len(self.took_s) - 1)]

    def __str__(self) -> str:
        lines = [
            f"intake, seed {self.size.seed}: {len(self.took_s)} deliveries at {self.size.rate}/s, "
            f"{self.stored} stored; "
            f"p50 {1000 * self.share(0.5):.1f} ms, p99 {1000 * self.share(0.99):.1f} ms, "
            f"longest {1000 * max(self.took_s):.1f} ms",
            f"mutated and forged: {self.size.forged}; answers {dict(sorted(self.refused.items()))}, "
            f"{self.left} left amid their body",
            *(f"PROBLEM {each}" for each in self.problems),
        ]
        return "\n".join(lines)


async def prove(url: str, size: Size) -> Figures:
    """Run the proof on an empty database."""
    figures = Figures(size)
    async with served(url) as port:
        db = Database(url)
        await db.open()
        await _connect_members(db)
        lines: asyncio.Queue[Line] = asyncio.Queue()
        for _ in range(_LINES):
            lines.put_nowait(Line(port))
        sender = Sender(size.seed, _ACCOUNTS, datetime.now(UTC))
        await _steady(sender, lines, figures)
        figures.stored = await _count(db)
        await _forged(sender, lines, figures)
        await _judge(sender, lines, db, figures)
        while not lines.empty():
            await lines.get_nowait().close()
        await db.close()
    return figures


async def _connect_members(db: Database) -> None:
    """Most of the accounts belong to somebody; about the others WHOOP tells too early."""
    await db.execute(
        "INSERT INTO members (user_id, created_at) SELECT 'user-' || n, now() FROM generate_series(1, %s) n",
        (_MEMBERS,),
    )
    await db.execute(
        "INSERT INTO connections (member_id, whoop_user_id, state, scopes, connected_at, changed_at) "
        "SELECT id, id, 'connected', '{}', now(), now() FROM members"
    )


async def _count(db: Database) -> int:
    found = await db.row("SELECT count(*) FROM deliveries")
    return int(found[0]) if found else 0


async def _steady(sender: Sender, lines: asyncio.Queue[Line], figures: Figures) -> None:
    requests = [sender.good().request() for _ in range(round(figures.size.rate * figures.size.seconds))]
    began = time.perf_counter() + 0.1

    async def send(number: int) -> None:
        due = began + number / figures.size.rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        line = await lines.get()
        figures.answers[await line.send(requests[number])] += 1
        figures.took_s.append(time.perf_counter() - due)
        lines.put_nowait(line)

    await asyncio.gather(*(send(number) for number in range(len(requests))))


async def _forged(sender: Sender, lines: asyncio.Queue[Line], figures: Figures) -> None:
    async def send() -> None:
        what, knock = sender.bad()
        line = await lines.get()
        if knock.whole:
            status = await line.send(knock.request())
            figures.refused[status] += 1
            if not 400 <= status < 500:
                figures.problems.append(f"{what}: answered {status}: {knock.headers} {knock.body[:300]!r}")
        else:
            await line.leave_amid(knock.request())
            figures.left += 1
        lines.put_nowait(line)

    for _ in range(0, figures.size.forged, _LINES):
        await asyncio.gather(*(send() for _ in range(min(_LINES, figures.size.forged))))


async def _judge(sender: Sender, lines: asyncio.Queue[Line], db: Database, figures: Figures) -> None:
    sent = len(figures.took_s)
    if figures.answers != {204: sent} or figures.stored != sent:
        figures.problems.append(f"{sent} sent, {figures.stored} stored, answers {dict(figures.answers)}")
    if (now := await _count(db)) != figures.stored:
        figures.problems.append(f"{now - figures.stored} that should have been refused are stored")
    line = await lines.get()
    if await line.send(sender.good().request()) != 204:
        figures.problems.append("a good one is refused after all that")
    lines.put_nowait(line)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--rate", type=int, default=500, help="deliveries a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--forged", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)


async def run(server: Server, options: argparse.Namespace) -> bool:
    """At the size asked for."""
    return await _shown(Size(options.rate, options.seconds, options.forged, options.seed))


async def slice_(server: Server, seed: int) -> bool:
    """A small piece of it, about ten seconds long."""
    return await _shown(Size(rate=200, seconds=3.0, forged=1000, seed=seed))


async def _shown(size: Size) -> bool:
    with place.server() as url:
        figures = await prove(url, size)
    if figures.share(0.99) >= _PATIENCE_S:
        figures.problems.append("WHOOP would not have waited for the answers")
    print(figures, flush=True)
    return not figures.problems
