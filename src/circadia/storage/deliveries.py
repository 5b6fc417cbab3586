"""Webhooks received: stored once by their trace id, before anything is done about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from circadia.storage.postgres import Connection, Database, row


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a verified webhook says."""

    trace_id: str
    type: str
    record_id: str
    whoop_user_id: int


async def store(connection: Connection, source: str, delivery: Delivery, now: datetime) -> bool:
    """Keep it once; whether it still waits to be acted on, which a repeated one may as well."""
    found = await row(
        connection,
        """INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state)
           VALUES (%s, %s, %s, %s, %s, %s, 'waiting')
           ON CONFLICT (trace_id) DO UPDATE SET received_at = deliveries.received_at RETURNING state""",
        (source, delivery.trace_id, delivery.type, delivery.record_id, delivery.whoop_user_id, now),
    )
    return found is not None and found[0] == "waiting"


async def arrive(connection: Connection, whoop_user_id: int, since: datetime) -> bool:
    """Whether a webhook about a WHOOP account has come in since an instant."""
    found = await row(
        connection,
        "SELECT 1 FROM deliveries WHERE whoop_user_id = %s AND received_at >= %s LIMIT 1",
        (whoop_user_id, since),
    )
    return found is not None


async def settle(db: Database, whoop_user_id: int, nouns: list[str], received_before: datetime, now: datetime) -> int:
    """A sync of `nouns` that began after they arrived has answered a member's waiting webhooks about them."""
    return await db.execute(
        """UPDATE deliveries SET state = 'settled', settled_at = %s
           WHERE whoop_user_id = %s AND state = 'waiting' AND received_at <= %s
             AND split_part(type, '.', 1) = ANY (%s)""",
        (now, whoop_user_id, received_before, nouns),
    )


async def newest(db: Database, limit: int = 50) -> list[tuple[int, str, str, int, datetime, str]]:
    """The last ones: id, trace id, type, WHOOP user, arrival, state."""
    found = await db.rows(
        "SELECT id, trace_id, type, whoop_user_id, received_at, state FROM deliveries ORDER BY id DESC LIMIT %s",
        (limit,),
    )
    return [(each[0], each[1], each[2], each[3], each[4], each[5]) for each in found]


async def forget(connection: Connection, whoop_user_id: int) -> None:
    """Drop what was received for a WHOOP account."""
    await connection.execute("DELETE FROM deliveries WHERE whoop_user_id = %s", (whoop_user_id,))
