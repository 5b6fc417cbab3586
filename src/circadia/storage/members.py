"""Members and their connections as rows."""

from __future__ import annotations

from datetime import datetime, timedelta

from circadia.domain.members import Connection as Grant
from circadia.domain.members import ConnectionState, Member
from circadia.domain.records import offset_of
from circadia.errors import Conflict
from circadia.storage.postgres import Connection, Database, Row, row, rows

_GRANT = (
    "SELECT k.member_id, m.user_id, k.whoop_user_id, k.state, k.scopes, k.connected_at, k.reason "
    "FROM connections k JOIN members m ON m.id = k.member_id"
)


async def find(db: Database, user_id: str) -> Member | None:
    """The member of a user id."""
    found = await db.row("SELECT id, user_id, created_at, as_of FROM members WHERE user_id = %s", (user_id,))
    return Member(*found) if found else None


async def every(db: Database) -> list[Member]:
    """All members, by user id."""
    return [
        Member(*each) for each in await db.rows("SELECT id, user_id, created_at, as_of FROM members ORDER BY user_id")
    ]


async def ensure(connection: Connection, user_id: str, now: datetime) -> int:
    """The id of a user's member, made if need be."""
    await connection.execute(
        "INSERT INTO members (user_id, created_at) VALUES (%s, %s) ON CONFLICT (user_id) DO NOTHING",
        (user_id, now),
    )
    found = await row(connection, "SELECT id FROM members WHERE user_id = %s", (user_id,))
    assert found is not None
    return int(found[0])


async def grant(db: Database, member_id: int) -> Grant | None:
    """A member's connection."""
    return _grant(await db.row(f"{_GRANT} WHERE k.member_id = %s", (member_id,)))


async def grant_of_user(db: Database, user_id: str) -> Grant | None:
    """The connection of a user id."""
    return _grant(await db.row(f"{_GRANT} WHERE m.user_id = %s", (user_id,)))


async def user_of_account(connection: Connection, whoop_user_id: int) -> str | None:
    """The user id of whoever a WHOOP account belongs to here, connected or not."""
    found = await row(
        connection,
        "SELECT m.user_id FROM connections k JOIN members m ON m.id = k.member_id WHERE k.whoop_user_id = %s",
        (whoop_user_id,),
    )
    return found[0] if found else None


async def account_in_use(db: Database, whoop_user_id: int) -> bool:
    """Whether somebody here is connected to a WHOOP account."""
    return bool(
        await db.row("SELECT 1 FROM connections WHERE whoop_user_id = %s AND state = 'connected'", (whoop_user_id,))
    )


async def grants(db: Database, *, state: ConnectionState = "connected") -> list[Grant]:
    """All connections in a state."""
    found = await db.rows(f"{_GRANT} WHERE k.state = %s ORDER BY m.user_id", (state,))
    return [each for each in map(_grant, found) if each is not None]


async def bind(
    connection: Connection, member_id: int, whoop_user_id: int, scopes: frozenset[str], now: datetime
) -> None:
    """Attach a WHOOP account to a member; Conflict when either belongs elsewhere."""
    held = await rows(
        connection,
        "SELECT member_id, whoop_user_id, scopes FROM connections WHERE member_id = %s OR whoop_user_id = %s FOR UPDATE",
        (member_id, whoop_user_id),
    )
    for owner, account, _scopes in held:
        if owner != member_id:
            raise Conflict(
                "this WHOOP account already belongs to another user here; it was not attached, and nothing of this consent was kept",
                kind="whoop_account_taken",
                remedy="Sign in as that user, or have everything of theirs erased first.",
            )
        if account != whoop_user_id:
            raise Conflict(
                "this user's data comes from another WHOOP account; the two are never mixed, and nothing of this consent was kept",
                kind="whoop_account_differs",
                remedy="Consent with the WHOOP account used before, or have everything that is stored erased first.",
            )
    if held and set(held[0][2]) != scopes:
        await note_everything(connection, member_id)
    await connection.execute(
        """INSERT INTO connections AS k (member_id, whoop_user_id, state, scopes, connected_at, changed_at)
           VALUES (%(member)s, %(account)s, 'connected', %(scopes)s, %(now)s, %(now)s)
           ON CONFLICT (member_id) DO UPDATE SET state = 'connected', reason = NULL, scopes = excluded.scopes,
               connected_at = excluded.connected_at, changed_at = excluded.changed_at""",
        {"member": member_id, "account": whoop_user_id, "scopes": sorted(scopes), "now": now},
    )
    # what an earlier grant was parked for is due again
    await connection.execute(
        "UPDATE sync_states SET due_at = %s, failures = 0, error = NULL WHERE member_id = %s", (now, member_id)
    )


async def note_everything(connection: Connection, member_id: int) -> None:
    """Have every day of a member rebuilt, because something that all documents show has changed."""
    await connection.execute(
        "INSERT INTO day_changes (member_id, from_at, to_at) VALUES (%s, '-infinity', 'infinity')",
        (member_id,),
    )


async def mark(
    connection: Connection, member_id: int, state: ConnectionState, reason: str | None, now: datetime
) -> bool:
    """Move a connection to another state; tells whether it was in a different one before."""
    found = await row(
        connection,
        "UPDATE connections SET state = %s, reason = %s, changed_at = %s WHERE member_id = %s AND state <> %s RETURNING 1",
        (state, reason, now, member_id, state),
    )
    return found is not None


async def advance_as_of(connection: Connection, member_id: int, as_of: datetime) -> None:
    """What is stored of a member was true at `as_of`; it never moves back."""
    await connection.execute(
        "UPDATE members SET as_of = greatest(as_of, %s) WHERE id = %s AND as_of IS DISTINCT FROM greatest(as_of, %s)",
        (as_of, member_id, as_of),
    )


async def local_offset(connection: Connection, member_id: int) -> timedelta:
    """The UTC offset of a member's newest cycle; zero before there is one."""
    found = await row(
        connection,
        """SELECT timezone_offset FROM cycles WHERE member_id = %s AND deleted_at IS NULL ORDER BY start DESC LIMIT 1""",
        (member_id,),
    )
    return offset_of(found[0]) if found else timedelta(0)


async def claim_asking(db: Database, member_id: int, now: datetime, not_since: datetime) -> bool:
    """Take the turn to ask WHOOP on demand; False when somebody has asked since `not_since`."""
    return bool(
        await db.execute(
            "UPDATE members SET asked_at = %s WHERE id = %s AND (asked_at IS NULL OR asked_at <= %s)",
            (now, member_id, not_since),
        )
    )


async def erase(connection: Connection, member_id: int) -> None:
    """Remove a member and everything kept about them."""
    await connection.execute("DELETE FROM members WHERE id = %s", (member_id,))


def _grant(found: Row | None) -> Grant | None:
    if found is None:
        return None
    return Grant(found[0], found[1], found[2], found[3], frozenset(found[4]), found[5], found[6])


async def pause(db: Database, member_id: int, at: datetime | None) -> None:
    """Hold a member's history back since `at`; None lets it go on."""
    await db.execute("UPDATE members SET paused_at = %s WHERE id = %s", (at, member_id))


async def paused(db: Database, member_id: int) -> bool:
    """Whether a member's history is held back."""
    return await db.row("SELECT 1 FROM members WHERE id = %s AND paused_at IS NOT NULL", (member_id,)) is not None
