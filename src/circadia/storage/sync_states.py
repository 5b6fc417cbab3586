"""Where the copy of each (member, type) stands.

cursor_at        everything between the floor and the cursor has arrived
floor_at         start of the oldest record that has arrived; history below it is still to come
history_done_at  when the walk reached the beginning
success_began_at start of the last sync that succeeded: what was at WHOOP then is here
due_at           when the scheduled sync comes back
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from circadia.storage.postgres import Connection, Database, row

_COLUMNS = (
    "cursor_at, floor_at, history_done_at, last_sync_at, last_success_at, success_began_at, due_at, failures, error, "
    "outcome, coalesce((SELECT h.missing FROM holds h WHERE h.member_id = s.member_id AND h.type = s.type), 0)"
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
        """INSERT INTO sync_states AS s (member_id, type, cursor_at, success_began_at, last_success_at, floor_at, history_done_at, due_at)
           VALUES (%(member)s, %(type)s, %(cursor)s, %(began)s, %(began)s, %(floor)s, %(done)s, %(due)s)
           ON CONFLICT (member_id, type) DO UPDATE SET cursor_at = coalesce(s.cursor_at, excluded.cursor_at),
               success_began_at = coalesce(s.success_began_at, excluded.success_began_at),
               last_success_at = coalesce(s.last_success_at, excluded.last_success_at),
               floor_at = least(s.floor_at, excluded.floor_at), history_done_at = excluded.history_done_at""",
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
    outcome: dict[str, Any],
) -> None:
    """A window has arrived whole: move the cursor, set the next date, forget the failures."""
    await connection.execute(
        """INSERT INTO sync_states AS s (member_id, type, cursor_at, last_sync_at, last_success_at, success_began_at, due_at,
               outcome)
           VALUES (%(member)s, %(type)s, %(cursor)s, %(now)s, %(now)s, %(began)s, %(due)s, %(outcome)s)
           ON CONFLICT (member_id, type) DO UPDATE SET cursor_at = greatest(s.cursor_at, excluded.cursor_at),
               last_sync_at = excluded.last_sync_at, last_success_at = excluded.last_success_at,
               success_began_at = greatest(s.success_began_at, excluded.success_began_at), due_at = excluded.due_at,
               failures = 0, error = NULL, outcome = excluded.outcome""",
        {
            "member": member_id,
            "type": type_name,
            "cursor": cursor,
            "now": now,
            "began": began_at,
            "due": due_at,
            "outcome": Jsonb(outcome),
        },
    )


async def fail(
    db: Database, member_id: int, type_name: str, *, now: datetime, due_at: datetime, error: dict[str, Any]
) -> None:
    """A window did not arrive: say why and when it is tried again. The cursor stays."""
    await db.execute(
        """INSERT INTO sync_states AS s (member_id, type, last_sync_at, due_at, failures, error)
           VALUES (%(member)s, %(type)s, %(now)s, %(due)s, 1, %(error)s)
           ON CONFLICT (member_id, type) DO UPDATE SET last_sync_at = excluded.last_sync_at, due_at = excluded.due_at,
               failures = s.failures + 1, error = excluded.error""",
        {"member": member_id, "type": type_name, "now": now, "due": due_at, "error": Jsonb(error)},
    )


async def due_members(db: Database, now: datetime) -> list[tuple[int, list[str]]]:
    """Connected members with the types that are due, longest waiting first."""
    found = await db.rows(
        """SELECT s.member_id, array_agg(s.type ORDER BY s.type) FROM sync_states s JOIN connections k USING (member_id)
           WHERE k.state = 'connected' AND s.due_at <= %s GROUP BY s.member_id ORDER BY min(s.due_at)""",
        (now,),
    )
    return [(each[0], each[1]) for each in found]


async def unfinished_histories(db: Database) -> list[int]:
    """Connected members whose history is not here whole, or of whom nothing has been asked for yet."""
    found = await db.rows(
        """SELECT DISTINCT k.member_id FROM connections k LEFT JOIN sync_states s USING (member_id)
           WHERE k.state = 'connected'
             AND (s.member_id IS NULL OR (s.cursor_at IS NOT NULL AND s.history_done_at IS NULL))"""
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
