"""Who an app's users are at the sources: a row where somebody has said so, else the same id everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg.errors import UniqueViolation

from circadia.domain.identities import Identity
from circadia.domain.readings import Source
from circadia.errors import Conflict
from circadia.storage.postgres import Connection, Database, Row, rows

_COLUMNS = "user_id, sahha_id, whoop_id"
_NAMING = f"SELECT {_COLUMNS} FROM identities WHERE user_id = %(id)s OR sahha_id = %(id)s OR whoop_id = %(id)s"
"""Every row in which an id occurs."""


async def resolve(db: Database, user_id: str) -> Identity:
    """Who a user is. Without a row both ids are the user's own, unless another user's row claims that id: then they
    are not there."""
    return _of(await db.rows(_NAMING, {"id": user_id}), user_id)


async def holders(db: Database, user_id: str) -> dict[Source, str]:
    """The other users who were given a user's own id, by the source at which it is theirs."""
    others = [each for each in await db.rows(_NAMING, {"id": user_id}) if each[0] != user_id]
    places: tuple[tuple[Source, int], ...] = (("sahha", 1), ("whoop", 2))
    return {source: str(each[0]) for source, place in places for each in others if each[place] == user_id}


async def put(db: Database, identity: Identity, now: datetime) -> None:
    """Say who a user is, in place of whatever was said before. Conflict when another user's row claims an id."""
    try:
        await db.execute(
            """INSERT INTO identities (user_id, sahha_id, whoop_id, changed_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT (user_id) DO UPDATE SET sahha_id = excluded.sahha_id, whoop_id = excluded.whoop_id,
                   changed_at = excluded.changed_at""",
            (identity.user_id, identity.sahha_id, identity.whoop_id, now),
        )
    except UniqueViolation as error:
        source, claimed = (
            ("Sahha", identity.sahha_id)
            if error.diag.constraint_name == "identities_sahha_id_key"
            else ("WHOOP", identity.whoop_id)
        )
        raise Conflict(
            f"another user is {claimed} at {source} already",
            kind="identity_taken",
            remedy="`circadia identity list` shows who; change or remove that one first.",
        ) from error


async def remove(db: Database, user_id: str) -> Identity:
    """Take back what was said of a user; returns who they are without it."""
    async with db.begin() as connection:
        return await forget(connection, user_id)


async def page(db: Database, *, after: str | None = None, limit: int) -> list[Identity]:
    """At most `limit` of those of whom something was said, by user id, from the one behind `after`."""
    found = await db.rows(
        f"SELECT {_COLUMNS} FROM identities WHERE user_id > %s ORDER BY user_id LIMIT %s", (after or "", limit)
    )
    return [Identity(*each) for each in found]


async def behind(connection: Connection, some_id: str) -> Identity:
    """The user who has an id at the WHOOP service, else the one who is called so here."""
    said = await rows(connection, _NAMING, {"id": some_id})
    return next((Identity(*each) for each in said if each[2] == some_id), _of(said, some_id))


async def forget(connection: Connection, user_id: str) -> Identity:
    """The same within a transaction."""
    await connection.execute("DELETE FROM identities WHERE user_id = %s", (user_id,))
    return await bare(connection, user_id)


async def bare(connection: Connection, user_id: str) -> Identity:
    """Who a user is when nothing is said of them."""
    said = await rows(connection, _NAMING, {"id": user_id})
    return _of([each for each in said if each[0] != user_id], user_id)


def _of(said: Sequence[Row], user_id: str) -> Identity:
    """A user by every row in which their id occurs."""
    for each in said:
        if each[0] == user_id:
            return Identity(*each)
    at_sahha, at_whoop = (user_id in [each[place] for each in said] for place in (1, 2))
    return Identity(user_id, None if at_sahha else user_id, None if at_whoop else user_id, mapped=False)
