"""`circadia status`: the installation at a glance, or how one member stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json, user_id
from circadia.clock import system_clock
from circadia.domain.notices import deletions_held


def status(
    user: Annotated[
        str | None, typer.Argument(metavar="USER", parser=user_id, help="One user; the installation without it.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, max=100_000, help="How many members to list, those who stand worst first.")
    ] = 20,
    json: Json = False,
) -> None:
    """Show how members stand, how fresh their data are, what waits, and what is used of WHOOP's request budget.

    Without a user: totals, those who stand worst, due work, the budget by
    lane, webhooks, held deletions, notices, plan and worker.

    \b
    Examples:
      circadia status
      circadia status alice
      circadia status --limit 1000 --json
    """
    running.run(_one(user, json) if user else _all(limit, json))


async def _one(user: str, json: bool) -> int:
    from circadia.runtime import installation
    from circadia.sync.status import sync_status

    async with running.opened_database() as (settings, db):
        await running.known(db, user)
        now = system_clock()
        here = installation(settings)
        told = await sync_status(db, user, now, here)
        budgets = await here.budgets(db, now)
    if json:
        output.print_json({"members": [told], "budgets": budgets})
    else:
        _show_member(told, now)
        _show_budgets(budgets, now)
    return running.DONE


async def _all(limit: int, json: bool) -> int:
    from circadia.runtime import installation
    from circadia.sync.overview import installation_status

    async with running.opened_database() as (settings, db):
        now = system_clock()
        told = await installation_status(db, now, installation(settings), limit)
    if json:
        output.print_json(told)
    elif not told["totals"]["members"]:
        typer.echo("Nobody is here yet: `circadia connect USER` connects somebody, `circadia import` reads an export.")
    else:
        _show_totals(told["totals"])
        _show_worst(told["members"], told["totals"]["members"], now)
        _show_work(told, now)
        _show_budgets(told["budgets"], now)
        _show_open(told["notices"], told["holds"])
    return running.DONE


def _show_member(told: dict[str, Any], now: datetime) -> None:
    connection = told["connection"]
    why = f": {connection['reason']}" if connection["reason"] else ""
    typer.echo(f"{told['user_id']} is {connection['state'].replace('_', ' ')}{why}")
    rows = [
        (
            name,
            each["state"].replace("_", " "),
            _synced(each, now),
            str(each["total_records"]),
            output.day(each["newest_record_at"]),
            str(each["pending"]),
            str(each["rejects"]),
            output.until(each["due_at"], now),
            _history(each),
        )
        for name, each in told["types"].items()
    ]
    output.print_table(("type", "state", "synced", "here", "newest", "pend", "rej", "due", "history"), rows)
    if (backfill := told["backfill"]) is not None:
        typer.echo(_backfill(backfill, now))
    for name, each in told["types"].items():
        if each["held_deletions"]:
            typer.echo(f"{name}: {each['held_deletions']} deletions are held back; `circadia doctor` says more.")
        if each["error"]:
            typer.echo(f"{name}: {output.sentence(each['error']['message'], each['error'].get('remedy'))}")


def _synced(told: dict[str, Any], now: datetime) -> str:
    """When WHOOP was last asked for a type; what is here without that came from an export."""
    imported = told["last_success_at"] is None and told["total_records"]
    return "imported" if imported else output.age(told["last_success_at"], now)


def _history(told: dict[str, Any]) -> str:
    """How far the walk through the past of a type is."""
    history = told["history"]
    return "complete" if history["complete"] else output.day(history["reached_at"])


def _backfill(told: dict[str, Any], now: datetime) -> str:
    if told["state"] == "succeeded":
        proven = {True: ", proven complete", False: ", but not proven complete", None: ""}[told["coverage_complete"]]
        return f"The history is here{proven}."
    far = f"{told['progress_pct']:.0f} %" if told["progress_pct"] is not None else "begun"
    left = f", {told['pages_left']} pages to come" if told["pages_left"] else ""
    done = f", done {output.until(told['eta_at'], now)}" if told["eta_at"] else ""
    state = "held back" if told["paused"] else told["state"]
    return f"The history is {state}: {far}{left}{done}."


def _show_totals(totals: dict[str, Any]) -> None:
    standings = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in totals["by_standing"].items())
    typer.echo(f"{totals['members']} {'member' if totals['members'] == 1 else 'members'}: {standings}.")
    if totals["age_median_s"] is not None:
        half, most = (output.duration(timedelta(seconds=totals[each])) for each in ("age_median_s", "age_p95_s"))
        typer.echo(f"Of the connected, half are at most {half} old, 95 of 100 at most {most}.")


def _show_worst(members: list[dict[str, Any]], total: int, now: datetime) -> None:
    rows = [
        (
            each["user_id"],
            each["standing"].replace("_", " "),
            _as_of(each, now),
            each["oldest_type"] or "-",
            output.until(each["due_at"], now) if each["connection"] == "connected" else "-",
            _notes(each),
        )
        for each in members
    ]
    output.print_table(("member", "stands", "as of", "stalest", "due", "notes"), rows)
    if total > len(members):
        typer.echo(f"and {total - len(members)} who stand no worse; --limit shows more.")


def _as_of(told: dict[str, Any], now: datetime) -> str:
    """How old a copy is; without a sync that came through, how far an import goes."""
    imported = told["as_of"] is None and told["newest_day"]
    return f"to {output.day(told['newest_day'])}" if imported else output.age(told["as_of"], now)


def _notes(told: dict[str, Any]) -> str:
    counted = {
        "pending": told["pending"],
        "rejected": told["rejects"],
        "deletions held": told["held_deletions"],
        "webhooks waiting": told["deliveries_waiting"],
        "webhooks parked": told["deliveries_parked"],
    }
    notes = [f"{count} {name}" for name, count in counted.items() if count]
    if told["error"]:
        notes.insert(0, told["error"]["message"])
    return ", ".join([*notes, *(f"{kind} under way" for kind in told["running"])]) or "-"


def _show_work(told: dict[str, Any], now: datetime) -> None:
    due, webhooks, plan = told["due"], told["webhooks"], told["plan"]
    since = f", the first since {output.duration(now - due['oldest_at'])}" if due["types"] else ""
    typer.echo(f"\nDue now: {due['types']} types of {due['members']} members{since}.")
    for kind, each in told["runs"].items():
        typer.echo(
            f"Runs of {kind}: {each['running']} under way, {each['queued']} waiting, "
            f"the oldest asked for {output.age(each['oldest_at'], now)}."
        )
    counts = ", ".join(f"{webhooks[each]} {each}" for each in ("waiting", "parked", "unknown"))
    typer.echo(f"Webhooks: the last one {output.age(webhooks['last_seen_at'], now)}; {counts}.")
    if plan is not None:
        stretched = f", stretched {plan['stretch']['cadence']:.1f} times" if plan["stretch"]["cadence"] > 1 else ""
        typer.echo(
            f"Plan {plan['plan']}{stretched}: {plan['planned']:.0f} requests a day of {plan['allowed']:.0f} it may "
            f"take; {plan['fit']} such members would fit."
        )
    alive = told["workers"]["alive"]
    typer.echo("A worker is alive." if alive else "No worker is alive: start `circadia serve` or `circadia worker`.")
    backup = told["backup"]
    made = f"{output.age(backup['made_at'], now)}, {backup['size'] / 1e6:.1f} MB" if backup else "none"
    typer.echo(f"Last backup: {made}.")


def _show_budgets(budgets: list[dict[str, Any]], now: datetime) -> None:
    if not budgets:
        typer.echo("No WHOOP app is configured here (WHOOP_CLIENT_ID) and none has asked WHOOP for anything lately.")
    for each in budgets:
        minute, day = (_used(each[window]) for window in ("minute", "day"))
        paused = f"; paused, on again {output.until(each['paused_until'], now)}" if each["paused_until"] else ""
        typer.echo(f"\nRequests to WHOOP of app {each['app']}: {minute} in the last minute, {day} in 24 hours{paused}")
        names = ("taken_last_minute", "refused_last_minute", "taken", "refused")
        rows = [(lane, *(str(told[name]) for name in names)) for lane, told in each["lanes"].items()]
        output.print_table(("lane", "minute", "put off", "day", "put off"), rows)


def _used(window: dict[str, Any]) -> str:
    return f"{window['used']} of {window['limit']}" if window["limit"] is not None else str(window["used"])


def _show_open(notices: list[dict[str, Any]], holds: list[dict[str, Any]]) -> None:
    told = {(each["user_id"], each["type"]) for each in notices if each["kind"] == "deletions_held"}
    for each in notices:
        typer.echo(output.sentence(each["message"], each["remedy"]))
    for each in holds:
        if (each["user_id"], each["type"]) not in told:
            names = ("user_id", "member_id", "type", "missing", "live")
            trouble = deletions_held(*(each[name] for name in names))
            typer.echo(output.sentence(trouble.message, trouble.remedy))
