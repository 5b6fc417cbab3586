"""One-time links: a random token known by its hash only, good once and for a while.

owner        makes whoever opens it the owner
signin       signs in as its user
invitation   lets somebody sign up
share        shows what a member shares
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from circadia.domain.members import ActorKind
from circadia.storage import audit
from circadia.storage.authorizations import fingerprint
from circadia.storage.postgres import Connection, Database, Row, row

LinkKind = Literal["owner", "signin", "invitation", "share"]

LIFETIMES: dict[LinkKind, timedelta] = {
    "owner": timedelta(minutes=15),
    "signin": timedelta(minutes=15),
    "invitation": timedelta(days=7),
    "share": timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Link:
    """What a token stands for. `user_id` is who signs in, who becomes the owner, or whose data are shared."""

    kind: LinkKind
    user_id: str | None
    note: str | None
    made_by: str
    expires_at: datetime
    token_hash: bytes


_COLUMNS = "kind, user_id, note, made_by, expires_at, token_hash"


async def make(
    connection: Connection,
    kind: LinkKind,
    user_id: str | None,
    made_by: str,
    now: datetime,
    *,
    note: str | None = None,
) -> tuple[str, datetime]:
    """A new link's token, of which this is the only copy, and the end of its time; those that ran out are forgotten."""
    token, expires_at = secrets.token_urlsafe(32), now + LIFETIMES[kind]
    await connection.execute("DELETE FROM links WHERE expires_at <= %s", (now,))
    await connection.execute(
        "INSERT INTO links (token_hash, kind, user_id, note, made_by, made_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (fingerprint(token), kind, user_id, note, made_by, now, expires_at),
    )
    return token, expires_at


def url(public_url: str, token: str) -> str:
    """The page of a link, at the address that the installation is reached by."""
    return f"{public_url}/auth/link/{token}"


async def hand_out(
    db: Database,
    public_url: str,
    kind: LinkKind,
    user_id: str | None,
    by: tuple[str, ActorKind],
    now: datetime,
    *,
    note: str | None = None,
) -> tuple[str, datetime]:
    """A new link that is written down: its page, told this once, and the end of its time."""
    async with db.begin() as connection:
        token, expires_at = await make(connection, kind, user_id, by[0], now, note=note)
        await audit.note(connection, now, *by, user_id, "link.made", {"kind": kind})
    return url(public_url, token), expires_at


async def look(db: Database, token: str, now: datetime) -> Link | None:
    """What a token stands for, without using it up; None when it is unknown, used or run out."""
    return _link(
        await db.row(
            f"SELECT {_COLUMNS} FROM links WHERE token_hash = %s AND expires_at > %s", (fingerprint(token), now)
        )
    )


async def consume(connection: Connection, token_hash: bytes, now: datetime) -> Link | None:
    """The same, used up by this."""
    return _link(
        await row(
            connection,
            f"DELETE FROM links WHERE token_hash = %s AND expires_at > %s RETURNING {_COLUMNS}",
            (token_hash, now),
        )
    )


async def forget_user(connection: Connection, user_id: str) -> None:
    """Drop every link of a user."""
    await connection.execute("DELETE FROM links WHERE user_id = %s", (user_id,))


def _link(found: Row | None) -> Link | None:
    return Link(found[0], found[1], found[2], found[3], found[4], bytes(found[5])) if found else None
