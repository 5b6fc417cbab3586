"""The rows of one CSV of an export, each with the physical line it starts on.

A broken row is told apart from its neighbours: quotes may run over lines (journal notes do), but a quote that never
closes costs its own line only, because reading goes on with the line below it.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from circadia.clients.whoop.archive import Problem, Refused, printable
from circadia.clients.whoop.export_headers import Header, Kind, recognise

LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
"""How an export writes a time: local wall time to the second, without an offset."""

_MAX_ROW_CHARS = 131_072
_MAX_ROW_LINES = 500
_SPREADSHEET_TIME = re.compile(r"#+|[0-9][0-9./:,\- ]*(?:[ap]\.?m\.?)?", re.IGNORECASE)
_ORIGINAL = "import the file as WHOOP sent it"


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One row as the file has it. `raw` maps canonical column names (unknown columns: their header) to text."""

    kind: Kind
    file: str
    line: int
    raw: dict[str, str]


class Table:
    """An opened CSV whose header row is known."""

    def __init__(self, file: str, lines: _Lines, header: Header) -> None:
        self.file = file
        self.header = header
        self._lines = lines

    @classmethod
    def open(cls, file: str, stream: io.BufferedReader) -> Table | None:
        """The table in `stream`, None if its header row is none of an export.

        Raises Refused for a file that an export once was but that a spreadsheet has rewritten.
        """
        start = stream.peek(64)[:64]
        if not start:
            raise Refused(f"The file is empty: {_ORIGINAL}.")
        if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in start:
            raise Refused(f"The file is in UTF-16, not UTF-8, so a program has rewritten it: {_ORIGINAL}.", 1)
        lines = _Lines(stream)
        header = _read_header(lines)
        return None if header is None else cls(file, lines, header)

    @property
    def line(self) -> int:
        """The physical line read last."""
        return self._lines.number

    def rows(self) -> Iterator[ExportRow | Problem]:
        """Every row, and a problem for each that is broken. Refused if a spreadsheet has rewritten the times."""
        names = self.header.names
        if self.header.unread:
            listed = ", ".join(f'"{printable(each)}"' for each in self.header.unread)
            yield Problem(
                self.file, 1, f"Columns that this version does not know are kept as text, but not read: {listed}."
            )
        fresh = True
        while (row := _read_row(self._lines, len(names))) is not None:
            line, cells = row
            why = cells if isinstance(cells, str) else _unfit(cells)
            if why is not None:
                yield Problem(self.file, line, why)
                continue
            raw = {name: cell for name, cell in zip(names, cells, strict=True) if name}
            if fresh and _rewritten(raw["cycle_start"].strip()):
                raise Refused(
                    f"The times in this file were reformatted by a spreadsheet, which loses seconds: {_ORIGINAL}.", line
                )
            fresh = False
            yield ExportRow(self.header.kind, self.file, line, raw)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str | None
    """None if the line is longer than a row may be."""


class _Lines:
    """Physical lines of a UTF-8 stream; bytes that are not UTF-8 become lone surrogates. Lines can be put back."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._waiting: deque[_Line] = deque()
        self.number = 0

    def read(self) -> _Line | None:
        if self._waiting:
            return self._waiting.popleft()
        text = self._text.readline(_MAX_ROW_CHARS)
        if not text:
            return None
        self.number += 1
        if len(text) < _MAX_ROW_CHARS:
            return _Line(self.number, text)
        while text and text[-1] not in "\r\n":
            text = self._text.readline(_MAX_ROW_CHARS)
        return _Line(self.number, None)

    def put_back(self, lines: Sequence[_Line]) -> None:
        self._waiting.extendleft(reversed(lines))


def _read_header(lines: _Lines) -> Header | None:
    first = lines.read()
    text = first.text if first is not None else None
    if text is None:
        return None
    if text.casefold().startswith("sep="):
        raise Refused(f"The file was saved by a spreadsheet: {_ORIGINAL}.", 1)
    for delimiter in ",;\t":
        cells = _parsed([text], delimiter)
        header = recognise(cells) if cells else None
        if header is not None and delimiter != ",":
            raise Refused(f"The columns are not separated by commas, as a spreadsheet saves them: {_ORIGINAL}.", 1)
        if header is not None:
            return header
    if _foreign(text):
        raise Refused(f"The file is not in UTF-8, so a program has rewritten it: {_ORIGINAL}.", 1)
    return None


def _read_row(lines: _Lines, width: int) -> tuple[int, list[str] | str] | None:
    """The next row as (line, cells), or (line, why it is broken); None at the end. Empty rows are passed over."""
    while (first := lines.read()) is not None:
        if first.text is None:
            return first.number, f"The line is longer than a row can be: {_ORIGINAL}."
        cells, taken = _gather(lines, first, first.text)
        if cells is not None and not any(cell.strip() for cell in cells):
            continue
        if cells is not None and len(cells) == width:
            return first.number, cells
        lines.put_back(taken)
        if cells is None:
            return first.number, f"The row is not proper CSV (a quote is open or misplaced): {_ORIGINAL}."
        return first.number, f"The row has {len(cells)} columns where the header has {width}: {_ORIGINAL}."
    return None


def _gather(lines: _Lines, first: _Line, text: str) -> tuple[list[str] | None, list[_Line]]:
    """The cells of the row that begins with `first`, and the lines below it that were needed."""
    texts = [text]
    taken: list[_Line] = []
    cells = _parsed(texts)
    if cells is not None or text.count('"') % 2 == 0:
        return cells, taken
    size = len(text)
    while len(taken) < _MAX_ROW_LINES and (line := lines.read()) is not None:
        taken.append(line)
        if line.text is None or (size := size + len(line.text)) > _MAX_ROW_CHARS:
            break
        texts.append(line.text)
        if line.text.count('"') % 2 == 1:
            return _parsed(texts), taken
    return None, taken


def _parsed(texts: Sequence[str], delimiter: str = ",") -> list[str] | None:
    try:
        found = list(csv.reader(texts, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None


def _unfit(cells: Sequence[str]) -> str | None:
    text = "".join(cells)
    if "\x00" in text:
        return f"The row holds NUL characters, so the file is damaged here: {_ORIGINAL}."
    if _foreign(text):
        return f"The row is not in UTF-8, so a program has rewritten it: {_ORIGINAL}."
    return None


def _foreign(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text)


def _rewritten(time: str) -> bool:
    return LOCAL_TIME.fullmatch(time) is None and _SPREADSHEET_TIME.fullmatch(time) is not None
