"""Proof `budget`: WHOOP's limit is never exceeded by several processes under overload, and a person does not wait.

Many members have just connected, so that there is more history to fetch than the budget allows for; three processes
work on it with a limit of 90 requests a minute at a WHOOP that allows 100, on the machine's clock. Meanwhile people ask
for this morning's data. WHOOP refuses nothing and sees at most 100 requests in any rolling minute, and a refresh takes
less than 5 s in the median.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import median, quantiles

from circadia.clock import system_clock
from circadia.domain.lanes import LANES
from circadia.runtime import Runtime, open_runtime
from circadia.simulator.limits import Limits
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import World
from circadia.storage import budget, members, runs
from circadia.sync.queue import QUEUES
from tests import simulated
from tests.postgres import Server
from tests.prove.stage import PLENTY, serving

_WHOOP = Limits(per_minute=100, per_day=10_000)
_OURS = {"RATE_LIMIT_PER_MINUTE": "90", "RATE_LIMIT_PER_DAY": "9000"}
_MOST_MEDIAN_S = 5.0
_PATIENCE_S = 120.0
_LEAVES_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Size:
    """How many members have connected with how many days each, how many processes work for how long, and how often
    somebody asks."""

    members: int
    days: int
    processes: int
    seconds: float
    every_s: float
    seed: int


@dataclass(slots=True)
class Figures:
    """What WHOOP saw, and how long people waited."""

    size: Size
    seen: int = 0
    busiest_minute: int = 0
    refused: int = 0
    refreshed_s: list[float] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)
    waited: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        size = self.size
        waits = sorted(self.refreshed_s)
        lines = [
            f"budget: {size.processes} processes, {size.members} histories, {size.seconds:.0f} s, seed {size.seed}",
            f"  WHOOP saw {self.seen} requests, at most {self.busiest_minute} in any 60 s, and refused {self.refused}",
            f"  a person's refresh: {len(waits)} of them, median {median(waits):.2f} s, "
            f"p95 {quantiles(waits, n=20, method='inclusive')[-1]:.2f} s, longest {waits[-1]:.2f} s",
            "  units taken (had to wait): "
            + ", ".join(f"{lane} {self.taken.get(lane, 0)} ({self.waited.get(lane, 0)})" for lane in LANES),
        ]
        return "\n".join([*lines, *(f"  PROBLEM {each}" for each in self.problems)])


async def prove(server: Server, size: Size) -> Figures:
    """Run the proof on a PostgreSQL server's databases."""
    figures = Figures(size)
    world = World(seed=size.seed, members=size.members, days=size.days, epoch=system_clock())
    whoop = WhoopSimulator(world, clock=system_clock, limits=PLENTY, clients=(simulated.CLIENT,))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(whoop))
        database = server.create()
        stack.callback(server.drop, database)
        settings = {"WHOOP_API_BASE_URL": f"{url}/developer", "WHOOP_OAUTH_BASE_URL": f"{url}/oauth/oauth2"} | _OURS
        runtime = await stack.enter_async_context(open_runtime(simulated.settings_for(database, **settings)))
        await _connect_all(whoop, runtime)
        environment = simulated.surroundings() | simulated.environment_for(database, **settings)
        async with _workers(size.processes, environment):
            async with asyncio.timeout(_PATIENCE_S):
                while not await _all_work(runtime, size.processes):
                    await asyncio.sleep(0.1)
            await _refreshes(runtime, Random(size.seed), figures)
            await _judge(whoop, runtime, figures)
    return figures


async def _connect_all(whoop: WhoopSimulator, runtime: Runtime) -> None:
    """Everybody consents; what that took of the minute is forgotten here and at WHOOP, so that the work begins with an
    empty window. Each member's world is made now and not while people wait."""
    for account in whoop.state.world.user_ids:
        await simulated.connect(runtime, whoop, f"user-{account}", account)
        await runtime.db.execute("DELETE FROM budget_usage")
        whoop.truth(account)
    whoop.state.set_limits(_WHOOP)
    whoop.state.windows.clear()
    whoop.traffic.reset()


