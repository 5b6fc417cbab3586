"""`circadia status` and `circadia stats`: what is here of whom."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json, User, user_id
from circadia.clock import system_clock
from circadia.config import Settings
from circadia.domain.catalog import CATALOG, COLLECTIONS
from circadia.errors import NotFound
from circadia.storage import budget, members
from circadia.storage.budget import Usage
from circadia.storage.postgres import Database
from circadia.storage.statistics import statistics


def status(
    user: Annotated[
        str | None, typer.Argument(metavar="USER", parser=user_id, help="One user; everybody without it.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how connections stand, how fresh each record type is, and what is used of WHOOP's request budget.

    \b
    Examples:
      circadia status
      circadia status alice --json
    """
    running.run(_status(user, json))


def stats(user: User, json: Json = False) -> None:
    """Count a member's records: how many, from when to when, in which states.

    \b
    Examples:
      circadia stats alice
      circadia stats alice --json | jq .types.sleep.fields
    """
    running.run(_stats(user, json))


async def _status(user: str | None, json: bool) -> int:
    from circadia.sync.status import sync_status

    async with running.opened_database() as (settings, db):
        now = system_clock()
        names = [await _known(db, user)] if user else [each.user_id for each in await members.every(db)]
        told = [await sync_status(db, name, now) for name in names]
        used = await budget.usage(db, settings.whoop_client_id or "unconfigured", now)
    if json:
        output.print_json({"members": told, "budget": _budget(used, settings)})
        return running.DONE
    if not told:
        typer.echo("Nobody is here yet: `circadia connect USER` connects somebody, `circadia import` reads an export.")
    else:
        _show_members(told, now)
    if settings.whoop_client_id is None:
        typer.echo("No WHOOP app is configured here (WHOOP_CLIENT_ID), so there is no request budget to show.")
    else:
        _show_budget(used, settings, now)
    return running.DONE


async def _stats(user: str, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        types = await statistics(db, await _known(db, user))
    if json:
        output.print_json({"user_id": user, "types": types})
    else:
        rows = [
            (
                name,
                str(each["count"]),
                output.instant(each["first"]),
                output.instant(each["last"]),
                _states(each["states"]),
            )
            for name, each in types.items()
        ]
        output.print_table(("type", "records", "first (UTC)", "last (UTC)", "states"), rows)
    return running.DONE


async def _known(db: Database, user: str) -> str:
    if await members.find(db, user) is None:
        raise NotFound(f"nobody is called {user} here", remedy="`circadia status` lists everybody.")
    return user


def _states(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state.lower()}" for state, count in sorted(counts.items())) or "-"


def _show_members(told: list[dict[str, Any]], now: datetime) -> None:
    names = [each.name for each in CATALOG]
    columns = ("member", "connection", "history", *names, "pending", "rejects", "next sync")
    output.print_table(columns, [_row(each, now) for each in told])
    for member in told:
        for name, state in member["types"].items():
            if state["error"]:
                said = output.sentence(state["error"]["message"], state["error"].get("remedy"))
                typer.echo(f"{member['user_id']}, {name}: {said}")


def _row(told: dict[str, Any], now: datetime) -> tuple[str, ...]:
    types = told["types"]
    due = [each["due_at"] for each in types.values() if each["due_at"]]
    return (
        told["user_id"],
        told["connection"]["state"].replace("_", " "),
        _history(told),
        *(_freshness(types[each.name], now) for each in CATALOG),
        str(sum(each["pending"] for each in types.values())),
        str(sum(each["rejects"] for each in types.values())),
        output.until(min(due, default=None), now) if told["connection"]["state"] == "connected" else "-",
    )


def _history(told: dict[str, Any]) -> str:
    """How far the walk through the past is."""
    states = [told["types"][each.name]["history"] for each in COLLECTIONS]
    if all(each["complete"] for each in states):
        return "complete"
    coming = [each["reached_at"] for each in states if each["reached_at"] and not each["complete"]]
    return f"back to {max(coming):%Y-%m-%d}" if coming else "-"


def _freshness(state: dict[str, Any], now: datetime) -> str:
    said = output.age(state["last_success_at"], now)
    return said if state["state"] in ("ok", "new") else f"{state['state'].replace('_', ' ')}, {said}"


def _budget(used: Usage, settings: Settings) -> dict[str, Any]:
    return {
        "minute": {
            "used": used.minute,
            "limit": min(used.per_minute or settings.rate_limit_per_minute, settings.rate_limit_per_minute),
        },
        "day": {
            "used": used.day,
            "limit": min(used.per_day or settings.rate_limit_per_day, settings.rate_limit_per_day),
        },
        "paused_until": used.paused_until,
        "lanes": {
            lane: {"taken": used.taken.get(lane, 0), "refused": used.refused.get(lane, 0)} for lane in budget.SHARES
        },
    }


def _show_budget(used: Usage, settings: Settings, now: datetime) -> None:
    told = _budget(used, settings)
    minute, day = told["minute"], told["day"]
    typer.echo(
        f"\nRequests to WHOOP: {minute['used']} of {minute['limit']} in the last minute, "
        f"{day['used']} of {day['limit']} in the last 24 hours"
        + (f"; paused, on again {output.until(used.paused_until, now)}" if used.paused_until else "")
    )
    lanes = [(lane, str(each["taken"]), str(each["refused"])) for lane, each in told["lanes"].items()]
    output.print_table(("lane", "taken", "put off"), lanes)
