"""The deed that brings a member's own WHOOP data export into the same records that the API fills.

The file is read in a thread and stored in batches, each one transaction under the member's lock. Batches can be
repeated: an import that was killed is simply run again and ends in the same rows. Records that WHOOP's API has too
give way to it, whichever came first.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from circadia.clients.whoop.export import Problem
from circadia.clock import Clock
from circadia.domain.catalog import COLLECTIONS, RecordType
from circadia.domain.members import check_user_id
from circadia.errors import CircadiaError
from circadia.storage import days, exports, members, records, runs
from circadia.storage.postgres import Connection, Database
from circadia.storage.records import Key, Received
from circadia.sync.exports import JOURNAL, Batch, ExportReader
from circadia.sync.outcome import told

log = structlog.get_logger()

BATCH = 100
"""Rows of the file that are stored in one transaction."""
SETTLE_EVERY = 20
"""Batches after which the days are rebuilt, so that what arrived can be read."""
PROBLEMS_IN_A_RUN = 100

_BROKE = {
    "kind": "internal",
    "message": "an unexpected error; the log has its trace",
    "remedy": "Import it again.",
}
_NOTHING = "nothing in this file could be read as a WHOOP data export; its problems say why"


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
    attempt = 0
    with structlog.contextvars.bound_contextvars(run=str(run_id), user=user_id):
        try:
            if (run := await runs.start(db, run_id, clock())) is None:
                return
            attempt = run.attempt
            deed = _Import(db, user_id, clock(), run.member_id)
            async with aclosing(deed.batches(path)) as batches:
                async for row_count in batches:
                    await runs.report(db, run_id, {"rows": row_count}, attempt)
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
        except Exception:
            # the background task's boundary: a bug ends the run, not the service
            log.exception("import.broke")
        else:
            log.info("import.done", ended=state)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await runs.finish(db, run_id, state, clock(), attempt=attempt, outcome=outcome, error=error)


class _Import:
    """One import under way, into a member; without one, into that of the user, who is made if need be."""

    def __init__(self, db: Database, user_id: str, now: datetime, member_id: int | None = None) -> None:
        self._db = db
        self._user_id = user_id
        self._now = now
        self._reader = ExportReader()
        self._member_id = member_id
        self._written = Counter[str]()
        self._yielded = Counter[str]()
        self._days: set[date] = set()

    async def batches(self, path: Path) -> AsyncGenerator[int, None]:
        """Store the file batch by batch; yields the number of rows read so far."""
        stored, row_count = 0, 0
        await asyncio.to_thread(self._reader.open, path)
        try:
            while (batch := await asyncio.to_thread(self._reader.take, BATCH)) is not None:
                if batch.raw_rows:
                    await self._store(batch)
                    stored += 1
                    if stored % SETTLE_EVERY == 1:
                        await self._settle()
                row_count += batch.row_count
                yield row_count
        finally:
            await asyncio.to_thread(self._reader.close)
        if stored:
            await self._conclude()

    def report(self) -> ImportReport:
        """What it did so far."""
        reader = self._reader
        counts = {}
        for name in (*(each.name for each in COLLECTIONS), JOURNAL):
            read = len(reader.read.get(name, ()))
            yielded = min(self._yielded[name], read)
            written = min(max(self._written[name] - yielded, 0), read - yielded)
            unchanged = read - written - yielded
            counts[name] = {"read": read, "written": written, "unchanged": unchanged, "yielded": yielded}
        return ImportReport(counts, tuple(reader.problems), reader.more_problems, len(self._days))

    async def _store(self, batch: Batch) -> None:
        async with self._db.begin() as connection:
            if self._member_id is None:
                self._member_id = await members.ensure(connection, self._user_id, self._now)
            member_id, now = self._member_id, self._now
            await exports.begin(connection, member_id)
            await exports.keep_rows(connection, member_id, batch.raw_rows, now)
            self._written[JOURNAL] += await exports.keep_journal(
                connection, member_id, list(batch.entries.values()), now
            )
            for type_ in COLLECTIONS:
                await self._upsert(connection, type_, batch.received.get(type_.name, {}))
            if stretch := batch.stretch():
                self._yielded.update(await exports.give_way(connection, member_id, *stretch))

    async def _upsert(self, connection: Connection, type_: RecordType, received: dict[Key, Received]) -> None:
        assert self._member_id is not None
        old = await exports.told_before(connection, type_, self._member_id, received) if received else set()
        fresh = [each for key, each in received.items() if key not in old]
        if fresh:
            written = await records.upsert(
                connection, type_, self._member_id, fresh, fetched_at=self._now, source="export"
            )
            self._written[type_.name] += written.inserted + written.updated

    async def _settle(self) -> None:
        assert self._member_id is not None
        async with self._db.connection() as connection:
            await exports.analyse(connection)
        async with self._db.begin() as connection:
            await days.settle(connection, self._member_id)
            self._days |= await exports.rebuilt(connection, self._member_id)

    async def _conclude(self) -> None:
        """Let this import replace earlier ones, say when it was, and leave settled days."""
        assert self._member_id is not None
        connected = await members.grant(self._db, self._member_id) is not None
        async with self._db.begin() as connection:
            await exports.begin(connection, self._member_id)
            self._yielded.update(await exports.take_over(connection, self._member_id, self._reader.read))
            if not connected:
                await members.advance_as_of(connection, self._member_id, self._now)
        await self._settle()
