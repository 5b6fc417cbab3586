"""`circadia secrets`: what an installation of several programs needs before its first start."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from typing import Annotated

import typer

from circadia.cli import output
from circadia.cli.arguments import Json
from circadia.errors import Misconfigured
from circadia.storage import secret_files
from circadia.storage.envelope import new_key

Read = Callable[[str], str]
"""The secret that stands before in the list."""


def _password(_: Read) -> str:
    return token_urlsafe(32)


def _backup_key(_: Read) -> str:
    return b64encode(token_bytes(32)).decode()


def _encryption_keys(_: Read) -> str:
    return new_key()


def _database(name: str, password: str) -> Callable[[Read], str]:
    return lambda read: f"postgresql://{name}:{read(password)}@postgres:5432/{name}"


def _same_as(other: str) -> Callable[[Read], str]:
    return lambda read: read(other)


ONE_PERSON: dict[str, Callable[[Read], str]] = {
    "postgres/superuser_password": _password,
    "postgres/password": _password,
    "circadia/database_url": _database("circadia", "postgres/password"),
    "circadia/token_encryption_keys": _encryption_keys,
    "circadia/service_api_key": _password,
    "grafana/admin_password": _password,
    "grafana/database_password": _password,
    "grafana_role/password": _same_as("grafana/database_password"),
    "grafana_role/database_url": _same_as("circadia/database_url"),
}
TEAM: dict[str, Callable[[Read], str]] = ONE_PERSON | {
    "postgres/gateway_password": _password,
    "circadia/gateway_api_key": _password,
    "gateway/database_url": _database("gateway", "postgres/gateway_password"),
    "gateway/token_encryption_keys": _encryption_keys,
    "gateway/service_api_key": _password,
    "gateway/whoop_service_api_key": _same_as("circadia/gateway_api_key"),
    "backup/circadia_backup_key": _backup_key,
    "backup/database_url": _same_as("circadia/database_url"),
    "backup/gateway_database_url": _same_as("gateway/database_url"),
}


def secrets(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where they are kept; made if missing.")],
    team: Annotated[bool, typer.Option("--team", help="For a team: also a gateway apart and backups.")] = False,
    json: Json = False,
) -> None:
    """Make the secrets that are missing: passwords, keys and database addresses, a file each.

    There is a directory for each program that reads them, so that each can be
    given its own alone. Only the owner can read the files (0600). What is there
    already is never changed. The addresses lead to a host `postgres`.

    \b
    Examples:
      circadia secrets ./secrets
      circadia secrets ./secrets --team
    """
    made = make(directory, TEAM if team else ONE_PERSON)
    if json:
        output.print_json({"directory": os.fspath(directory), "made": made})
    else:
        for each in made:
            typer.echo(each)
        output.say(f"{len(made)} secrets were made in {directory}." if made else f"{directory} has them all.")


def make(directory: Path, wanted: dict[str, Callable[[Read], str]]) -> list[str]:
    """Make what is missing; returns the names of what was. Misconfigured when the directory cannot be used."""

    def read(name: str) -> str:
        return (directory / name).read_text(encoding="ascii").strip()

    made = []
    try:
        for name, maker in wanted.items():
            path = directory / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists() and secret_files.keep(path, maker(read)):
                made.append(name)
    except OSError as error:
        raise Misconfigured(
            f"cannot keep secrets in {directory}: {error.strerror or error}",
            remedy="Name a directory that only you can enter.",
        ) from error
    return made
