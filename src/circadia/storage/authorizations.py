"""Consents under way: a state known by its hash only, good once and for ten minutes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from circadia.storage.envelope import Keyring
from circadia.storage.postgres import Connection, Database, row

Purpose = Literal["connect", "signin", "signup"]


def fingerprint(secret: str) -> bytes:
    """What is stored of a random secret of 32 characters or more."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class Authorization:
    """A consent that was asked for. `browser_hash` is of the cookie that binds it to a browser.

    Who signs in or up has no `user_id` yet: WHOOP says who it is. `email` is the one that has to be WHOOP's for a
    sign-up, `invitation_hash` is of the invitation that it uses up."""

    user_id: str | None
    code_verifier: str
    redirect_url: str | None
    browser_hash: bytes | None
    purpose: Purpose = "connect"
    email: str | None = None
    invitation_hash: bytes | None = None


_COLUMNS = "user_id, code_verifier, redirect_url, browser_hash, purpose, email, invitation_hash"


async def open_(
    db: Database, keyring: Keyring, state: str, pending: Authorization, now: datetime, expires_at: datetime
) -> None:
    """Remember a consent that is being asked for, and forget those that ran out."""
    key = fingerprint(state)
    async with db.begin() as connection:
        await connection.execute("DELETE FROM authorizations WHERE expires_at <= %s", (now,))
        await connection.execute(
            f"""INSERT INTO authorizations (state_hash, {_COLUMNS}, created_at, expires_at)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                key,
                pending.user_id,
                keyring.seal(pending.code_verifier, table="authorizations", row=key.hex(), column="code_verifier"),
                pending.redirect_url,
                pending.browser_hash,
                pending.purpose,
                pending.email,
                pending.invitation_hash,
                now,
                expires_at,
            ),
        )


async def signins_since(db: Database, since: datetime) -> int:
    """How many consents that say who somebody is were begun since then and are still open."""
    found = await db.row("SELECT count(*) FROM authorizations WHERE purpose <> 'connect' AND created_at > %s", (since,))
    return int(found[0]) if found else 0


async def look(db: Database, keyring: Keyring, state: str, now: datetime) -> Authorization | None:
    """What a state stands for, without using it up."""
    async with db.connection() as connection:
        return await _read(
            connection,
            keyring,
            state,
            f"SELECT {_COLUMNS} FROM authorizations WHERE state_hash = %s AND expires_at > %s",
            now,
        )


async def consume(db: Database, keyring: Keyring, state: str, now: datetime) -> Authorization | None:
    """What a state stands for, used up by this; None when it is unknown, used or run out."""
    async with db.connection() as connection:
        return await _read(
            connection,
            keyring,
            state,
            f"DELETE FROM authorizations WHERE state_hash = %s AND expires_at > %s RETURNING {_COLUMNS}",
            now,
        )


async def bind_browser(db: Database, state: str, browser_hash: bytes) -> None:
    """Tie a consent to the browser that came back with it, for the confirmation that follows."""
    await db.execute(
        "UPDATE authorizations SET browser_hash = %s WHERE state_hash = %s",
        (browser_hash, fingerprint(state)),
    )


async def _read(connection: Connection, keyring: Keyring, state: str, sql: str, now: datetime) -> Authorization | None:
    key = fingerprint(state)
    found = await row(connection, sql, (key, now))
    if found is None:
        return None
    verifier = keyring.open(found[1], table="authorizations", row=key.hex(), column="code_verifier")
    return Authorization(found[0], verifier, found[2], _bytes(found[3]), found[4], found[5], _bytes(found[6]))


def _bytes(found: Any) -> bytes | None:
    return None if found is None else bytes(found)


async def forget_user(connection: Connection, user_id: str, emails: Sequence[str]) -> None:
    """Drop every consent under way for a user, and every one that somebody with such an address has begun."""
    await connection.execute(
        "DELETE FROM authorizations WHERE user_id = %s OR email = ANY (%s)", (user_id, list(emails))
    )
