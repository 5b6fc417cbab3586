"""Runs: what was asked of the sync engine and how it went. Any process can tell of any run from its row.

A backfill goes in slices: between two it stays `running` while its job waits in the queue; `queued` with progress is
one that was stopped or paused. `attempt` counts starts and takings-over and fences: who began an earlier attempt can
no longer write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from circadia.domain.catalog import COLLECTIONS
from circadia.domain.lanes import LANES, Lane
from circadia.storage.postgres import Connection, Database, row

RunKind = Literal["sync", "backfill", "reconcile", "import"]
RunState = Literal["queued", "running", "succeeded", "partial", "failed"]
FETCHING: tuple[RunKind, ...] = ("sync", "backfill")
FINISHED: frozenset[RunState] = frozenset({"succeeded", "partial", "failed"})

_COLUMNS = (
    "r.id, m.user_id, r.member_id, r.kind, r.lane, r.types, r.state, r.created_at, r.started_at, r.finished_at, "
    "r.progress, r.outcome, r.error, r.options, r.attempt, r.kind = 'backfill' AND m.paused_at IS NOT NULL"
)
_NO_JOB = "NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.args ->> 'run_id' = r.id::text)"
_LANES = list(LANES)
_AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Run:
    """One row; `paused` says that the owner holds the member's history back."""

    id: UUID
    user_id: str
    member_id: int
    kind: RunKind
    lane: Lane
    types: list[str]
    state: RunState
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: dict[str, Any]
    outcome: dict[str, Any] | None
    error: dict[str, Any] | None
    options: dict[str, Any]
    attempt: int
    paused: bool


async def create(db: Database, member_id: int, kind: RunKind, lane: Lane, types: list[str], now: datetime) -> UUID:
    """A new run, queued."""
    async with db.connection() as connection:
        return await add(connection, member_id, kind, lane, types, {}, now)


