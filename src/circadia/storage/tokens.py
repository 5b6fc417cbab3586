"""Token pairs as rows, sealed; and the one renewal slot a member has over all processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from circadia.domain.members import Token
from circadia.storage.envelope import Keyring, kid_of
from circadia.storage.members import mark
from circadia.storage.postgres import Connection, Database, row, rows


@dataclass(frozen=True, slots=True)
class Slot:
    """What a process sees when it asks for the right to renew.

    `mine` says whether it holds it; `spent_at` is when a refresh token of this version was last sent to WHOOP without
    an answer having been stored (None: never), so that a crash or a lost answer is known to be ambiguous.
    """

    token: Token
    mine: bool
    spent_at: datetime | None


async def load(db: Database, keyring: Keyring, member_id: int) -> Token | None:
    """A member's present pair."""
    found = await db.row(
        "SELECT access_token, refresh_token, obtained_at, expires_at, version FROM tokens WHERE member_id = %s",
        (member_id,),
    )
    return _opened(keyring, member_id, found) if found else None


async def store(connection: Connection, keyring: Keyring, member_id: int, token: Token) -> None:
    """Put a member's pair in place of whatever was there, and free the renewal slot."""
    await connection.execute(
        """INSERT INTO tokens AS t (member_id, access_token, refresh_token, obtained_at, expires_at, version)
           VALUES (%s, %s, %s, %s, %s, nextval('token_versions'))
           ON CONFLICT (member_id) DO UPDATE SET access_token = excluded.access_token,
               refresh_token = excluded.refresh_token, obtained_at = excluded.obtained_at,
               expires_at = excluded.expires_at, version = excluded.version,
               renewing_by = NULL, renewing_until = NULL, spent_at = NULL""",
        (member_id, *_sealed(keyring, member_id, token), token.obtained_at, token.expires_at),
    )


async def claim(
    db: Database, keyring: Keyring, member_id: int, by: UUID, now: datetime | None, held_for: timedelta, version: int
) -> Slot | None:
    """Ask for the renewal slot of a pair. None when the member has no pair any more. `now` None is the database's own
    clock, on which all processes agree."""
    async with db.begin() as connection:
        found = await row(
            connection,
            """SELECT access_token, refresh_token, obtained_at, expires_at, version,
                      coalesce(renewing_until <= coalesce(%s, clock_timestamp()), true), spent_at
               FROM tokens WHERE member_id = %s FOR UPDATE""",
            (now, member_id),
        )
        if found is None:
            return None
        token = _opened(keyring, member_id, found)
        mine = found[5] and token.version == version
        if mine:
            await connection.execute(
                """UPDATE tokens SET renewing_by = %s, renewing_until = coalesce(%s, clock_timestamp()) + %s
                   WHERE member_id = %s""",
                (by, now, held_for, member_id),
            )
        return Slot(token, mine, found[6])


async def record_spending(db: Database, member_id: int, by: UUID, now: datetime | None, held_for: timedelta) -> bool:
    """Write down that the refresh token is about to be sent, and hold the slot from now; False when it is no longer
    ours."""
    return bool(
        await db.execute(
            """UPDATE tokens SET spent_at = coalesce(%(now)s, clock_timestamp()),
                   renewing_until = coalesce(%(now)s, clock_timestamp()) + %(held)s
               WHERE member_id = %(member)s AND renewing_by = %(by)s""",
            {"now": now, "held": held_for, "member": member_id, "by": by},
        )
    )


async def replace(db: Database, keyring: Keyring, member_id: int, fresh: Token) -> bool:
    """Store the pair a renewal brought, whoever holds the slot by now; False when the pair it replaces is gone."""
    access, refresh = _sealed(keyring, member_id, fresh)
    return bool(
        await db.execute(
            """UPDATE tokens SET access_token = %s, refresh_token = %s, obtained_at = %s, expires_at = %s, version = %s,
                   renewing_by = NULL, renewing_until = NULL, spent_at = NULL
               WHERE member_id = %s AND version = %s""",
            (access, refresh, fresh.obtained_at, fresh.expires_at, fresh.version, member_id, fresh.version - 1),
        )
    )


async def lose(db: Database, member_id: int, version: int, reason: str, now: datetime) -> None:
    """The grant behind a pair is dead: the connection needs its member, once, unless a newer pair has come meanwhile."""
    async with db.begin() as connection:
        # before the pair, as a consent locks them
        await connection.execute("SELECT 1 FROM connections WHERE member_id = %s FOR UPDATE", (member_id,))
        found = await row(
            connection, "SELECT 1 FROM tokens WHERE member_id = %s AND version = %s FOR UPDATE", (member_id, version)
        )
        if found is not None:
            await mark(connection, member_id, "needs_reconnect", reason, now)


async def release(db: Database, member_id: int, by: UUID, *, unspent: bool) -> None:
    """Give the slot back; `unspent` when it is certain that the refresh token was not used up."""
    await db.execute(
        """UPDATE tokens SET renewing_by = NULL, renewing_until = NULL, spent_at = CASE WHEN %s THEN NULL ELSE spent_at END
           WHERE member_id = %s AND renewing_by = %s""",
        (unspent, member_id, by),
    )


async def forget(connection: Connection, member_id: int) -> None:
    """Remove a member's pair."""
    await connection.execute("DELETE FROM tokens WHERE member_id = %s", (member_id,))


async def idle_members(db: Database, obtained_before: datetime) -> list[int]:
    """Connected members whose pair is older than `obtained_before`."""
    found = await db.rows(
        """SELECT t.member_id FROM tokens t JOIN connections k USING (member_id)
           WHERE k.state = 'connected' AND t.obtained_at <= %s AND t.refresh_token IS NOT NULL ORDER BY t.obtained_at""",
        (obtained_before,),
    )
    return [each[0] for each in found]


async def reseal(db: Database, keyring: Keyring) -> int:
    """Re-encrypt, row by row and online, what is not sealed with the newest key. Returns how many rows were."""
    count = 0
    for (member_id,) in await db.rows("SELECT member_id FROM tokens"):
        async with db.begin() as connection:
            for found in await rows(
                connection,
                """SELECT access_token, refresh_token, obtained_at, expires_at, version
                   FROM tokens WHERE member_id = %s FOR UPDATE""",
                (member_id,),
            ):
                if kid_of(found[0]) == keyring.newest and (found[1] is None or kid_of(found[1]) == keyring.newest):
                    continue
                sealed = _sealed(keyring, member_id, _opened(keyring, member_id, found))
                await connection.execute(
                    "UPDATE tokens SET access_token = %s, refresh_token = %s WHERE member_id = %s",
                    (*sealed, member_id),
                )
                count += 1
    return count


def _opened(keyring: Keyring, member_id: int, found: tuple[str, str | None, datetime, datetime, int]) -> Token:
    return Token(
        access=keyring.open(found[0], table="tokens", row=member_id, column="access_token"),
        refresh=keyring.open(found[1], table="tokens", row=member_id, column="refresh_token") if found[1] else None,
        obtained_at=found[2],
        expires_at=found[3],
        version=found[4],
    )


def _sealed(keyring: Keyring, member_id: int, token: Token) -> tuple[str, str | None]:
    access = keyring.seal(token.access, table="tokens", row=member_id, column="access_token")
    if token.refresh is None:
        return access, None
    return access, keyring.seal(token.refresh, table="tokens", row=member_id, column="refresh_token")