@asynccontextmanager
async def _workers(count: int, environment: dict[str, str]) -> AsyncIterator[None]:
    """So many `circadia worker`, stopped as an init system stops them. RuntimeError when one ended by itself, with the
    end of its output."""
    with tempfile.TemporaryFile("w+") as log:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "circadia", "worker"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            for _ in range(count)
        ]
        try:
            yield
            if any(each.poll() is not None for each in started):
                log.seek(0)
                raise RuntimeError(f"a worker ended by itself: {log.read()[-2000:]}")
        finally:
            for each in started:
                each.terminate()
            for each in started:
                try:
                    await asyncio.to_thread(each.wait, _LEAVES_WITHIN_S)
                except subprocess.TimeoutExpired:
                    each.kill()


async def _all_work(runtime: Runtime, processes: int) -> bool:
    """Whether every process works off each of its queues."""
    found = await runtime.db.row("SELECT count(*) FROM procrastinate_workers")
    return found is not None and found[0] >= processes * len(set(QUEUES.values()))


async def _refreshes(runtime: Runtime, rng: Random, figures: Figures) -> None:
    """One person after another asks for a sync of everything and waits for its end."""
    everybody = await members.grants(runtime.db)
    ends = time.monotonic() + figures.size.seconds
    while time.monotonic() < ends:
        began = time.monotonic()
        run_id = await runtime.jobs.request(rng.choice(everybody).member_id, "sync", "person")
        if not await runtime.jobs.finished(run_id, _PATIENCE_S):
            figures.problems.append(f"a refresh was not over after {_PATIENCE_S:.0f} s")
        figures.refreshed_s.append(time.monotonic() - began)
        run = await runs.load(runtime.db, run_id)
        if run is None or run.state != "succeeded":
            figures.problems.append(f"a refresh ended {run and run.state}: {run and run.error}")
        await asyncio.sleep(max(began + figures.size.every_s * rng.uniform(0.5, 1.5) - time.monotonic(), 0))


async def _judge(whoop: WhoopSimulator, runtime: Runtime, figures: Figures) -> None:
    windows = whoop.state.windows_of(simulated.CLIENT.client_id)
    figures.seen = sum(whoop.traffic.counts.values())
    figures.busiest_minute, figures.refused = windows.peak_minute, windows.refused
    usage = await budget.usage(runtime.db, runtime.app, system_clock())
    figures.taken, figures.waited = usage.taken, usage.refused
    if figures.busiest_minute > _WHOOP.per_minute or figures.seen > _WHOOP.per_day or figures.refused:
        figures.problems.append("WHOOP's limit was exceeded")
    if median(figures.refreshed_s) >= _MOST_MEDIAN_S:
        figures.problems.append(f"people waited {_MOST_MEDIAN_S:.0f} s and more in the median")
    history_ended = await runtime.db.row(
        "SELECT 1 FROM runs WHERE kind = 'backfill' AND state NOT IN ('queued', 'running')"
    )
    if history_ended:
        figures.problems.append("there was no overload all the time: a history came to its end")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--every", type=float, default=20.0, help="seconds from one person's refresh to the next's")
    parser.add_argument("--seed", type=int, default=1)


async def run(server: Server, options: argparse.Namespace) -> bool:
    """At the size asked for."""
    size = Size(options.members, options.days, options.processes, options.seconds, options.every, options.seed)
    figures = await prove(server, size)
    print(figures, flush=True)
    return not figures.problems


async def slice_(server: Server, seed: int) -> bool:
    """A small piece of it, about half a minute long."""
    figures = await prove(server, Size(members=10, days=365, processes=3, seconds=16.0, every_s=5.0, seed=seed))
    print(figures, flush=True)
    return not figures.problems
