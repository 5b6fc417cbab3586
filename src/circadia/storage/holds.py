"""Deletions held back: a stretch of a type of which so much is missing at WHOOP that its owner has to say it is so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from circadia.storage.postgres import Connection, Database


@dataclass(frozen=True, slots=True)
class Hold:
    """`missing` of `live` stored records were not on a complete listing of `[from_at, to_at)`."""

    user_id: str
    member_id: int
    type: str
    from_at: datetime | None
    to_at: datetime
    missing: int
    live: int
    held_at: datetime


async def hold(
    connection: Connection,
    member_id: int,
    type_name: str,
    *,
    from_at: datetime | None,
    to_at: datetime,
    missing: int,
    live: int,
    now: datetime,
) -> None:
    """Hold a stretch's deletions; the wider of two stretches stays, first seen when the first was."""
    await connection.execute(
        """INSERT INTO holds AS h (member_id, type, from_at, to_at, missing, live, held_at)
           VALUES (%(member)s, %(type)s, %(from)s, %(to)s, %(missing)s, %(live)s, %(now)s)
           ON CONFLICT (member_id, type) DO UPDATE SET
               from_at = CASE WHEN h.from_at IS NULL OR excluded.from_at IS NULL THEN NULL ELSE least(h.from_at, excluded.from_at) END,
               to_at = greatest(h.to_at, excluded.to_at), missing = greatest(h.missing, excluded.missing),
               live = greatest(h.live, excluded.live)""",
        {
            "member": member_id,
            "type": type_name,
            "from": from_at,
            "to": to_at,
            "missing": missing,
            "live": live,
            "now": now,
        },
    )


async def release(connection: Connection, member_id: int, type_name: str, from_at: datetime | None) -> None:
    """A comparison from `from_at` to the present went through: what it covers is held no longer."""
    await connection.execute(
        """DELETE FROM holds WHERE member_id = %(member)s AND type = %(type)s
             AND (%(from)s::timestamptz IS NULL OR from_at >= %(from)s)""",
        {"member": member_id, "type": type_name, "from": from_at},
    )


async def all_of(db: Database, member_id: int | None = None) -> list[Hold]:
    """The holds in force, of one member or of all, oldest first."""
    found = await db.rows(
        """SELECT m.user_id, h.member_id, h.type, h.from_at, h.to_at, h.missing, h.live, h.held_at
           FROM holds h JOIN members m ON m.id = h.member_id
           WHERE %(member)s::bigint IS NULL OR h.member_id = %(member)s ORDER BY h.held_at, h.member_id, h.type""",
        {"member": member_id},
    )
    return [Hold(*each) for each in found]
