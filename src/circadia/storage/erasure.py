"""What is kept of a user beside their WHOOP data, and goes when they are erased."""

from __future__ import annotations

from circadia.domain.identities import Identity
from circadia.errors import Conflict
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
from circadia.storage.postgres import Connection, Database, row

_ERASURES = "SELECT count(*) FROM audit WHERE user_id = %s AND deed = 'data.erased'"


async def lock_membership(connection: Connection) -> None:
    """Nobody else becomes a member, or is erased, until this transaction ends. It is the first lock that one takes."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('membership', 0))")


async def erasures(db: Database, user_id: str) -> int:
    """How often somebody has been erased, by the audit, which forgets nothing."""
    found = await db.row(_ERASURES, (user_id,))
    return int(found[0]) if found else 0


async def refuse_erased(connection: Connection, user_id: str, before: int) -> None:
    """Conflict when somebody was erased since they had been so `before` times: what was under way must not bring them
    back. Membership is locked by the caller."""
    found = await row(connection, _ERASURES, (user_id,))
    if found is not None and found[0] != before:
        raise Conflict(
            "everything kept of this user was erased while this was under way, so it was given up",
            kind="erased_meanwhile",
            remedy="Begin again, if they are to be here.",
        )


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
    """Erase somebody's account (but not the owner's) with its sessions, what they share and are shown, their links and
    settings, and their e-mail address wherever it stands; whether there was anything. It comes before their profile
    goes, which knows the address."""
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
