"""`circadia signin-link`: letting somebody in who cannot sign in with WHOOP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circadia.cli import output, running
from circadia.cli.arguments import Json, User
from circadia.cli.owner import TERMINAL, Made
from circadia.clock import system_clock
from circadia.errors import NotFound

if TYPE_CHECKING:
    from circadia.config import Settings
    from circadia.storage.postgres import Database


def signin_link(user: User, json: Json = False) -> None:
    """Make a link that signs a member in without WHOOP.

    For when WHOOP is down, the connection is lost, or the data was imported.
    It works once, within 15 minutes; send it to nobody else.

    \b
    Examples:
      circadia signin-link alice
    """
    running.run(_signin_link(user, json))


async def _signin_link(user_id: str, json: bool) -> int:
    async with running.opened_database() as (settings, db):
        made = await make(db, settings, user_id)
    if json:
        output.print_json(made.data())
    else:
        made.say(f"Whoever opens it is signed in as {user_id}.")
    return running.DONE


async def make(db: Database, settings: Settings, user_id: str) -> Made:
    """A link for somebody who is known here; NotFound for anybody else."""
    from circadia.storage import links, roster

    if not await roster.known(db, user_id):
        raise NotFound(
            f"nobody is called {user_id} here",
            remedy="`circadia status` lists everybody; `circadia connect` and `circadia import` make members.",
        )
    return Made(user_id, *await links.hand_out(db, settings.public_url, "signin", user_id, TERMINAL, system_clock()))
