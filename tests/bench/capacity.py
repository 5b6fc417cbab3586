"""Days of N members through the real planner, coalescer, engine and governor in virtual time: requests by lane, how
many members fit, how fresh the store is."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from circadia import logs
from circadia.domain.cadence import demand_of
from circadia.domain.catalog import CATALOG
from circadia.domain.demand import fitting
from circadia.domain.lanes import LANES
from circadia.domain.plans import Plan, parse_plan
from circadia.runtime import open_runtime
from circadia.simulator.limits import DEFAULT_LIMITS
from circadia.storage.postgres import Database
from circadia.sync.schedule import Planned
from tests import postgres, simulated
from tests.bench import crowd
from tests.bench.clockwork import Clockwork
from tests.bench.ledger import Change, quantile
from tests.bench.replay import Line, Replay

_HEALED_WITHIN = {"sleep": 24, "recovery": 24, "cycle": 24, "workout": 48}


@dataclass(frozen=True, slots=True)
class Case:
    """What is replayed. `hours` are measured, `healing` more follow in which lost changes may still arrive."""

    members: int = 2100
    plan: str = "adaptive"
    webhooks: bool = True
    lost: float = 0.02
    hours: int = 24
    healing: int = 48
    seed: int = 1
    per_minute: int = 90
    per_day: int = 9000
    late_scores: bool = False


_TARGET = Case()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it in the measured hours; `taken` by lane, `peak` the most requests in any 60 s."""

    taken: dict[str, int]
    refused_by_whoop: int
    token_calls: int
    floor: int
    peak: int
    planned: Planned
    changes: list[Change]
    errors: dict[str, int]

    def took(self, noun: str, *, lost: bool) -> list[timedelta]:
        """How long the changes of a noun took that have arrived."""
        return [each.took for each in self.changes if each.noun == noun and each.lost is lost and each.took is not None]

    def missing(self, noun: str) -> int:
        """Changes that never arrived."""
        return sum(each.noun == noun and each.took is None for each in self.changes)


async def replayed(case: Case, url: str) -> Result:
    """Replay a case in an empty database."""
    clock = Clockwork(crowd.START)
    simulator = crowd.whoop(clock, case.members, case.seed, DEFAULT_LIMITS, late_scores=case.late_scores)
    limits = {"RATE_LIMIT_PER_MINUTE": str(case.per_minute), "RATE_LIMIT_PER_DAY": str(case.per_day)}
    settings = simulated.settings_for(url, SYNC_PLAN=case.plan, **limits)
    line = Line(simulator, clock)
    async with open_runtime(settings, clock=clock, transport=line, sleep=clock.sleep) as runtime:
        grants = await crowd.connect(runtime, simulator, pushed=case.webhooks)
        replay = Replay(runtime, simulator, clock, grants, case.lost if case.webhooks else 1.0, case.seed)
        end = crowd.START + timedelta(hours=case.hours)
        await replay.run(end)
        taken = await _taken(runtime.db, end)
        planned = await runtime.schedule.planned(end)
        calls = sum(simulator.traffic.token_calls.values())
        await replay.run(end + timedelta(hours=case.healing))
        accounts = simulator.state.world.user_ids
        changes = replay.ledger.changes(crowd.START, end)
        cycles = replay.ledger.cycles(simulator, accounts, crowd.START, end)
        return Result(
            taken=taken,
            refused_by_whoop=simulator.traffic.count(status=429),
            token_calls=calls,
            floor=len(cycles) + sum(1 for _ in changes),
            peak=simulator.peak_minute(simulated.CLIENT.client_id),
            planned=planned,
            changes=[*changes, *cycles],
            errors=dict(replay.ledger.errors),
        )


async def _taken(db: Database, end: datetime) -> dict[str, int]:
    found = await db.rows(
        "SELECT lane, sum(taken) FROM budget_usage WHERE bucket = 'minute' AND at >= %s AND at < %s GROUP BY lane",
        (crowd.START, end),
    )
    return {lane: int(count) for lane, count in found}


