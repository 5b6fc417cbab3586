"""Proof `alerts`: each alert that is shipped is provoked once and seen to fire, and none fires before.

Debian's Prometheus scrapes the real service with the shipped rules; only how long a condition has to last (`for:`) is
shortened. What takes hours in life (a copy that grows a day old) is done by setting dates back. `CircadiaWatchdog`
fires from the beginning.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import psycopg
import yaml

from circadia.simulator.limits import Limits
from circadia.storage import members
from tests import simulated
from tests.postgres import Server
from tests.prove.alerts_stage import RULES, Stage, open_stage

WATCHDOG = "CircadiaWatchdog"
"""It always fires."""

FIRES_WITHIN_S = 120.0
_TWO_DAYS = "interval '2 days'"

Again = Callable[[], Awaitable[None]]
"""What is done each second until the alerts fire."""


async def _nothing() -> None:
    """The cause lasts by itself."""


@asynccontextmanager
async def _sahha_away(here: Stage) -> AsyncIterator[Again]:
    async def again() -> None:
        here.read(f"/api/v1/health/{here.user(0)}")

    yield again


@asynccontextmanager
async def _forged(here: Stage) -> AsyncIterator[Again]:
    async def again() -> None:
        await here.webhook("whatever", secret="somebody else's")

    yield again


@asynccontextmanager
async def _old_webhook(here: Stage) -> AsyncIterator[Again]:
    await here.webhook("12345")  # an id of WHOOP's first API: nothing can be asked by it
    yield _nothing


@asynccontextmanager
async def _unreadable(here: Stage) -> AsyncIterator[Again]:
    here.line.spoils = True
    await here.sync(0, "workout")
    yield _nothing
    here.line.spoils = False


@asynccontextmanager
async def _deletions(here: Stage) -> AsyncIterator[Again]:
    account = here.accounts[0]
    for each in here.whoop.truth(account)["workout"][::2]:
        here.whoop.mutate(account, "delete_workout", each["id"])
    member = await members.find(here.runtime.db, here.user(0))
    assert member is not None
    await here.runtime.jobs.request(member.id, "reconcile", "person", ["workout"], {"full": True})
    yield _nothing


@asynccontextmanager
async def _outage(here: Stage) -> AsyncIterator[Again]:
    here.whoop.fault("status", path="/developer", status=503, body="html", count=None)
    await here.sql(f"UPDATE sync_states SET success_began_at = success_began_at - {_TWO_DAYS}")
    await here.sql(f"UPDATE members SET as_of = as_of - {_TWO_DAYS}")
    for place in range(len(here.accounts)):
        await here.sync(place, "cycle")
    yield _nothing
    here.whoop.state.faults.clear()


@asynccontextmanager
async def _token_endpoint_down(here: Stage) -> AsyncIterator[Again]:
    here.whoop.fault("token_down", count=None)
    await here.sql("UPDATE tokens SET expires_at = now() - interval '1 minute'")

    async def again() -> None:
        await here.sync(1, "cycle")

    yield again
    here.whoop.state.faults.clear()


@asynccontextmanager
async def _told_to_wait(here: Stage) -> AsyncIterator[Again]:
    here.whoop.fault("rate_limited", path="/developer", retry_after=3600)
    await here.sync(1, "cycle")
    yield _nothing
    await here.sql("UPDATE budget SET paused_until = NULL")


@asynccontextmanager
async def _worker_hangs(here: Stage) -> AsyncIterator[Again]:
    worker = here.worker()
    os.kill(worker, signal.SIGSTOP)
    await here.sync(1, "cycle")
    await here.webhook(here.whoop.truth(here.accounts[0])["sleep"][0]["id"])
    await here.sql(f"UPDATE runs SET created_at = created_at - {_TWO_DAYS} WHERE state = 'queued'")
    await here.sql(f"UPDATE deliveries SET received_at = received_at - {_TWO_DAYS}")
    await here.sql(f"UPDATE connections SET pushed_at = pushed_at - {_TWO_DAYS}")
    await here.sql("UPDATE sync_states SET due_at = now() - interval '2 hours' WHERE type = 'sleep'")
    yield _nothing
    os.kill(worker, signal.SIGCONT)


@asynccontextmanager
async def _revoked(here: Stage) -> AsyncIterator[Again]:
    here.whoop.revoke(here.accounts[2])
    await here.sync(2, "cycle")
    yield _nothing


@asynccontextmanager
async def _table_locked(here: Stage) -> AsyncIterator[Again]:
    async def again() -> None:
        for _ in range(8):
            here.read(f"/api/v1/whoop/daily-data/{here.user(0)}")

    async with await psycopg.AsyncConnection.connect(here.database) as connection:
        await connection.execute("LOCK TABLE days IN ACCESS EXCLUSIVE MODE")
        yield again
        await connection.rollback()
    await here.leave()


@asynccontextmanager
async def _no_backup(here: Stage) -> AsyncIterator[Again]:
    await here.sql(f"INSERT INTO backups (made_at, rows, size) VALUES (now() - {_TWO_DAYS}, 1, 1)")
    yield _nothing
    await here.sql("DELETE FROM backups")


@asynccontextmanager
async def _other_schema(here: Stage) -> AsyncIterator[Again]:
    await here.sql("UPDATE alembic_version SET version_num = '0000'")
    yield _nothing
    await here.sql(f"UPDATE alembic_version SET version_num = '{here.runtime.revision}'")


@asynccontextmanager
async def _database_away(here: Stage) -> AsyncIterator[Again]:
    async def again() -> None:
        here.read(f"/api/v1/whoop/daily-data/{here.user(0)}")

    with here.server.away(here.database):
        yield again
        await here.leave()


@asynccontextmanager
async def _budget_used_up(here: Stage) -> AsyncIterator[Again]:
    limit = here.whoop.state.limits.per_minute
    used = sum(n for seen, n in here.whoop.traffic.counts.items() if seen.path.startswith("/developer"))
    here.whoop.state.set_limits(Limits(limit, used + 2))
    await here.sync(1, "cycle")
    yield _nothing
    here.whoop.state.set_limits(simulated.ROOMY)
    await here.sql("UPDATE budget SET paused_until = NULL, limits_until = NULL")


@asynccontextmanager
async def _gone(here: Stage) -> AsyncIterator[Again]:
    here.prometheus.finds(there=False)
    yield _nothing
    here.prometheus.finds(there=True)
    await here.prometheus.over("CircadiaDown")


@asynccontextmanager
async def _killed(here: Stage) -> AsyncIterator[Again]:
    here.service.kill()
    yield _nothing
    here.service.start()
    await here.service.ready()


@dataclass(frozen=True, slots=True)
class Provocation:
    """A kind of trouble and the alerts that it has to raise, maybe beside others."""

    cause: Callable[[Stage], AbstractAsyncContextManager[Again]]
    alerts: tuple[str, ...]

    def __str__(self) -> str:
        return self.cause.__name__.strip("_").replace("_", " ")


PROVOCATIONS = (
    Provocation(_gone, ("CircadiaDown",)),
    Provocation(_sahha_away, ("CircadiaUpstreamLeftAlone",)),
    Provocation(_forged, ("CircadiaWebhooksRefused",)),
    Provocation(_old_webhook, ("CircadiaWebhooksParked",)),
    Provocation(_unreadable, ("CircadiaRecordsRejected",)),
    Provocation(_deletions, ("CircadiaDeletionsHeld",)),
    Provocation(_token_endpoint_down, ("CircadiaRenewalsFail",)),
    Provocation(_told_to_wait, ("CircadiaBudgetPaused",)),
    Provocation(_budget_used_up, ("CircadiaBudgetExhausted",)),
    Provocation(
        _outage, ("CircadiaWhoopOutage", "CircadiaSyncsFail", "CircadiaCopiesStale", "CircadiaCopiesStaleSlowly")
    ),
    Provocation(
        _worker_hangs,
        (
            "CircadiaNoWorker",
            "CircadiaScheduleBehind",
            "CircadiaRunsWait",
            "CircadiaWebhooksWait",
            "CircadiaWebhooksSilent",
        ),
    ),
    Provocation(_revoked, ("CircadiaReconnectNeeded",)),
    Provocation(_table_locked, ("CircadiaPoolExhausted",)),
    Provocation(_no_backup, ("CircadiaBackupOverdue",)),
    Provocation(_other_schema, ("CircadiaSchemaDiffers",)),
    Provocation(_database_away, ("CircadiaDatabaseAway", "CircadiaReadsFail", "CircadiaReadsFailSlowly")),
    Provocation(_killed, ("CircadiaDown",)),
)
"""In an order in which one does not hinder the next."""


@dataclass(slots=True)
class Figures:
    """How long each alert took, and what was not as it has to be."""

    seed: int
    took_s: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"alerts: {len(self.took_s)} provoked and seen to fire, seed {self.seed}"]
        lines += [f"  {name} after {seconds:.0f} s" for name, seconds in self.took_s.items()]
        lines += [f"  PROBLEM {each}" for each in self.problems]
        return "\n".join(lines)


async def prove(server: Server, seed: int, provocations: Sequence[Provocation]) -> Figures:
    """One provocation after the other, on a fresh stage."""
    figures = Figures(seed)
    async with open_stage(server, seed) as here:
        early = await here.prometheus.firing()
        if WATCHDOG not in early:
            figures.problems.append(f"{WATCHDOG} does not fire, as it always has to")
        early.discard(WATCHDOG)
        if early:
            figures.problems.append(f"fires though nothing is wrong: {', '.join(sorted(early))}")
        for each in provocations:
            await _provoke(here, each, figures)
    return figures


async def _provoke(here: Stage, provocation: Provocation, figures: Figures) -> None:
    before = await here.prometheus.firing()
    if already := before & set(provocation.alerts):
        figures.problems.append(f"{', '.join(sorted(already))} fired before {provocation}")
    waiting = set(provocation.alerts)
    began = time.monotonic()
    async with provocation.cause(here) as again:
        while waiting and time.monotonic() - began < FIRES_WITHIN_S:
            await again()
            await asyncio.sleep(1)
            seen = waiting & await here.prometheus.firing()
            figures.took_s |= dict.fromkeys(sorted(seen), time.monotonic() - began)
            waiting -= seen
    figures.problems += [f"{name} does not fire: {provocation}" for name in sorted(waiting)]
    await here.well()


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="ALERT", help="provoke what raises this alert, and nothing else")


async def run(server: Server, options: argparse.Namespace) -> bool:
    """All of them; with `--only` those of one alert."""
    chosen = [each for each in PROVOCATIONS if options.only in (None, *each.alerts)]
    figures = await prove(server, options.seed, chosen)
    if options.only is None:
        groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
        shipped = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule} - {WATCHDOG}
        figures.problems += [f"{name} is provoked by nothing" for name in sorted(shipped - set(figures.took_s))]
    print(figures, flush=True)
    return not figures.problems


async def slice_(server: Server, seed: int) -> bool:
    """One provocation."""
    figures = await prove(server, seed, [PROVOCATIONS[seed % len(PROVOCATIONS)]])
    print(figures, flush=True)
    return not figures.problems
