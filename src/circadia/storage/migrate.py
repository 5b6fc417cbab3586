"""Bring a database to this version's schema, once at a time, and say how far one is."""

from __future__ import annotations

from pathlib import Path

import psycopg

from circadia.errors import Misconfigured
from circadia.storage.postgres import libpq_url

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x43697263


def _engine_url(url: str) -> str:
    return libpq_url(url).replace("postgresql://", "postgresql+psycopg://", 1)


def upgrade(url: str, revision: str = "head") -> None:
    """Apply what is missing, holding an advisory lock so that processes starting together wait for one another."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, text

    engine = create_engine(_engine_url(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                config = Config()
                config.set_main_option("script_location", str(_SCRIPTS))
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


def head() -> str:
    """The revision this version of Circadia works with."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    found = ScriptDirectory.from_config(config).get_current_head()
    if found is None:
        raise Misconfigured("this installation has no migrations: reinstall it")
    return found


def current(url: str) -> str | None:
    """The revision a database is at; None for an empty one."""
    with psycopg.connect(libpq_url(url)) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def drift(url: str) -> list[str]:
    """What the described tables and a database's tables differ in; empty when they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    from circadia.storage.schema import metadata

    engine = create_engine(_engine_url(url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True, "include_name": _ours}
            )
            return [str(each) for each in compare_metadata(context, metadata)]
    finally:
        engine.dispose()


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    """The job engine's tables and Alembic's own are not described here."""
    return not (kind == "table" and name is not None and name.startswith(("procrastinate_", "alembic_")))
