"""Webhooks received: stored once by their trace id, before anything is done about them.

waiting   to be answered by a run; `next_try_at` is when one is asked for (again)
settled   answered: what WHOOP has of the record is here
unknown   about a WHOOP account that nobody has connected yet
parked    cannot be answered; `error` says why, and an operator may replay it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from circadia.storage.postgres import Connection, Database, row, rows

DeliveryState = Literal["waiting", "settled", "unknown", "parked"]

DEBOUNCE = timedelta(seconds=2)
"""A burst about one member is over when nothing has come for this long."""

_WAITS_WITHOUT_GRANT = timedelta(days=1)
"""What nobody's connection can answer is waited with for this long."""

_KEPT: dict[DeliveryState, timedelta] = {
    "settled": timedelta(days=30),
    "unknown": timedelta(days=7),
    "parked": timedelta(days=90),
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a verified webhook says, and when it came."""

    trace_id: str
    type: str
    record_id: str
    whoop_user_id: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that is to be answered; `attempts` counts the runs that could not."""

    id: int
    type: str
    record_id: str
    received_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A row as it is shown."""

    id: int
    trace_id: str
    type: str
    record_id: str
    whoop_user_id: int
    received_at: datetime
    state: DeliveryState
    attempts: int
    next_try_at: datetime | None
    settled_at: datetime | None
    error: str | None


async def store(db: Database, source: str, batch: Sequence[Delivery]) -> None:
    """Keep each once, in one statement."""
    await db.execute(
        """INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state, next_try_at)
           SELECT %(source)s, d.trace_id, d.type, d.record_id, d.account, d.received_at,
                  CASE WHEN k.member_id IS NULL THEN 'unknown' ELSE 'waiting' END, d.received_at + %(debounce)s
           FROM unnest(%(traces)s::text[], %(types)s::text[], %(records)s::text[], %(accounts)s::bigint[], %(at)s::timestamptz[])
                AS d (trace_id, type, record_id, account, received_at)
           LEFT JOIN connections k ON k.whoop_user_id = d.account AND k.state <> 'not_connected'
           ORDER BY d.trace_id ON CONFLICT (trace_id) DO NOTHING""",
        {
            "source": source,
            "debounce": DEBOUNCE,
            "traces": [each.trace_id for each in batch],
            "types": [each.type for each in batch],
            "records": [each.record_id for each in batch],
            "accounts": [each.whoop_user_id for each in batch],
            "at": [each.received_at for each in batch],
        },
    )


async def claim(db: Database, now: datetime, patience: timedelta) -> list[tuple[int, list[Waiting]]]:
    """Connected members with those of their deliveries that a run is to be asked for now.

    A member's burst is claimed when nothing has come for `DEBOUNCE`, or when its first has waited for `patience`
    longer. What a run under way will answer is left to it. A claim holds for two minutes, or half the delivery's age
    where that is longer, up to an hour: then a run that never came to its end is asked for again."""
    found = await db.rows(
        """WITH open AS (
               SELECT k.member_id, d.id, d.next_try_at FROM deliveries d
               JOIN connections k ON k.whoop_user_id = d.whoop_user_id AND k.state = 'connected'
               WHERE d.state = 'waiting' AND d.next_try_at <= %(now)s + %(debounce)s
                 AND NOT EXISTS (SELECT FROM runs r WHERE r.member_id = k.member_id AND r.kind = 'sync'
                                 AND r.state = 'running' AND r.started_at >= d.received_at)
           ), ripe AS (
               SELECT member_id FROM open GROUP BY member_id
               HAVING max(next_try_at) <= %(now)s OR min(next_try_at) <= %(now)s - %(patience)s
           ), claimed AS (
               UPDATE deliveries d
               SET next_try_at = %(now)s + least(greatest((%(now)s - d.received_at) / 2, interval '2 minutes'), interval '1 hour')
               FROM open JOIN ripe USING (member_id) WHERE d.id = open.id
               RETURNING open.member_id, d.id, d.type, d.record_id, d.received_at, d.attempts
           ), seen AS (
               UPDATE connections k SET pushed_at = greatest(k.pushed_at, newest.at)
               FROM (SELECT member_id, max(received_at) AS at FROM claimed GROUP BY member_id) newest
               WHERE k.member_id = newest.member_id
           )
           SELECT * FROM claimed ORDER BY member_id, id""",
        {"now": now, "debounce": DEBOUNCE, "patience": patience},
    )
    members: dict[int, list[Waiting]] = {}
    for member_id, *waiting in found:
        members.setdefault(member_id, []).append(Waiting(*waiting))
    return list(members.items())


async def waiting(db: Database, whoop_user_id: int, types: Sequence[str], until: datetime) -> list[Waiting]:
    """What a WHOOP account's webhooks of `types` have told up to an instant and nobody has answered."""
    found = await db.rows(
        """SELECT id, type, record_id, received_at, attempts FROM deliveries
           WHERE whoop_user_id = %s AND state = 'waiting' AND type = ANY (%s) AND received_at <= %s ORDER BY id""",
        (whoop_user_id, list(types), until),
    )
    return [Waiting(*each) for each in found]


