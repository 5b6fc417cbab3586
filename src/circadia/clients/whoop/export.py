"""A member's own WHOOP data export as records: the zip of the app, its folder, or single CSVs.

Reading never raises for what a file holds: what cannot be read is a Problem, named by file and line, and the rest
goes on. Rows stream; memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from circadia.clients.whoop.archive import Contents, Entry, Problem, Refused, opened, printable
from circadia.clients.whoop.export_records import Imported, JournalEntry, Unreadable, read_row
from circadia.clients.whoop.export_rows import ExportRow, Table

__all__ = ["ExportRow", "Imported", "JournalEntry", "Problem", "read_export"]

_NOT_AN_EXPORT = (
    "This is not a WHOOP data export (no CSV in it has the headers of one): in the WHOOP app choose "
    "App Settings, Data Export, and import the zip that arrives by e-mail."
)
_PRIVACY_PACKAGE = (
    "This is WHOOP's answer to a privacy request, which is laid out differently: in the WHOOP app choose "
    "App Settings, Data Export, and import the zip that arrives by e-mail."
)
_UNKNOWN = (
    "This is not a file of a WHOOP data export (its headers are none of one in English, Spanish, German, French or "
    "Brazilian Portuguese): if WHOOP sent it, set the app to one of these languages and request the export again."
)


def read_export(path: Path) -> Generator[Imported | JournalEntry | Problem, None, None]:
    """Everything in the export at `path`, file by file in the order of the rows (newest first as WHOOP writes them).

    A row of physiological_cycles gives a cycle and, where present, its main sleep and recovery; sleeps.csv gives the
    same sleep again, equal in id, content and raw text. Duplicated rows are given as often as they occur.
    """
    try:
        with opened(path) as contents:
            yield from contents.problems
            yield from _contents(contents, path)
    except Refused as refused:
        yield Problem(printable(path.name), refused.line, refused.message)


def _contents(contents: Contents, path: Path) -> Iterator[Imported | JournalEntry | Problem]:
    unknown: list[Problem] = []
    for entry in contents.files:
        recognised = yield from _file(entry)
        if not recognised:
            unknown.append(Problem(entry.name, 1, _UNKNOWN))
    if len(unknown) < len(contents.files):
        yield from unknown
    elif contents.privacy_package:
        yield Problem(printable(path.name), None, _PRIVACY_PACKAGE)
    else:
        yield from unknown
        if [each.file for each in unknown] != [printable(path.name)]:
            yield Problem(printable(path.name), None, _NOT_AN_EXPORT)


def _file(entry: Entry) -> Generator[Imported | JournalEntry | Problem, None, bool]:
    """What one CSV holds; returns whether it is a file of an export, readable or not."""
    table = None
    try:
        with entry.open() as stream:
            table = Table.open(entry.name, stream)
            if table is None:
                return False
            for row in table.rows():
                if isinstance(row, Problem):
                    yield row
                else:
                    yield from _row(row, table)
    except Refused as refused:
        line = refused.line if refused.line is not None or table is None else table.line
        yield Problem(entry.name, line, refused.message)
    return True


def _row(row: ExportRow, table: Table) -> tuple[Imported | JournalEntry | Problem, ...]:
    try:
        return read_row(row)
    except Unreadable as error:
        column = printable(table.header.texts.get(error.column, error.column).strip())
        message = f'"{column}" {error.why}, so this row was left out: correct the cell, or import the original file.'
        return (Problem(row.file, row.line, message),)
