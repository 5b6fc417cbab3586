"""`circadia grafana`: who may look at whose numbers there."""

from __future__ import annotations

import json as json_
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Annotated

import typer
from psycopg.conninfo import conninfo_to_dict

from circadia.cli import output, running
from circadia.cli.arguments import Json, User
from circadia.cli.owner import TERMINAL
from circadia.clock import system_clock
from circadia.errors import Misconfigured, NotFound
from circadia.storage import audit, grafana, secret_files

if TYPE_CHECKING:
    from circadia.storage.postgres import Connection, Database

app = typer.Typer(no_args_is_help=True, help="Grafana: database roles, and whose numbers each of them sees.")

To = Annotated[
    Path | None, typer.Option("--to", metavar="FILE", help="Where the datasource file goes; default: standard output.")
]
Address = Annotated[
    str | None,
    typer.Option("--address", metavar="HOST:PORT", help="The database as Grafana reaches it, if not as Circadia."),
]
Org = Annotated[int, typer.Option("--org", min=1, help="The organisation in Grafana that the file is for.")]


@app.callback()
def commands() -> None:
    """Grafana: database roles, and whose numbers each of them sees."""


@app.command()
def grant(user: User, to: To = None, address: Address = None, org: Org = 1, json: Json = False) -> None:
    """Make a database role that sees one member, and a datasource file for that person's own organisation.

    Whoever has the password reads that member's numbers and nobody else's. Once
    more for the same member makes a new password. Where Circadia's own role may
    not make others, the SQL to run is printed; the file is good after it.

    \b
    Examples:
      circadia grafana grant alice --to alice.yaml
      circadia grafana grant alice --to alice.yaml --org 2 --address db.example.org:5432
    """
    running.run(_grant(user, None, _Wish(to, address, org, None, json)))


@app.command()
def owner(
    to: To = None,
    address: Address = None,
    org: Org = 1,
    role: Annotated[str, typer.Option(metavar="NAME", help="How the role is called.")] = grafana.OWNER_ROLE,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with its password; then no datasource is printed."),
    ] = None,
    json: Json = False,
) -> None:
    """Make the role of the shared datasource, which sees every member.

    Who may use that datasource in Grafana sees everybody: a dashboard's choice
    of a member is a convenience and protects nobody.

    \b
    Examples:
      circadia grafana owner --to circadia.yaml
      circadia grafana owner --password-file /secrets/grafana/database_password
    """
    running.run(_grant(None, role, _Wish(to, address, org, password_file, json)))


@app.command()
def revoke(
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's id, or the name of a role.")],
) -> None:
    """Take a member's role away. It sees nothing from this moment on.

    \b
    Examples:
      circadia grafana revoke alice
      circadia grafana revoke circadia_grafana
    """
    running.run(_revoke(user))


