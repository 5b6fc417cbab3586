"""Where the copy of each (member, type) stands.

cursor_at        everything between the floor and the cursor has arrived
floor_at         start of the oldest record that has arrived; history below it is still to come
history_began_at when the walk over the history began, however often it was interrupted
history_done_at  when the walk reached the beginning
success_began_at start of the last sync that succeeded: what was at WHOOP then is here
due_at           when the scheduled sync comes back
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from circadia.domain.catalog import COLLECTIONS, RecordType
from circadia.storage.postgres import Connection, Database, row
from circadia.storage.preferences import asks_on_request

_COLUMNS = (
    "cursor_at, floor_at, history_done_at, last_sync_at, last_success_at, success_began_at, due_at, failures, error, "
    "outcome, coalesce((SELECT cardinality(h.keys) FROM holds h WHERE h.member_id = s.member_id AND h.type = s.type), 0)"
)


@dataclass(frozen=True, slots=True)
class SyncState:
    """One row of it, as of now; all None before the first sync."""

    cursor_at: datetime | None = None
    floor_at: datetime | None = None
    history_done_at: datetime | None = None
    last_sync_at: datetime | None = None
    last_success_at: datetime | None = None
    success_began_at: datetime | None = None
    due_at: datetime | None = None
    failures: int = 0
    error: dict[str, Any] | None = None
    outcome: dict[str, Any] | None = None
    held_deletions: int = field(default=0)


async def load(db: Database, member_id: int, type_name: str) -> SyncState:
    """The state of one type."""
    found = await db.row(
        f"SELECT {_COLUMNS} FROM sync_states s WHERE member_id = %s AND type = %s", (member_id, type_name)
    )
    return SyncState(*found) if found else SyncState()


async def all_of(db: Database, member_id: int) -> dict[str, SyncState]:
    """The states of a member by type name."""
    found = await db.rows(f"SELECT type, {_COLUMNS} FROM sync_states s WHERE member_id = %s", (member_id,))
    return {each[0]: SyncState(*each[1:]) for each in found}


async def advance_history(
    connection: Connection,
    member_id: int,
    type_name: str,
    *,
    cursor: datetime,
    began_at: datetime,
    floor: datetime | None,
    done: bool,
    due_at: datetime,
) -> None:
    """A page of the walk has arrived: everything from `floor` up to the cursor is here; with `done` there is no more.
    The newest page carries the present, so the walk's start counts as the start of a successful sync, and the next one
    is due as after any other (`due_at`)."""
    await connection.execute(
        """INSERT INTO sync_states AS s (member_id, type, cursor_at, success_began_at, last_success_at, floor_at, history_began_at, history_done_at, due_at)
           VALUES (%(member)s, %(type)s, %(cursor)s, %(began)s, %(began)s, %(floor)s, %(began)s, %(done)s, %(due)s)
           ON CONFLICT (member_id, type) DO UPDATE SET cursor_at = coalesce(s.cursor_at, excluded.cursor_at),
               success_began_at = coalesce(s.success_began_at, excluded.success_began_at),
               last_success_at = coalesce(s.last_success_at, excluded.last_success_at),
               history_began_at = coalesce(s.history_began_at, excluded.history_began_at),
               floor_at = least(s.floor_at, excluded.floor_at), history_done_at = coalesce(excluded.history_done_at, s.history_done_at)""",
        {
            "member": member_id,
            "type": type_name,
            "cursor": cursor,
            "began": began_at,
            "floor": floor,
            "done": began_at if done else None,
            "due": due_at,
        },
    )


async def end_history(db: Database, member_id: int, type_name: str, at: datetime, *, again: bool) -> None:
    """A walk has reached the beginning: the history is here, or (`again`) the walk starts over from the newest page."""
    await db.execute(
        """UPDATE sync_states SET history_done_at = CASE WHEN NOT %(again)s THEN %(at)s::timestamptz END,
               history_began_at = CASE WHEN NOT %(again)s THEN history_began_at END,
               floor_at = CASE WHEN NOT %(again)s THEN floor_at END
           WHERE member_id = %(member)s AND type = %(type)s""",
        {"member": member_id, "type": type_name, "at": at, "again": again},
    )


async def succeed(
    connection: Connection,
    member_id: int,
    type_name: str,
    *,
    cursor: datetime | None,
    began_at: datetime,
    now: datetime,
    due_at: datetime,
    pending: int,
    outcome: dict[str, Any],
) -> None:
    """A window has arrived whole: move the cursor, set the next date, forget the failures. `pending` records of the
    type still wait for their score. A sync that began later and has succeeded already knows better."""
    await connection.execute(
        """INSERT INTO sync_states AS s (member_id, type, cursor_at, last_sync_at, last_success_at, success_began_at, due_at,
               pending, outcome)
           VALUES (%(member)s, %(type)s, %(cursor)s, %(now)s, %(now)s, %(began)s, %(due)s, %(pending)s, %(outcome)s)
           ON CONFLICT (member_id, type) DO UPDATE SET cursor_at = greatest(s.cursor_at, excluded.cursor_at),
               last_sync_at = excluded.last_sync_at, last_success_at = excluded.last_success_at,
               success_began_at = greatest(s.success_began_at, excluded.success_began_at), due_at = excluded.due_at,
               pending = excluded.pending, failures = 0, error = NULL, outcome = excluded.outcome
           WHERE coalesce(s.success_began_at <= excluded.success_began_at OR s.success_began_at > excluded.last_sync_at, true)""",
        {
            "member": member_id,
            "type": type_name,
            "cursor": cursor,
            "now": now,
            "began": began_at,
            "due": due_at,
            "pending": pending,
            "outcome": Jsonb(outcome),
        },
    )


async def fail(
    db: Database,
    member_id: int,
    type_name: str,
    *,
    began_at: datetime,
    now: datetime,
    due_at: datetime,
    error: dict[str, Any],
) -> None:
    """A window did not arrive: say why and when it is tried again. The cursor stays. Nothing is said of an erased
    member, nor after the success of a sync that began later."""
    await db.execute(
        """INSERT INTO sync_states AS s (member_id, type, last_sync_at, due_at, failures, error)
           SELECT id, %(type)s, %(now)s, %(due)s, 1, %(error)s FROM members WHERE id = %(member)s FOR KEY SHARE
           ON CONFLICT (member_id, type) DO UPDATE SET last_sync_at = excluded.last_sync_at, due_at = excluded.due_at,
               failures = s.failures + 1, error = excluded.error
           WHERE coalesce(s.success_began_at <= %(began)s OR s.success_began_at > %(now)s, true)""",
        {
            "member": member_id,
            "type": type_name,
            "began": began_at,
            "now": now,
            "due": due_at,
            "error": Jsonb(error),
        },
    )


async def put_off(db: Database, member_id: int, type_name: str, *, began_at: datetime, due_at: datetime) -> None:
    """There was no budget: it is tried at `due_at`, unless a sync that began later has succeeded. Nothing has failed."""
    await db.execute(
        """INSERT INTO sync_states AS s (member_id, type, due_at)
           SELECT id, %s, %s FROM members WHERE id = %s FOR KEY SHARE
           ON CONFLICT (member_id, type) DO UPDATE SET due_at = excluded.due_at
           WHERE coalesce(s.success_began_at <= %s, true)""",
        (type_name, due_at, member_id, began_at),
    )


async def unfinished_histories(db: Database) -> list[int]:
    """Connected members whose history, as far as they allow it, is not here whole, or of whom nothing has been asked
    for yet, and not paused."""
    found = await db.rows(
        """SELECT k.member_id FROM connections k JOIN members m ON m.id = k.member_id
           WHERE k.state = 'connected' AND m.paused_at IS NULL
             AND (NOT EXISTS (SELECT FROM sync_states s WHERE s.member_id = k.member_id)
                  OR EXISTS (SELECT FROM sync_states s
                             JOIN unnest(%(names)s::text[], %(scopes)s::text[]) AS t (name, scope)
                               ON t.name = s.type AND t.scope = ANY (k.scopes)
                             WHERE s.member_id = k.member_id AND s.cursor_at IS NOT NULL AND s.history_done_at IS NULL))""",
        {"names": [each.name for each in COLLECTIONS], "scopes": [each.scope for each in COLLECTIONS]},
    )
    return [each[0] for each in found]


async def freshness(db: Database, user_id: str, types: list[str]) -> tuple[int, datetime | None] | None:
    """A connected user's member id and the start of the oldest of the last successful syncs of `types` (None when
    one of them never succeeded); None when the user is not connected."""
    found = await db.row(
        """SELECT k.member_id, CASE WHEN count(s.success_began_at) = cardinality(%(types)s::text[]) THEN min(s.success_began_at) END
           FROM members m JOIN connections k ON k.member_id = m.id AND k.state = 'connected'
           LEFT JOIN sync_states s ON s.member_id = m.id AND s.type = ANY (%(types)s::text[])
           WHERE m.user_id = %(user)s GROUP BY k.member_id""",
        {"user": user_id, "types": types},
    )
    return (found[0], found[1]) if found else None


async def stalest(connection: Connection, member_id: int, types: list[str]) -> datetime | None:
    """The start of the oldest of the last successful syncs of `types`; None while one is missing."""
    found = await row(
        connection,
        """SELECT CASE WHEN count(success_began_at) = %s THEN min(success_began_at) END
           FROM sync_states WHERE member_id = %s AND type = ANY (%s)""",
        (len(types), member_id, types),
    )
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Behind:
    """A member with types that no sync has brought up to date, though one was wanted; `attended` while nothing can be
    said yet, because a sync waits or runs, or because the grant is lost."""

    user_id: str
    member_id: int
    types: list[str]
    last_success_at: datetime | None
    attended: bool


async def behind(db: Database, types: Sequence[RecordType], before: datetime, overdue_since: datetime) -> list[Behind]:
    """Members of whom one of `types`, where its scope is granted, was last brought up to date before `before`, and
    whose syncs fail or are overdue since `overdue_since`. A grant counts from the day it was given."""
    found = await db.rows(
        f"""SELECT m.user_id, m.id, array_agg(t.name ORDER BY t.place), min(s.success_began_at),
                  k.state <> 'connected' OR EXISTS (
                      SELECT 1 FROM runs r WHERE r.member_id = m.id AND r.kind = 'sync'
                        AND r.state IN ('queued', 'running') AND r.created_at > %(overdue)s)
           FROM connections k JOIN members m ON m.id = k.member_id
           JOIN unnest(%(names)s::text[], %(scopes)s::text[]) WITH ORDINALITY AS t (name, scope, place)
             ON t.scope = ANY (k.scopes)
           LEFT JOIN sync_states s ON s.member_id = m.id AND s.type = t.name
           WHERE k.state IN ('connected', 'needs_reconnect') AND greatest(s.success_began_at, k.connected_at) < %(before)s
             AND (s.member_id IS NULL OR s.failures > 0
                  OR s.due_at <= %(overdue)s AND NOT {asks_on_request("m.id")})
           GROUP BY m.id, k.member_id ORDER BY m.id""",
        {
            "names": [each.name for each in types],
            "scopes": [each.scope for each in types],
            "before": before,
            "overdue": overdue_since,
        },
    )
    return [Behind(*each) for each in found]
