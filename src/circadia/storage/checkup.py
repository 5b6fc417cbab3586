"""What there is to know about how a member's data come in, for whoever asks why some are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from circadia.domain.catalog import CATALOG, RecordType
from circadia.storage.overview import LAST_DELIVERY
from circadia.storage.postgres import Connection, Database, row, rows

PUSH_LATENESS = timedelta(hours=2)
"""WHOOP sends a webhook again for about an hour after a failure: a change this much older than now should have had its
own by now."""


@dataclass(frozen=True, slots=True)
class TokenTimes:
    """When a member's pair was issued and until when its access token works; whether it can be renewed; and since when
    a renewal has been without an answer."""

    obtained_at: datetime
    expires_at: datetime
    renewable: bool
    unanswered_since: datetime | None


@dataclass(frozen=True, slots=True)
class Pushes:
    """A member's webhooks: the last one by noun, the last of anybody's, those that wait (since when) and those given up
    with the reasons."""

    last: dict[str, datetime]
    last_of_anybody: datetime | None
    waiting: int
    waiting_since: datetime | None
    parked: int
    parked_because: list[str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read: its JSON text and what did not fit."""

    type: str
    error: str
    raw: str


async def token(db: Database, member_id: int) -> TokenTimes | None:
    """The times of a member's pair; None without one."""
    found = await db.row(
        "SELECT obtained_at, expires_at, refresh_token IS NOT NULL, spent_at FROM tokens WHERE member_id = %s",
        (member_id,),
    )
    return TokenTimes(*found) if found else None


async def pushes(connection: Connection, whoop_user_id: int) -> Pushes:
    """The webhooks of a WHOOP account."""
    last = await rows(
        connection,
        "SELECT split_part(type, '.', 1), max(received_at) FROM deliveries WHERE whoop_user_id = %s GROUP BY 1",
        (whoop_user_id,),
    )
    found = await row(
        connection,
        f"""SELECT ({LAST_DELIVERY}), count(*) FILTER (WHERE state = 'waiting'),
                  min(received_at) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'parked'),
                  array_agg(DISTINCT error) FILTER (WHERE state = 'parked' AND error IS NOT NULL)
           FROM deliveries WHERE whoop_user_id = %s""",
        (whoop_user_id,),
    )
    of_anybody, waiting, since, parked, because = found or (None, 0, None, 0, None)
    return Pushes(dict(last), of_anybody, waiting, since, parked, because or [])


async def unannounced(connection: Connection, member_id: int, after: datetime, before: datetime) -> int:
    """How many records that WHOOP sends webhooks about were changed in a stretch of time: found by asking, because
    no webhook told of them."""
    pushed = [each for each in CATALOG if each.push]
    parts = (
        f"SELECT count(*) AS n FROM {each.table} WHERE member_id = %(member)s AND source = 'api' "
        "AND updated_at > %(after)s AND updated_at < %(before)s"
        for each in pushed
    )
    found = await row(
        connection,
        f"SELECT sum(n) FROM ({' UNION ALL '.join(parts)}) counted",
        {"member": member_id, "after": after, "before": before},
    )
    return int(found[0]) if found else 0


async def rejected(connection: Connection, member_id: int, limit: int = 200) -> list[Rejected]:
    """A member's records that could not be read, newest first."""
    found = await rows(
        connection,
        "SELECT type, error, raw::text FROM rejects WHERE member_id = %s ORDER BY last_seen_at DESC, id DESC LIMIT %s",
        (member_id, limit),
    )
    return [Rejected(*each) for each in found]


async def deleted_days(connection: Connection, type_: RecordType, member_id: int, since: datetime) -> list[date]:
    """Dates of records that were deleted at WHOOP, as near as a tombstone tells, of those that began after `since`."""
    if type_.timed:
        column, later = type_.own_day or ("start", timedelta(0))
        name = f't."{column}"'
        day = f"local_date({name} + %(later)s, t.timezone_offset)"
        at = "t.start"
    else:
        later, day, at = timedelta(0), "(t.created_at AT TIME ZONE 'UTC')::date", "t.created_at"
    found = await rows(
        connection,
        f"SELECT DISTINCT {day} FROM {type_.table} t "
        f"WHERE t.member_id = %(member)s AND t.deleted_at IS NOT NULL AND {at} >= %(since)s",
        {"member": member_id, "since": since, "later": later},
    )
    return [each[0] for each in found]


async def first_day(db: Database, member_id: int) -> date | None:
    """The first date of which anything is stored."""
    found: Sequence[date | None] | None = await db.row("SELECT min(day) FROM days WHERE member_id = %s", (member_id,))
    return found[0] if found else None
