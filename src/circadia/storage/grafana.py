"""Login roles for Grafana, and whose rows each of them sees.

A role reads the views of schema `reporting` and nothing else; `report_grants` says whose rows it finds there. Where our own
role may not make roles, the SQL is for somebody who may.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import psycopg
from psycopg import sql

from circadia.errors import Conflict
from circadia.storage.postgres import Connection, Database, Row, row

Also = Callable[[Connection], Awaitable[None]]
"""What belongs to a deed and is done last in its transaction, or not at all."""

OWNER_ROLE = "circadia_grafana"
"""Who sees everybody, unless another name is chosen; the provisioned datasource signs in as it."""
PREFIX = "circadia_"

_LIMITS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_read_only": "on",
}
"""For every session of such a role. They keep honest dashboards from hurting; a session can change them."""
_MOST_CONNECTIONS = 10


@dataclass(frozen=True, slots=True)
class Grant:
    """A role and the member whose rows it sees, None for everybody's. `there`: the server has such a role."""

    role: str
    user_id: str | None
    granted_at: datetime
    there: bool


async def role_of(db: Database, user_id: str) -> str:
    """The name of a member's role: the one they have, else one that tells nothing of them and is another in each database
    of a server."""
    found = await db.row(
        "SELECT current_database(), (SELECT min(role) FROM report_grants WHERE user_id = %s)", (user_id,)
    )
    assert found is not None
    return found[1] or PREFIX + sha256(f"{found[0]}/{user_id}".encode()).hexdigest()[:16]


async def every(db: Database) -> list[Grant]:
    """All grants, the everybody's first."""
    found = await db.rows(
        """SELECT g.role, g.user_id, g.granted_at, EXISTS (SELECT FROM pg_roles r WHERE r.rolname = g.role)
           FROM report_grants g ORDER BY g.user_id NULLS FIRST, g.role"""
    )
    return [Grant(*each) for each in found]


async def may_make_roles(db: Database) -> bool:
    """Whether our own role may make others."""
    found = await db.row("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    return bool(found and found[0])


async def allowing(db: Database) -> str:
    """The SQL by which our own role may make others."""
    found = await db.row("SELECT current_user")
    assert found is not None
    return sql.SQL("ALTER ROLE {} CREATEROLE;").format(sql.Identifier(found[0])).as_string(None)


async def _nothing(_: Connection) -> None:
    """For who has nothing to do beside."""


async def grant(
    db: Database, role: str, user_id: str | None, password: str, now: datetime, also: Also = _nothing
) -> str | None:
    """Have a role sign in with this password and see a member's rows (None: everybody's). None when it does, else the
    SQL to be run by whoever may; it holds no password that could be read. Conflict for a role of somebody else's."""
    async with db.connection() as connection:
        script = await _granting(connection, role, user_id, password, now)
    return await _carried_out(db, script, also)


async def revoke(db: Database, role: str, also: Also = _nothing) -> str | None:
    """Remove a role. It sees nothing any more at once, in open sessions too; None when it is gone, else the SQL to be run
    by whoever may."""
    async with db.begin() as connection:
        await connection.execute("DELETE FROM report_grants WHERE role = %s", (role,))
        there, _, owner, _ = await _place(connection, role)
        await also(connection)
    return await _carried_out(db, _removing(role, owner, connection.info.dbname), _nothing) if there else None


async def exists(db: Database, role: str) -> bool:
    """Whether the server has a role, or a grant speaks of it."""
    found = await db.row(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s) OR EXISTS (SELECT FROM report_grants WHERE role = %(role)s)",
        {"role": role},
    )
    return bool(found and found[0])


async def _place(connection: Connection, role: str) -> Row:
    """Whether a role exists, whether a grant speaks of it, who owns the views, and the schema of the tables."""
    found = await row(
        connection,
        """SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s),
               EXISTS (SELECT FROM report_grants WHERE role = %(role)s), pg_get_userbyid(n.nspowner), current_schema()
           FROM pg_namespace n WHERE n.nspname = 'reporting'""",
        {"role": role},
    )
    assert found is not None
    return found


async def _granting(
    connection: Connection, role: str, user_id: str | None, password: str, now: datetime
) -> list[sql.Composed]:
    there, granted, owner, schema = await _place(connection, role)
    if there and not granted:
        raise Conflict(
            f"this server has a role {role} that is not one for this database's numbers",
            remedy=f"`circadia grafana revoke {user_id}` removes it." if user_id else "Choose another with --role.",
        )
    scrambled = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    name = sql.Identifier(role)
    return [
        sql.SQL("{} ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {}").format(
            sql.SQL("ALTER" if there else "CREATE"), name, sql.Literal(_MOST_CONNECTIONS), sql.Literal(scrambled)
        ),
        *(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            for setting, value in _LIMITS.items()
        ),
        # where not everybody may connect
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(connection.info.dbname), name),
        sql.SQL("GRANT USAGE ON SCHEMA reporting TO {}").format(name),
        sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {}").format(name),
        sql.SQL("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA reporting TO {}").format(name),
        # views that a later version makes
        sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA reporting GRANT SELECT ON TABLES TO {}").format(
            sql.Identifier(owner), name
        ),
        sql.SQL(
            "INSERT INTO {} (role, user_id, granted_at) VALUES ({}, {}, {}) ON CONFLICT (role) "
            "DO UPDATE SET user_id = excluded.user_id, granted_at = excluded.granted_at"
        ).format(
            sql.Identifier(schema, "report_grants"),
            sql.Literal(role),
            sql.Literal(user_id),
            sql.Literal(now.isoformat()),
        ),
    ]


def _removing(role: str, owner: str, database: str) -> list[sql.Composed]:
    name = sql.Identifier(role)
    return [
        sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA reporting REVOKE SELECT ON TABLES FROM {}").format(
            sql.Identifier(owner), name
        ),
        sql.SQL("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA reporting FROM {}").format(name),
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA reporting FROM {}").format(name),
        sql.SQL("REVOKE ALL ON SCHEMA reporting FROM {}").format(name),
        sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}").format(sql.Identifier(database), name),
        sql.SQL("DROP ROLE {}").format(name),
    ]


async def _carried_out(db: Database, script: Sequence[sql.Composed], also: Also) -> str | None:
    """None when all of it was done; the whole as text when our role may not do all of it: then nothing was."""
    try:
        async with db.begin() as connection:
            for each in script:
                await connection.execute(each)
            await also(connection)
    except psycopg.errors.InsufficientPrivilege:
        return "\n".join(["BEGIN;", *(f"{each.as_string(None)};" for each in script), "COMMIT;"])
    return None
