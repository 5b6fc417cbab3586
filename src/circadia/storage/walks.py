"""How far a reconciliation of one type is: kept with the type's state page by page, so that it goes on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from circadia.storage.postgres import Connection, Database

Depth = Literal["recent", "all"]

_RESTS_UNTIL = "rests_until"


@dataclass(frozen=True, slots=True)
class Walk:
    """A comparison, newest records first, of what WHOOP lists with what is stored.

    depth     whether it goes back some months or to the beginning
    end       when it began, which is where it began
    to        everything that starts between it and `end` is compared; None when all of it is, and only the missing
              records are still to be judged
    listed    records seen on WHOOP's pages
    live      rows stored of the stretch
    missing   keys, as text, of those of them that were on no page
    """

    depth: Depth
    end: datetime
    to: datetime | None
    listed: int = 0
    live: int = 0
    missing: list[str] = field(default_factory=list)


async def load(db: Database, member_id: int, type_name: str) -> Walk | None:
    """The walk that has begun and not ended."""
    found = await db.row("SELECT walk FROM sync_states WHERE member_id = %s AND type = %s", (member_id, type_name))
    if found is None or found[0] is None:
        return None
    told: dict[str, Any] = {name: each for name, each in found[0].items() if name != _RESTS_UNTIL}
    instants = {each: datetime.fromisoformat(told[each]) if told[each] else None for each in ("end", "to")}
    return Walk(**told | instants)


async def keep(connection: Connection, member_id: int, type_name: str, walk: Walk) -> None:
    """Where it is now."""
    told = {
        "depth": walk.depth,
        "end": walk.end.isoformat(),
        "to": walk.to.isoformat() if walk.to else None,
        "listed": walk.listed,
        "live": walk.live,
        "missing": walk.missing,
    }
    await connection.execute(
        "UPDATE sync_states SET walk = %s WHERE member_id = %s AND type = %s", (Jsonb(told), member_id, type_name)
    )


async def end(connection: Connection, member_id: int, type_name: str, walk: Walk) -> None:
    """It is done: what is stored was compared with WHOOP as of the walk's beginning."""
    await connection.execute(
        """UPDATE sync_states SET walk = NULL, compared_recent_at = greatest(compared_recent_at, %(end)s),
               compared_all_at = CASE WHEN %(all)s THEN greatest(compared_all_at, %(end)s) ELSE compared_all_at END
           WHERE member_id = %(member)s AND type = %(type)s""",
        {"end": walk.end, "all": walk.depth == "all", "member": member_id, "type": type_name},
    )


async def compared(db: Database, member_id: int, depth: Depth) -> dict[str, datetime]:
    """When the last finished walk of a depth began, by type name."""
    column = "compared_all_at" if depth == "all" else "compared_recent_at"
    found = await db.rows(
        f"SELECT type, {column} FROM sync_states WHERE member_id = %s AND {column} IS NOT NULL", (member_id,)
    )
    return {each[0]: each[1] for each in found}


async def rest(db: Database, member_id: int, type_name: str, until: datetime) -> None:
    """A walk has failed: nobody takes it up by himself before `until`."""
    await db.execute(
        """UPDATE sync_states SET walk = walk || %s WHERE member_id = %s AND type = %s AND walk IS NOT NULL""",
        (Jsonb({_RESTS_UNTIL: until.isoformat()}), member_id, type_name),
    )
