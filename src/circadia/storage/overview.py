"""The whole installation at a glance, in a few statements however many members there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from circadia.domain.catalog import CATALOG
from circadia.storage.postgres import Connection, Database, row, rows
from circadia.storage.preferences import asks_on_request

STANDINGS = (
    "needs_reconnect",
    "deletions_held",
    "failing",
    "webhooks_parked",
    "stale",
    "paused",
    "history_arriving",
    "not_connected",
    "ok",
)
"""How a member stands, worst first; the first that fits counts."""

STALE_AFTER = timedelta(days=1)
"""A connected member's copy that is older needs looking at."""

LAST_DELIVERY = "SELECT max(received_at) FROM (SELECT received_at FROM deliveries ORDER BY id DESC LIMIT 100) newest"
"""When the last webhook came, of anybody: among those stored last, because there may be a great many."""

WORKER_SILENT_AFTER = timedelta(seconds=20)
"""A worker that has given no sign of life for so long counts as dead."""

_PARAMETERS = {
    "types": [each.name for each in CATALOG],
    "scopes": [each.scope for each in CATALOG],
    "collections": [each.collection for each in CATALOG],
}
_STANDING = """
    WITH catalog AS (
        SELECT * FROM unnest(%(types)s::text[], %(scopes)s::text[], %(collections)s::boolean[]) c (type, scope, collection)
    ), synced AS (
        SELECT s.member_id, min(s.due_at) AS due_at, sum(s.pending) AS pending,
               min(s.success_began_at) FILTER (WHERE c.collection) AS oldest_at,
               (array_agg(s.type ORDER BY s.success_began_at NULLS FIRST, s.type) FILTER (WHERE c.collection))[1] AS oldest_type,
               count(s.error) AS failing,
               (array_agg(s.error ORDER BY s.failures DESC, s.type) FILTER (WHERE s.error IS NOT NULL))[1] AS error,
               bool_and(s.history_done_at IS NOT NULL) FILTER (WHERE c.collection) AS history_complete
        FROM sync_states s JOIN connections k USING (member_id) JOIN catalog c ON c.type = s.type AND c.scope = ANY (k.scopes)
        GROUP BY s.member_id
    ), hold AS (
        SELECT member_id, sum(cardinality(keys)) AS held FROM holds GROUP BY member_id
    ), reject AS (
        SELECT member_id, count(*) AS n FROM rejects GROUP BY member_id
    ), hint AS (
        SELECT whoop_user_id, count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'parked') AS parked
        FROM deliveries WHERE state IN ('waiting', 'parked') GROUP BY whoop_user_id
    ), standing AS (
        SELECT m.id, m.user_id, coalesce(k.state, 'not_connected') AS connection, k.reason, m.as_of, m.paused_at,
               coalesce(y.history_complete, false) AS history_complete,
               CASE WHEN k.state IS NULL OR k.state = 'not_connected' THEN 'not_connected'
                    WHEN k.state = 'needs_reconnect' THEN 'needs_reconnect'
                    WHEN hold.held > 0 THEN 'deletions_held'
                    WHEN y.failing > 0 THEN 'failing'
                    WHEN hint.parked > 0 THEN 'webhooks_parked'
                    WHEN coalesce(m.as_of, k.connected_at) < %(stale)s THEN 'stale'
                    WHEN m.paused_at IS NOT NULL AND NOT coalesce(y.history_complete, false) THEN 'paused'
                    WHEN NOT coalesce(y.history_complete, false) THEN 'history_arriving'
                    ELSE 'ok' END AS standing,
               y.oldest_type, y.oldest_at, y.due_at, coalesce(y.failing, 0) AS failing, y.error, coalesce(y.pending, 0) AS pending,
               coalesce(reject.n, 0) AS rejects, coalesce(hold.held, 0) AS held, coalesce(hint.waiting, 0) AS waiting,
               coalesce(hint.parked, 0) AS parked
        FROM members m LEFT JOIN connections k ON k.member_id = m.id LEFT JOIN synced y ON y.member_id = m.id
        LEFT JOIN hold ON hold.member_id = m.id LEFT JOIN reject ON reject.member_id = m.id
        LEFT JOIN hint ON hint.whoop_user_id = k.whoop_user_id
    )"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's line. `newest_day` is the last date with data; `running` the kinds of the runs that have not ended."""

    user_id: str
    connection: str
    reason: str | None
    standing: str
    as_of: datetime | None
    oldest_type: str | None
    oldest_at: datetime | None
    due_at: datetime | None
    history_complete: bool
    paused_at: datetime | None
    failing: int
    error: dict[str, Any] | None
    pending: int
    rejects: int
    held_deletions: int
    deliveries_waiting: int
    deliveries_parked: int
    newest_day: date | None
    running: list[str]


