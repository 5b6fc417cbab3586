"""`circadia sync`, `circadia backfill` and `circadia reconcile`: ask for a run, and follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer
from rich.progress import Progress, TaskID

from circadia.cli import output, running
from circadia.cli.arguments import Json, SomeUser, User, Wait
from circadia.domain.catalog import BY_NAME
from circadia.domain.members import Connection as Grant
from circadia.errors import CircadiaError, Conflict
from circadia.storage import holds, members, runs
from circadia.storage.runs import Run

if TYPE_CHECKING:
    from circadia.runtime import Runtime
    from circadia.storage.postgres import Database

_LOOK_EVERY_S = 0.2
_WORKERS_OF_OUR_OWN = 4
_COUNTS = ("fetched", "written", "unchanged", "deleted", "rejected", "requests")
_CODES = {"succeeded": running.DONE, "partial": running.PARTLY, "failed": running.REFUSED}


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
    running.run(_ask(user, types or [], wait, json))


def backfill(
    user: User,
    pause: Annotated[bool, typer.Option("--pause", help="Hold it back at the next page.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Let it go on.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Fetch what is missing of a member's whole history, newest first.

    It starts by itself when a member connects and goes on where it stopped;
    this asks for it again.

    \b
    Examples:
      circadia backfill alice --wait
      circadia backfill alice --pause
      circadia backfill alice --resume
    """
    if pause and (resume or wait):
        raise typer.BadParameter("--pause goes with neither --resume nor --wait")
    running.run(_hold_back(user, json) if pause else _history(user, "resume" if resume else "start", wait, json))


def reconcile(
    user: SomeUser = None,
    full: Annotated[bool, typer.Option("--full", help="Everything, not just the last 90 days.")] = False,
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="Delete what is missing at WHOOP, however much it is.")
    ] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Compare what is stored with what WHOOP lists; heal what differs.

    It happens by itself every week. More deletions than a person would make are
    held back; `circadia status` shows them, and --allow-deletes lets them go.

    \b
    Examples:
      circadia reconcile alice --wait
      circadia reconcile alice --full
      circadia reconcile alice --allow-deletes --wait
    """
    options = {name: True for name, asked in (("full", full), ("allow_deletes", allow_deletes)) if asked}
    running.run(_compare(user, options, wait, json) if user else _compare_all(options, wait, json))


async def _compare(user: str, options: dict[str, bool], wait: bool, json: bool) -> int:
    async with running.opened() as runtime:
        grant = await _connected(runtime.db, user)
        run_id = await runtime.jobs.request(grant.member_id, "reconcile", "person", options=options)
        return await _see_to(runtime, run_id, wait, json)


async def _compare_all(options: dict[str, bool], wait: bool, json: bool) -> int:
    """A run for every connected member; where deletions are allowed, only for what is held."""
    async with running.opened() as runtime:
        wanted: dict[int, list[str]] = {each.member_id: [] for each in await members.grants(runtime.db)}
        if options.get("allow_deletes"):
            held = [each for each in await holds.all_of(runtime.db) if each.member_id in wanted]
            wanted = {each.member_id: [] for each in held}
            for each in held:
                wanted[each.member_id].append(each.type)
        asked = [
            await runtime.jobs.request(member_id, "reconcile", "reconcile", types, options)
            for member_id, types in wanted.items()
        ]
        if not wait:
            return await _hand_over_all(runtime, asked, json)
        with output.counting() as display:
            ended = [await _follow(runtime, each, _shown_on(display)) for each in asked]
    if json:
        output.print_json({"runs": [_told(run) for run in ended]})
    for run in ended:
        _complain(run)
    if not json:
        output.print_table(("user", "state"), [(run.user_id, run.state) for run in ended])
    codes = {_CODES[run.state] for run in ended}
    return running.DONE if not codes else codes.pop() if len(codes) == 1 else running.PARTLY


async def _hold_back(user_id: str, json: bool) -> int:
    async with running.opened() as runtime:
        grant = await _connected(runtime.db, user_id)
        run = await runtime.jobs.steer_backfill(grant.member_id, "pause")
    if json:
        output.print_json({"user_id": user_id, "paused": True, "run_id": run.id if run else None})
    else:
        output.say(f"The history of {user_id} is held back; `circadia backfill {user_id} --resume` lets it go on.")
    return running.DONE


async def _history(user_id: str, action: Literal["start", "resume"], wait: bool, json: bool) -> int:
    async with running.opened() as runtime:
        grant = await _connected(runtime.db, user_id)
        run = await runtime.jobs.steer_backfill(grant.member_id, action)
        assert run is not None
        return await _see_to(runtime, run.id, wait, json)


async def _ask(user_id: str, types: list[str], wait: bool, json: bool) -> int:
    async with running.opened() as runtime:
        grant = await _connected(runtime.db, user_id)
        return await _see_to(runtime, await runtime.jobs.request(grant.member_id, "sync", "person", types), wait, json)


async def _see_to(runtime: Runtime, run_id: UUID, wait: bool, json: bool) -> int:
    """Leave a run to a worker, or follow it to its end."""
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
    _say_who_works(someone_works)


async def _hand_over_all(runtime: Runtime, asked: list[UUID], json: bool) -> int:
    someone_works = await runtime.jobs.someone_works()
    if json:
        told = [{"run_id": each, "state": "queued"} for each in asked]
        output.print_json({"runs": told, "worker": someone_works})
    for each in asked if not json else ():
        typer.echo(each)
    if asked:
        _say_who_works(someone_works)
    return running.DONE


def _say_who_works(someone_works: bool) -> None:
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
        if run.paused and run.state == "queued":
            raise Conflict(
                f"the history of {run.user_id} is held back",
                remedy=f"Let it go on with `circadia backfill {run.user_id} --resume`.",
            )
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
        output.print_json(_told(run))
    elif outcome["types"]:
        rows = [(name, *(str(told[each]) for each in _COUNTS)) for name, told in outcome["types"].items()]
        output.print_table(("type", *_COUNTS), rows)
    _complain(run)
    return _CODES[run.state]


def _told(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "user_id": run.user_id,
        "kind": run.kind,
        "state": run.state,
        "outcome": run.outcome,
        "error": run.error,
    }


def _complain(run: Run) -> None:
    for name, told in (run.outcome or {"errors": {}})["errors"].items():
        output.complain(CircadiaError(f"{name}: {told['message']}", remedy=told["remedy"]))
    if run.error:
        output.complain(CircadiaError(run.error["message"], remedy=run.error["remedy"]))
