"""`circadia import`: a member's own WHOOP data export."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json, user_id
from circadia.clock import system_clock
from circadia.errors import Invalid

if TYPE_CHECKING:
    from circadia.imports import ImportReport

_SHOWN = 50
_COUNTS = ("read", "written", "unchanged", "yielded")


def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, help="The export: the zip, its folder, or one of its CSVs."),
    ],
    user: Annotated[str, typer.Option("--user", metavar="USER", parser=user_id, help="Whose it is; made if new.")],
    json: Json = False,
) -> None:
    """Read a WHOOP data export (WHOOP app: More, App Settings, Data Export) into the store.

    Importing the same file again changes nothing. Where the API has the same
    event, the API's record counts ("yielded"). What cannot be read is named by
    file and line, the rest is imported, and the exit code is 1.

    \b
    Examples:
      circadia import my_whoop_data.zip --user alice
      circadia import sleeps.csv --user alice --json
    """
    running.run(_import(file, user, json))


async def _import(file: Path, user: str, json: bool) -> int:
    from circadia.imports import import_export

    async with running.opened_database() as (_settings, db):
        with output.counting() as display:
            line = display.add_task(f"Reading {file.name}", total=None, told="")
            report = await import_export(
                db,
                user,
                file,
                system_clock(),
                progress=lambda rows: display.update(line, told=f"{rows} rows"),
            )
            display.update(line, total=1, completed=1)
    _tell(report, user, json)
    if report.nothing:
        return running.REFUSED
    return running.PARTLY if report.problems else running.DONE


def _tell(report: ImportReport, user: str, json: bool) -> None:
    if json:
        problems = [asdict(each) for each in report.problems]
        output.print_json({"user_id": user, **report.as_dict(), "problems": problems})
    elif not report.nothing:
        rows = [(name, *(str(told[each]) for each in _COUNTS)) for name, told in report.counts.items()]
        output.print_table(("type", *_COUNTS), rows)
        typer.echo(f"{report.days} days changed.")
    for each in report.problems[:_SHOWN]:
        place = each.file if each.line is None else f"{each.file}, line {each.line}"
        output.say(f"{place}: {each.message}")
    if (more := len(report.problems) + report.more_problems - _SHOWN) > 0:
        output.say(f"... and {more} more problems; --json lists the first thousand.")
    if report.nothing:
        output.complain(Invalid(f"nothing was imported for {user}", remedy="Give the zip as WHOOP sent it."))
