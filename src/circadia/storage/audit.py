"""What was done, by whom, about whom. The table is only ever added to: its trigger refuses everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from psycopg.types.json import Jsonb

from circadia.domain.members import ActorKind
from circadia.storage.postgres import Connection, Database

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed. `user_id` is the person concerned, where there is one; `details` hold no secret and no health value."""

    id: int
    at: datetime
    actor: str
    actor_kind: ActorKind
    user_id: str | None
    deed: str
    details: dict[str, Any]


async def note(
    to: Database | Connection,
    at: datetime,
    actor: str,
    actor_kind: ActorKind,
    user_id: str | None,
    deed: str,
    details: Mapping[str, Any] = _NOTHING,
) -> None:
    """Write down a deed, called `noun.participle` like `session.opened`; in somebody's transaction it counts with it."""
    await to.execute(
        "INSERT INTO audit (at, actor, actor_kind, user_id, deed, details) VALUES (%s, %s, %s, %s, %s, %s)",
        (at, actor, actor_kind, user_id, deed, Jsonb(dict(details))),
    )


async def page(db: Database, user_id: str | None, before: int | None, limit: int) -> list[Entry]:
    """Entries about a user (None: all there are), newest first, those before one's id."""
    found = await db.rows(
        """SELECT id, at, actor, actor_kind, user_id, deed, details FROM audit
           WHERE (%(user)s::text IS NULL OR user_id = %(user)s) AND (%(before)s::bigint IS NULL OR id < %(before)s)
           ORDER BY id DESC LIMIT %(limit)s""",
        {"user": user_id, "before": before, "limit": limit},
    )
    return [Entry(*each) for each in found]
