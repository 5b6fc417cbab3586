"""Bring a database to this version's schema, once at a time, or one step back, and say how far one is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from circadia.errors import Conflict, Misconfigured
from circadia.storage.postgres import libpq_url

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from circadia.storage.postgres import Database

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x43697263
_TURNS, _TURN_MS, _GIVES_WAY_S = 60, 1000, 1.0


def _engine_url(url: str) -> str:
    return libpq_url(url).replace("postgresql://", "postgresql+psycopg://", 1)


def upgrade(url: str, revision: str = "head", *, scripts: Path = SCRIPTS) -> None:
    """Apply what is missing, holding an advisory lock so that processes starting together wait for one another.

    A step that has to wait for somebody else's transaction keeps everybody who comes after it waiting too, so it waits
    for a moment only, gives way, and tries again. Conflict when it does not get its turn in minutes.
    """
    from alembic import command
    from sqlalchemy.exc import OperationalError

    with _locked(url, scripts) as (config, _):
        connection = config.attributes["connection"]
        for _ in range(_TURNS):
            connection.exec_driver_sql(f"SET lock_timeout = {_TURN_MS}")
            connection.commit()
            try:
                command.upgrade(config, revision)
            except (OperationalError, psycopg.errors.LockNotAvailable) as error:
                connection.rollback()
                # a step may use the driver's own connection, whose errors nobody wraps
                if not isinstance(getattr(error, "orig", error), psycopg.errors.LockNotAvailable):
                    raise
                time.sleep(_GIVES_WAY_S)
            else:
                return
    raise Conflict(
        "the schema could not be changed: somebody holds what a step has to change",
        remedy="Look for long transactions in pg_stat_activity, then run `circadia db upgrade` again.",
    )


def downgrade(url: str, *, scripts: Path = SCRIPTS) -> str:
    """Take the last step back, under the same lock; returns the revision that the schema is at now.

    Raises:
        Conflict: there is no step before this one.
        Misconfigured: this version does not know the step.
    """
    from alembic import command

    with _locked(url, scripts) as (config, directory):
        found = current(url)
        if found is None:
            raise Conflict("the database has no schema to take back")
        if found not in revisions(scripts):
            raise Misconfigured(
                f"the schema is at revision {found}, which this version does not know",
                remedy="Take it back with the version that made it.",
            )
        before = directory.get_revision(found).down_revision
        if not isinstance(before, str):
            raise Conflict(
                f"{found} is the first schema, there is none before it",
                remedy="Restore a backup into an empty database instead.",
            )
        command.downgrade(config, before)
        return before


@contextmanager
def _locked(url: str, scripts: Path) -> Iterator[tuple[Config, ScriptDirectory]]:
    """Alembic's configuration with a connection that holds the lock."""
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine, text

    engine = create_engine(_engine_url(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                config = _config(scripts)
                config.attributes["connection"] = connection
                yield config, ScriptDirectory.from_config(config)
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


def _config(scripts: Path) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts))
    return config


def revisions(scripts: Path = SCRIPTS) -> tuple[str, ...]:
    """Every revision this version of Circadia knows, newest first."""
    from alembic.script import ScriptDirectory

    return tuple(each.revision for each in ScriptDirectory.from_config(_config(scripts)).walk_revisions())


def head() -> str:
    """The revision this version of Circadia works with."""
    from alembic.script import ScriptDirectory

    found = ScriptDirectory.from_config(_config(SCRIPTS)).get_current_head()
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


async def revision(db: Database) -> str | None:
    """The same of a database that is open."""
    try:
        found = await db.row("SELECT version_num FROM alembic_version")
    except psycopg.errors.UndefinedTable:
        return None
    return str(found[0]) if found else None


def fits(found: str | None, wanted: str) -> bool:
    """Whether a version that was made for the schema `wanted` works on `found`: on the same, and on a newer one, which
    only adds to what the version before it needs. Revisions are numbered, so that they sort."""
    return found is not None and found >= wanted


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
