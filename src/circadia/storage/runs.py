"""Runs: what was asked of the sync engine and how it went. Any process can tell of any run from its row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from circadia.storage.postgres import Database

RunKind = Literal["sync", "backfill", "import"]
RunState = Literal["queued", "running", "succeeded", "partial", "failed"]
FETCHING: tuple[RunKind, ...] = ("sync", "backfill")
FINISHED: frozenset[RunState] = frozenset({"succeeded", "partial", "failed"})

_COLUMNS = (
    "r.id, m.user_id, r.member_id, r.kind, r.lane, r.types, r.state, r.created_at, r.started_at, r.finished_at, "
    "r.progress, r.outcome, r.error"
)
_NO_JOB = "NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.args ->> 'run_id' = r.id::text)"


@dataclass(frozen=True, slots=True)
class Run:
    """One row."""

    id: UUID
    user_id: str
    member_id: int
    kind: RunKind
    lane: str
    types: list[str]
    state: RunState
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: dict[str, Any]
    outcome: dict[str, Any] | None
    error: dict[str, Any] | None


async def create(db: Database, member_id: int, kind: RunKind, lane: str, types: list[str], now: datetime) -> UUID:
    """A new run, queued."""
    run_id = uuid4()
    await db.execute(
        "INSERT INTO runs (id, member_id, kind, lane, types, state, created_at) VALUES (%s, %s, %s, %s, %s, 'queued', %s)",
        (run_id, member_id, kind, lane, types, now),
    )
    return run_id


async def load(db: Database, run_id: UUID) -> Run | None:
    """A run by its id."""
    found = await db.row(
        f"SELECT {_COLUMNS} FROM runs r JOIN members m ON m.id = r.member_id WHERE r.id = %s", (run_id,)
    )
    return Run(*found) if found else None


async def newest(db: Database, member_id: int, kind: RunKind) -> Run | None:
    """A member's last run of a kind."""
    found = await db.row(
        f"""SELECT {_COLUMNS} FROM runs r JOIN members m ON m.id = r.member_id
            WHERE r.member_id = %s AND r.kind = %s ORDER BY r.created_at DESC LIMIT 1""",
        (member_id, kind),
    )
    return Run(*found) if found else None


async def unfinished(db: Database, member_id: int, kind: RunKind) -> Run | None:
    """A member's run of a kind that has not ended, the one under way before the one that waits."""
    found = await db.row(
        f"""SELECT {_COLUMNS} FROM runs r JOIN members m ON m.id = r.member_id
            WHERE r.member_id = %s AND r.kind = %s AND r.state IN ('queued', 'running')
            ORDER BY r.state = 'queued', r.created_at LIMIT 1""",
        (member_id, kind),
    )
    return Run(*found) if found else None


async def widen(db: Database, run_id: UUID, types: list[str]) -> bool:
    """Have a run that has not begun do more types; False when it has begun."""
    return bool(
        await db.execute(
            """UPDATE runs SET types = (SELECT array_agg(DISTINCT t ORDER BY t) FROM unnest(types || %s::text[]) t)
               WHERE id = %s AND state = 'queued'""",
            (types, run_id),
        )
    )


async def of_waiting_job(db: Database, queueing_lock: str) -> UUID | None:
    """The run of the job that waits in the queue under a lock; there is at most one."""
    found = await db.row(
        """SELECT r.id FROM procrastinate_jobs j JOIN runs r ON r.id::text = j.args ->> 'run_id'
           WHERE j.queueing_lock = %s AND j.status = 'todo'""",
        (queueing_lock,),
    )
    return found[0] if found else None


async def without_job(db: Database, member_id: int, kind: RunKind) -> UUID | None:
    """A member's run that was stopped, or never came into the queue: it has not begun and no job carries it."""
    found = await db.row(
        f"""SELECT r.id FROM runs r WHERE r.member_id = %s AND r.kind = %s AND r.state = 'queued' AND {_NO_JOB}
            ORDER BY r.created_at LIMIT 1""",
        (member_id, kind),
    )
    return found[0] if found else None


async def requeue(db: Database, run_id: UUID) -> None:
    """A run stopped at a page boundary: it goes on later."""
    await db.execute("UPDATE runs SET state = 'queued' WHERE id = %s AND state = 'running'", (run_id,))


async def discard(db: Database, run_id: UUID) -> None:
    """Drop a run that never was queued; one that somebody else queued meanwhile stays."""
    await db.execute(f"DELETE FROM runs r WHERE r.id = %s AND r.state = 'queued' AND {_NO_JOB}", (run_id,))


async def start(db: Database, run_id: UUID, now: datetime) -> list[str]:
    """The run has begun (again), and nobody can widen it any more. Returns its types as they are now."""
    found = await db.row(
        "UPDATE runs SET state = 'running', started_at = coalesce(started_at, %s) WHERE id = %s RETURNING types",
        (now, run_id),
    )
    return list(found[0]) if found else []


async def report(db: Database, run_id: UUID, progress: dict[str, Any]) -> None:
    """How far it is."""
    await db.execute("UPDATE runs SET progress = progress || %s WHERE id = %s", (Jsonb(progress), run_id))


async def finish(
    db: Database,
    run_id: UUID,
    state: RunState,
    now: datetime,
    *,
    outcome: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> None:
    """The run has ended."""
    await db.execute(
        "UPDATE runs SET state = %s, finished_at = %s, outcome = %s, error = %s WHERE id = %s",
        (
            state,
            now,
            Jsonb(outcome) if outcome is not None else None,
            Jsonb(error) if error is not None else None,
            run_id,
        ),
    )


async def abandon_imports(db: Database, begun_before: datetime, now: datetime) -> int:
    """End imports whose process must have died: nobody else can go on with a file that was its."""
    error = {"kind": "interrupted", "message": "the process that read the file has ended", "remedy": "Import it again."}
    return await db.execute(
        """UPDATE runs SET state = 'failed', finished_at = %s, error = %s
           WHERE kind = 'import' AND state IN ('queued', 'running') AND created_at < %s""",
        (now, Jsonb(error), begun_before),
    )


async def forget_before(db: Database, limit: datetime) -> int:
    """Drop finished runs older than `limit`."""
    return await db.execute("DELETE FROM runs WHERE finished_at < %s", (limit,))
