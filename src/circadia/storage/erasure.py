"""What is kept of a user beside their WHOOP data, and goes when they are erased."""

from __future__ import annotations

from circadia.domain.identities import Identity
from circadia.storage import (
    authorizations,
    identities,
    leaving,
    links,
    overrides,
    people,
    preferences,
    sahha,
    shares,
    whoop_links,
)
from circadia.storage.postgres import Connection, Database


async def erase_beside_whoop(connection: Connection, user: Identity) -> bool:
    """Erase what Sahha said of a user, who they are at the sources and how theirs is merged; whether there was
    anything. That is also what was kept under their own id before they were somebody else at a source."""
    bare = await identities.forget(connection, user.user_id)
    at_sahha = False
    for whoop_id in {user.whoop_id, bare.whoop_id}:
        if whoop_id is not None:
            await whoop_links.forget(connection, whoop_id)
    for sahha_id in {user.sahha_id, bare.sahha_id}:
        if sahha_id is not None:
            at_sahha |= await sahha.forget(connection, sahha_id)
    own = await overrides.forget(connection, user.user_id)
    return at_sahha or own or user.mapped


async def erase_person(connection: Connection, user_id: str) -> bool:
    """Erase somebody's account (but not the owner's) with its sessions, what they share, their links and settings, and
    their e-mail address wherever it stands; whether there was anything. It comes before their profile goes, which knows
    the address."""
    emails = (await leaving.find(connection, user_id)).emails
    await links.forget_user(connection, user_id)
    await connection.execute("DELETE FROM allowed_emails WHERE email = ANY (%s)", (emails,))
    await authorizations.forget_user(connection, user_id, emails)
    shared = await shares.forget(connection, user_id) > 0
    settings = await preferences.forget(connection, user_id)
    return await people.forget(connection, user_id) or shared or settings


async def erase_user(db: Database, user: Identity) -> bool:
    """The same in a transaction of its own."""
    async with db.begin() as connection:
        return await erase_beside_whoop(connection, user)
