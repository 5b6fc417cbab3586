"""Proof `converge`: whatever happens to WHOOP, to the network and to our processes, the store ends equal to WHOOP.

Each history is drawn from its seed (`tests.prove.histories`). When its events are over, faults stop, time passes as far
as the product's own rules need, and everything has to be equal. What changed long ago, and of which WHOOP did not tell
or whose webhook was lost, is reconciliation's to find: how often it was needed is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import stamina

from tests.postgres import Server, serve_alone
from tests.prove.histories import drawn
from tests.prove.history import History
from tests.prove.place import open_place
from tests.prove.verdict import judge, unfinished

_PROCESSES_EVERY = 10
"""Every so manieth seed is a history with processes that are killed and a server that crashes."""

_SIDE_BY_SIDE = 3
_LONGEST_S = 240.0
_SHOWN = 12


@dataclass(slots=True)
class Figures:
    """What was proved."""

    failed: dict[int, History] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    histories: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        told = ", ".join(f"{name} {number}" for name, number in sorted(self.counts.items()))
        lines = [f"converge: {self.histories} histories in {self.seconds:.0f} s", f"  {told}"]
        if self.failed:
            seeds = ", ".join(map(str, self.failed))
            lines.append(f"  DIFFERS at seeds {seeds}: script/prove converge --histories 1 --seed N")
        else:
            lines.append("  every store equals WHOOP")
        return "\n".join(lines)


def has_processes(seed: int) -> bool:
    """Whether a seed's history has processes of its own."""
    return seed % _PROCESSES_EVERY == 0


async def prove(server: Server, seed: int) -> History:
    """Carry out the history of a seed on a server; one with processes crashes it."""
    plot = drawn(seed, processes=has_processes(seed))
    with stamina.set_testing(True, attempts=100, cap=True):
        async with open_place(server, plot) as place:
            history = History(plot, place, server)
            task = asyncio.create_task(_judged(history))
            done, _ = await asyncio.wait([task], timeout=_LONGEST_S)
            if not done:
                task.cancel()
                history.problems.append(f"it was not over after {_LONGEST_S:.0f} s: {await unfinished(place)}")
            elif error := task.exception():
                history.problems.append("".join(traceback.format_exception(error)))
            return history


async def _judged(history: History) -> None:
    await history.carry_out()
    await judge(history)


def told(history: History) -> str:
    """A history that failed, with what happened in it."""
    problems = history.problems
    lines = [f"FAILED {history.plot}"]
    lines += [f"  {each}" for each in history.plot.steps]
    lines += [f"  | {each}" for each in history.log]
    lines += [f"  DIFFERS {each[-1200:]}" for each in problems[:_SHOWN]]
    lines += [f"  ... and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return "\n".join(lines)


async def prove_all(server: Server, first: int, number: int) -> Figures:
    """So many histories, a few side by side; those with processes one after the other on a server of their own."""
    figures, began = Figures(), time.monotonic()
    seeds = range(first, first + number)
    inside = iter([each for each in seeds if not has_processes(each)])
    apart = iter([each for each in seeds if has_processes(each)])

    async def carry_out(these: Iterator[int], where: Server) -> None:
        for seed in these:
            at = time.monotonic()
            history = await prove(where, seed)
            figures.histories += 1
            figures.counts += history.counts
            if history.problems:
                figures.failed[seed] = history
                print(told(history), flush=True)
            differs = "DIFFERS" if history.problems else "equal"
            print(f"seed {seed}: {differs}, {time.monotonic() - at:.1f} s", flush=True)

    alone = serve_alone() if any(map(has_processes, seeds)) else nullcontext(server)
    with alone as crashing, stamina.set_testing(True, attempts=100, cap=True):
        await asyncio.gather(*(carry_out(inside, server) for _ in range(_SIDE_BY_SIDE)), carry_out(apart, crashing))
    figures.seconds = time.monotonic() - began
    return figures


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--seed", "--first", type=int, default=1, help="of the first history; each one's is one more")


async def run(server: Server, options: argparse.Namespace) -> bool:
    """At the size asked for."""
    figures = await prove_all(server, options.seed, options.histories)
    print(figures, flush=True)
    return not figures.failed


async def slice_(server: Server, seed: int) -> bool:
    """Five histories, one of them with processes."""
    figures = await prove_all(server, 5 * (2 * seed - 1) + 1, 5)
    print(figures, flush=True)
    return not figures.failed
