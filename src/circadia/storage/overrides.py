"""How users' merges differ from what the catalogue of metrics says, as JSON that `domain.metrics.parse_policy` reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from psycopg.types.json import Jsonb

from circadia.domain.metrics import Policy, parse_policy
from circadia.errors import Invalid
from circadia.storage.postgres import Connection, Database

log = structlog.get_logger()

Said = Mapping[str, Mapping[str, Any]]
"""A user's overrides by name of the metric, as they were given."""


async def said(db: Database, user_id: str) -> dict[str, dict[str, Any]]:
    """A user's overrides as they were given."""
    return dict(
        await db.rows("SELECT metric, policy FROM merge_overrides WHERE user_id = %s ORDER BY metric", (user_id,))
    )


async def policies(db: Database, user_id: str) -> dict[str, Policy]:
    """A user's overrides as they count. One that this version does not know is passed over."""
    found: dict[str, Policy] = {}
    for metric, given in (await said(db, user_id)).items():
        try:
            found[metric] = parse_policy(metric, given)
        except Invalid:
            log.warning("override.passed_over", user=user_id, metric=metric)
    return found


async def replace(db: Database, user_id: str, given: Said, now: datetime) -> None:
    """Put these overrides in place of all that a user has. Invalid when one makes no sense: then nothing changes."""
    _check(given)
    async with db.begin() as connection:
        await forget(connection, user_id)
        await _put(connection, user_id, given, now)


async def put(db: Database, user_id: str, given: Said, now: datetime) -> None:
    """Put these overrides in place of those of the same metrics. Invalid as in `replace`."""
    _check(given)
    async with db.begin() as connection:
        await _put(connection, user_id, given, now)


async def remove(db: Database, user_id: str, metric: str) -> None:
    """Have the catalogue count again for a metric."""
    await db.execute("DELETE FROM merge_overrides WHERE user_id = %s AND metric = %s", (user_id, metric))


async def forget(connection: Connection, user_id: str) -> bool:
    """Have the catalogue count again for all of a user's metrics; whether it did not before."""
    await _lock(connection, user_id)
    cursor = await connection.execute("DELETE FROM merge_overrides WHERE user_id = %s", (user_id,))
    return cursor.rowcount > 0


def _check(given: Said) -> None:
    for metric, policy in given.items():
        parse_policy(metric, policy)


async def _put(connection: Connection, user_id: str, given: Said, now: datetime) -> None:
    await _lock(connection, user_id)
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO merge_overrides (user_id, metric, policy, changed_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT (user_id, metric) DO UPDATE SET policy = excluded.policy, changed_at = excluded.changed_at""",
            [(user_id, metric, Jsonb(dict(policy)), now) for metric, policy in given.items()],
        )


async def _lock(connection: Connection, user_id: str) -> None:
    """One writer of a user's overrides at a time: two would wait for each other's rows."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"merge_overrides {user_id}",))
