"""Everybody at a glance: members and people under one user id, whichever of the two they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from circadia.domain.catalog import CATALOG
from circadia.domain.members import ConnectionState
from circadia.storage.people import Role
from circadia.storage.postgres import Database

_COLLECTIONS = [each.table for each in CATALOG if each.collection]
_NAME = "coalesce(p.name, nullif(concat_ws(' ', f.first_name, f.last_name), ''))"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody here. `role` is null for who has never signed in; `as_of` when what is kept was true; `records` how many."""

    user_id: str
    role: Role | None
    name: str | None
    connection: ConnectionState
    reason: str | None
    as_of: datetime | None
    records: int


async def page(db: Database, after: str, limit: int) -> list[Member]:
    """Everybody whose user id is behind `after`, in order."""
    counts = " + ".join(
        f"(SELECT count(*) FROM {table} WHERE member_id = e.id AND deleted_at IS NULL)" for table in _COLLECTIONS
    )
    found = await db.rows(
        f"""WITH everybody AS MATERIALIZED (
                SELECT user_id, m.id, m.as_of, p.role, p.name FROM members m FULL JOIN people p USING (user_id)
                WHERE user_id > %s ORDER BY user_id LIMIT %s
            )
            SELECT e.user_id, e.role, {_NAME.replace("p.", "e.")}, coalesce(k.state, 'not_connected'), k.reason, e.as_of, {counts}
            FROM everybody e LEFT JOIN connections k ON k.member_id = e.id LEFT JOIN profiles f ON f.member_id = e.id
            ORDER BY e.user_id""",
        (after, limit),
    )
    return [Member(*each) for each in found]


async def names(db: Database, user_ids: Sequence[str]) -> dict[str, str | None]:
    """What some users are called, by themselves or at WHOOP; None for who has no name."""
    found = await db.rows(
        f"""SELECT u.user_id, {_NAME} FROM unnest(%s::text[]) AS u (user_id)
            LEFT JOIN people p USING (user_id) LEFT JOIN members m USING (user_id) LEFT JOIN profiles f ON f.member_id = m.id""",
        (list(user_ids),),
    )
    return {each[0]: each[1] for each in found}


async def known(db: Database, user_id: str) -> bool:
    """Whether anybody is called so here."""
    found = await db.row(
        """SELECT 1 FROM members WHERE user_id = %(id)s UNION ALL SELECT 1 FROM people WHERE user_id = %(id)s
           UNION ALL SELECT 1 FROM identities WHERE user_id = %(id)s""",
        {"id": user_id},
    )
    return found is not None


async def has_data(db: Database, user_id: str) -> bool:
    """Whether any record of a user is kept."""
    kept = " UNION ALL ".join(f"(SELECT 1 FROM {table} r WHERE r.member_id = m.id LIMIT 1)" for table in _COLLECTIONS)
    found = await db.row(f"SELECT EXISTS ({kept}) FROM members m WHERE m.user_id = %s", (user_id,))
    return found is not None and found[0]
