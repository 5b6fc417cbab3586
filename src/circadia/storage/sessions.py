"""Browsers that are signed in. A token is shown once, in a cookie; its hash is what is kept.

A token is replaced from time to time: another is offered, and counts from when it is first shown, because the answer
that brings it may be lost. From then on the one before stays good for a minute, for requests that were on their way; who
shows it later has copied it (or is the one it was copied from), and the session ends for both.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from circadia.storage import audit
from circadia.storage.authorizations import fingerprint
from circadia.storage.people import Person
from circadia.storage.postgres import Connection, Database, Row, row

IDLE = timedelta(days=14)
"""A session ends when it is not used for so long."""

LIFETIME = timedelta(days=90)
"""A session ends so long after the sign-in, however much it is used."""

GRACE = timedelta(seconds=60)
"""How long a request or an answer may be on its way: so long the token before the present one stays good, and a token
that was offered is waited for."""

_SEEN_STEP = timedelta(minutes=1)
_LONGEST_AGENT = 200

_COLUMNS = (
    "s.id, p.user_id, p.role, p.name, p.created_at, s.how, s.agent, s.created_at, s.rotated_at, s.seen_at, "
    "s.expires_at, s.token_hash, s.offered_hash"
)


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. `token_hash` is of the token that counts now, since `rotated_at`; `offered_hash` of the one
    that will as soon as it is shown."""

    id: UUID
    person: Person
    how: str
    agent: str | None
    created_at: datetime
    rotated_at: datetime
    seen_at: datetime
    expires_at: datetime
    token_hash: bytes
    offered_hash: bytes | None

    def good(self, now: datetime) -> bool:
        """Whether it is within both of its times."""
        return now < self.expires_at and now < self.seen_at + IDLE


async def open_(connection: Connection, user_id: str, how: str, agent: str | None, now: datetime) -> str:
    """Sign a person in and return the token, the only copy there will ever be. `how` is the way they came, `agent`
    what their browser calls itself. Sessions that have ended are forgotten."""
    token = secrets.token_urlsafe(32)
    await connection.execute("DELETE FROM sessions WHERE expires_at <= %s OR seen_at <= %s", (now, now - IDLE))
    await connection.execute(
        """INSERT INTO sessions (id, token_hash, user_id, how, agent, created_at, rotated_at, seen_at, expires_at)
           VALUES (%(id)s, %(hash)s, %(user)s, %(how)s, %(agent)s, %(now)s, %(now)s, %(now)s, %(end)s)""",
        {
            "id": uuid4(),
            "hash": fingerprint(token),
            "user": user_id,
            "how": how,
            "agent": _printable(agent),
            "now": now,
            "end": now + LIFETIME,
        },
    )
    return token


async def check(db: Database, token: str, now: datetime) -> Session | None:
    """The session of a token, if it is good now. One that was offered takes the place of the present one by this; one
    whose successor has been shown for a minute ends its session."""
    key = fingerprint(token)
    found = await db.row(
        f"""SELECT {_COLUMNS} FROM sessions s JOIN people p USING (user_id)
            WHERE s.token_hash = %(key)s OR s.offered_hash = %(key)s OR s.previous_hash = %(key)s""",
        {"key": key},
    )
    session = _session(found) if found else None
    if session is None or not session.good(now):
        return None
    if session.offered_hash == key:
        session = await _taken(db, session, key, now)
    elif session.token_hash != key and now >= session.rotated_at + GRACE:
        await _end_reused(db, session, now)
        return None
    if session.seen_at <= now - _SEEN_STEP:
        await db.execute(
            "UPDATE sessions SET seen_at = %s WHERE id = %s AND seen_at <= %s", (now, session.id, now - _SEEN_STEP)
        )
    return session


async def again(db: Database, session: Session, now: datetime) -> Session | None:
    """A session as it is by now, None when it has ended: for a request that goes on while its token is replaced."""
    found = await db.row(
        f"SELECT {_COLUMNS} FROM sessions s JOIN people p USING (user_id) WHERE s.id = %s", (session.id,)
    )
    present = _session(found) if found else None
    return present if present is not None and present.good(now) else None


async def offer(db: Database, session: Session, now: datetime) -> str | None:
    """A fresh token to take the place of the present one when it is shown, and now of one that was offered more than a
    minute ago; None while such one may be on its way, or when the present one is another or the session has ended."""
    token = secrets.token_urlsafe(32)
    offered = await db.execute(
        """UPDATE sessions SET offered_hash = %s, offered_at = %s
           WHERE id = %s AND token_hash = %s AND (offered_at IS NULL OR offered_at <= %s)""",
        (fingerprint(token), now, session.id, session.token_hash, now - GRACE),
    )
    return token if offered else None


async def every(db: Database, user_id: str, now: datetime) -> list[Session]:
    """A person's sessions that are good now, the last used first."""
    found = await db.rows(
        f"""SELECT {_COLUMNS} FROM sessions s JOIN people p USING (user_id) WHERE s.user_id = %s
            ORDER BY s.seen_at DESC, s.id""",
        (user_id,),
    )
    return [each for each in map(_session, found) if each.good(now)]


async def end(connection: Connection, user_id: str, session_id: UUID) -> bool:
    """End one of a person's sessions; False when they have no such session."""
    cursor = await connection.execute("DELETE FROM sessions WHERE id = %s AND user_id = %s", (session_id, user_id))
    return cursor.rowcount > 0


async def end_all(connection: Connection, user_id: str) -> int:
    """End all sessions of a person; returns how many there were."""
    return (await connection.execute("DELETE FROM sessions WHERE user_id = %s", (user_id,))).rowcount


async def _taken(db: Database, session: Session, key: bytes, now: datetime) -> Session:
    await db.execute(
        """UPDATE sessions SET previous_hash = token_hash, token_hash = offered_hash, offered_hash = NULL, rotated_at = %s
           WHERE id = %s AND offered_hash = %s""",
        (now, session.id, key),
    )
    return replace(session, token_hash=key, offered_hash=None, rotated_at=now)


async def _end_reused(db: Database, session: Session, now: datetime) -> None:
    async with db.begin() as connection:
        user_id = session.person.user_id
        if await row(connection, "DELETE FROM sessions WHERE id = %s RETURNING 1", (session.id,)):
            await audit.note(
                connection, now, user_id, "system", user_id, "session.reused", {"session": str(session.id)}
            )


def _session(found: Row) -> Session:
    identity, *person = found[:5]
    how, agent, created_at, rotated_at, seen_at, expires_at, token, offered = found[5:]
    hashes = bytes(token), bytes(offered) if offered else None
    return Session(identity, Person(*person), how, agent, created_at, rotated_at, seen_at, expires_at, *hashes)


def _printable(agent: str | None) -> str | None:
    return "".join(each for each in agent if each.isprintable())[:_LONGEST_AGENT] if agent else None
