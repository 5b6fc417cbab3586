"""The e-mail addresses whose owners may sign up under SIGNUP=allowlist. Case does not count."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from circadia.storage.postgres import Connection, Database


async def every(db: Database) -> list[str]:
    """All addresses, in order."""
    return [each[0] for each in await db.rows("SELECT email FROM allowed_emails ORDER BY email")]


async def holds(db: Database, email: str) -> bool:
    """Whether an address is on the list."""
    return await db.row("SELECT 1 FROM allowed_emails WHERE email = %s", (email.casefold(),)) is not None


async def replace(connection: Connection, emails: Iterable[str], now: datetime) -> None:
    """Put these in place of the present ones; who stays keeps the time they were added."""
    wanted = sorted({each.casefold() for each in emails})
    await connection.execute("DELETE FROM allowed_emails WHERE email <> ALL (%s)", (wanted,))
    await connection.execute(
        "INSERT INTO allowed_emails (email, added_at) SELECT unnest(%s::text[]), %s ON CONFLICT (email) DO NOTHING",
        (wanted, now),
    )
