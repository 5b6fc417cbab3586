"""Who signs in here: the one owner, members, and coaches who are nobody's members."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from circadia.errors import Conflict
from circadia.storage.postgres import Connection, Database, row

Role = Literal["owner", "member", "coach"]

_COLUMNS = "user_id, role, name, created_at"
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing in it is taken for something else when it is read aloud."""

_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. A member of the app's own, reached by keys only, has none."""

    user_id: str
    role: Role
    name: str | None
    created_at: datetime


def generated_id() -> str:
    """A user id for somebody whom no app has named, like `m-7f3k2q9d`."""
    return "m-" + "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))


async def owner(db: Database) -> Person | None:
    """Who owns this installation; None until somebody has claimed it."""
    found = await db.row(f"SELECT {_COLUMNS} FROM people WHERE role = 'owner'")
    return Person(*found) if found else None


async def ensure(
    connection: Connection, user_id: str, role: Literal["member", "coach"], now: datetime, name: str | None = None
) -> Person:
    """The person of a user id, made if need be. A coach who becomes a member is one from then on; nobody is made less,
    and a name stays once there is one."""
    found = await row(
        connection,
        f"""INSERT INTO people AS p (user_id, role, name, created_at) VALUES (%s, %s, %s, %s)
            ON CONFLICT (user_id) DO UPDATE SET name = coalesce(p.name, excluded.name),
                role = CASE WHEN p.role = 'coach' THEN excluded.role ELSE p.role END
            RETURNING {_COLUMNS}""",
        (user_id, role, name, now),
    )
    assert found is not None
    return Person(*found)


async def admit(connection: Connection, user_id: str, now: datetime) -> None:
    """A member's account for a user id that has none; whoever has one stays what they are."""
    await connection.execute(
        "INSERT INTO people (user_id, role, created_at) VALUES (%s, 'member', %s) ON CONFLICT (user_id) DO NOTHING",
        (user_id, now),
    )


async def create(connection: Connection, role: Literal["member", "coach"], now: datetime) -> Person:
    """A new person under a generated id that nobody has, as a person, as a member or by a source."""
    while True:
        user_id = generated_id()
        found = await row(
            connection,
            f"""INSERT INTO people (user_id, role, created_at)
                SELECT %(id)s, %(role)s, %(now)s
                WHERE NOT EXISTS (SELECT FROM members WHERE user_id = %(id)s)
                  AND NOT EXISTS (SELECT FROM identities WHERE %(id)s IN (user_id, whoop_id, sahha_id))
                ON CONFLICT (user_id) DO NOTHING RETURNING {_COLUMNS}""",
            {"id": user_id, "role": role, "now": now},
        )
        if found is not None:
            return Person(*found)


async def claim(connection: Connection, user_id: str, now: datetime) -> Person:
    """Make somebody the owner, with an account if they have none. Conflict when another owns the installation."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('people owner', 0))")
    held = await row(connection, "SELECT user_id FROM people WHERE role = 'owner'")
    if held is not None and held[0] != user_id:
        raise Conflict("this installation has an owner already", kind="owned")
    found = await row(
        connection,
        f"""INSERT INTO people (user_id, role, created_at) VALUES (%s, 'owner', %s)
            ON CONFLICT (user_id) DO UPDATE SET role = 'owner' RETURNING {_COLUMNS}""",
        (user_id, now),
    )
    assert found is not None
    return Person(*found)


async def forget(connection: Connection, user_id: str) -> bool:
    """Remove a person, their sessions and what others share with them; whether there was one. The owner stays: without
    them nobody could run the installation."""
    cursor = await connection.execute("DELETE FROM people WHERE user_id = %s AND role <> 'owner'", (user_id,))
    return cursor.rowcount > 0
