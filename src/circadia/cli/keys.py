"""`circadia keys`: service keys for whoever calls the API, and the keys that data at rest is sealed with."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json, span
from circadia.cli.owner import TERMINAL
from circadia.clock import system_clock
from circadia.errors import NotFound
from circadia.storage import audit, keys, tokens

if TYPE_CHECKING:
    from circadia.storage.envelope import Keyring

app = typer.Typer(no_args_is_help=True, help="Keys: who may call the API, and what data at rest is sealed with.")


class Scope(StrEnum):
    """What a key may do: read; write, which may read; admin, which may everything."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@app.callback()
def commands() -> None:
    """Keys: who may call the API, and what data at rest is sealed with."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whom it is for; shown in lists.")],
    scope: Annotated[Scope, typer.Option(help="What it may do; write may also read, admin may everything.")],
    expires: Annotated[
        timedelta | None,
        typer.Option(metavar="SPAN", parser=span, help="End of its life from now: 12h, 90d, 8w."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a service key. It is shown this once; only a hash is kept.

    \b
    Examples:
      circadia keys create dashboard --scope read
      circadia keys create backend --scope write --expires 90d --json
    """
    running.run(_create(name, scope, expires, json))


@app.command("list")
def list_(json: Json = False) -> None:
    """List the service keys, without their secrets.

    \b
    Examples:
      circadia keys list
    """
    running.run(_list(json))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")],
) -> None:
    """End a service key, in every process within five seconds.

    \b
    Examples:
      circadia keys revoke 0d9f3a1b22c4
    """
    running.run(_revoke(key_id))


@app.command()
def rotate(json: Json = False) -> None:
    """Seal the stored tokens again with the newest encryption key, while everything runs.

    First put a new entry in front of TOKEN_ENCRYPTION_KEYS (with the embedded
    database: in front of the file token_encryption_keys in the data directory)
    and restart every process. The old entry still opens what it sealed; service
    keys made under it need it as long as they live.

    \b
    Examples:
      circadia keys rotate
    """
    running.run(_rotate(json))


def _keyring() -> Keyring:
    from circadia import config
    from circadia.runtime import load_keyring

    return load_keyring(config.load())


async def _create(name: str, scope: Scope, expires: timedelta | None, json: bool) -> int:
    keyring = _keyring()
    async with running.opened_database() as (_settings, db):
        now = system_clock()
        async with db.begin() as connection:
            key, text = await keys.create(
                connection, keyring, name, frozenset({scope.value}), now, now + expires if expires else None
            )
            details = {"key": key.id, "name": key.name, "scope": scope.value}
            await audit.note(connection, now, *TERMINAL, None, "key.made", details)
    if json:
        output.print_json({"id": key.id, "name": key.name, "key": text, "scopes": sorted(key.scopes)})
        return running.DONE
    typer.echo(text)
    end = f"until {output.instant(key.expires_at)} UTC" if key.expires_at else "until it is revoked"
    output.say(f"This is the only time it is shown. Key {key.id} ({key.name}) may {scope.value}, {end}.")
    return running.DONE


async def _list(json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        found = await keys.every(db)
    now = system_clock()
    if json:
        output.print_json(
            {"keys": [asdict(each) | {"scopes": sorted(each.scopes), "state": each.state(now)} for each in found]}
        )
        return running.DONE
    rows = [
        (
            each.id,
            each.name,
            ", ".join(sorted(each.scopes)),
            each.state(now),
            output.instant(each.created_at),
            output.instant(each.expires_at),
            output.age(each.last_used_at, now),
        )
        for each in found
    ]
    output.print_table(("id", "name", "scope", "state", "made (UTC)", "ends (UTC)", "last used"), rows)
    return running.DONE


async def _revoke(key_id: str) -> int:
    async with running.opened_database() as (_settings, db):
        now = system_clock()
        async with db.begin() as connection:
            if not await keys.revoke(connection, key_id, now):
                raise NotFound(
                    f"there is no key {key_id} that is still good", remedy="`circadia keys list` shows the keys."
                )
            await audit.note(connection, now, *TERMINAL, None, "key.revoked", {"key": key_id})
    output.say(f"Key {key_id} has ended.")
    return running.DONE


async def _rotate(json: bool) -> int:
    keyring = _keyring()
    async with running.opened_database() as (_settings, db):
        count = await tokens.reseal(db, keyring)
    if json:
        output.print_json({"resealed": count, "key": keyring.newest})
    else:
        typer.echo(f"{count} token pairs were sealed again with key {keyring.newest}; the others already were.")
    return running.DONE
