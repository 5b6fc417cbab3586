"""`circadia sync` and `circadia backfill`: ask for a run, and follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer
from rich.progress import Progress, TaskID

from circadia.cli import output, running
from circadia.cli.arguments import Json, User, Wait
from circadia.domain.catalog import BY_NAME
from circadia.domain.members import Connection as Grant
from circadia.errors import CircadiaError, Conflict
from circadia.storage import members, runs
from circadia.storage.runs import Run

if TYPE_CHECKING:
    from circadia.domain.lanes import Lane
    from circadia.runtime import Runtime
    from circadia.storage.postgres import Database

_LOOK_EVERY_S = 0.2
_WORKERS_OF_OUR_OWN = 4
_COUNTS = ("fetched", "written", "unchanged", "deleted", "rejected", "requests")
_CODES = {"succeeded": running.DONE, "partial": running.PARTLY, "failed": running.REFUSED}

_LANES: dict[str, Lane] = {"sync": "person", "backfill": "backfill"}


def _types(names: list[str]) -> list[str]:
    for name in names:
        if name not in BY_NAME:
            raise typer.BadParameter(f"there is no record type {name}; there are {', '.join(BY_NAME)}")
    return names


def sync(
    user: User,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            callback=lambda names: _types(names or []),
            help="Only this record type; may be repeated.",
        ),
    ] = None,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Bring a member's data up to date now.

    Without --wait the run is left to a worker; with it the command works itself
    when no worker is alive.

    \b
    Examples:
      circadia sync alice --wait
      circadia sync alice --type sleep --type recovery
    """
    running.run(_ask(user, "sync", types or [], wait, json))


def backfill(user: User, wait: Wait = False, json: Json = False) -> None:
    """Fetch what is missing of a member's whole history, newest first.

    It starts by itself when a member connects and goes on where it stopped;
    this asks for it again.

    \b
    Examples:
      circadia backfill alice
      circadia backfill alice --wait
    """
    running.run(_ask(user, "backfill", [], wait, json))


async def _ask(user_id: str, kind: Literal["sync", "backfill"], types: list[str], wait: bool, json: bool) -> int:
    async with running.opened() as runtime:
        grant = await _connected(runtime.db, user_id)
        run_id = await runtime.jobs.request(grant.member_id, kind, _LANES[kind], types)
        if not wait:
            await _hand_over(runtime, run_id, json)
            return running.DONE
        with output.counting() as display:
            run = await _follow(runtime, run_id, _shown_on(display))
        return _conclude(run, json)


async def _connected(db: Database, user_id: str) -> Grant:
    grant = await members.grant_of_user(db, user_id)
    if grant is None or grant.state != "connected":
        why = f": {grant.reason}" if grant and grant.reason else ""
        raise Conflict(
            f"{user_id} is not connected to WHOOP{why}",
            remedy=f"Connect them with `circadia connect {user_id}`.",
        )
    return grant


async def _hand_over(runtime: Runtime, run_id: UUID, json: bool) -> None:
    someone_works = await runtime.jobs.someone_works()
    if json:
        output.print_json({"run_id": run_id, "state": "queued", "worker": someone_works})
    else:
        typer.echo(run_id)
    if not someone_works:
        output.say("Queued, but no worker is running: start `circadia serve` or `circadia worker`, or use --wait.")


async def _follow(runtime: Runtime, run_id: UUID, show: Callable[[Run], None]) -> Run:
    """A run until its end. When nobody is there to carry it out, this process does."""
    ours = False
    while True:
        run = await runs.load(runtime.db, run_id)
        if run is None:
            raise Conflict("the member was erased while the run went on")
        show(run)
        if run.state in runs.FINISHED:
            return run
        if not ours and not await runtime.jobs.someone_works():
            runtime.jobs.start_worker(_WORKERS_OF_OUR_OWN)
            ours = True
        await asyncio.sleep(_LOOK_EVERY_S)


def _shown_on(display: Progress) -> Callable[[Run], None]:
    """Turns what a run says of itself into a line for each record type."""
    lines: dict[str, TaskID] = {}

    def show(run: Run) -> None:
        if not run.progress and not lines:
            lines["run"] = display.add_task(f"{run.kind} of {run.user_id}", total=None, told="")
        for name, told in sorted(run.progress.items()):
            if name not in lines:
                lines[name] = display.add_task(name, total=None, told="")
            reached = f", back to {told['reached_at'][:10]}" if told.get("reached_at") else ""
            display.update(lines[name], told=f"{told['fetched']} records{reached}")
        if run.state in runs.FINISHED:
            for line in lines.values():
                display.update(line, total=1, completed=1)

    return show


def _conclude(run: Run, json: bool) -> int:
    outcome: dict[str, Any] = run.outcome or {"types": {}, "errors": {}}
    if json:
        output.print_json(
            {"run_id": run.id, "user_id": run.user_id, "kind": run.kind, "state": run.state}
            | {"outcome": run.outcome, "error": run.error}
        )
    elif outcome["types"]:
        rows = [(name, *(str(told[each]) for each in _COUNTS)) for name, told in outcome["types"].items()]
        output.print_table(("type", *_COUNTS), rows)
    for name, told in outcome["errors"].items():
        output.complain(CircadiaError(f"{name}: {told['message']}", remedy=told["remedy"]))
    if run.error:
        output.complain(CircadiaError(run.error["message"], remedy=run.error["remedy"]))
    return _CODES[run.state]
