"""The gateway answers whatever breaks: a table of faults, carried out with real processes from end to end.

A simulated WHOOP, a simulated Sahha, the WHOOP service and the gateway are processes, each service with a database of
its own. One thing breaks at a time, in the service itself or on the way to it; all routes are asked, again and again;
then it is put right. A row holds when every answer came in time with the status it has to have, when the healthy source
is told whole and the other one's trouble by its name, and when everything is as before within 35 s of the end of the
fault, with the gateway never restarted.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from circadia.domain.readings import SOURCES
from tests.postgres import Server, serve_alone
from tests.prove.gateway_answers import (
    BOTH,
    SAHHA_ONLY,
    WHOOP_ONLY,
    Answers,
    Judge,
    ask,
    ask_everything,
    native,
    states,
    well,
)
from tests.prove.gateway_faults import TABLE, Row
from tests.prove.gateway_stack import People, Stack, World, open_stack, simulated_whoop

ALLOWANCE_S = 0.5
"""What an answer may take beyond the deadline: the way to the gateway and back, on a machine that is busy."""

RECOVERED_WITHIN_S = 35.0
_PATIENCE_S = 60.0
_PEOPLE = 3
_LOOK_S = 0.5
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Size:
    """How often everything is asked during a fault, how long is between, and the gateway's deadline."""

    rounds: int
    pause_s: float
    seed: int
    deadline_s: float = 3.0


@dataclass(slots=True)
class Outcome:
    """What came of a row."""

    row: Row
    size: Size
    statuses: Counter[int] = field(default_factory=Counter)
    told: dict[str, list[str]] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)
    recovered_s: float = 0.0
    problems: list[str] = field(default_factory=list)

    def late(self) -> list[str]:
        """What took too long."""
        most = self.size.deadline_s + ALLOWANCE_S
        found = [f"{name} took {seconds:.2f} s" for name, seconds in self.took_s.items() if seconds > most]
        if self.recovered_s > RECOVERED_WITHIN_S:
            found.append(f"everything was as before only after {self.recovered_s:.1f} s")
        return found

    def __str__(self) -> str:
        answers = " ".join(f"{count}x{status}" for status, count in sorted(self.statuses.items()))
        told = "; ".join(f"{name} {', '.join(words)}" for name, words in self.told.items())
        whole = "yes" if not self.problems else "NO"
        line = (
            f"{self.row!s:36} {answers:15} {max(self.took_s.values()):6.2f} {self.recovered_s:8.1f}  {whole:5} {told}"
        )
        return "\n".join([line, *(f"  PROBLEM {each}" for each in self.problems[:_SHOWN])])


HEAD = f"{'fault':36} {'answers':15} {'slowest':>7} {'recovered':>9}  {'whole':5} told as"


async def carry_out(row: Row, stack: Stack, size: Size) -> Outcome:
    """Begin a fault, ask, end it, wait until all is as before."""
    outcome = Outcome(row, size)
    before = await _when_well(stack)
    judge = Judge(before, frozenset(row.sources), row.states, stored=row.kind is not None or "sahha" not in row.sources)
    ages = "sahha" in row.sources and row.kind is not None
    await row.begin(stack)
    for _ in range(size.rounds):
        if ages:
            await stack.age()
        answers = await ask_everything(stack)
        _note(outcome, answers)
        outcome.problems += [each for each in judge.problems(answers) if each not in outcome.problems]
        await asyncio.sleep(size.pause_s)
    quiet = [each for each in row.sources if outcome.told.get(each) == ["ok"]]
    outcome.problems += [f"the trouble of {each} was never told" for each in quiet]
    if ages:
        await stack.age()
    await row.end(stack)
    ended = time.monotonic()
    try:
        await _when_well(stack, before)
    except TimeoutError as error:
        outcome.problems.append(f"after the fault: {error}")
    outcome.recovered_s = time.monotonic() - ended
    outcome.problems += stack.died()
    return outcome


