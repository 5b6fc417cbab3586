"""Members with everything that the dashboards show: a simulated history, and what `stock.sql` adds to it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import psycopg

from circadia.domain.catalog import CATALOG
from circadia.runtime import open_runtime
from circadia.simulator.clock import StandingClock
from tests import simulated

MEMBERS = ("alice", "o@brien.example")
_MORE = Path(__file__).with_name("stock.sql")


def fill(url: str, *, now: datetime, days: int) -> None:
    """Connect the members, fetch their history, and add their journals and an installation's day."""
    asyncio.run(_fill(url, now, days))
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_MORE.read_bytes(), {"now": now})
        connection.execute("ANALYZE")


async def _fill(url: str, now: datetime, days: int) -> None:
    clock = StandingClock(now)
    whoop = simulated.new_simulator(clock, members=len(MEMBERS), days=days, seed=3)
    async with open_runtime(simulated.settings_for(url), clock=clock, transport=simulated.wire(whoop)) as runtime:
        for user_id, account in zip(MEMBERS, whoop.state.world.user_ids, strict=True):
            finished = await simulated.connect(runtime, whoop, user_id, account)
            await runtime.engine.backfill(finished.grant, "backfill")
            await runtime.engine.sync(finished.grant, CATALOG, "scheduled")
