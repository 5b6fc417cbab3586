"""`circadia deliveries`: the webhooks that arrived, and what became of them."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json
from circadia.clock import system_clock
from circadia.errors import Conflict, NotFound
from circadia.storage import deliveries

app = typer.Typer(no_args_is_help=True, help="Webhooks received from WHOOP.")


class State(StrEnum):
    """`storage.deliveries.DeliveryState`, as the command line takes it."""

    WAITING = "waiting"
    SETTLED = "settled"
    UNKNOWN = "unknown"
    PARKED = "parked"


@app.callback()
def commands() -> None:
    """Webhooks received from WHOOP."""


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only those of this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    json: Json = False,
) -> None:
    """List the webhooks that arrived, newest first.

    Waiting ones are answered by a run within seconds, or later as the error says; parked ones are left to you;
    unknown ones are about a WHOOP account that nobody has connected yet.

    \b
    Examples:
      circadia deliveries list
      circadia deliveries list --state parked
      circadia deliveries list --limit 500 --json
    """
    running.run(_list(state, limit, json))


@app.command()
def replay(
    id_: Annotated[
        int, typer.Argument(metavar="ID", min=1, help="Its number, as `circadia deliveries list` shows it.")
    ],
    json: Json = False,
) -> None:
    """Have a webhook answered again: one that was parked, when its reason is gone, or any other.

    \b
    Examples:
      circadia deliveries replay 4711
    """
    running.run(_replay(id_, json))


async def _list(state: State | None, limit: int, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        found = await deliveries.newest(db, limit, state)
    if json:
        output.print_json({"deliveries": [asdict(each) for each in found]})
        return running.DONE
    if not found:
        typer.echo(f"No webhook is {state}." if state else "No webhook has arrived yet.")
        return running.DONE
    rows = [
        (
            str(each.id),
            each.type,
            str(each.whoop_user_id),
            output.instant(each.received_at),
            each.state,
            output.instant(each.next_try_at) if each.state == "waiting" and each.next_try_at else "",
            each.error or "",
        )
        for each in found
    ]
    columns = ("id", "type", "WHOOP user", "received (UTC)", "state", "next try (UTC)", "error")
    output.print_table(columns, rows)
    return running.DONE


async def _replay(id_: int, json: bool) -> int:
    async with running.opened_database() as (_settings, db), db.begin() as connection:
        state = await deliveries.replay(connection, id_, system_clock())
    if state is None:
        raise NotFound(f"there is no delivery {id_}", remedy="`circadia deliveries list` shows them.")
    if state == "unknown":
        raise Conflict(
            f"delivery {id_} is about a WHOOP account that nobody has connected",
            remedy="It is answered by itself when somebody does within a week.",
        )
    if json:
        output.print_json({"id": id_, "state": state})
    else:
        typer.echo(f"Delivery {id_} waits again; a worker answers it within seconds.")
    return running.DONE
