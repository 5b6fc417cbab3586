"""`circadia backup` and `circadia restore`: the whole database in one sealed file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from circadia import config
from circadia.cli import output, running
from circadia.cli.arguments import Json
from circadia.clock import system_clock
from circadia.domain.retention import Keep, parse_keep
from circadia.errors import Misconfigured
from circadia.storage.sealed_stream import parse_key

if TYPE_CHECKING:
    from circadia.config import Settings


def _rule(text: str) -> Keep:
    try:
        return parse_keep(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def backup(
    to: Annotated[str, typer.Option("--to", metavar="PLACE", help="A directory, or s3://bucket/prefix.")],
    keep: Annotated[
        Keep | None,
        typer.Option(
            "--keep",
            metavar="RULE",
            parser=_rule,
            help="Remove older backups but the newest of so many days, weeks and months.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write the whole database into a new file, compressed and sealed with CIRCADIA_BACKUP_KEY. Everything may run on.

    The keys that tokens are sealed with are not in it: keep TOKEN_ENCRYPTION_KEYS,
    or the file token_encryption_keys of the data directory, in a safe place of
    its own. Buckets need boto3: pip install 'circadia\\[s3]'.

    \b
    Examples:
      circadia backup --to /var/backups/circadia --keep 7d,4w,12m
      circadia backup --to s3://my-backups/circadia
    """
    running.run_here(lambda: _backup(to, keep, json))


def restore(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A backup, or the directory or s3://bucket/prefix of its newest.")
    ],
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="URL", help="An empty database; default: that of the settings."),
    ] = None,
    json: Json = False,
) -> None:
    """Put a backup into an empty database. Every table is compared by checksum; all of it is restored, or nothing.

    Do not start Circadia on a copy beside the original: both would renew the
    same tokens. A password may also come from PGPASSWORD or ~/.pgpass.

    \b
    Examples:
      circadia restore /var/backups/circadia
      circadia restore s3://my-backups/circadia --into postgresql://circadia@db.example.org/restored
    """
    running.run_here(lambda: _restore(source, into, json))


def _backup(to: str, keep: Keep | None, json: bool) -> int:
    from circadia import backups

    settings = config.load(opens_tokens=False)
    running.quiet_log(settings)
    key, place = _key(settings), backups.place_of(to)
    with running.database_url(settings) as address, output.table_by_table("Backing up") as told:
        made = backups.back_up(address, place, key, system_clock(), keep, told)
    if json:
        output.print_json(asdict(made))
    else:
        typer.echo(f"{to.rstrip('/')}/{made.name}")
        output.say(f"{made.rows} rows in {made.tables} tables, {made.size / 1e6:.1f} MB.")
        for name in made.removed:
            output.say(f"{name} was removed.")
    if made.hindered is not None:
        output.say(f"The backup is there, but older ones could not be removed: {made.hindered}")
    if not made.noted:
        output.say("The database cannot be written to: `circadia status` and the alerts do not know of this backup.")
    output.say("The keys that tokens are sealed with are not in it: keep them elsewhere.")
    return running.DONE if made.hindered is None else running.PARTLY


def _restore(source: str, into: str | None, json: bool) -> int:
    from circadia import backups

    settings = config.load(opens_tokens=False)
    running.quiet_log(settings)
    key = _key(settings)
    place, name = backups.find(source)
    with output.table_by_table("Restoring") as told:
        if into is not None:
            restored = backups.restore(place, name, key, into, told)
        else:
            with running.database_url(settings) as address:
                restored = backups.restore(place, name, key, address, told)
    if json:
        output.print_json(asdict(restored))
    else:
        typer.echo(
            f"{restored.rows} rows in {restored.tables} tables as of {output.instant(restored.made_at)} UTC are there, "
            "and every checksum agrees."
        )
    return running.DONE


def _key(settings: Settings) -> bytes:
    if settings.circadia_backup_key is None:
        raise Misconfigured(
            "there is no CIRCADIA_BACKUP_KEY to seal backups with",
            remedy="Make one with `openssl rand -base64 32` and keep it apart from the backups.",
        )
    return parse_key(settings.circadia_backup_key.get_secret_value())
