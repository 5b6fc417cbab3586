"""The app's request budget as rows: units taken, pauses, and limits WHOOP announced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from circadia.domain.lanes import Lane
from circadia.storage.postgres import Database

SHARES: dict[Lane, float] = {
    "person": 1.0,
    "webhook": 0.95,
    "scheduled": 0.9,
    "reconcile": 0.85,
    "backfill": 0.8,
}
"""How much of a window each lane may fill; the rest is kept for the lanes before it."""

LIMITS_BELIEVED_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Usage:
    """Units of the last minute and day, and what was taken and refused in the last day by lane."""

    minute: int
    day: int
    taken: dict[str, int]
    refused: dict[str, int]
    paused_until: datetime | None
    per_minute: int | None
    per_day: int | None


async def take(
    db: Database, app: str, lane: Lane, now: datetime | None, *, per_minute: int, per_day: int
) -> datetime | None:
    """Take one unit; None when granted, else when to try again. `now` None is the database's own clock."""
    found = await db.row(
        "SELECT budget_take(%s, %s, %s, %s, %s, %s)", (app, lane, now, per_minute, per_day, SHARES[lane])
    )
    return found[0] if found else None


async def pause(db: Database, app: str, until: datetime) -> None:
    """Nobody sends anything before `until`."""
    await db.execute(
        """INSERT INTO budget AS b (app, paused_until) VALUES (%s, %s)
           ON CONFLICT (app) DO UPDATE SET paused_until = greatest(b.paused_until, excluded.paused_until)""",
        (app, until),
    )


async def learn(db: Database, app: str, per_minute: int | None, per_day: int | None, now: datetime) -> None:
    """WHOOP announced limits: believe them for a while."""
    await db.execute(
        """INSERT INTO budget AS b (app, per_minute, per_day, limits_until) VALUES (%s, %s, %s, %s)
           ON CONFLICT (app) DO UPDATE SET per_minute = excluded.per_minute, per_day = excluded.per_day,
               limits_until = excluded.limits_until""",
        (app, per_minute, per_day, now + LIMITS_BELIEVED_FOR),
    )


async def usage(db: Database, app: str, now: datetime) -> Usage:
    """What was used of the budget, as of `now`."""
    found = await db.rows(
        """SELECT u.lane, coalesce(sum(u.taken) FILTER (WHERE u.bucket = 'second' AND u.at > %(now)s - interval '60 seconds'), 0),
                  coalesce(sum(u.taken) FILTER (WHERE u.bucket = 'quarter'), 0),
                  coalesce(sum(u.refused) FILTER (WHERE u.bucket = 'quarter'), 0)
           FROM budget_usage u WHERE u.app = %(app)s AND u.at > %(now)s - interval '24 hours' GROUP BY u.lane ORDER BY u.lane""",
        {"app": app, "now": now},
    )
    state = await db.row("SELECT paused_until, per_minute, per_day FROM budget WHERE app = %s", (app,))
    paused_until, per_minute, per_day = state or (None, None, None)
    return Usage(
        minute=sum(each[1] for each in found),
        day=sum(each[2] for each in found),
        taken={each[0]: each[2] for each in found},
        refused={each[0]: each[3] for each in found},
        paused_until=paused_until if paused_until and paused_until > now else None,
        per_minute=per_minute,
        per_day=per_day,
    )