async def add(
    connection: Connection,
    member_id: int,
    kind: RunKind,
    lane: Lane,
    types: Sequence[str],
    options: Mapping[str, Any],
    now: datetime,
) -> UUID:
    """A new run, queued, in somebody's transaction."""
    run_id = uuid4()
    await connection.execute(
        """INSERT INTO runs (id, member_id, kind, lane, types, options, state, created_at)
           VALUES (%s, %s, %s, %s, %s, %s, 'queued', %s)""",
        (run_id, member_id, kind, lane, list(types), Jsonb(dict(options)), now),
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


async def widen(
    connection: Connection, run_id: UUID, lane: Lane, types: Sequence[str], options: Mapping[str, Any]
) -> None:
    """Have a run whose job waits do more, in the better of both lanes. The caller holds that job, or there is none."""
    await connection.execute(
        """UPDATE runs SET types = (SELECT array_agg(DISTINCT t ORDER BY t) FROM unnest(types || %(types)s::text[]) t),
               options = options || %(options)s,
               lane = CASE WHEN array_position(%(lanes)s, %(lane)s) < array_position(%(lanes)s, lane) THEN %(lane)s ELSE lane END
           WHERE id = %(run)s""",
        {"run": run_id, "lane": lane, "lanes": _LANES, "types": list(types), "options": Jsonb(dict(options))},
    )


async def go_again(connection: Connection, member_id: int, kind: RunKind) -> UUID | None:
    """Have the run under way, or about to be, look again before it ends, for what was not there when it began; None
    without one."""
    found = await row(
        connection,
        f"""UPDATE runs r SET options = options || %s WHERE member_id = %s AND kind = %s
              AND (state = 'running' OR state = 'queued' AND NOT {_NO_JOB}) RETURNING id""",
        (Jsonb({_AGAIN: True}), member_id, kind),
    )
    return found[0] if found else None


async def without_job(connection: Connection, member_id: int, kind: RunKind) -> UUID | None:
    """A member's run that was stopped or paused: no job carries it. It is locked for the caller's transaction."""
    found = await row(
        connection,
        f"""SELECT r.id FROM runs r WHERE r.member_id = %s AND r.kind = %s AND r.state = 'queued' AND {_NO_JOB}
            ORDER BY r.created_at LIMIT 1 FOR UPDATE""",
        (member_id, kind),
    )
    return found[0] if found else None


async def orphans(db: Database, created_before: datetime) -> list[Run]:
    """Runs that nobody carries out and no job will, oldest first; paused histories and imports have none."""
    found = await db.rows(
        f"""SELECT {_COLUMNS} FROM runs r JOIN members m ON m.id = r.member_id
            WHERE r.state IN ('queued', 'running') AND r.kind <> 'import' AND r.created_at < %s
              AND NOT (r.kind = 'backfill' AND m.paused_at IS NOT NULL) AND {_NO_JOB}
            ORDER BY r.created_at""",
        (created_before,),
    )
    return [Run(*each) for each in found]


async def requeue(db: Database, run_id: UUID, attempt: int) -> bool:
    """A run stopped at a page boundary: it goes on later. False when it is not `attempt`'s any more."""
    return bool(
        await db.execute(
            "UPDATE runs SET state = 'queued' WHERE id = %s AND state = 'running' AND attempt = %s", (run_id, attempt)
        )
    )


async def take_over(connection: Connection, run_id: str) -> tuple[UUID, int] | None:
    """Queue a run that its worker left lying, as a new attempt: that worker can no longer write. Returns its id and
    attempt; None when it has ended or is gone."""
    found = await row(
        connection,
        """UPDATE runs SET state = 'queued', attempt = attempt + 1
           WHERE id::text = %s AND finished_at IS NULL RETURNING id, attempt""",
        (run_id,),
    )
    return (found[0], found[1]) if found else None


async def lower(db: Database, run_id: UUID, attempt: int, lane: Lane) -> bool:
    """A run that goes on in another lane. False when it is not `attempt`'s any more."""
    return bool(
        await db.execute(
            "UPDATE runs SET lane = %s WHERE id = %s AND state = 'running' AND attempt = %s", (lane, run_id, attempt)
        )
    )


async def start(db: Database, run_id: UUID, now: datetime) -> Run | None:
    """The run has begun (again): a new attempt. Returns it as it is now; None when it has ended or is gone."""
    found = await db.row(
        f"""UPDATE runs r SET state = 'running', started_at = coalesce(r.started_at, %s), attempt = r.attempt + 1,
                options = r.options - '{_AGAIN}'
            FROM members m WHERE r.id = %s AND m.id = r.member_id AND r.finished_at IS NULL RETURNING {_COLUMNS}""",
        (now, run_id),
    )
    return Run(*found) if found else None


async def report(db: Database, run_id: UUID, progress: Mapping[str, Any], attempt: int) -> Run | None:
    """How far it is. Returns the run as it is now; None when it is not `attempt`'s any more."""
    found = await db.row(
        f"""UPDATE runs r SET progress = r.progress || %(progress)s FROM members m
            WHERE r.id = %(run)s AND m.id = r.member_id AND r.attempt = %(attempt)s
              AND r.finished_at IS NULL
            RETURNING {_COLUMNS}""",
        {"run": run_id, "progress": Jsonb(dict(progress)), "attempt": attempt},
    )
    return Run(*found) if found else None


async def finish(
    db: Database,
    run_id: UUID,
    state: RunState,
    now: datetime,
    *,
    attempt: int,
    outcome: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> bool:
    """The run has ended. False, and nothing is written, when somebody wants it to go again or when it is not
    `attempt`'s any more."""
    return bool(
        await db.execute(
            f"""UPDATE runs SET state = %(state)s, finished_at = %(now)s, outcome = %(outcome)s, error = %(error)s
                WHERE id = %(run)s AND finished_at IS NULL AND attempt = %(attempt)s
                  AND NOT options ? '{_AGAIN}'""",
            {
                "run": run_id,
                "state": state,
                "now": now,
                "outcome": Jsonb(outcome) if outcome is not None else None,
                "error": Jsonb(error) if error is not None else None,
                "attempt": attempt,
            },
        )
    )


async def fruitless(db: Database, member_id: int, kind: RunKind) -> tuple[int, datetime | None]:
    """How many of a member's runs of a kind have brought no records since the last that did, and when the newest
    ended."""
    found = await db.rows(
        """SELECT state, finished_at, outcome FROM runs
           WHERE member_id = %s AND kind = %s AND finished_at IS NOT NULL ORDER BY created_at DESC LIMIT 20""",
        (member_id, kind),
    )
    count = 0
    for state, _, outcome in found:
        types = (outcome or {}).get("types", {})
        brought = sum(types.get(each.name, {}).get("fetched", 0) for each in COLLECTIONS)
        if state == "succeeded" or brought:
            break
        count += 1
    return count, found[0][1] if found else None


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
