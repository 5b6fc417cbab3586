"""Proof `takeover`: kill -9 of a worker in the middle of many backfills; another resumes all of them and ends them.

Everything is as in production, the time included after which a silent worker counts as dead. Resumed is a member of
whom the second process has asked WHOOP for a page.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from circadia.domain.catalog import COLLECTIONS, PAGE_LIMIT
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import Quirks, World
from circadia.storage import runs
from tests import simulated
from tests.postgres import Server
from tests.prove.product import FileClock
from tests.prove.stage import PLENTY, Stage, open_stage, serving
from tests.truth import differences

RESUMED_WITHIN_S = 60.0
_FETCHED_AGAIN, _CLOSING_LOOK = 1, 1
_PATIENCE_S = 600.0
_LOOK_S = 0.05
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Size:
    """How much is proved; `slow_s` is how long WHOOP takes for a page."""

    members: int
    days: int
    seed: int
    slow_s: float
    hurried: bool


@dataclass(slots=True)
class Figures:
    """What was proved, and what it took."""

    size: Size
    problems: list[str] = field(default_factory=list)
    resumed_s: list[float] = field(default_factory=list)
    ended_s: float = 0.0
    pages_at_the_kill: int = 0
    pages: int = 0
    floor: int = 0

    def __str__(self) -> str:
        size, last = self.size, max(self.resumed_s, default=0.0)
        lines = [
            f"takeover: {size.members} backfills x {size.days} days, seed {size.seed}; killed after "
            f"{self.pages_at_the_kill} of {self.floor} pages",
            f"  all resumed {last:.1f} s after the kill (at most {RESUMED_WITHIN_S:.0f}), "
            f"ended after {self.ended_s:.1f} s",
            f"  {self.pages} pages asked for, the floor is {self.floor}",
        ]
        lines += [f"  DIFFERS {each}" for each in self.problems[:_SHOWN]]
        lines.append(f"  {len(self.problems)} problems" if self.problems else "  equal")
        return "\n".join(lines)


class Proof:
    """One run of it."""

    def __init__(self, size: Size, whoop: WhoopSimulator, stage: Stage) -> None:
        self.figures = Figures(size)
        self._whoop = whoop
        self._stage = stage
        self._accounts = whoop.state.world.user_ids

    async def carry_out(self) -> None:
        """Everybody connects; kill; another process; the end; the comparison."""
        await self._stage.product.ready()
        for account in self._accounts:
            await self._stage.connect(account)
        await self._all_under_way()
        killed_at = time.monotonic()
        self._stage.product.kill()
        if ended := await self._states(runs.FINISHED):
            self.figures.problems.append(f"{ended} backfills had ended before the kill: nothing was taken over")
        before = {each: self._pages(each) for each in self._accounts}
        self.figures.pages_at_the_kill = sum(before.values())
        self._stage.product.start()
        await self._resumed(before, killed_at)
        await self._stage.quiet()
        self.figures.ended_s = time.monotonic() - killed_at
        await self._compare()

    async def _all_under_way(self) -> None:
        """Wait until each history has had its first slice and is on its way."""
        async with asyncio.timeout(_PATIENCE_S):
            while await self._stage.runtime.db.row("SELECT 1 FROM runs WHERE attempt < 2 OR state <> 'running'"):
                await asyncio.sleep(_LOOK_S)

    async def _resumed(self, before: dict[int, int], killed_at: float) -> None:
        waiting = set(before)
        async with asyncio.timeout(_PATIENCE_S):
            while waiting:
                again = {each for each in waiting if self._pages(each) > before[each]}
                waiting -= again
                self.figures.resumed_s += [time.monotonic() - killed_at] * len(again)
                await asyncio.sleep(_LOOK_S)
        if max(self.figures.resumed_s) > RESUMED_WITHIN_S:
            self.figures.problems.append("not all were resumed in time")

    async def _compare(self) -> None:
        succeeded = await self._states({"succeeded"})
        if succeeded != len(self._accounts):
            self.figures.problems.append(f"only {succeeded} backfills have succeeded")
        for account in self._accounts:
            truth = self._whoop.truth(account)
            for type_ in COLLECTIONS:
                floor = max(ceil(len(truth[type_.name]) / PAGE_LIMIT), 1)
                asked = self._whoop.traffic.count(path=f"/developer{type_.path}", user_id=account)
                self.figures.pages += asked
                self.figures.floor += floor
                if asked > floor + _FETCHED_AGAIN + _CLOSING_LOOK:
                    self.figures.problems.append(f"{account}: {asked} pages of {type_.name}, the floor is {floor}")
            found = await differences(self._stage.runtime.db, self._stage.user_of(account), truth)
            self.figures.problems += [f"member {account}: {each[:400]}" for each in found]

    def _pages(self, account: int) -> int:
        traffic = self._whoop.traffic
        return sum(traffic.count(path=f"/developer{each.path}", user_id=account) for each in COLLECTIONS)

    async def _states(self, states: frozenset[runs.RunState] | set[str]) -> int:
        found = await self._stage.runtime.db.row(
            "SELECT count(*) FROM runs WHERE kind = 'backfill' AND state = ANY (%s)", (sorted(states),)
        )
        return int(found[0]) if found else 0


async def prove(server: Server, size: Size) -> Figures:
    """Run the proof on a PostgreSQL server's databases."""
    with tempfile.TemporaryDirectory() as directory:
        clock = FileClock(Path(directory) / "clock")
        clock.set(simulated.EPOCH)
        world = World(
            seed=size.seed, members=size.members, days=size.days, epoch=simulated.EPOCH, quirks=Quirks.all_on()
        )
        whoop = WhoopSimulator(world, clock=clock, limits=PLENTY, clients=(simulated.CLIENT,))
        for account in world.user_ids:
            whoop.truth(account)
        for type_ in COLLECTIONS:
            whoop.fault("slow", path=f"/developer{type_.path}", count=None, seconds=size.slow_s)
        async with serving(whoop) as url, open_stage(server, whoop, url, clock, hurried=size.hurried) as stage:
            proof = Proof(size, whoop, stage)
            await proof.carry_out()
        return proof.figures


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--years", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)


async def run(server: Server, options: argparse.Namespace) -> bool:
    """At the size asked for."""
    size = Size(options.members, round(options.years * 365), options.seed, slow_s=0.1, hurried=False)
    figures = await prove(server, size)
    print(figures, flush=True)
    return not figures.problems


async def slice_(server: Server, seed: int) -> bool:
    """A small piece of it, with workers that are taken for dead sooner."""
    figures = await prove(server, Size(members=5, days=400, seed=seed, slow_s=0.1, hurried=True))
    print(figures, flush=True)
    return not figures.problems