@dataclass(frozen=True, slots=True)
class Totals:
    """All members by standing, and how old the copies of the connected ones are: half of them, and 95 of 100, are
    at most so old."""

    members: int
    standings: dict[str, int]
    age_median: timedelta | None
    age_p95: timedelta | None


async def standings(db: Database, now: datetime, limit: int) -> list[Standing]:
    """The members who stand worst, of equals the one whose copy is oldest."""
    found = await db.rows(
        _STANDING
        + """, worst AS (
            SELECT * FROM standing ORDER BY array_position(%(order)s::text[], standing), as_of NULLS FIRST, user_id LIMIT %(limit)s
        )
        SELECT w.user_id, w.connection, w.reason, w.standing, w.as_of, w.oldest_type, w.oldest_at, w.due_at, w.history_complete,
               w.paused_at, w.failing, w.error, w.pending, w.rejects, w.held, w.waiting, w.parked,
               (SELECT max(d.day) FROM days d WHERE d.member_id = w.id),
               ARRAY(SELECT DISTINCT r.kind FROM runs r WHERE r.member_id = w.id AND r.state IN ('queued', 'running') ORDER BY 1)
        FROM worst w ORDER BY array_position(%(order)s::text[], w.standing), w.as_of NULLS FIRST, w.user_id""",
        _PARAMETERS | {"stale": now - STALE_AFTER, "order": list(STANDINGS), "limit": limit},
    )
    return [Standing(*each) for each in found]


async def totals(db: Database, now: datetime) -> Totals:
    """The counts over everybody."""
    found = await db.rows(
        _STANDING
        + """SELECT standing, count(*), percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY %(now)s - as_of)
                    FILTER (WHERE connection = 'connected'), GROUPING(standing)
             FROM standing GROUP BY ROLLUP (standing)""",
        _PARAMETERS | {"stale": now - STALE_AFTER, "now": now},
    )
    everybody = next(each for each in found if each[3])
    ages = everybody[2] or [None, None]
    by_standing = {each[0]: each[1] for each in found if not each[3]}
    return Totals(
        everybody[1], {each: by_standing[each] for each in STANDINGS if each in by_standing}, ages[0], ages[1]
    )


async def backlog(connection: Connection, now: datetime) -> dict[str, Any]:
    """Types that are due and since when, and the runs that have not ended, by kind."""
    due = await row(
        connection,
        f"""SELECT count(*), count(DISTINCT s.member_id), min(s.due_at) FROM sync_states s JOIN connections k USING (member_id)
            WHERE k.state = 'connected' AND s.due_at <= %s AND NOT {asks_on_request("s.member_id")}""",
        (now,),
    )
    runs = await rows(
        connection,
        """SELECT kind, count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'), min(created_at)
           FROM runs WHERE state IN ('queued', 'running') GROUP BY kind ORDER BY kind""",
    )
    types, members, oldest = due or (0, 0, None)
    return {
        "due": {"types": types, "members": members, "oldest_at": oldest},
        "runs": {kind: {"queued": q, "running": r, "oldest_at": at} for kind, q, r, at in runs},
    }


async def histories_under_way(db: Database) -> int:
    """How many members' histories are being fetched: they share the backfill lane."""
    found = await db.row(
        """SELECT count(DISTINCT r.member_id) FROM runs r JOIN members m ON m.id = r.member_id
           WHERE r.kind = 'backfill' AND r.state IN ('queued', 'running') AND m.paused_at IS NULL"""
    )
    return int(found[0]) if found else 0


async def webhooks(connection: Connection) -> dict[str, Any]:
    """When one came in last, and how many wait, were given up or speak of nobody known."""
    found = await row(
        connection,
        f"""SELECT greatest(({LAST_DELIVERY}), (SELECT max(pushed_at) FROM connections)),
                  count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'parked'),
                  count(*) FILTER (WHERE state = 'unknown'), min(received_at) FILTER (WHERE state = 'waiting')
           FROM deliveries WHERE state IN ('waiting', 'parked', 'unknown')""",
    )
    names = ("last_seen_at", "waiting", "parked", "unknown", "waiting_since")
    return dict(zip(names, found or (None, 0, 0, 0, None), strict=True))


async def last_backup(connection: Connection) -> dict[str, Any] | None:
    """When the newest backup was made, its rows and its size in bytes; None when there has been none."""
    found = await row(connection, "SELECT made_at, rows, size FROM backups ORDER BY made_at DESC LIMIT 1")
    return dict(zip(("made_at", "rows", "size"), found, strict=True)) if found else None


async def workers(db: Database) -> tuple[bool, datetime | None]:
    """Whether a worker is alive, on whatever machine, and the last sign of life of any; by the database's clock."""
    found = await db.row(
        "SELECT coalesce(bool_or(last_heartbeat > now() - %s), false), max(last_heartbeat) FROM procrastinate_workers",
        (WORKER_SILENT_AFTER,),
    )
    return (found[0], found[1]) if found else (False, None)
