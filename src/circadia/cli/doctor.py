"""`circadia doctor` and `circadia stats`: why something is missing, and what is here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from circadia.cli import output, running
from circadia.cli.arguments import Json, User
from circadia.clock import system_clock
from circadia.storage.statistics import statistics

_MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "info": ("·", "cyan")}


def doctor(
    user: User,
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days back to look.")] = 30,
    json: Json = False,
) -> None:
    """Say why a member's data are missing, and what to do about it.

    Looks at the connection and its token, scopes, webhooks, polls, worker,
    budget, plan, history, rejected and pending records, held deletions, and
    at each of the last days. Exit code 1 if something needs attention.

    \b
    Examples:
      circadia doctor alice
      circadia doctor alice --days 90 --json | jq .findings
    """
    running.run(_doctor(user, days, json))


def stats(user: User, json: Json = False) -> None:
    """Count a member's records: how many, from when to when, in which states, and what the history brought.

    \b
    Examples:
      circadia stats alice
      circadia stats alice --json | jq .types.sleep.fields
    """
    running.run(_stats(user, json))


async def _doctor(user: str, days: int, json: bool) -> int:
    from circadia.runtime import installation
    from circadia.sync.doctor import examine

    async with running.opened_database() as (settings, db):
        await running.known(db, user)
        now = system_clock()
        told = await examine(db, user, now, installation(settings), days)
    if json:
        output.print_json(told)
    else:
        _show(told, now)
    return running.DONE if told["fine"] else running.PARTLY


def _show(told: dict[str, Any], now: datetime) -> None:
    console = output.console()
    user, serious = told["user_id"], sum(each["severity"] != "info" for each in told["findings"])
    if not serious:
        console.print(Text(f"{user}: nothing is wrong.", style="bold green"))
    else:
        console.print(
            Text(f"{user}: {serious} {'thing needs' if serious == 1 else 'things need'} attention.", "bold red")
        )
    for each in told["findings"]:
        mark, colour = _MARKS[each["severity"]]
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text(mark, f"bold {colour}"), Text(each["message"]))
        grid.add_row("", Text(each["remedy"], style="dim"))
        console.print(Padding(grid, (1, 0, 0, 0)))
    if told["evidence"]:
        console.print(Text("\nWhat was looked at", style="bold"))
        for line in _evidence(told["evidence"], now):
            console.print(Padding(Text(line), (0, 0, 0, 2)))


def _evidence(seen: dict[str, Any], now: datetime) -> list[str]:
    connection, token, webhooks, days = (seen[each] for each in ("connection", "token", "webhooks", "days"))
    lines = [
        f"connection: {connection['state'].replace('_', ' ')} since {output.instant(connection['connected_at'])} UTC",
        f"the copy is true as of {output.age(seen['as_of'], now)}",
    ]
    if token is not None:
        lines.append(
            f"token: issued {output.age(token['obtained_at'], now)}, "
            f"{'renewed by itself' if token['renewable'] else 'cannot be renewed'}"
        )
    for name, each in seen["types"].items():
        pushed = f", webhook {output.age(each['last_webhook_at'], now)}" if each["last_webhook_at"] else ""
        lines.append(
            f"{name}: {each['total_records']} here, asked {output.age(each['last_success_at'], now)}{pushed}, "
            f"{each['pending']} pending, {each['rejects']} rejected"
        )
    lines.append(f"webhooks: {webhooks['waiting']} waiting, {webhooks['parked']} parked")
    lines.append("history: " + ("whole, and all that arrived is here" if seen["history"]["complete"] else "not whole"))
    lines.append(f"worker: {'alive' if seen['workers']['alive'] else 'none alive'}")
    for each in seen["budgets"]:
        limit = f" of {each['day']['limit']}" if each["day"]["limit"] is not None else ""
        lines.append(f"budget: {each['day']['used']}{limit} requests in 24 hours")
    if seen["plan"] is not None:
        lines.append(f"plan: {seen['plan']}")
    lines.append(f"days: {days['complete']} of {days['days']} lack nothing ({days['from']} to {days['to']})")
    return lines


async def _stats(user: str, json: bool) -> int:
    from circadia.sync.coverage import proof

    async with running.opened_database() as (_settings, db):
        await running.known(db, user)
        types = await statistics(db, user)
        coverage = await proof(db, user)
    if json:
        output.print_json({"user_id": user, "types": types, "coverage": coverage})
        return running.DONE
    rows = [
        (name, str(each["count"]), output.instant(each["first"]), output.instant(each["last"]), _states(each["states"]))
        for name, each in types.items()
    ]
    output.print_table(("type", "records", "first (UTC)", "last (UTC)", "states"), rows)
    _show_coverage(coverage)
    return running.DONE


def _show_coverage(coverage: dict[str, Any]) -> None:
    if coverage["types"]:
        names = ("got", "stored", "deleted", "rejected", "read_later", "lost", "others", "gap_days")
        rows = [
            (name, *("-" if each[column] is None else str(each[column]) for column in names))
            for name, each in coverage["types"].items()
        ]
        said = "proven complete" if coverage["complete"] else "not proven complete"
        headings = ("history", "got", "stored", "deleted", "rejected", "read later", "lost", "other", "gap days")
        output.print_table(headings, rows, title=f"\nThe walk through the history: {said}")
    for each in coverage["reasons"]:
        typer.echo(output.sentence(each["message"], each["remedy"]))


def _states(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state.lower()}" for state, count in sorted(counts.items())) or "-"
