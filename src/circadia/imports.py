"""The deed that brings a member's own WHOOP data export into the same records that the API fills.

The file is read in a thread and stored in batches, each one transaction under the member's lock. Batches can be
repeated: an import that was killed is simply run again and ends in the same rows. Records that WHOOP's API has too
give way to it, whichever came first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from circadia.clients.whoop.export import ExportRow, Imported, JournalEntry, Problem, read_export
from circadia.clock import Clock
from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.domain.members import check_user_id
from circadia.errors import CircadiaError
from circadia.storage import days, exports, members, records, runs
from circadia.storage.exports import Entry, RawRow
from circadia.storage.postgres import Connection, Database
from circadia.storage.records import Key, Received
from circadia.sync.outcome import told

log = structlog.get_logger()

BATCH = 200
"""Rows of the file that are stored in one transaction."""
MOST_PROBLEMS = 1_000
"""Problems that a report names one by one; the rest is counted."""
PROBLEMS_IN_A_RUN = 100

_SETTLE_EVERY = 10
_JOURNAL = "journal"
_BROKE = {"kind": "internal", "message": "the import broke off; the log has its trace", "remedy": "Import it again."}
_NOTHING = "Nothing in this file could be read as a WHOOP data export; the problems say why."

Item = Imported | JournalEntry | Problem


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    counts         per record type and for `journal`: `read` (each record once, however often the files tell it),
                   `written` (new or changed), `unchanged`, `yielded` (given way to WHOOP's own record of the event)
    problems       the first thousand, in the order of the files; `more_problems` counts the others
    days           dates whose document changed
    """

    counts: dict[str, dict[str, int]]
    problems: tuple[Problem, ...]
    more_problems: int
    days: int

    @property
    def nothing(self) -> bool:
        """Whether nothing could be read."""
        return not any(each["read"] for each in self.counts.values())

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with the first hundred problems."""
        return {
            "types": self.counts,
            "days": self.days,
            "problems": [asdict(each) for each in self.problems[:PROBLEMS_IN_A_RUN]],
            "problem_count": len(self.problems) + self.more_problems,
        }


async def import_export(
    db: Database, user_id: str, path: Path, now: datetime, *, progress: Callable[[int], None] | None = None
) -> ImportReport:
    """Import the export at `path` (zip, folder or single CSV) for a user, who becomes a member if need be.

    `progress` is told the number of rows read so far. A file of which nothing can be read leaves no trace.
    Raises Invalid for a bad user id, UpstreamDown without a database, NotFound if the member is erased meanwhile.
    """
    deed = _Import(db, check_user_id(user_id), now)
    async with aclosing(deed.batches(path)) as batches:
        async for row_count in batches:
            if progress is not None:
                progress(row_count)
    return deed.report()


async def run_import(db: Database, run_id: UUID, user_id: str, path: Path, clock: Clock) -> None:
    """Carry out the run of an uploaded export and remove the file, however it ends."""
    error: dict[str, Any] | None = _BROKE
    state: runs.RunState = "failed"
    outcome: dict[str, Any] | None = None
    with structlog.contextvars.bound_contextvars(run=str(run_id), user=user_id):
        try:
            await runs.start(db, run_id, clock())
            deed = _Import(db, check_user_id(user_id), clock())
            async with aclosing(deed.batches(path)) as batches:
                async for row_count in batches:
                    await runs.report(db, run_id, {"rows": row_count})
            report = deed.report()
            outcome, error = report.as_dict(), None
            if report.nothing:
                first = report.problems[0].message if report.problems else None
                error = {"kind": "not_an_export", "message": _NOTHING, "remedy": first}
            else:
                state = "partial" if report.problems else "succeeded"
        except CircadiaError as failure:
            error = told(failure)
            log.warning("import.failed", kind=failure.kind, reason=failure.message)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await runs.finish(db, run_id, state, clock(), outcome=outcome, error=error)


@dataclass(slots=True)
class _Batch:
    """Some rows of the file, ready to be stored."""

    row_count: int = 0
    received: dict[str, dict[Key, Received]] = field(default_factory=dict)
    entries: dict[tuple[datetime, str], Entry] = field(default_factory=dict)
    raw_rows: list[RawRow] = field(default_factory=list)

    def stretch(self) -> tuple[datetime, datetime] | None:
        """From the first start to the last end among the records that have times of their own."""
        timed = [each.record.model_dump(include={"start", "end"}) for found in self.received.values() for each in found.values()]
        starts = [each["start"] for each in timed if each]
        return (min(starts), max(each["end"] or each["start"] for each in timed if each)) if starts else None


class _Reader:
    """The file, read a batch at a time in whatever thread asks. What the files say twice is given once: the telling
    that fills more cells, of equal ones the first."""

    def __init__(self, path: Path) -> None:
        self._items = read_export(path)
        self._rows = groupby(self._items, key=_place)
        self._lock = threading.Lock()
        self.row_count = 0
        self.read: dict[str, dict[Any, int]] = {name: {} for name in (*(each.name for each in COLLECTIONS), _JOURNAL)}
        self.problems: list[Problem] = []
        self.more_problems = 0

    def take(self, row_count: int) -> _Batch | None:
        """The next rows, None at the end."""
        with self._lock:
            before = self.row_count
            batch = _Batch()
            for item in chain.from_iterable(group for _, group in islice(self._counted(), row_count)):
                self._add(item, batch)
            batch.row_count = self.row_count - before
            return batch if batch.row_count else None

    def close(self) -> None:
        """Let go of the file, after the batch that is being read."""
        with self._lock:
            self._items.close()
