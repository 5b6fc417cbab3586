"""`circadia owner-link`: how somebody becomes the owner."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json, user_id
from circadia.clock import system_clock
from circadia.errors import Conflict

if TYPE_CHECKING:
    from circadia.config import Settings
    from circadia.storage.postgres import Database

TERMINAL: tuple[str, Literal["terminal"]] = ("terminal", "terminal")
"""What the audit calls whoever uses the command line."""


@dataclass(frozen=True, slots=True)
class Made:
    """A one-time link, and whom it is for."""

    user_id: str
    url: str
    expires_at: datetime

    def say(self, what: str) -> None:
        """For a person: the link alone on stdout."""
        typer.echo(self.url)
        output.say(f"{what} It works once, until {output.instant(self.expires_at)} UTC.")

    def data(self) -> dict[str, object]:
        """For a program."""
        return {"user_id": self.user_id, "url": self.url, "expires_at": self.expires_at}


def owner_link(
    user: Annotated[
        str | None,
        typer.Option(
            metavar="USER",
            parser=user_id,
            help="Who becomes the owner; default: the owner, the only member, or somebody new.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make the link by which somebody becomes the owner of this installation.

    It works once, within 15 minutes. Where there is an owner already it signs
    them in again; there is never a second one.

    \b
    Examples:
      circadia owner-link
      circadia owner-link --user alice
    """
    running.run(_owner_link(user, json))


async def _owner_link(user: str | None, json: bool) -> int:
    async with running.opened_database() as (settings, db):
        made = await make(db, settings, user)
    if json:
        output.print_json(made.data())
    else:
        made.say(f"Whoever opens it is {made.user_id} and owns this installation.")
    return running.DONE


async def make(db: Database, settings: Settings, user: str | None = None) -> Made:
    """A link for the owner to be. Conflict for somebody else than the one there is."""
    from circadia.storage import links, members, people

    present = await people.owner(db)
    if present is not None and user not in (None, present.user_id):
        raise Conflict(f"{present.user_id} owns this installation already", kind="owned")
    if present is not None:
        user = present.user_id
    elif user is None:
        everybody = await members.every(db)
        user = everybody[0].user_id if len(everybody) == 1 else people.generated_id()
    return Made(user, *await links.hand_out(db, settings.public_url, "owner", user, TERMINAL, system_clock()))


async def offer(db: Database, settings: Settings) -> None:
    """On a terminal, tell who starts an installation that nobody owns how to own it."""
    from circadia.storage import people

    if sys.stderr.isatty() and await people.owner(db) is None:
        made = await make(db, settings)
        output.say(
            "Nobody owns this installation yet. Open this to own it; it works once, within 15 minutes:\n\n"
            f"  {made.url}\n\n`circadia owner-link` makes another."
        )
