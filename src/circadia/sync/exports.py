"""An export file in batches that are ready to be stored, made in whatever thread asks for them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from circadia.clients.whoop.export import Imported, JournalEntry, Problem, read_export
from circadia.domain.catalog import BY_NAME
from circadia.storage.exports import Entry, RawRow
from circadia.storage.records import Key, Received

JOURNAL = "journal"
MOST_PROBLEMS = 1_000
"""Problems that are told one by one; the rest is counted."""

Item = Imported | JournalEntry | Problem


@dataclass(slots=True)
class Batch:
    """Some rows of the file: raw, as records by type and key, and as journal answers."""

    row_count: int = 0
    raw_rows: list[RawRow] = field(default_factory=list)
    received: dict[str, dict[Key, Received]] = field(default_factory=dict)
    entries: dict[tuple[datetime, str], Entry] = field(default_factory=dict)

    def stretch(self) -> tuple[datetime, datetime] | None:
        """From the first start to the last end among the records that have times of their own."""
        times = [
            each.record.model_dump(include={"start", "end"})
            for name, found in self.received.items()
            if BY_NAME[name].timed
            for each in found.values()
        ]
        if not times:
            return None
        return min(each["start"] for each in times), max(each["end"] or each["start"] for each in times)


class ExportReader:
    """A file read a batch at a time. What its files tell twice is given once: the telling that fills more cells, of
    equal ones the first.

    read           the keys given so far, by record type and for the journal
    problems       the first thousand; `more_problems` counts the others
    """

    def __init__(self) -> None:
        self.read: dict[str, dict[Any, int]] = {}
        self.problems: list[Problem] = []
        self.more_problems = 0
        self._lock = threading.Lock()
        self._items: Generator[Item, None, None] | None = None
        self._rows: Iterator[tuple[Any, Iterator[Item]]] = iter(())

    def open(self, path: Path) -> None:
        """Begin with the export at `path`."""
        self._items = read_export(path)
        self._rows = groupby(self._items, key=_place)

    def take(self, row_count: int) -> Batch | None:
        """The next rows, each whole; None at the end."""
        with self._lock:
            batch = Batch()
            for _, items in islice(self._rows, row_count):
                batch.row_count += 1
                self._add(list(items), batch)
            return batch if batch.row_count else None

    def close(self) -> None:
        """Let go of the file, once the batch that may still be read is read."""
        with self._lock:
            if self._items is not None:
                self._items.close()

    def _add(self, items: list[Item], batch: Batch) -> None:
        for item in items:
            match item:
                case Problem() if len(self.problems) < MOST_PROBLEMS:
                    self.problems.append(item)
                case Problem():
                    self.more_problems += 1
                case JournalEntry():
                    key = (item.cycle_start, item.question)
                    if self._fresh(JOURNAL, key, item.row.raw):
                        batch.entries[key] = _entry(item)
                case Imported():
                    key_ = getattr(item.record, BY_NAME[item.type].key)
                    if self._fresh(item.type, key_, item.raw["export"]):
                        batch.received.setdefault(item.type, {})[key_] = Received(item.record, item.raw)
        if not isinstance(first := items[0], Problem):
            row = first.row
            batch.raw_rows.append(RawRow(row.kind, row.file, row.line, row.raw))

    def _fresh(self, name: str, key: Any, cells: dict[str, str]) -> bool:
        filled = sum(1 for each in cells.values() if each.strip())
        read = self.read.setdefault(name, {})
        if filled <= read.get(key, -1):
            return False
        read[key] = filled
        return True


def _place(item: Item) -> tuple[str, int | None]:
    where = item if isinstance(item, Problem) else item.row
    return where.file, where.line


def _entry(item: JournalEntry) -> Entry:
    return Entry(
        item.cycle_start,
        item.timezone_offset,
        item.question,
        item.answered_yes,
        item.notes,
        {"export": item.row.raw},
    )
