"""What is stored and was not on a listing of WHOOP's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from circadia.domain.catalog import RecordType
from circadia.storage.postgres import Connection, rows
from circadia.storage.records import Key, located


async def absent(
    connection: Connection,
    type_: RecordType,
    member_id: int,
    seen: Sequence[Key],
    *,
    since: datetime | None,
    until: datetime,
    began_at: datetime,
) -> tuple[list[Key], int]:
    """Live rows from WHOOP that start in `[since, until)` (`since` None is the beginning of time) and were not on a
    listing of it begun at `began_at`, newest first, and how many live rows start there in all. Rows written after the
    listing began are not judged by it."""
    placed = located(type_)
    found = await rows(
        connection,
        f"""WITH live AS (
                SELECT t.{type_.key} AS key, t.fetched_at, {placed.start} AS start FROM {type_.table} t {placed.joins}
                WHERE t.member_id = %(member)s AND t.deleted_at IS NULL AND t.source = 'api'
                  AND {placed.start} >= coalesce(%(since)s::timestamptz, '-infinity') AND {placed.start} < %(until)s
            )
            SELECT array_agg(key ORDER BY start DESC) FILTER (WHERE key <> ALL (%(seen)s) AND fetched_at < %(began)s),
                   count(*) FROM live""",
        {"member": member_id, "seen": list(seen), "since": since, "until": until, "began": began_at},
    )
    return found[0][0] or [], found[0][1]


async def died_in_walk(connection: Connection, type_: RecordType, member_id: int) -> bool:
    """Whether records of a type were learned to be deleted since the walk over its history began."""
    found = await rows(
        connection,
        f"""SELECT EXISTS (SELECT FROM {type_.table} t JOIN sync_states s ON s.member_id = t.member_id AND s.type = %s
                           WHERE t.member_id = %s AND t.deleted_at > s.history_began_at)""",
        (type_.name, member_id),
    )
    return bool(found[0][0])


async def live_among(connection: Connection, type_: RecordType, member_id: int, keys: Sequence[str]) -> list[Key]:
    """Those of `keys` (as text) whose rows are live, newest first."""
    placed = located(type_)
    found = await rows(
        connection,
        f"SELECT t.{type_.key} FROM {type_.table} t {placed.joins} WHERE t.member_id = %s AND t.deleted_at IS NULL "
        f"AND t.{type_.key}::text = ANY (%s) ORDER BY {placed.start} DESC",
        (member_id, list(keys)),
    )
    return [each[0] for each in found]
