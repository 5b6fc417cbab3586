"""Notices and their sendings as rows.

A sending is one notice on one channel: due at `next_try_at`, told at `sent_at`. It is claimed by moving its next try
ahead, so that two processes do not send it at the same time and a dead one's is sent again. A sending without a next
try is done, or, with an error, given up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from circadia.domain.notices import SUMMARISED, Kind, Trouble, retry_after
from circadia.storage.postgres import Connection, Database, row, rows

_COLUMNS = "n.id, n.kind, n.member_id, m.user_id, n.type, n.message, n.remedy, n.raised_at, n.over_at"
_FROM = "notices n LEFT JOIN members m ON m.id = n.member_id"
_LOCK = 0x6E6F7469


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the owner has to know; over at `over_at`."""

    id: int
    kind: Kind
    member_id: int | None
    user_id: str | None
    type: str | None
    message: str
    remedy: str | None
    raised_at: datetime
    over_at: datetime | None

    @property
    def summary(self) -> bool:
        """Whether it stands for many of its kind."""
        return self.member_id is None and self.kind in SUMMARISED


@dataclass(frozen=True, slots=True)
class Sending:
    """How the telling of a notice on a channel stands."""

    notice_id: int
    channel: str
    attempts: int
    next_try_at: datetime | None
    sent_at: datetime | None
    error: str | None

    @property
    def given_up(self) -> bool:
        """Whether it failed for good."""
        return self.error is not None and self.next_try_at is None


