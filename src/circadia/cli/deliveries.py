"""`circadia deliveries`: the webhooks that arrived."""

from __future__ import annotations

from typing import Annotated

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json
from circadia.storage import deliveries

app = typer.Typer(no_args_is_help=True, help="Webhooks received from WHOOP.")

_FIELDS = ("id", "trace_id", "type", "whoop_user_id", "received_at", "state")


@app.callback()
def commands() -> None:
    """Webhooks received from WHOOP."""


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    json: Json = False,
) -> None:
    """List the webhooks that arrived, newest first. Waiting ones are answered by the member's next sync.

    \b
    Examples:
      circadia deliveries list
      circadia deliveries list --limit 500 --json
    """
    running.run(_list(limit, json))


async def _list(limit: int, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        found = await deliveries.newest(db, limit)
    if json:
        output.print_json({"deliveries": [dict(zip(_FIELDS, each, strict=True)) for each in found]})
        return running.DONE
    if not found:
        typer.echo("No webhook has arrived yet.")
        return running.DONE
    rows = [
        (str(number), trace_id, kind, str(account), output.instant(at), state)
        for number, trace_id, kind, account, at, state in found
    ]
    output.print_table(("id", "trace", "type", "WHOOP user", "received (UTC)", "state"), rows)
    return running.DONE
