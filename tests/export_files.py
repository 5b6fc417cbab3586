"""The sample export, its kin made for a test, and what reading them gives."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from circadia.clients.whoop.export import Imported, JournalEntry, Problem, read_export
from circadia.clients.whoop.export_headers import Kind, columns_of

FIXTURES = Path(__file__).parent / "fixtures" / "whoop"
EXPORT = FIXTURES / "export" / "my_whoop_data_2025_11_04"
FILES: dict[Kind, str] = {
    "cycles": "physiological_cycles.csv",
    "sleeps": "sleeps.csv",
    "workouts": "workouts.csv",
    "journal": "journal_entries.csv",
}
TABLE: dict[str, Any] = json.loads((FIXTURES / "export-headers.json").read_text(encoding="utf-8"))
"""Headers as collected from real exports, by language and kind; the reader has its own copy to be held against."""
Entries = dict[str | zipfile.ZipInfo, str | bytes]


def problems(path: Path) -> list[Problem]:
    return [each for each in read_export(path) if isinstance(each, Problem)]


def imported(path: Path, name: str | None = None) -> list[Imported]:
    return [each for each in read_export(path) if isinstance(each, Imported) and name in (None, each.type)]


def journal(path: Path) -> list[JournalEntry]:
    return [each for each in read_export(path) if isinstance(each, JournalEntry)]


def first(path: Path, name: str) -> Any:
    return imported(path, name)[0].record


def sample(kind: Kind) -> str:
    return (EXPORT / FILES[kind]).read_text(encoding="utf-8")


def rows_of(kind: Kind) -> list[list[str]]:
    return list(csv.reader(io.StringIO(sample(kind))))


def with_cells(kind: Kind, **cells: str) -> str:
    """The sample's header and first row with some cells, by canonical name, replaced."""
    header, row = rows_of(kind)[:2]
    row = [cells.get(name, cell) for name, cell in zip(columns_of(kind), row, strict=True)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, row])
    return text.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(path: Path, entries: Entries, packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def whole(under: str = "") -> Entries:
    """The four files of the sample, as entries below a folder."""
    return {under + each.name: each.read_bytes() for each in sorted(EXPORT.iterdir())}
