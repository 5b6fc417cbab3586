"""What commands say: data on stdout, everything else on stderr."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from circadia.errors import CircadiaError

_WIDTH_IN_A_PIPE = 240
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))

JsonOption = typer.Option("--json", help="Print the data as one line of JSON.")


def console(*, stderr: bool = False) -> Console:
    """Where people read. A table in a pipe is not cut to a terminal's width."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made = Console(stderr=stderr, highlight=False, width=_WIDTH_IN_A_PIPE)
    return made


def say(sentence: str) -> None:
    """Tell the person at the terminal something that is not data."""
    typer.echo(sentence, err=True)


def print_json(data: Any) -> None:
    """Data as one line."""
    typer.echo(orjson.dumps(data).decode())


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str | None = None,
    wrapping: Collection[str] | None = None,
) -> None:
    """Data for reading. Where it is narrow only the columns `wrapping` give way; without them any."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=wrapping is not None and name not in wrapping)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def sentence(message: str, remedy: str | None) -> str:
    """What happened and what to do, as one text."""
    return f"{message.rstrip('.')}. {remedy}" if remedy else message


def complain(error: CircadiaError) -> None:
    """An error as the person at the terminal reads it, a line for each problem."""
    for line in sentence(error.message, error.remedy).splitlines():
        typer.echo(f"{typer.style('circadia:', fg='red', bold=True)} {line}", err=True)


def complain_of_bug(error: Exception) -> None:
    """An error nobody foresaw: its kind only, because its text may carry anything, unless its details are asked for."""
    if os.environ.get("LOG_LEVEL") == "DEBUG":
        traceback.print_exception(error)
    typer.echo(
        f"circadia: this should not have happened ({type(error).__name__}). "
        "Run it again with LOG_LEVEL=DEBUG for the details, and please report it.",
        err=True,
    )


def counting() -> Progress:
    """A display of tasks whose end is not known, for a terminal: a moving bar, a label and the field `told`."""
    shown_on = console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        console=shown_on,
        disable=not shown_on.is_terminal,
    )


@contextmanager
def table_by_table(deed: str) -> Iterator[Callable[[str, int], None]]:
    """Shows on a terminal how far a copy is, and is told each table with its rows."""
    copied = 0
    with counting() as display:
        line = display.add_task(deed, total=None, told="")

        def told(table: str, rows: int) -> None:
            nonlocal copied
            copied += rows
            display.update(line, told=f"{copied} rows, {table}")

        yield told
        display.update(line, total=1, completed=1)


def instant(at: datetime | None) -> str:
    """An instant to the minute, in UTC."""
    return at.strftime("%Y-%m-%d %H:%M") if at else "-"


def day(at: date | None) -> str:
    """The date of an instant, in UTC, or a date."""
    return at.strftime("%Y-%m-%d") if at else "-"


def duration(span: timedelta) -> str:
    """A span in its largest unit: `3 d`, `5 min`."""
    seconds = int(abs(span.total_seconds()))
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago something was."""
    return f"{duration(now - at)} ago" if at else "never"


def until(at: datetime | None, now: datetime) -> str:
    """How soon something is."""
    if at is None:
        return "-"
    return "now" if at <= now else f"in {duration(at - now)}"
