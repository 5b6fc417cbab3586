"""Sahha's records that did not parse: kept whole, and tried again after an upgrade."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from circadia import __version__
from circadia.domain.sahha import Kind
from circadia.storage.postgres import Connection, Database
from circadia.storage.rejects import digest


@dataclass(frozen=True, slots=True)
class Reject:
    """One of them. `raw` is the JSON as received."""

    id: int
    profile_id: int
    kind: Kind
    raw: Any
    received_at: datetime


async def keep(
    connection: Connection, profile: int, kind: Kind, rejects: Sequence[tuple[Any, str]], received_at: datetime
) -> None:
    """Keep records with what was wrong with them; the same one again only moves its last sighting."""
    texts = sorted({json.dumps(raw): error for raw, error in rejects}.items())
    if not texts:
        return
    await connection.execute(
        """INSERT INTO sahha_rejects AS r (profile_id, kind, digest, raw, error, version, received_at, first_seen_at, last_seen_at)
           SELECT %(profile)s, %(kind)s, n.digest, n.raw::json, n.error, %(version)s, %(at)s, %(at)s, %(at)s
           FROM unnest(%(digests)s::bytea[], %(raws)s::text[], %(errors)s::text[]) AS n (digest, raw, error)
           ON CONFLICT (profile_id, kind, digest) DO UPDATE SET error = excluded.error, version = excluded.version,
               received_at = greatest(r.received_at, excluded.received_at),
               last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at)""",
        {
            "profile": profile,
            "kind": kind,
            "version": __version__,
            "at": received_at,
            "digests": [digest(text) for text, _ in texts],
            "raws": [text for text, _ in texts],
            "errors": [error for _, error in texts],
        },
    )


async def from_other_versions(db: Database) -> list[Reject]:
    """What another version of Circadia could not read, the oldest first."""
    found = await db.rows(
        "SELECT id, profile_id, kind, raw::text, received_at FROM sahha_rejects WHERE version <> %s ORDER BY id",
        (__version__,),
    )
    return [Reject(id_, profile, kind, json.loads(raw), at) for id_, profile, kind, raw, at in found]


async def remove(connection: Connection, reject_id: int) -> None:
    """It has been read after all; if this version cannot read it either, keeping it again has stamped it."""
    await connection.execute("DELETE FROM sahha_rejects WHERE id = %s", (reject_id,))