async def lock(connection: Connection) -> None:
    """One process at a time compares and raises."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


async def open_ones(db: Database, member_id: int | None = None) -> list[Notice]:
    """The notices that are not over, of one member or all, oldest first."""
    async with db.connection() as connection:
        found = await standing(connection)
    return [each for each in found if member_id is None or each.member_id == member_id]


async def standing(connection: Connection) -> list[Notice]:
    """The notices that are not over, oldest first."""
    found = await rows(connection, f"SELECT {_COLUMNS} FROM {_FROM} WHERE n.over_at IS NULL ORDER BY n.id")
    return [Notice(*each) for each in found]


async def newest(db: Database, limit: int) -> list[Notice]:
    """The last ones: those that are not over first, then by age."""
    found = await db.rows(
        f"SELECT {_COLUMNS} FROM {_FROM} ORDER BY n.over_at IS NOT NULL, n.id DESC LIMIT %s", (limit,)
    )
    return [Notice(*each) for each in found]


async def raise_(connection: Connection, trouble: Trouble, now: datetime) -> int:
    """Raise a notice that is not standing; returns its id."""
    found = await row(
        connection,
        """INSERT INTO notices (kind, member_id, type, message, remedy, raised_at) VALUES (%s, %s, %s, %s, %s, %s)
           RETURNING id""",
        (trouble.kind, trouble.member_id, trouble.type, trouble.message, trouble.remedy, now),
    )
    assert found is not None
    return int(found[0])


async def end(connection: Connection, notice_ids: Collection[int], now: datetime) -> None:
    """These are over; who was told of them is told that as well."""
    await connection.execute(
        """WITH over AS (UPDATE notices SET over_at = %(now)s WHERE id = ANY (%(ids)s) AND over_at IS NULL RETURNING id)
           UPDATE notice_sendings s SET next_try_at = %(now)s, attempts = 0 FROM over
           WHERE s.notice_id = over.id AND s.sent_at IS NOT NULL""",
        {"ids": list(notice_ids), "now": now},
    )


async def supersede(connection: Connection, kind: Kind, now: datetime) -> None:
    """A new summary takes the place of the one that stands, about which nothing more is said."""
    await connection.execute(
        """WITH past AS (UPDATE notices SET over_at = %s WHERE kind = %s AND member_id IS NULL AND over_at IS NULL RETURNING id)
           UPDATE notice_sendings s SET next_try_at = NULL FROM past WHERE s.notice_id = past.id""",
        (now, kind),
    )


async def untold(connection: Connection) -> list[Notice]:
    """Standing notices that no channel has been asked to tell, by themselves or as part of a summary."""
    found = await rows(
        connection,
        f"""SELECT {_COLUMNS} FROM {_FROM}
            WHERE n.over_at IS NULL AND NOT EXISTS (SELECT 1 FROM notice_sendings s WHERE s.notice_id = n.id)
              AND NOT (n.member_id IS NULL AND n.kind = ANY (%(kinds)s))
              AND NOT EXISTS (SELECT 1 FROM notices u WHERE u.kind = n.kind AND u.kind = ANY (%(kinds)s)
                                AND u.member_id IS NULL AND u.raised_at >= n.raised_at)
            ORDER BY n.id""",
        {"kinds": list(SUMMARISED)},
    )
    return [Notice(*each) for each in found]


async def told_since(connection: Connection, kind: Kind, since: datetime) -> tuple[int, bool]:
    """How many notices of a kind raised after `since` are told one by one, and whether a summary was raised."""
    found = await row(
        connection,
        """SELECT count(*) FILTER (WHERE member_id IS NOT NULL AND EXISTS (
                      SELECT 1 FROM notice_sendings s WHERE s.notice_id = n.id)),
                  count(*) FILTER (WHERE member_id IS NULL) > 0
           FROM notices n WHERE kind = %s AND raised_at > %s""",
        (kind, since),
    )
    assert found is not None
    return found[0], found[1]


async def address(connection: Connection, notice_ids: Collection[int], channels: Sequence[str], now: datetime) -> None:
    """Have notices told on these channels."""
    await connection.execute(
        """INSERT INTO notice_sendings (notice_id, channel, next_try_at)
           SELECT n, c, %s FROM unnest(%s::bigint[]) n, unnest(%s::text[]) c ON CONFLICT DO NOTHING""",
        (now, list(notice_ids), list(channels)),
    )


async def claim(db: Database, channel: str, now: datetime) -> tuple[Notice, Sending] | None:
    """The next due sending of a channel, as it stands after this try: nobody else gets it before its next one."""
    async with db.begin() as connection:
        found = await row(
            connection,
            f"""SELECT {_COLUMNS}, s.attempts + 1, s.sent_at, s.error
                FROM {_FROM} JOIN notice_sendings s ON s.notice_id = n.id
                WHERE s.channel = %s AND s.next_try_at <= %s ORDER BY s.next_try_at, n.id LIMIT 1
                FOR UPDATE OF s SKIP LOCKED""",
            (channel, now),
        )
        if found is None:
            return None
        notice = Notice(*found[:9])
        attempts, sent_at, error = found[9:]
        wait = retry_after(attempts)
        sending = Sending(notice.id, channel, attempts, now + wait if wait else None, sent_at, error)
        await connection.execute(
            "UPDATE notice_sendings SET attempts = %s, next_try_at = %s WHERE notice_id = %s AND channel = %s",
            (attempts, sending.next_try_at, notice.id, channel),
        )
    return notice, sending


async def succeed(db: Database, told: Notice, channel: str, now: datetime) -> None:
    """A notice was told as it is in `told`; if it has ended meanwhile, that is still to be told."""
    await db.execute(
        """UPDATE notice_sendings s SET sent_at = %(now)s, error = NULL, attempts = 0,
               next_try_at = CASE WHEN n.over_at IS DISTINCT FROM %(over)s THEN %(now)s END
           FROM notices n WHERE n.id = s.notice_id AND s.notice_id = %(id)s AND s.channel = %(channel)s""",
        {"id": told.id, "channel": channel, "over": told.over_at, "now": now},
    )


async def fail(db: Database, sending: Sending, error: str) -> None:
    """This try failed: say why. When the next one is was settled by the claim."""
    await db.execute(
        "UPDATE notice_sendings SET error = %s WHERE notice_id = %s AND channel = %s AND attempts = %s",
        (error, sending.notice_id, sending.channel, sending.attempts),
    )


async def sendings(db: Database, notice_ids: Collection[int]) -> list[Sending]:
    """How these notices are told, by notice and channel."""
    found = await db.rows(
        """SELECT notice_id, channel, attempts, next_try_at, sent_at, error FROM notice_sendings
           WHERE notice_id = ANY (%s) ORDER BY notice_id, channel""",
        (list(notice_ids),),
    )
    return [Sending(*each) for each in found]


async def forget_before(connection: Connection, before: datetime) -> None:
    """Drop what has been over since before an instant."""
    await connection.execute("DELETE FROM notices WHERE over_at < %s", (before,))
