"""`circadia identity`: who an app's users are at Sahha and at the WHOOP service."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json, User, usage
from circadia.clock import system_clock
from circadia.domain.identities import Identity, identity_of
from circadia.storage import identities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from circadia.domain.readings import Source
    from circadia.storage.postgres import Database

app = typer.Typer(no_args_is_help=True, help="Who a user of your app is at Sahha and at WHOOP.")

_PAGE = 1000


@app.callback()
def commands() -> None:
    """Who a user of your app is at Sahha and at WHOOP. Without a word the same id counts everywhere."""


@app.command("set")
def set_(
    user: User,
    sahha: Annotated[str | None, typer.Option(metavar="ID", help="Their external id at Sahha.")] = None,
    no_sahha: Annotated[bool, typer.Option("--no-sahha", help="They are not at Sahha.")] = False,
    whoop: Annotated[str | None, typer.Option(metavar="ID", help="Their user id at the WHOOP service.")] = None,
    no_whoop: Annotated[bool, typer.Option("--no-whoop", help="They are not at the WHOOP service.")] = False,
    json: Json = False,
) -> None:
    """Say who a user is. What is not named stays as it is.

    \b
    Examples:
      circadia identity set user-42 --sahha kJ8s0P2vXwQ3
      circadia identity set user-42 --no-whoop
    """
    if (sahha and no_sahha) or (whoop and no_whoop):
        raise typer.BadParameter("an id and its --no- exclude each other")
    if not (sahha or no_sahha or whoop or no_whoop):
        raise typer.BadParameter("name at least one of --sahha, --no-sahha, --whoop and --no-whoop")
    with usage():
        identity_of(user, sahha, whoop)
    running.run(_set(user, sahha, no_sahha, whoop, no_whoop, json))


@app.command()
def show(user: User, json: Json = False) -> None:
    """Show who a user is.

    \b
    Examples:
      circadia identity show user-42
    """
    running.run(_show(user, json))


@app.command("list")
def list_(json: Json = False) -> None:
    """List those of whom something was said; everybody else has the same id everywhere.

    \b
    Examples:
      circadia identity list
    """
    running.run(_list(json))


@app.command()
def remove(user: User, json: Json = False) -> None:
    """Take back what was said of a user: their own id counts again.

    \b
    Examples:
      circadia identity remove user-42
    """
    running.run(_remove(user, json))


async def _set(user: str, sahha: str | None, no_sahha: bool, whoop: str | None, no_whoop: bool, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        before = await identities.resolve(db, user)
        said = identity_of(
            user,
            None if no_sahha else sahha or before.sahha_id,
            None if no_whoop else whoop or before.whoop_id,
        )
        await identities.put(db, said, system_clock())
    return _told(said, json, {})


async def _show(user: str, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        return await _told_of(db, await identities.resolve(db, user), json)


async def _list(json: bool) -> int:
    found: list[Identity] = []
    async with running.opened_database() as (_settings, db):
        while page := await identities.page(db, after=found[-1].user_id if found else None, limit=_PAGE):
            found += page
    if json:
        output.print_json({"identities": [asdict(each) for each in found]})
    elif found:
        output.print_table(
            ("user", "at Sahha", "at WHOOP"),
            [(each.user_id, each.sahha_id or "-", each.whoop_id or "-") for each in found],
        )
    else:
        output.say("Nothing was said of anybody: the same id counts everywhere.")
    return running.DONE


async def _remove(user: str, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        return await _told_of(db, await identities.remove(db, user), json)


async def _told_of(db: Database, identity: Identity, json: bool) -> int:
    return _told(identity, json, {} if identity.mapped else await identities.holders(db, identity.user_id))


def _told(identity: Identity, json: bool, holders: Mapping[Source, str]) -> int:
    """Who a user is; `holders` have the user's own id at a source."""
    if json:
        output.print_json(asdict(identity))
        return running.DONE
    at_sahha = _place("Sahha", identity.sahha_id, holders.get("sahha"))
    at_whoop = _place("the WHOOP service", identity.whoop_id, holders.get("whoop"))
    end = "." if identity.mapped else ": nothing else was said."
    typer.echo(f"{identity.user_id} is {at_sahha} and {at_whoop}{end}")
    return running.DONE


def _place(name: str, there: str | None, holder: str | None) -> str:
    if there is not None:
        return f"{there} at {name}"
    return f"not at {name} ({holder} has that id there)" if holder else f"not at {name}"
