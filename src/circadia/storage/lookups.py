"""Stored records by the names that webhooks and other records call them by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from circadia.domain.catalog import RecordType
from circadia.storage.postgres import Connection, row, rows
from circadia.storage.records import Key, located


@dataclass(frozen=True, slots=True)
class Found:
    """Where a stored record lies and how it stands."""

    key: Key
    start: datetime
    deleted_at: datetime | None
    unscored: bool


async def find(
    connection: Connection, type_: RecordType, member_id: int, column: str, values: Sequence[UUID]
) -> dict[UUID, Found]:
    """WHOOP's records with these values in `column`, tombstones included, by value; of several the live one."""
    placed = located(type_)
    found = await rows(
        connection,
        f"SELECT t.{column}, t.{type_.key}, {placed.start}, t.deleted_at, t.score_state = 'PENDING_SCORE' "
        f"FROM {type_.table} t {placed.joins} WHERE t.member_id = %s AND t.source = 'api' AND t.{column} = ANY (%s) "
        "ORDER BY t.deleted_at NULLS LAST",
        (member_id, list(values)),
    )
    return {each[0]: Found(*each[1:]) for each in found}


async def value(connection: Connection, type_: RecordType, member_id: int, key: Key, column: str) -> Key | None:
    """What a record, live or not, holds in a column that names another."""
    found = await row(
        connection,
        f"SELECT t.{column} FROM {type_.table} t WHERE t.member_id = %s AND t.{type_.key} = %s",
        (member_id, key),
    )
    return found[0] if found else None


async def unreadable(
    connection: Connection, type_: RecordType, member_id: int, column: str, name: UUID, since: datetime
) -> bool:
    """Whether WHOOP has sent a record with this name since an instant that could not be read. What made it unreadable
    may be what the database's JSON functions do not take either, so they are not asked."""
    found = await rows(
        connection,
        "SELECT raw::text FROM rejects WHERE member_id = %s AND type = %s AND last_seen_at >= %s",
        (member_id, type_.name, since),
    )
    raws = (json.loads(each[0]) for each in found)
    return any(isinstance(raw, dict) and raw.get(column) == str(name) for raw in raws)
