"""Proof `release`: a new version takes over from the old one under load, and no request fails.

Two processes serve behind Debian's HAProxy with the shipped configuration while apps read, WHOOP sends webhooks and a
browser follows a run. The new version does not get ready on the old schema and says what to do; the old one goes on on
the new schema; the two are replaced one after the other, forwards and back again. Afterwards the database is backed up,
restored and moved, and all three are equal row by row.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field

from tests.backups.databases import dump
from tests.postgres import Server
from tests.prove.release_load import Load
from tests.prove.release_stage import Stage, last_tag, open_stage

_BESIDE_S = 3.0
"""How long the load goes on between one change and the next."""

_LONGEST_S = 10.0
"""Whoever waits longer has been sent to a process that was not there."""

_SHOWN = 10


@dataclass(slots=True)
class Figures:
    """What was proved, and what it took."""

    seed: int
    rolled: list[str] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    load: str = ""
    copies: str = ""
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        tag = last_tag()
        old = f"the release {tag}" if tag else "this version, as none is released yet"
        most = max(self.took_s, default=0)
        lines = [
            f"release, seed {self.seed}: old is {old}; new is this version with a migration more",
            f"  {len(self.took_s)} processes replaced ({', '.join(self.rolled)}), {most:.0f} s at most",
            f"  {self.load}",
            f"  {self.copies}",
        ]
        lines += [f"  PROBLEM {each}" for each in self.problems[:_SHOWN]]
        lines.append(f"  {len(self.problems)} problems" if self.problems else "  nothing failed")
        return "\n".join(lines)


async def prove(server: Server, seed: int, rolls: int) -> Figures:
    """`rolls` is how often both processes are replaced: by the new version, by the old one again, and so on."""
    figures = Figures(seed)
    async with open_stage(server, seed) as here:
        load = await here.load(seed)
        async with load.running():
            await asyncio.sleep(_BESIDE_S)
            await _upgrade(here, figures)
            await asyncio.sleep(_BESIDE_S)
            for number in range(rolls):
                await _roll(here, "old" if number % 2 else "new", figures)
        await here.settled()
        await _judge(here, load, figures)
        for place in here.places:
            await place.stop()
        await _copy(here, figures)
    return figures


async def _upgrade(here: Stage, figures: Figures) -> None:
    """The new version, on the old schema and then on its own."""
    third = here.another(MIGRATE_ON_START="false")
    third.start("new")
    try:
        await third.program.ready()
        told = (await third.checks())["migrations"]
        if "circadia db upgrade" not in told:
            figures.problems.append(f"the new version on the old schema tells: {told}")
        await here.command("new", "db", "upgrade")
        await third.ready()
    finally:
        await third.stop()
    for place in here.places:
        if set((checks := await place.checks()).values()) != {"ok"}:
            figures.problems.append(f"the old version is not ready on the new schema: {checks}")


async def _roll(here: Stage, version: str, figures: Figures) -> None:
    for place in here.places:
        began = time.monotonic()
        await here.replace(place, version)
        figures.took_s.append(time.monotonic() - began)
    figures.rolled.append(version)
    await asyncio.sleep(_BESIDE_S)


async def _judge(here: Stage, load: Load, figures: Figures) -> None:
    """No request failed, and whatever was acknowledged is there."""
    figures.load = str(load)
    figures.problems += load.failures
    if load.slowest[0] > _LONGEST_S:
        figures.problems.append(f"somebody waited {load.slowest[0]:.0f} s: {load.slowest[1]}")
    stored = {trace for (trace,) in here.rows("SELECT trace_id FROM deliveries WHERE state = 'settled'")}
    if lost := load.traces - stored:
        figures.problems.append(f"{len(lost)} acknowledged webhooks were not carried out")
    done = {str(run) for (run,) in here.rows("SELECT id FROM runs WHERE state = 'succeeded'")}
    if failed := load.runs - done:
        figures.problems.append(f"{len(failed)} accepted syncs did not succeed")
    if not load.came_back:
        figures.problems.append("no event stream had to come back: none was open while a process was replaced")


async def _copy(here: Stage, figures: Figures) -> None:
    """Backed up and restored, and moved."""
    restored, moved = here.server.create("template0"), here.server.create("template0")
    try:
        before = dump(here.database)  # a backup is noted after it
        await here.command("new", "backup", "--to", "backups")
        await here.command("new", "restore", "backups", "--into", restored)
        await here.command("new", "db", "move", "--to", moved)
        for name, url, source in (("restored", restored, before), ("moved", moved, dump(here.database))):
            copy = dump(url)
            different = sorted(table for table in source.keys() | copy.keys() if source.get(table) != copy.get(table))
            figures.problems += [f"{table} differs in the {name} database" for table in different]
        rows = sum(len(each) for each in source.values())
        figures.copies = f"backed up and restored, and moved: {rows} rows of {len(source)} tables compared in each"
    finally:
        for url in (restored, moved):
            here.server.drop(url)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rolls", type=int, default=3, help="how often both processes are replaced")


async def run(server: Server, options: argparse.Namespace) -> bool:
    """Forwards, back, and forwards again, unless told otherwise."""
    return await _shown(server, options.seed, options.rolls)


async def slice_(server: Server, seed: int) -> bool:
    """Forwards once."""
    return await _shown(server, seed, rolls=1)


async def _shown(server: Server, seed: int, rolls: int) -> bool:
    figures = await prove(server, seed, rolls)
    print(figures, flush=True)
    return not figures.problems
