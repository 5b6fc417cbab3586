"""The app's request budget as rows: units taken, who waits for one, pauses, and limits WHOOP announced.

Wherever `now` may be None, the database's own clock is meant: all processes on all machines agree on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from circadia.domain.lanes import LANES, Lane, Turn, above
from circadia.storage.postgres import Connection, Database

OTHERS = "others"
"""Stands where a lane does, for units that another program took of what we thought was ours."""

LIMITS_BELIEVED_FOR = timedelta(minutes=10)
_APP_ITSELF = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Units of the last minute and day, what was taken and refused (put off or made to wait) in the last day and minute
    by lane, and what WHOOP said: a pause, and limits lower than ours."""

    minute: int
    day: int
    taken: dict[str, int]
    refused: dict[str, int]
    taken_last_minute: dict[str, int]
    refused_last_minute: dict[str, int]
    paused_until: datetime | None
    per_minute: int | None
    per_day: int | None


async def take(
    db: Database,
    app: str,
    lane: Lane,
    member_id: int | None,
    now: datetime | None,
    *,
    per_minute: int,
    per_day: int,
    patience_s: float,
    ticket: int | None = None,
) -> Turn:
    """Take one unit, or a place in the line for it. `member_id` None is the app itself; `ticket` is that of an earlier
    try of the same request."""
    rules = LANES[lane]
    found = await db.row(
        "SELECT wait_s, ticket FROM budget_take(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            app,
            lane,
            above(lane),
            _APP_ITSELF if member_id is None else member_id,
            ticket,
            now,
            patience_s,
            per_minute,
            per_day,
            rules.share,
            rules.day_share,
            rules.at_once,
        ),
    )
    assert found is not None
    return Turn(*found)


async def pause(db: Database, app: str, seconds: float, now: datetime | None) -> None:
    """Nobody sends anything for so long."""
    await db.execute(
        """INSERT INTO budget AS b (app, paused_until)
           VALUES (%s, coalesce(%s, clock_timestamp()) + make_interval(secs => %s))
           ON CONFLICT (app) DO UPDATE SET paused_until = greatest(b.paused_until, excluded.paused_until)""",
        (app, now, seconds),
    )


async def learn(db: Database, app: str, per_minute: int | None, per_day: int | None, now: datetime | None) -> None:
    """WHOOP announced limits: believe them for a while."""
    await db.execute(
        """INSERT INTO budget AS b (app, per_minute, per_day, limits_until)
           VALUES (%s, %s, %s, coalesce(%s, clock_timestamp()) + %s)
           ON CONFLICT (app) DO UPDATE SET per_minute = excluded.per_minute, per_day = excluded.per_day,
               limits_until = excluded.limits_until""",
        (app, per_minute, per_day, now, LIMITS_BELIEVED_FOR),
    )


async def compare(
    db: Database,
    app: str,
    window: Literal["minute", "day"],
    limit: int,
    left: int,
    on_its_way: timedelta,
    now: datetime | None,
) -> None:
    """Of our `limit` in a window WHOOP lets `left` units be taken, as an answer says that took `on_its_way`: what is
    missing was taken by others."""
    bucket = "second" if window == "minute" else "minute"
    await db.execute("SELECT budget_compare(%s, %s, %s, %s, %s, %s)", (app, bucket, limit, left, on_its_way, now))


async def usage(db: Database, app: str, now: datetime) -> Usage:
    """What was used of the budget, as of `now`. `taken` has the lanes and, where there are any, OTHERS."""
    found = await db.rows(
        """SELECT u.lane, coalesce(sum(u.taken) FILTER (WHERE u.bucket = 'second' AND u.at > %(now)s - interval '60 seconds'), 0),
                  coalesce(sum(u.taken) FILTER (WHERE u.bucket = 'minute'), 0),
                  coalesce(sum(u.refused) FILTER (WHERE u.bucket = 'minute'), 0),
                  coalesce(sum(u.refused) FILTER (WHERE u.bucket = 'second' AND u.at > %(now)s - interval '60 seconds'), 0)
           FROM budget_usage u WHERE u.app = %(app)s AND u.at > %(now)s - interval '24 hours' GROUP BY u.lane ORDER BY u.lane""",
        {"app": app, "now": now},
    )
    state = await db.row("SELECT paused_until, limits_until, per_minute, per_day FROM budget WHERE app = %s", (app,))
    paused_until, limits_until, per_minute, per_day = state or (None, None, None, None)
    believed = limits_until is not None and limits_until > now
    return Usage(
        minute=sum(each[1] for each in found),
        day=sum(each[2] for each in found),
        taken={each[0]: each[2] for each in found},
        refused={each[0]: each[3] for each in found},
        taken_last_minute={each[0]: each[1] for each in found},
        refused_last_minute={each[0]: each[4] for each in found},
        paused_until=paused_until if paused_until and paused_until > now else None,
        per_minute=per_minute if believed else None,
        per_day=per_day if believed else None,
    )


async def apps(db: Database, now: datetime) -> list[str]:
    """The apps whose budget was used or paused here within a day of `now`."""
    found = await db.rows(
        """SELECT app FROM budget_usage WHERE at > %(now)s - interval '24 hours'
           UNION SELECT app FROM budget WHERE paused_until > %(now)s ORDER BY app""",
        {"now": now},
    )
    return [each[0] for each in found]


async def forget(connection: Connection, member_id: int) -> None:
    """Drop a member's turns and tickets."""
    await connection.execute("DELETE FROM budget_turns WHERE member_id = %s", (member_id,))
    await connection.execute("DELETE FROM budget_waits WHERE member_id = %s", (member_id,))
