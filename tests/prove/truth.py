"""Proof `truth`: the store equals WHOOP, record by record and field by field, and each day document its rebuild.

Three times: after the first sync; after a day of edits, late scores and deletions and one sync; and in a second,
empty database that is filled and kept in step by a product which is killed (-9) again and again meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from random import Random

from circadia.domain.catalog import COLLECTIONS, PAGE_LIMIT
from circadia.domain.windows import OVERLAP
from circadia.simulator.faults import TOKEN_PATH
from circadia.simulator.mutations import ACTIONS
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import Quirks, World
from tests import simulated
from tests.postgres import Server
from tests.prove.product import FileClock
from tests.prove.stage import PLENTY, Stage, open_stage, serving
from tests.truth import differences

_CHANGES_A_DAY = 6
_FINDS_AGAIN = ("undelete_sleep", "restore_workout")
_TAKES_AWAY = ("delete_sleep", "delete_workout", "delete_recovery", "merge_nap", "merge_cycles")
_PLAUSIBLE = 5
"""So many deletions between two syncs are believed without the owner's word."""

_SEEN_FOR = OVERLAP - timedelta(days=1)
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Size:
    """How much is proved; everything else follows from the seed."""

    members: int
    days: int
    kills: int
    seed: int


@dataclass(slots=True)
class Figures:
    """What was proved, and what it took."""

    size: Size
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    records: int = 0
    requests: int = 0
    floor: int = 0
    changes: int = 0
    kills: int = 0
    grants_lost: int = 0

    def __str__(self) -> str:
        size = self.size
        lines = [
            f"truth: {size.members} members x {size.days} days, seed {size.seed}: {self.records} records compared",
            f"  first sync: {self.requests} requests, the floor is {self.floor}",
            f"  changes made at WHOOP: {self.changes}; kills: {self.kills}; grants lost to a kill between WHOOP's "
            f"rotation and our storing (member consents again): {self.grants_lost}",
            "  " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items()),
        ]
        lines += [f"  DIFFERS {each}" for each in self.problems[:_SHOWN]]
        lines.append(f"  {len(self.problems)} differences" if self.problems else "  equal")
        return "\n".join(lines)