def report(case: Case, result: Result, seconds: float) -> None:
    """Print what came of it."""
    webhooks = f"webhooks, {case.lost:.0%} lost" if case.webhooks else "no webhooks"
    print(f"{case.members} members, {case.plan}, {webhooks}, {case.hours} h (replayed in {seconds:.0f} s)")
    by_lane = ", ".join(f"{lane} {result.taken[lane]}" for lane in LANES if result.taken.get(lane))
    print(f"  requests {sum(result.taken.values())} of {case.per_day}: {by_lane}; floor {result.floor}")
    print(f"  most in 60 s {result.peak}; refused by WHOOP {result.refused_by_whoop}; token calls {result.token_calls}")
    plan = result.planned
    print(
        f"  plan: wanted {plan.wanted:.0f}, allowed {plan.allowed:.0f}, planned {plan.planned:.0f} requests a day; "
        f"stretch {plan.stretch.cadence:.1f} (comparisons {plan.stretch.compared:.2f}); {plan.fit} members fit"
    )
    for noun, hours in _HEALED_WITHIN.items():
        for lost in (False, True):
            took = result.took(noun, lost=lost)
            if took:
                middle, most, longest = (_told(quantile(took, share)) for share in (0.5, 0.95, 1.0))
                name = f"{noun} without a webhook" if lost else noun
                late = sum(each > timedelta(hours=hours) for each in took) if lost else 0
                print(
                    f"  {name}: {len(took)} stored, p50 {middle}, p95 {most}, longest {longest}"
                    + (f"; {late} later than {hours} h" if lost else "")
                )
        if result.missing(noun):
            print(f"  {noun}: {result.missing(noun)} not stored in the end")
    if result.errors:
        print(f"  errors: {result.errors}")


def _told(took: timedelta) -> str:
    seconds = took.total_seconds()
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def fit(plan: Plan, per_day: int) -> int:
    """How many members without webhooks the planner's arithmetic finds room for."""
    asked = [demand_of(plan, type_, 1, pushed=False) for type_ in CATALOG]
    demands = [each for each in asked if each is not None]
    return fitting(demands, 1, per_day, LANES["scheduled"].day_share, heard=0, before=0)


def without_webhooks(plan: str, members: int) -> Case:
    """So many members on the day's budget, replayed with fewer of them on as much less."""
    few = min(members, 3 if plan.startswith("interval") else 20)
    per_day = round(_TARGET.per_day * few / members)
    return Case(members=few, plan=plan, webhooks=False, per_day=per_day)


async def run(arguments: Sequence[str] = ()) -> None:
    """Replay the case that is asked for; without options the target's and then each plan's without webhooks."""
    logs.configure("ERROR", "json")
    parser = argparse.ArgumentParser(prog="script/bench capacity", description=__doc__)
    parser.add_argument("--webhooks", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--late-scores", action="store_true")
    for each in fields(Case):
        if each.name not in ("webhooks", "late_scores"):
            default = getattr(_TARGET, each.name)
            parser.add_argument(f"--{each.name.replace('_', '-')}", type=type(default), default=default)
    directory = postgres.new_directory()
    try:
        with postgres.serve(directory) as server:
            await _print(Case(**vars(parser.parse_args(arguments))), server)
            for plan, members in () if arguments else _plans():
                print(f"{members} members without webhooks, {plan}, on {_TARGET.per_day} requests a day:")
                await _print(without_webhooks(plan, members), server)
    finally:
        postgres.remove_directory(directory)


def _plans() -> Iterator[tuple[str, int]]:
    """Each plan with the members that fit, and the adaptive one with fewer."""
    yield from ((plan, fit(parse_plan(plan), _TARGET.per_day)) for plan in ("adaptive", "interval:15m", "four-a-day"))
    yield from (("adaptive", members) for members in (500, 100))


async def _print(case: Case, server: postgres.Server) -> None:
    began = time.perf_counter()
    url = server.create()
    result = await replayed(case, url)
    report(case, result, time.perf_counter() - began)
    server.drop(url)
