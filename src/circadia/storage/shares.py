"""Whom members let see their data: a link that somebody takes up, then a right to read until it ends or is revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from circadia.storage.postgres import Connection, Database, row

_COLUMNS = "id, user_id, coach, name, made_at, accepted_at, expires_at, revoked_at"
_LIVE = "s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > %(now)s)"


@dataclass(frozen=True, slots=True)
class Share:
    """`user_id` lets `coach` read; nobody yet while `coach` is None. `name` is what the member calls the other."""

    id: UUID
    user_id: str
    coach: str | None
    name: str
    made_at: datetime
    accepted_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


async def offer(
    connection: Connection, user_id: str, name: str, link_hash: bytes, now: datetime, expires_at: datetime | None
) -> Share:
    """A share that whoever has the link may take up."""
    found = await row(
        connection,
        f"""INSERT INTO shares (id, user_id, name, link_hash, made_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s)
            RETURNING {_COLUMNS}""",
        (uuid4(), user_id, name, link_hash, now, expires_at),
    )
    assert found is not None
    return Share(*found)


async def offered(connection: Connection, link_hash: bytes, now: datetime) -> Share | None:
    """The share that a link stands for, if it can still be taken up."""
    found = await row(
        connection,
        f"SELECT {_COLUMNS} FROM shares s WHERE link_hash = %(link)s AND coach IS NULL AND {_LIVE}",
        {"link": link_hash, "now": now},
    )
    return Share(*found) if found else None


async def accept(connection: Connection, link_hash: bytes, coach: str, now: datetime) -> Share | None:
    """Take a share up; the link has worked then. None when there is nothing to take up, or it is one's own."""
    found = await row(
        connection,
        f"""UPDATE shares s SET coach = %(coach)s, accepted_at = %(now)s, link_hash = NULL
            WHERE link_hash = %(link)s AND coach IS NULL AND user_id <> %(coach)s AND {_LIVE} RETURNING {_COLUMNS}""",
        {"link": link_hash, "coach": coach, "now": now},
    )
    return Share(*found) if found else None


async def every(db: Database, user_id: str) -> list[Share]:
    """What a member shares and has shared, newest first."""
    found = await db.rows(f"SELECT {_COLUMNS} FROM shares WHERE user_id = %s ORDER BY made_at DESC, id", (user_id,))
    return [Share(*each) for each in found]


async def reachable(db: Database, coach: str, now: datetime) -> list[str]:
    """The user ids of those who share with a person now."""
    found = await db.rows(
        f"SELECT DISTINCT s.user_id FROM shares s WHERE s.coach = %(coach)s AND {_LIVE} ORDER BY s.user_id",
        {"coach": coach, "now": now},
    )
    return [each[0] for each in found]


async def reaches(db: Database, coach: str, user_id: str, now: datetime) -> bool:
    """Whether a user shares with a person now."""
    found = await db.row(
        f"SELECT 1 FROM shares s WHERE coach = %(coach)s AND user_id = %(user)s AND {_LIVE} LIMIT 1",
        {"coach": coach, "user": user_id, "now": now},
    )
    return found is not None


async def revoke(connection: Connection, user_id: str, share_id: UUID, now: datetime) -> bool:
    """End a share of a member; False when they have no such share that goes on."""
    cursor = await connection.execute(
        "UPDATE shares SET revoked_at = %s, link_hash = NULL WHERE id = %s AND user_id = %s AND revoked_at IS NULL",
        (now, share_id, user_id),
    )
    return cursor.rowcount > 0


async def forget(connection: Connection, user_id: str) -> int:
    """Remove everything somebody shares and is shown; returns how many there were."""
    return (await connection.execute("DELETE FROM shares WHERE %s IN (user_id, coach)", (user_id,))).rowcount