@app.command("list")
def list_(json: Json = False) -> None:
    """List the roles, whom each sees, and whether this server has it.

    \b
    Examples:
      circadia grafana list
    """
    running.run(_list(json))


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked beside the role itself."""

    to: Path | None
    address: str | None
    org: int
    password_file: Path | None
    json: bool


async def _grant(user_id: str | None, role: str | None, wish: _Wish) -> int:
    password = _password(wish.password_file)
    async with running.opened_database() as (_settings, db):
        if user_id is not None:
            await running.known(db, user_id)
            role = await grafana.role_of(db, user_id)
        assert role is not None
        file = await _datasource(db, role, password, wish)
        now = system_clock()
        with _ready(wish.to, file) as put:

            async def also(connection: Connection) -> None:
                await audit.note(connection, now, *TERMINAL, user_id, "grafana.granted", {"role": role})
                put()  # the old password is given up once the new one is kept

            script = await grafana.grant(db, role, user_id, password, now, also)
            if script is not None:
                put()
    if script is not None:
        raise _refused(
            script, f"then the datasource in {wish.to} is good" if wish.to else "ask with --to for a datasource"
        )
    if wish.json:
        output.print_json({"role": role, "user_id": user_id, "datasource": os.fspath(wish.to) if wish.to else file})
    elif wish.to is None and wish.password_file is None:
        typer.echo(file, nl=False)
    output.say(f"{role} sees {user_id or 'everybody'}." + (f" Its datasource is in {wish.to}." if wish.to else ""))
    return running.DONE


async def _revoke(user: str) -> int:
    async with running.opened_database() as (_settings, db):
        granted = {each.role: each.user_id for each in await grafana.every(db)}
        role = user if user in granted else await grafana.role_of(db, user)
        if not await grafana.exists(db, role):
            raise NotFound(f"{user} has no role for Grafana", remedy="`circadia grafana list` shows the roles.")
        now, about = system_clock(), granted.get(role)

        async def also(connection: Connection) -> None:
            await audit.note(connection, now, *TERMINAL, about, "grafana.revoked", {"role": role})

        script = await grafana.revoke(db, role, also)
    if script is not None:
        raise _refused(script, "until then the role is there and sees nothing")
    output.say(f"{role} is gone.")
    return running.DONE


async def _list(json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        found = await grafana.every(db)
    if json:
        output.print_json({"grants": [asdict(each) for each in found]})
        return running.DONE
    rows = [
        (each.role, each.user_id or "everybody", output.instant(each.granted_at), "yes" if each.there else "missing")
        for each in found
    ]
    output.print_table(("role", "sees", "since (UTC)", "on this server"), rows)
    return running.DONE


async def advise(db: Database) -> None:
    """After a change of the schema or of the server: what keeps Grafana's roles from working, and the way out."""
    if not await grafana.may_make_roles(db):
        output.say(
            "Circadia's database role may not make roles for Grafana. Somebody who may can allow it:\n\n"
            f"  {await grafana.allowing(db)}\n\n"
            "or run what `circadia grafana owner` and `circadia grafana grant USER` print."
        )
    for each in await grafana.every(db):
        if not each.there:
            again = f"grant {each.user_id}" if each.user_id else f"owner --role {each.role}"
            output.say(f"This server has no role {each.role}: `circadia grafana {again}` makes it again.")


def _refused(script: str, after: str) -> Misconfigured:
    """Show the SQL, and say what it is for."""
    typer.echo(script)
    return Misconfigured(
        "Circadia's database role may not do this",
        remedy=f"Have somebody who may run the SQL above in this database; {after}.",
    )


def _password(file: Path | None) -> str:
    """The one in a file, else a new one."""
    if file is None:
        return token_urlsafe(32)
    try:
        found = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror or error}") from error
    if not found:
        raise Misconfigured(f"{file} is empty", remedy="Put the password in it.")
    return found


@contextmanager
def _ready(to: Path | None, text: str) -> Iterator[Callable[[], object]]:
    """A file that only its owner reads, written beside its place; calling what is given puts it there."""
    if to is None:
        yield lambda: None
        return
    try:
        with secret_files.beside(to, text) as fresh:
            yield lambda: fresh.replace(to)
    except OSError as error:
        raise Misconfigured(f"cannot write {to}: {error.strerror or error}") from error


async def _datasource(db: Database, role: str, password: str, wish: _Wish) -> str:
    """A provisioning file of Grafana's. Its strings are JSON's, which YAML reads alike."""
    async with db.connection() as connection:
        info, encrypted = connection.info, connection.pgconn.ssl_in_use
        address = wish.address or f"{info.host}:{info.port}"
        mode = str(conninfo_to_dict(db.url).get("sslmode", ""))
        if mode not in ("verify-ca", "verify-full"):
            mode = "require" if encrypted else "disable"
        texts = {"url": address, "user": role, "database": info.dbname, "sslmode": mode, "password": password}
        version = info.server_version // 100
    quoted = {key: json_.dumps(text).replace("$", "$$") for key, text in texts.items()}  # Grafana fills in $NAME
    return f"""# Made by `circadia grafana`. It holds a password: only who may see these numbers may read it.
apiVersion: 1
datasources:
  - name: Circadia
    uid: circadia
    type: grafana-postgresql-datasource
    access: proxy
    orgId: {wish.org}
    url: {quoted["url"]}
    user: {quoted["user"]}
    isDefault: true
    editable: false
    jsonData:
      database: {quoted["database"]}
      sslmode: {quoted["sslmode"]}
      postgresVersion: {version}
      maxOpenConns: 5
      maxIdleConns: 2
    secureJsonData:
      password: {quoted["password"]}
"""