class Proof:
    """One run of it."""

    def __init__(self, size: Size, whoop: WhoopSimulator, clock: FileClock) -> None:
        self.figures = Figures(size)
        self._whoop = whoop
        self._clock = clock
        self._rng = Random(size.seed)
        self._accounts = whoop.state.world.user_ids
        self._deleted: dict[int, dict[str, datetime]] = {each: {} for each in self._accounts}
        self._taken_away = dict.fromkeys(self._accounts, 0)

    async def first_sync(self, stage: Stage) -> None:
        """Everybody connects at once, and nobody is disturbed."""
        with self._timed("first sync"):
            for account in self._accounts:
                await stage.connect(account)
            await stage.quiet()
        self._count_requests()
        await self._compare("after the first sync", stage)

    async def a_day_later(self, stage: Stage) -> None:
        """A day of changes, then one sync."""
        for hour in range(24):
            self._clock.advance(3600)
            for account in self._accounts:
                if self._rng.random() < _CHANGES_A_DAY / 24 or hour == 12:
                    self._change(account)
        with self._timed("one sync"):
            await stage.request_syncs(self._accounts)
            await stage.quiet()
        await self._compare("after a day of changes and one sync", stage)

    async def killed(self, stage: Stage) -> None:
        """Members connect and records change while the product dies and comes back. Some renewals take long, so that
        kills fall between WHOOP's rotation and our storing too."""
        self._whoop.fault("slow", path=TOKEN_PATH, grant_type="refresh_token", count=None, probability=0.5, seconds=0.5)
        waiting = list(self._accounts)
        connected: list[int] = []
        with self._timed("kills"):
            for kill in range(self.figures.size.kills):
                share = ceil(len(waiting) / max(1, self.figures.size.kills // 2 - kill))
                for account in waiting[:share]:
                    await stage.connect(account)
                connected += waiting[:share]
                waiting = waiting[share:]
                self._clock.advance(self._rng.uniform(60, 2400))
                for account in self._rng.sample(connected, min(2, len(connected))):
                    self._change(account)
                await stage.request_syncs(self._rng.sample(connected, ceil(len(connected) / 2)))
                await stage.product.ready()
                await asyncio.sleep(self._rng.uniform(0.0, 1.5))
                stage.product.kill()
                self.figures.kills += 1
                stage.product.start()
                await self._consent_again(stage)
            for account in waiting:
                await stage.connect(account)
            await stage.quiet(pass_s=5.0)
        with self._timed("last sync"):
            self._clock.advance(3600)
            while True:
                await stage.request_syncs(self._accounts)
                await stage.quiet()
                if not await self._consent_again(stage):
                    break
        await self._compare(f"after {self.figures.kills} kills", stage)

    async def _consent_again(self, stage: Stage) -> int:
        """A pair that WHOOP handed out and a kill swallowed is gone: its member consents again, the data stays."""
        lost = await stage.lost()
        for account in lost:
            await stage.connect(account)
        self.figures.grants_lost += len(lost)
        return len(lost)

    def _change(self, account: int) -> None:
        """One change, as far back as a sync looks. What was deleted longer ago and is found again now, only a webhook
        or a reconciliation could tell."""
        member, now = self._whoop.state.world.member(account), self._clock()
        starts = {str(row.payload["id"]): row.start for kind in ("sleep", "workout") for row in member.rows(kind, now)}
        for action in self._rng.sample(sorted(ACTIONS), len(ACTIONS)):
            target = None
            if action in _TAKES_AWAY and self._taken_away[account] == _PLAUSIBLE:
                continue
            if action in _FINDS_AGAIN:
                recent = [key for key, start in self._deleted[account].items() if start > now - _SEEN_FOR]
                target = self._rng.choice(recent) if recent else "none"
            try:
                events = self._whoop.mutate(account, action, target)
            except ValueError:  # there is nothing of the kind to change now
                continue
            gone = [each.id for each in events if each.type in ("sleep.deleted", "workout.deleted")]
            self._deleted[account] |= {key: starts[key] for key in gone}
            self._taken_away[account] += action in _TAKES_AWAY
            self.figures.changes += 1
            return

    def _count_requests(self) -> None:
        for account in self._accounts:
            truth = self._whoop.truth(account)
            for type_ in COLLECTIONS:
                floor = max(ceil(len(truth[type_.name]) / PAGE_LIMIT), 1)
                asked = self._whoop.traffic.count(path=f"/developer{type_.path}", user_id=account)
                self.figures.requests += asked
                self.figures.floor += floor
                if not floor <= asked <= floor + 1:
                    self.figures.problems.append(f"{account}: {asked} requests for {type_.name}, the floor is {floor}")

    async def _compare(self, when: str, stage: Stage) -> None:
        with self._timed(f"comparing {when}"):
            for account in self._accounts:
                self._taken_away[account] = 0
                truth = self._whoop.truth(account)
                self.figures.records += sum(len(truth[each.name]) for each in COLLECTIONS)
                found = await differences(stage.runtime.db, stage.user_of(account), truth)
                self.figures.problems += [f"{when}, member {account}: {each[:400]}" for each in found]

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.figures.seconds[name] = time.monotonic() - began


async def prove(server: Server, size: Size) -> Figures:
    """Run the proof on a PostgreSQL server's databases."""
    with tempfile.TemporaryDirectory() as directory:
        clock = FileClock(Path(directory) / "clock")
        clock.set(simulated.EPOCH)
        world = World(
            seed=size.seed, members=size.members, days=size.days, epoch=simulated.EPOCH, quirks=Quirks.all_on()
        )
        whoop = WhoopSimulator(world, clock=clock, limits=PLENTY, clients=(simulated.CLIENT,))
        proof = Proof(size, whoop, clock)
        async with serving(whoop) as url:
            async with open_stage(server, whoop, url, clock) as stage:
                await proof.first_sync(stage)
                await proof.a_day_later(stage)
            async with open_stage(server, whoop, url, clock) as stage:
                await proof.killed(stage)
        return proof.figures


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--years", type=float, default=3.0)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)


async def run(server: Server, options: argparse.Namespace) -> bool:
    """At the size asked for."""
    figures = await prove(server, Size(options.members, round(options.years * 365), options.kills, options.seed))
    print(figures, flush=True)
    return not figures.problems


async def slice_(server: Server, seed: int) -> bool:
    """A small piece of it, about half a minute long."""
    figures = await prove(server, Size(members=3, days=120, kills=8, seed=seed))
    print(figures, flush=True)
    return not figures.problems
