"""Who had a link at a WHOOP service that runs elsewhere, as it was last heard: for when it is in trouble and this process
has not heard of a user yet."""

from __future__ import annotations

from dataclasses import dataclass

from circadia.clock import Clock
from circadia.storage.postgres import Connection, Database


@dataclass(frozen=True, slots=True)
class LinkMemory:
    """The links that were heard of. Raises UpstreamDown when the database is away."""

    db: Database
    clock: Clock

    async def note(self, whoop_id: str, *, linked: bool) -> None:
        """A link was heard to be there, or not to be."""
        await self.db.execute(
            """INSERT INTO whoop_links (whoop_id, linked, heard_at) VALUES (%s, %s, %s)
               ON CONFLICT (whoop_id) DO UPDATE SET linked = excluded.linked, heard_at = excluded.heard_at""",
            (whoop_id, linked, self.clock()),
        )

    async def recall(self, whoop_id: str) -> bool | None:
        """Whether there was a link when it was last heard of; None when it never was."""
        found = await self.db.row("SELECT linked FROM whoop_links WHERE whoop_id = %s", (whoop_id,))
        return bool(found[0]) if found else None

    async def drop(self, whoop_id: str) -> None:
        """What was heard may not be so any more."""
        async with self.db.connection() as connection:
            await forget(connection, whoop_id)


async def forget(connection: Connection, whoop_id: str) -> None:
    """The same within a transaction."""
    await connection.execute("DELETE FROM whoop_links WHERE whoop_id = %s", (whoop_id,))
