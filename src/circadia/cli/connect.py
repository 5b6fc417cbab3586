"""`circadia connect` and `circadia disconnect`: one member's consent, from the terminal."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import typer

from circadia import config
from circadia.cli import browser, output, running
from circadia.cli.arguments import Json, User
from circadia.cli.owner import TERMINAL
from circadia.config import is_loopback
from circadia.domain.members import Connection as Grant
from circadia.errors import Invalid, Misconfigured, NotFound
from circadia.storage import members

if TYPE_CHECKING:
    from circadia.connections import Started
    from circadia.runtime import Runtime

_LOOK_EVERY_S = 0.5
_EXCHANGE_S = 60.0
"""How long the service may take from using up the consent to storing its tokens."""


class Data(StrEnum):
    """What becomes of a member's data."""

    KEEP = "keep"
    ERASE = "erase"


def connect(
    user: User,
    headless: Annotated[
        bool, typer.Option("--headless", help="No browser here: paste the address it was sent to instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Connect a member's WHOOP account: they consent in a browser, once.

    The browser comes back to WHOOP_REDIRECT_URL, so `circadia serve` has to be
    running. With --headless open the address on any machine and paste the one
    the browser ends at, even if it shows an error there.

    \b
    Examples:
      circadia connect alice
      circadia connect alice --headless
    """
    running.run(_connect(user, headless, json))


def disconnect(
    user: User,
    data: Annotated[Data, typer.Option(help="What becomes of the stored data.")] = Data.KEEP,
    json: Json = False,
) -> None:
    """End a member's connection, here and at WHOOP.

    What is stored stays and can be read, unless it is erased. Exit code 1 if
    WHOOP could not be told.

    \b
    Examples:
      circadia disconnect alice
      circadia disconnect alice --data erase
    """
    running.run(_disconnect(user, data, json))


async def _disconnect(user_id: str, data: Data, json: bool) -> int:
    try:
        ended, told = await (_end_there if _whoop_is_elsewhere() else _end_here)(user_id, data)
    except NotFound as error:
        if data is Data.ERASE:
            raise NotFound(f"nobody is called {user_id}: nothing is kept of them") from error
        raise
    if json:
        output.print_json(ended)
    else:
        left = "everything stored about them is erased" if data is Data.ERASE else "what is stored stays"
        typer.echo(f"{user_id} is not connected any more; {left}.")
    if told:
        return running.DONE
    output.say("WHOOP could not be told. The member can end the access in WHOOP's own app.")
    return running.PARTLY


def _whoop_is_elsewhere() -> bool:
    """Whether these are a gateway's settings, whose WHOOP service is elsewhere."""
    return config.load().whoop_service_url is not None


async def _end_here(user_id: str, data: Data) -> tuple[dict[str, Any], bool]:
    """End a connection that is kept here; also whether WHOOP knows, where it had to be told."""
    async with running.opened() as runtime:
        whoop_id = (await runtime.gateway.identity(user_id)).whoop_id
        before = await members.grant_of_user(runtime.db, whoop_id) if whoop_id else None
        ended = await runtime.gateway.disconnect(user_id, data.value, by=TERMINAL)
    connected = before is not None and before.state == "connected"
    return ended, ended["revoked_at_whoop"] or not connected


async def _end_there(user_id: str, data: Data) -> tuple[dict[str, Any], bool]:
    """The same by way of the WHOOP service, which does not say whether there was anything to tell."""
    async with running.opened_gateway() as runtime:
        ended = await runtime.gateway.disconnect(user_id, data.value, by=TERMINAL)
    if not ended["revoked_at_whoop"]:
        output.say("WHOOP was not told: there was no access to end, or WHOOP did not answer.")
    return ended, True


async def _connect(user_id: str, headless: bool, json: bool) -> int:
    if _whoop_is_elsewhere():
        raise Misconfigured(
            "these are a gateway's settings: people connect at the WHOOP service",
            kind="whoop_elsewhere",
            remedy=f"Run `circadia connect {user_id}` with its settings, or have your app ask the gateway: "
            f"POST /api/v1/whoop/connect/{user_id}.",
        )
    async with running.opened() as runtime:
        before = await members.grant_of_user(runtime.db, user_id)
        started = await runtime.connections.begin(user_id)
        if headless:
            grant = await _pasted(runtime, started)
        else:
            grant = await _come_back(runtime, user_id, started, before.connected_at if before else None)
        someone_works = await runtime.jobs.someone_works()
    if json:
        output.print_json(
            {
                "user_id": user_id,
                "connected": True,
                "whoop_user_id": grant.whoop_user_id,
                "scopes": sorted(grant.scopes),
            }
        )
    else:
        typer.echo(f"{user_id} is connected to WHOOP account {grant.whoop_user_id}.")
    output.say(
        f"The history arrives now: `circadia status {user_id}` shows how far it is."
        if someone_works
        else f"No worker is running: `circadia serve`, or `circadia backfill {user_id} --wait`, fetches the history."
    )
    return running.DONE


async def _pasted(runtime: Runtime, started: Started) -> Grant:
    """The code by way of the clipboard."""
    output.say(f"Open this address in a browser and consent:\n\n  {started.authorization_url}\n")
    output.say("Then paste the address the browser was sent to (or the code in it):")
    answer = (await asyncio.to_thread(sys.stdin.readline)).strip()
    code, state = _read(answer, started.state)
    return (await runtime.connections.finish(code, state, user_id=started.user_id, by=TERMINAL)).grant


def _read(answer: str, state: str) -> tuple[str, str]:
    """Code and state out of what was pasted."""
    if not answer:
        raise Invalid("nothing was pasted, so nothing was connected", remedy="Start connecting again.")
    if "=" not in answer:
        return answer, state
    fields = parse_qs(urlsplit(answer).query or answer)
    if error := fields.get("error"):
        said = fields.get("error_description", error)[0]
        raise Invalid(f"WHOOP did not grant the connection: {said}", remedy="Start connecting again.")
    if "code" not in fields or fields.get("state", [""])[0] != state:
        raise Invalid("this is not the address that this consent leads to", remedy="Start connecting again.")
    return fields["code"][0], state


async def _come_back(runtime: Runtime, user_id: str, started: Started, connected_before: datetime | None) -> Grant:
    """Wait until the running service has finished the consent."""
    if not await _answers(runtime.settings.public_url):
        output.say(
            f"Nothing answers at {runtime.settings.public_url} yet: start `circadia serve` in another terminal "
            "before you consent, or stop this and use --headless."
        )
    opened = browser.open_page(started.authorization_url)
    output.say("Consent in the browser that has opened, or open:" if opened else "Open this address and consent:")
    output.say(f"\n  {started.authorization_url}\n")
    used_up_at: float | None = None
    clock = asyncio.get_running_loop().time
    while True:
        grant = await members.grant_of_user(runtime.db, user_id)
        if grant and grant.state == "connected" and grant.connected_at != connected_before:
            return grant
        if used_up_at is None and not await _still_awaited(runtime, started.state):
            used_up_at = clock()
        if used_up_at is not None and clock() - used_up_at > _EXCHANGE_S:
            raise Invalid(
                "nothing was connected: the consent was declined, failed or took longer than ten minutes",
                remedy=f"Start again with `circadia connect {user_id}`; the service's log says what happened.",
            )
        await asyncio.sleep(_LOOK_EVERY_S)


async def _still_awaited(runtime: Runtime, state: str) -> bool:
    try:
        await runtime.connections.awaited(state, None)
    except Invalid:
        return False
    return True


async def _answers(url: str) -> bool:
    async with httpx2.AsyncClient(timeout=3.0, trust_env=not is_loopback(url)) as http:
        try:
            return (await http.get(f"{url}/health/live")).status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            return False
