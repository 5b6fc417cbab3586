"""Records that did not parse: kept whole, counted, shown, and tried again after an upgrade."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from circadia.storage.postgres import Connection, Database


@dataclass(frozen=True, slots=True)
class Reject:
    """One of them. `raw` is the JSON text as received; `error` says what the model did not accept, without values."""

    id: int
    member_id: int
    type: str
    raw: str
    error: str
    fetched_at: datetime


def digest(raw: str) -> bytes:
    """What tells a reject from another: SHA-256 of its JSON text."""
    return hashlib.sha256(raw.encode()).digest()


async def keep(
    connection: Connection,
    member_id: int,
    type_name: str,
    raw: str,
    error: str,
    version: str,
    fetched_at: datetime,
) -> None:
    """Keep a record that did not parse; the same one again only moves its last sighting."""
    await connection.execute(
        """INSERT INTO rejects AS r (member_id, type, digest, raw, error, version, fetched_at, first_seen_at, last_seen_at)
           VALUES (%(member)s, %(type)s, %(digest)s, %(raw)s, %(error)s, %(version)s, %(at)s, %(at)s, %(at)s)
           ON CONFLICT (member_id, type, digest) DO UPDATE SET last_seen_at = excluded.last_seen_at,
               error = excluded.error, version = excluded.version""",
        {
            "member": member_id,
            "type": type_name,
            "digest": digest(raw),
            "raw": raw,
            "error": error,
            "version": version,
            "at": fetched_at,
        },
    )


async def from_other_versions(db: Database, version: str) -> list[Reject]:
    """What another version of Circadia could not read."""
    found = await db.rows(
        "SELECT id, member_id, type, raw::text, error, fetched_at FROM rejects WHERE version <> %s ORDER BY id",
        (version,),
    )
    return [Reject(*each) for each in found]


async def remove(connection: Connection, reject_id: int) -> None:
    """It has been read after all."""
    await connection.execute("DELETE FROM rejects WHERE id = %s", (reject_id,))


async def stamp(connection: Connection, reject_id: int, version: str, error: str) -> None:
    """This version cannot read it either."""
    await connection.execute("UPDATE rejects SET version = %s, error = %s WHERE id = %s", (version, error, reject_id))


async def counts(db: Database, member_id: int) -> dict[str, int]:
    """How many a member has, by type."""
    found: list[tuple[Any, ...]] = await db.rows(
        "SELECT type, count(*) FROM rejects WHERE member_id = %s GROUP BY type", (member_id,)
    )
    return {each[0]: each[1] for each in found}
