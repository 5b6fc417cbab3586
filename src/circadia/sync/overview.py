"""The installation at a glance: who stands how, what waits, what the budget is spent on, who works."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from circadia.clients.governor import Limits
from circadia.storage import holds, notices, overview
from circadia.storage.postgres import Database
from circadia.sync.installation import Installation
from circadia.sync.schedule import Schedule


async def installation_status(db: Database, now: datetime, installation: Installation, limit: int) -> dict[str, Any]:
    """The `limit` members who stand worst, totals over everybody, what is due, the runs that have not ended, budget by
    lane, webhooks, held deletions, open notices, plan, workers and the last backup. A handful of statements, however
    many members there are."""
    totals = await overview.totals(db, now)
    worst = await overview.standings(db, now, limit)
    async with db.connection() as connection:
        backlog = await overview.backlog(connection, now)
        webhooks = await overview.webhooks(connection)
        backup = await overview.last_backup(connection)
    return {
        "at": now,
        "members": [asdict(each) for each in worst],
        "totals": {
            "members": totals.members,
            "by_standing": totals.standings,
            "age_median_s": totals.age_median.total_seconds() if totals.age_median is not None else None,
            "age_p95_s": totals.age_p95.total_seconds() if totals.age_p95 is not None else None,
        },
        **backlog,
        "budgets": await installation.budgets(db, now),
        "webhooks": webhooks,
        "holds": [asdict(each) for each in await holds.all_of(db)],
        "notices": [asdict(each) for each in await notices.open_ones(db)],
        "plan": await _planned(db, now, installation),
        "workers": await workers(db),
        "backup": backup,
    }


async def workers(db: Database) -> dict[str, Any]:
    """Whether anybody works, and the last sign of it."""
    alive, seen_at = await overview.workers(db)
    return {"alive": alive, "last_sign_at": seen_at}


async def _planned(db: Database, now: datetime, installation: Installation) -> dict[str, Any] | None:
    """The schedule's figures; None where this process does not know the plan."""
    if installation.app is None:
        return None
    limits = Limits(installation.per_minute, installation.per_day)
    schedule = Schedule(db, installation.plan, limits, installation.app, lambda: now)
    return asdict(await schedule.planned(now))
