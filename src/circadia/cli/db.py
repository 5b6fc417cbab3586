"""`circadia db`: the database itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from dataclasses import asdict
from typing import Annotated

import typer
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from circadia import config
from circadia.cli import grafana, output, running
from circadia.cli.arguments import Json
from circadia.config import Settings
from circadia.errors import Misconfigured
from circadia.storage import migrate
from circadia.storage.embedded import EmbeddedPostgres
from circadia.storage.postgres import libpq_url
from circadia.storage.programs import programs_for

app = typer.Typer(no_args_is_help=True, help="The database: its schema, its address, a prompt in it.")


@app.callback()
def commands() -> None:
    """The database: its schema, its address, a prompt in it."""


@app.command()
def upgrade(json: Json = False) -> None:
    """Bring the schema to this version. `serve` does it by itself unless MIGRATE_ON_START is false.

    \b
    Examples:
      circadia db upgrade
    """
    running.run(_upgrade(json))


@app.command()
def url() -> None:
    """Print the database's libpq URL and nothing else. It contains the password.

    When no server runs on the data directory it is started and stays up, so that the URL is good; the next Circadia
    that ends as the last user of the data directory stops it.

    \b
    Examples:
      psql "$(circadia db url)"
      pg_dump "$(circadia db url)" > circadia.sql
    """
    settings = config.load()
    if settings.database_url is not None:
        found = libpq_url(settings.database_url.get_secret_value())
    else:
        found = EmbeddedPostgres(settings.circadia_data_dir).start()
    typer.echo(found)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(arguments: typer.Context) -> None:
    """Open psql in the database; whatever follows goes to psql. The server stays up meanwhile.

    Without a psql on the PATH the one that comes with the embedded PostgreSQL is used.

    \b
    Examples:
      circadia db psql
      circadia db psql -c "SELECT count(*) FROM sleeps"
    """
    settings = config.load()
    with running.database_url(settings) as address:
        own = None if settings.database_url else _psql_of(settings)
        code = _psql(shutil.which("psql") or own, address, arguments.args)
    raise typer.Exit(code)


@app.command()
def check(json: Json = False) -> None:
    """Compare the schema with what this version describes; exit 3 and a line for each difference.

    \b
    Examples:
      circadia db check
    """
    running.run(_check(json))


@app.command()
def downgrade(json: Json = False) -> None:
    """Take the schema one step back, for an older version of Circadia. Stop every process and make a backup first.

    \b
    Examples:
      circadia db downgrade
    """
    running.run_here(lambda: _downgrade(json))


@app.command()
def move(
    to: Annotated[str, typer.Option("--to", metavar="URL", help="An empty PostgreSQL database.")],
    json: Json = False,
) -> None:
    """Copy the whole database into another, empty one: from the embedded PostgreSQL to your own, for example.

    Refused while Circadia runs or anybody writes. Every table is compared by
    checksum; all of it is copied, or nothing. The old database stays as it is.
    A password may also come from PGPASSWORD or ~/.pgpass.

    \b
    Examples:
      circadia db move --to postgresql://circadia:password@db.example.org/circadia
    """
    running.run_here(lambda: _move(to, json))


async def _upgrade(json: bool) -> int:
    async with running.opened_database(migrated=False) as (_settings, db):
        before = await asyncio.to_thread(migrate.current, db.url)
        await asyncio.to_thread(migrate.upgrade, db.url)
        after = await asyncio.to_thread(migrate.current, db.url)
        await grafana.advise(db)
    if json:
        output.print_json({"before": before, "revision": after})
    else:
        typer.echo(
            f"The schema is at {after}"
            + (", as it was." if before == after else f", it was {f'at {before}' if before else 'empty'}.")
        )
    return running.DONE


def _downgrade(json: bool) -> int:
    settings = config.load()
    running.quiet_log(settings)
    with running.database_url(settings) as address:
        before = migrate.current(address)
        revision = migrate.downgrade(address)
    if json:
        output.print_json({"before": before, "revision": revision})
    else:
        typer.echo(f"The schema is at {revision}, it was at {before}.")
    return running.DONE


def _move(to: str, json: bool) -> int:
    from circadia import backups

    settings = config.load()
    running.quiet_log(settings)
    with running.database_url(settings) as address, output.table_by_table("Moving") as told:
        moved = backups.move(address, to, told)
    if json:
        output.print_json(asdict(moved))
    else:
        typer.echo(f"{moved.rows} rows in {moved.tables} tables are there, and every checksum agrees.")
    keys = settings.circadia_data_dir / "token_encryption_keys"
    output.say(
        "Set DATABASE_URL to it before you start Circadia again"
        + ("." if settings.token_encryption_keys else f", and TOKEN_ENCRYPTION_KEYS to what {keys} holds.")
    )
    return running.DONE


async def _check(json: bool) -> int:
    async with running.opened_database(migrated=False) as (_settings, db):
        found, head = await asyncio.to_thread(migrate.current, db.url), migrate.head()
        if found != head:
            differences = [f"the schema is at revision {found or 'none'}, this version needs {head}"]
        else:
            differences = await asyncio.to_thread(migrate.drift, db.url)
    if json:
        output.print_json({"revision": found, "head": head, "differences": differences})
    elif not differences:
        typer.echo(f"The schema is at {head} and as described.")
    if differences:
        raise Misconfigured("\n".join(differences), remedy="Run `circadia db upgrade`.")
    return running.DONE


def _psql(program: str | None, address: str, arguments: list[str]) -> int:
    """psql's own exit code. The password goes by the environment, where other users do not see it."""
    if program is None:
        raise Misconfigured("there is no psql on the PATH", remedy="Install PostgreSQL's client programs.")
    parts = {name: str(value) for name, value in conninfo_to_dict(address).items() if value is not None}
    surroundings = dict(os.environ)
    if password := parts.pop("password", None):
        surroundings["PGPASSWORD"] = password
    # Ctrl-C at its prompt is psql's, not ours
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        command = [program, make_conninfo("", **parts), *arguments]
        return subprocess.run(command, env=surroundings, check=False).returncode  # noqa: S603 - the user's own wish
    finally:
        signal.signal(signal.SIGINT, before)


def _psql_of(settings: Settings) -> str:
    """The program that came with the embedded server."""
    programs = programs_for(settings.circadia_data_dir, settings.circadia_data_dir / "postgres")
    return os.fspath(programs.directory / "psql")
