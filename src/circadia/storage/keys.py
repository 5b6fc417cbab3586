"""Service keys: shown once, kept as a keyed hash.

A key reads `circadia_<id>_<secret>`: the id finds the row, the secret is compared in constant time.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from circadia.domain.members import ApiKey
from circadia.storage.envelope import Keyring
from circadia.storage.postgres import Connection, Database, Row

_COLUMNS = "id, name, scopes, created_at, expires_at, last_used_at, revoked_at"
_LAST_USE_STEP = timedelta(minutes=1)


async def create(
    to: Database | Connection,
    keyring: Keyring,
    name: str,
    scopes: frozenset[str],
    now: datetime,
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """Make a key, in somebody's transaction or by itself; the text is the only copy there will ever be."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    await to.execute(
        """INSERT INTO api_keys (id, name, secret_hash, kid, scopes, created_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (key_id, name, keyring.hash(secret), keyring.newest, sorted(scopes), now, expires_at),
    )
    return ApiKey(key_id, name, scopes, now, expires_at), f"circadia_{key_id}_{secret}"


async def check(db: Database, keyring: Keyring, presented: str, now: datetime) -> ApiKey | None:
    """The key a text belongs to, if it is good now."""
    prefix, _, rest = presented.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != "circadia" or not secret:
        return None
    found = await db.row(f"SELECT {_COLUMNS}, secret_hash, kid FROM api_keys WHERE id = %s", (key_id,))
    stored, kid = (bytes(found[7]), found[8]) if found else (b"\0" * 32, keyring.newest)
    matches = hmac.compare_digest(keyring.hash(secret, kid=kid), stored)
    if found is None or not matches:
        return None
    key = _key(found)
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        return None
    return key


async def touch(db: Database, key: ApiKey, now: datetime) -> None:
    """Note that a key was used, at most once a minute."""
    await db.execute(
        "UPDATE api_keys SET last_used_at = %s WHERE id = %s AND (last_used_at IS NULL OR last_used_at <= %s)",
        (now, key.id, now - _LAST_USE_STEP),
    )


async def every(db: Database) -> list[ApiKey]:
    """All keys, newest first."""
    return [_key(each) for each in await db.rows(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at DESC")]


async def revoke(connection: Connection, key_id: str, now: datetime) -> bool:
    """End a key; False when there is no such key or it has ended already."""
    cursor = await connection.execute(
        "UPDATE api_keys SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL", (now, key_id)
    )
    return cursor.rowcount > 0


def _key(found: Row) -> ApiKey:
    return ApiKey(found[0], found[1], frozenset(found[2]), found[3], found[4], found[5], found[6])
