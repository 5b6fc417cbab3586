"""The command line: every deed of Circadia, under the names the API uses."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from circadia import __version__
from circadia.cli import (
    backup,
    connect,
    db,
    deliveries,
    doctor,
    gateway,
    grafana,
    identity,
    imports,
    keys,
    notices,
    output,
    owner,
    people,
    running,
    runs,
    secrets,
    serve,
    simulate,
    status,
)
from circadia.cli.demo import command
from circadia.cli.running import Answering

__all__ = ["app", "main"]

app = typer.Typer(
    name="circadia",
    cls=Answering,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_START, _MEMBERS, _GATEWAY, _OPERATE = "Start", "Members and their data", "The gateway", "Operate"

app.command(rich_help_panel=_START)(command.demo)
app.command(rich_help_panel=_START)(serve.serve)
app.command(rich_help_panel=_START)(serve.worker)
app.add_typer(simulate.app, name="simulate", rich_help_panel=_START)
app.command(rich_help_panel=_START)(owner.owner_link)
app.command(rich_help_panel=_MEMBERS)(connect.connect)
app.command(rich_help_panel=_MEMBERS)(connect.disconnect)
app.command(rich_help_panel=_MEMBERS)(runs.sync)
app.command(rich_help_panel=_MEMBERS)(runs.backfill)
app.command(rich_help_panel=_MEMBERS)(runs.reconcile)
app.command(rich_help_panel=_MEMBERS)(people.signin_link)
app.command("import", rich_help_panel=_MEMBERS)(imports.import_)
app.command(rich_help_panel=_MEMBERS)(status.status)
app.command(rich_help_panel=_MEMBERS)(doctor.stats)
app.command(rich_help_panel=_MEMBERS)(doctor.doctor)
app.add_typer(gateway.app, name="gateway", rich_help_panel=_GATEWAY)
app.add_typer(identity.app, name="identity", rich_help_panel=_GATEWAY)
app.add_typer(keys.app, name="keys", rich_help_panel=_OPERATE)
app.command(rich_help_panel=_OPERATE)(secrets.secrets)
app.add_typer(db.app, name="db", rich_help_panel=_OPERATE)
app.command(rich_help_panel=_OPERATE)(backup.backup)
app.command(rich_help_panel=_OPERATE)(backup.restore)
app.add_typer(grafana.app, name="grafana", rich_help_panel=_OPERATE)
app.add_typer(deliveries.app, name="deliveries", rich_help_panel=_OPERATE)
app.add_typer(notices.app, name="notices", rich_help_panel=_OPERATE)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def circadia(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The self-hosted home of WHOOP data: connect members, keep their data in step, serve it.

    New here? [bold]circadia demo[/bold] shows everything with simulated
    members: no account, no database to install.

    Settings come from the environment and from .env in the working directory.
    Without DATABASE_URL Circadia runs its own PostgreSQL in CIRCADIA_DATA_DIR.

    Exit codes: 0 done, 1 partly done, 2 wrong usage, 3 refused or
    misconfigured.
    """


def main() -> None:
    """Run the command line of this process."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the boundary
        # wrong usage and named errors were answered further in: this is a bug
        output.complain_of_bug(error)
        sys.exit(running.REFUSED)
