"""What the schedule reads and keeps: who is due, how many members share the budget, how a member's days go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from circadia.domain.cadence import Rhythm, usual_waking
from circadia.domain.catalog import RecordType
from circadia.domain.records import offset_of
from circadia.storage.postgres import Connection, Database, row, rows
from circadia.storage.preferences import asks_on_request

NOBODY = Rhythm()
_RHYTHM_OF = timedelta(days=28)
_LONGEST_SLEEP = timedelta(days=1)
_EXPIRING = timedelta(minutes=1)

_OPEN_RUN = "SELECT FROM runs r WHERE r.member_id = s.member_id AND r.state IN ('queued', 'running')"
_GRANTED = (
    "JOIN connections k ON k.member_id = s.member_id AND k.state = 'connected' "
    f"AND NOT {asks_on_request('s.member_id')} "
    "JOIN unnest(%(names)s::text[], %(scopes)s::text[]) AS t (name, scope) ON t.name = s.type AND t.scope = ANY (k.scopes)"
)


@dataclass(frozen=True, slots=True)
class Due:
    """A member's types that are due, the longest waiting since `since`."""

    member_id: int
    types: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """Connected members alike in what they allowed and in whether webhooks about them arrive."""

    scopes: frozenset[str]
    pushed: bool
    members: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A (member, type) and when the last deep comparison of it was, or its history arrived."""

    member_id: int
    type: str
    last_at: datetime


async def due(db: Database, types: Sequence[RecordType], now: datetime, limit: int, *, quiet: bool) -> list[Due]:
    """Who is due, longest waiting first, at most `limit` (member, type) pairs. Not those who want to be asked for, nor
    with a sync that waits or runs; nor, in the `quiet` minutes, those whose token would have to be renewed."""
    found = await db.rows(
        f"""SELECT x.member_id, array_agg(x.type ORDER BY x.due_at, x.type), min(x.due_at) FROM (
                SELECT s.member_id, s.type, s.due_at FROM sync_states s {_GRANTED}
                WHERE s.due_at <= %(now)s AND NOT EXISTS ({_OPEN_RUN} AND r.kind = 'sync')
                  AND NOT (%(quiet)s AND EXISTS (
                      SELECT FROM tokens a WHERE a.member_id = s.member_id AND a.expires_at <= %(expiring)s))
                ORDER BY s.due_at LIMIT %(limit)s) x
            GROUP BY x.member_id ORDER BY min(x.due_at)""",
        {**_named(types), "now": now, "quiet": quiet, "expiring": now + _EXPIRING, "limit": limit},
    )
    return [Due(each[0], tuple(each[1]), each[2]) for each in found]


async def longest_uncompared(
    db: Database, types: Sequence[RecordType], column: str, before: datetime, now: datetime, limit: int
) -> list[Compared]:
    """Pairs whose history is here and whose comparison (`compared_recent_at` or `compared_all_at`) is older than
    `before`, oldest first; not those of members with any run that waits or runs, or with failures, nor one that rests."""
    found = await db.rows(
        f"""SELECT s.member_id, s.type, coalesce(s.{column}, s.history_done_at) FROM sync_states s {_GRANTED}
            WHERE coalesce(s.{column}, s.history_done_at) < %(before)s AND s.failures = 0
              AND coalesce((s.walk ->> 'rests_until')::timestamptz, '-infinity') <= %(now)s
              AND NOT EXISTS ({_OPEN_RUN})
            ORDER BY coalesce(s.{column}, s.history_done_at) LIMIT %(limit)s""",
        {**_named(types), "before": before, "now": now, "limit": limit},
    )
    return [Compared(*each) for each in found]


async def pull_in(db: Database, waits: Mapping[str, timedelta], now: datetime) -> int:
    """Give a nearer date, spread over the longest wait that the plan knows for a type now, to what is due later than
    that: it was set by another plan, or when there was less budget."""
    return await db.execute(
        """UPDATE sync_states s SET due_at = %(now)s + t.longest * ((hashint8(s.member_id) & 1023) / 1024.0)
           FROM unnest(%(names)s::text[], %(waits)s::interval[]) AS t (name, longest)
           WHERE t.name = s.type AND s.due_at > %(now)s + t.longest""",
        {"names": list(waits), "waits": list(waits.values()), "now": now},
    )


async def groups(db: Database, pushed_since: datetime) -> list[Group]:
    """The connected members of the schedule by scopes and by whether a webhook about them has come since an instant."""
    found = await db.rows(
        f"""SELECT scopes, coalesce(pushed_at >= %(since)s, false) AS pushed, count(*) FROM connections k
            WHERE state = 'connected' AND NOT {asks_on_request("k.member_id")} GROUP BY scopes, pushed""",
        {"since": pushed_since},
    )
    return [Group(frozenset(each[0]), each[1], each[2]) for each in found]


async def unscored(db: Database, pushed_since: datetime) -> dict[bool, int]:
    """(member, type) pairs with records that wait for a score, by whether webhooks about the member arrive."""
    found = await db.rows(
        f"""SELECT coalesce(k.pushed_at >= %(since)s, false) AS pushed, count(*) FROM sync_states s
            JOIN connections k USING (member_id)
            WHERE s.pending > 0 AND k.state = 'connected' AND NOT {asks_on_request("k.member_id")} GROUP BY pushed""",
        {"since": pushed_since},
    )
    return {each[0]: each[1] for each in found}


async def outstanding(db: Database, lanes: Sequence[str]) -> int:
    """Requests that runs of these lanes, waiting or under way, are going to need: one for each of their types. A
    history that is held back needs none."""
    found = await db.row(
        """SELECT coalesce(sum(cardinality(r.types)), 0) FROM runs r JOIN members m ON m.id = r.member_id
           WHERE r.state IN ('queued', 'running') AND r.lane = ANY (%s)
             AND NOT (r.kind = 'backfill' AND m.paused_at IS NOT NULL)""",
        (list(lanes),),
    )
    return int(found[0]) if found else 0


async def rhythm(connection: Connection, member_id: int, pushed_since: datetime, pending: int) -> Rhythm:
    """A member as the rules of cadence see them; the offset is that of the newest cycle."""
    found = await row(
        connection,
        """SELECT m.wakes_at_min, coalesce(k.pushed_at >= %(since)s, false),
                  (SELECT c.timezone_offset FROM cycles c WHERE c.member_id = m.id AND c.deleted_at IS NULL
                   ORDER BY c.start DESC LIMIT 1)
           FROM members m JOIN connections k ON k.member_id = m.id WHERE m.id = %(member)s""",
        {"member": member_id, "since": pushed_since},
    )
    wakes_at_min, pushed, offset = found or (None, False, None)
    return Rhythm(member_id, offset_of(offset) if offset else timedelta(0), wakes_at_min, pushed, pending)


async def learn_waking(connection: Connection, member_id: int, now: datetime) -> None:
    """Keep when a member usually wakes: the median of the ends of four weeks' main sleeps, in their own local time."""
    found = await rows(
        connection,
        """SELECT s."end", s.timezone_offset FROM sleeps s
           WHERE s.member_id = %(member)s AND s.deleted_at IS NULL AND NOT s.nap AND s.start > %(since)s""",
        {"member": member_id, "since": now - _RHYTHM_OF - _LONGEST_SLEEP},
    )
    local = [end + offset_of(offset) for end, offset in found if end > now - _RHYTHM_OF]
    await connection.execute(
        "UPDATE members SET wakes_at_min = %(minute)s WHERE id = %(member)s AND wakes_at_min IS DISTINCT FROM %(minute)s",
        {"member": member_id, "minute": usual_waking([each.hour * 60 + each.minute for each in local])},
    )


def _named(types: Sequence[RecordType]) -> dict[str, list[str]]:
    return {"names": [each.name for each in types], "scopes": [each.scope for each in types]}
