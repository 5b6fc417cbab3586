"""People's settings, as JSON that `domain.preferences` reads."""

from __future__ import annotations

from datetime import datetime

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from circadia.domain.preferences import Preferences
from circadia.storage.postgres import Connection, Database


def asks_on_request(member_id: str) -> str:
    """SQL that is true of a member, named by an expression for their id, whom the schedule leaves out."""
    return (
        "EXISTS (SELECT FROM preferences p JOIN members pm USING (user_id) "
        f"WHERE pm.id = {member_id} AND p.settings ->> 'sync' = 'on_request')"
    )


async def get(db: Database, user_id: str) -> Preferences:
    """A person's settings. One that this version does not know, or knows otherwise, is as if it had never been said."""
    found = await db.row("SELECT settings FROM preferences WHERE user_id = %s", (user_id,))
    said = {name: value for name, value in (found[0] if found else {}).items() if name in Preferences.model_fields}
    try:
        return Preferences.model_validate(said)
    except ValidationError as error:
        wrong = {each["loc"][0] for each in error.errors()}
        return Preferences.model_validate({name: value for name, value in said.items() if name not in wrong})


async def put(db: Database, user_id: str, settings: Preferences, now: datetime) -> None:
    """Put these settings in place of a person's present ones."""
    await db.execute(
        """INSERT INTO preferences (user_id, settings, changed_at) VALUES (%s, %s, %s)
           ON CONFLICT (user_id) DO UPDATE SET settings = excluded.settings, changed_at = excluded.changed_at""",
        (user_id, Jsonb(settings.model_dump()), now),
    )


async def forget(connection: Connection, user_id: str) -> bool:
    """Remove a person's settings; whether there were any."""
    return (await connection.execute("DELETE FROM preferences WHERE user_id = %s", (user_id,))).rowcount > 0
