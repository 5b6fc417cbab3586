"""Deletions held back: records of a type of which so many are missing at WHOOP that their owner has to say it is so.

A hold names its records, so that it is over exactly when each of them is accounted for: listed by WHOOP again, answered
when asked for by itself, or a tombstone by whatever road.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from circadia.domain.catalog import RecordType
from circadia.storage.postgres import Connection, Database, row, rows
from circadia.storage.records import Key, located


@dataclass(frozen=True, slots=True)
class Hold:
    """`missing` of `live` stored records that lie in `[from_at, to_at]` were not on a listing of that stretch."""

    user_id: str
    member_id: int
    type: str
    from_at: datetime
    to_at: datetime
    missing: int
    live: int
    held_at: datetime


async def hold(
    connection: Connection, type_: RecordType, member_id: int, keys: Sequence[Key], *, live: int, now: datetime
) -> bool:
    """Hold the deletion of stored records, `live` of which lie in the stretch that was compared, beside those that are
    held already. Tells whether any of them was not."""
    placed = located(type_)
    found = await row(
        connection,
        f"""WITH before AS (
                SELECT keys FROM holds WHERE member_id = %(member)s AND type = %(type)s FOR UPDATE
            ), these AS (
                SELECT array_agg(t.{type_.key}::text) AS keys, min({placed.start}) AS from_at, max({placed.start}) AS to_at
                FROM {type_.table} t {placed.joins} WHERE t.member_id = %(member)s AND t.{type_.key} = ANY (%(keys)s)
            ), held AS (
                INSERT INTO holds AS h (member_id, type, keys, from_at, to_at, live, held_at)
                SELECT %(member)s, %(type)s, these.keys, these.from_at, these.to_at, %(live)s, %(now)s FROM these
                WHERE these.keys IS NOT NULL
                ON CONFLICT (member_id, type) DO UPDATE SET
                    keys = ARRAY(SELECT unnest(h.keys) UNION SELECT unnest(excluded.keys) ORDER BY 1),
                    from_at = least(h.from_at, excluded.from_at), to_at = greatest(h.to_at, excluded.to_at),
                    live = greatest(h.live, excluded.live)
            )
            SELECT these.keys <@ coalesce((SELECT keys FROM before), '{{}}') FROM these""",
        {"member": member_id, "type": type_.name, "keys": list(keys), "live": live, "now": now},
    )
    return not (found and found[0])


async def account(
    connection: Connection, type_: RecordType, member_id: int, present: Collection[Key]
) -> frozenset[str]:
    """`present` are at WHOOP: they are held no longer, nor is what has been deleted since. Returns the keys, as text,
    of what still is; the hold ends with its last one."""
    held = await row(
        connection,
        "SELECT keys FROM holds WHERE member_id = %s AND type = %s FOR UPDATE",
        (member_id, type_.name),
    )
    if held is None:
        return frozenset()
    live = await rows(
        connection,
        f"SELECT t.{type_.key}::text FROM {type_.table} t "
        f"WHERE t.member_id = %s AND t.deleted_at IS NULL AND t.{type_.key}::text = ANY (%s)",
        (member_id, held[0]),
    )
    left = frozenset(each[0] for each in live) - {str(each) for each in present}
    if not left:
        await connection.execute("DELETE FROM holds WHERE member_id = %s AND type = %s", (member_id, type_.name))
    elif len(left) < len(held[0]):
        await connection.execute(
            "UPDATE holds SET keys = %s WHERE member_id = %s AND type = %s", (sorted(left), member_id, type_.name)
        )
    return left


async def of_type(db: Database, member_id: int, type_name: str) -> Hold | None:
    """The hold of one type, if one is in force."""
    return next((each for each in await all_of(db, member_id) if each.type == type_name), None)


async def all_of(db: Database, member_id: int | None = None) -> list[Hold]:
    """The holds in force, of one member or of all, oldest first."""
    found = await db.rows(
        """SELECT m.user_id, h.member_id, h.type, h.from_at, h.to_at, cardinality(h.keys), h.live, h.held_at
           FROM holds h JOIN members m ON m.id = h.member_id
           WHERE %(member)s::bigint IS NULL OR h.member_id = %(member)s ORDER BY h.held_at, h.member_id, h.type""",
        {"member": member_id},
    )
    return [Hold(*each) for each in found]