async def told(
    connection: Connection, whoop_user_id: int, types: Sequence[str], after: datetime
) -> list[tuple[str, datetime]]:
    """Records that webhooks of `types` have spoken of after an instant, and when."""
    found = await rows(
        connection,
        """SELECT record_id, max(received_at) FROM deliveries
           WHERE whoop_user_id = %s AND received_at > %s AND type = ANY (%s) GROUP BY record_id""",
        (whoop_user_id, after, list(types)),
    )
    return [(each[0], each[1]) for each in found]


async def settle(db: Database, ids: Sequence[int], now: datetime) -> None:
    """They are answered."""
    await db.execute(
        """UPDATE deliveries SET state = 'settled', settled_at = %s, next_try_at = NULL, error = NULL
           WHERE id = ANY (%s) AND state = 'waiting'""",
        (now, list(ids)),
    )


async def postpone(db: Database, id_: int, next_try_at: datetime, attempts: int, error: str | None) -> None:
    """It is tried again later."""
    await db.execute(
        "UPDATE deliveries SET next_try_at = %s, attempts = %s, error = %s WHERE id = %s AND state = 'waiting'",
        (next_try_at, attempts, error, id_),
    )


async def park(db: Database, id_: int, attempts: int, error: str) -> None:
    """It cannot be answered as things are."""
    await db.execute(
        """UPDATE deliveries SET state = 'parked', next_try_at = NULL, attempts = %s, error = %s
           WHERE id = %s AND state = 'waiting'""",
        (attempts, error, id_),
    )


async def admit(connection: Connection, whoop_user_id: int, at: datetime) -> None:
    """Somebody has connected a WHOOP account: what it was told of before is to be answered from `at` on."""
    await connection.execute(
        """UPDATE deliveries SET state = 'waiting', next_try_at = %s
           WHERE whoop_user_id = %s AND state IN ('unknown', 'waiting')""",
        (at, whoop_user_id),
    )


async def admit_all(db: Database, now: datetime) -> int:
    """Let those in that came in the very moment in which their account was being connected."""
    return await db.execute(
        """UPDATE deliveries d SET state = 'waiting', next_try_at = %s FROM connections k
           WHERE d.state = 'unknown' AND k.whoop_user_id = d.whoop_user_id AND k.state = 'connected'""",
        (now,),
    )


async def replay(connection: Connection, id_: int, now: datetime) -> DeliveryState | None:
    """Have one answered again at once, unless its account is nobody's; its state from now on, None without such one."""
    await connection.execute(
        """UPDATE deliveries SET state = 'waiting', next_try_at = %s, attempts = 0, error = NULL, settled_at = NULL
           WHERE id = %s AND state <> 'unknown'""",
        (now, id_),
    )
    found = await row(connection, "SELECT state FROM deliveries WHERE id = %s", (id_,))
    return found[0] if found else None


async def newest(db: Database, limit: int = 50, state: str | None = None) -> list[Listed]:
    """The last ones, of one state or of all."""
    found = await db.rows(
        """SELECT id, trace_id, type, record_id, whoop_user_id, received_at, state, attempts, next_try_at, settled_at, error
           FROM deliveries WHERE state = coalesce(%s, state) ORDER BY id DESC LIMIT %s""",
        (state, limit),
    )
    return [Listed(*each) for each in found]


async def forget_old(db: Database, now: datetime) -> int:
    """Drop what has been kept for its time, and call unknown what waits for an account that is disconnected, or has been
    erased or lost its grant and not come back for a day."""
    await db.execute(
        """UPDATE deliveries d SET state = 'unknown', next_try_at = NULL
           WHERE d.state = 'waiting' AND (
               EXISTS (SELECT FROM connections k WHERE k.whoop_user_id = d.whoop_user_id AND k.state = 'not_connected')
               OR d.received_at < %s AND NOT EXISTS (
                   SELECT FROM connections k WHERE k.whoop_user_id = d.whoop_user_id AND k.state = 'connected'))""",
        (now - _WAITS_WITHOUT_GRANT,),
    )
    return sum(
        [
            await db.execute("DELETE FROM deliveries WHERE state = %s AND received_at < %s", (state, now - kept))
            for state, kept in _KEPT.items()
        ]
    )


async def forget(connection: Connection, whoop_user_id: int) -> None:
    """Drop what was received for a WHOOP account."""
    await connection.execute("DELETE FROM deliveries WHERE whoop_user_id = %s", (whoop_user_id,))


async def parked(db: Database) -> list[tuple[str, int, int]]:
    """User id, member id and number of parked ones, for every member who has some."""
    found = await db.rows(
        """SELECT m.user_id, m.id, count(*) FROM deliveries d JOIN connections k USING (whoop_user_id)
           JOIN members m ON m.id = k.member_id WHERE d.state = 'parked' GROUP BY m.id ORDER BY m.id"""
    )
    return [(each[0], each[1], each[2]) for each in found]