async def _when_well(stack: Stack, before: Answers | None = None) -> Answers:
    """Ask as apps do until everything is well, and there is what there was `before`. TimeoutError with what is not."""
    ends = time.monotonic() + _PATIENCE_S
    while True:
        answer = await ask(stack.http, native(BOTH))
        if set(states(answer).values()) == {"ok"}:
            answers = await ask_everything(stack)
            wrong = well(answers, before)
            if not wrong:
                return answers
        else:
            wrong = [f"the sources are {states(answer)}"]
        if time.monotonic() > ends:
            raise TimeoutError("; ".join(wrong))
        await asyncio.sleep(_LOOK_S)


def _note(outcome: Outcome, answers: Answers) -> None:
    outcome.statuses.update(each.status for each in answers.values())
    for name, answer in answers.items():
        outcome.took_s[name] = max(answer.took_s, outcome.took_s.get(name, 0.0))
    for source, state in states(answers[native(BOTH).name]).items():
        seen = outcome.told.setdefault(source, [])
        if state not in seen:
            seen.append(state)


async def prove(server: Server, lanes: Sequence[Sequence[Row]], size: Size) -> list[Outcome]:
    """Carry out rows, those of a lane one after another on a stack of its own, the lanes side by side. A database that
    goes away is on a server of its own."""
    people = _PEOPLE * len(lanes)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers: list[dict[str, Server]] = []
        for rows in lanes:
            falling = {row.sources[0] for row in rows if row.kind is None}
            servers.append(
                {name: stack.enter_context(serve_alone()) if name in falling else server for name in SOURCES}
            )
        async with simulated_whoop(directory, count=people, seed=size.seed) as whoop:
            accounts = iter(whoop.told["members"])
            done = await asyncio.gather(
                *(
                    _lane(rows, databases, whoop, accounts, people, size)
                    for rows, databases in zip(lanes, servers, strict=True)
                )
            )
    return [outcome for lane in done for outcome in lane]


async def _lane(
    rows: Sequence[Row],
    databases: Mapping[str, Server],
    whoop: World,
    accounts: Iterator[int],
    members: int,
    size: Size,
) -> list[Outcome]:
    both, sahha_only, whoop_only = (next(accounts) for _ in range(_PEOPLE))
    people = People(members, size.seed, {BOTH: both, WHOOP_ONLY: whoop_only}, {BOTH: both, SAHHA_ONLY: sahha_only})
    changes = {"GATEWAY_DEADLINE": str(size.deadline_s)}
    done = []
    async with open_stack(whoop, people, databases, changes) as stack:
        for row in rows:
            outcome = await carry_out(row, stack, size)
            print(outcome, flush=True)
            done.append(outcome)
    return done


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--rounds", type=int, default=4, help="how often everything is asked during a fault")
    parser.add_argument("--only", help="only the rows whose name has this in it")
    parser.add_argument("--seed", type=int, default=1)


async def run(server: Server, options: argparse.Namespace) -> bool:
    """The whole table."""
    lanes = [[row for row in lane if not options.only or options.only in str(row)] for lane in TABLE]
    return await _shown(server, [lane for lane in lanes if lane], Size(options.rounds, 1.0, options.seed))


async def slice_(server: Server, seed: int) -> bool:
    """Three of its rows."""
    rows = Random(seed).sample([row for lane in TABLE for row in lane], 3)
    return await _shown(server, [[row] for row in rows], Size(2, 0.5, seed))


async def _shown(server: Server, lanes: Sequence[Sequence[Row]], size: Size) -> bool:
    print(f"gateway, seed {size.seed}: deadline {size.deadline_s:.0f} s + {ALLOWANCE_S} s, seconds\n{HEAD}", flush=True)
    outcomes = await prove(server, lanes, size)
    for outcome in outcomes:
        for each in outcome.late():
            print(f"  PROBLEM {outcome.row}: {each}", flush=True)
    return not any(outcome.problems or outcome.late() for outcome in outcomes)
