"""The job engine's rows, where a deed needs more than the engine offers: joining, raising, taking over.

A job carries one run (`args ->> 'run_id'`); its lock and its queueing lock are `kind:member_id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from circadia.storage import runs
from circadia.storage.postgres import Connection, Database, row, rows

_INTERRUPTED = {"kind": "interrupted", "message": "its worker died; a newer run does its work", "remedy": None}


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that its worker left lying, and whether its run is in the queue again."""

    task: str
    run_id: str | None
    queued: bool


async def hold_waiting(connection: Connection, key: str) -> UUID | None:
    """The run of the job that waits under a lock; until the transaction ends no worker fetches that job."""
    found = await row(
        connection,
        """SELECT (args ->> 'run_id')::uuid FROM procrastinate_jobs
           WHERE queueing_lock = %s AND status = 'todo' FOR UPDATE""",
        (key,),
    )
    return found[0] if found else None


async def raise_waiting(connection: Connection, key: str, priority: int, queue: str) -> None:
    """Move the waiting job under a lock to a better queue, at once; one that is as good already stays."""
    await connection.execute(
        """WITH raised AS (
               UPDATE procrastinate_jobs SET priority = %(priority)s, queue_name = %(queue)s, scheduled_at = NULL
               WHERE queueing_lock = %(key)s AND status = 'todo' AND priority < %(priority)s RETURNING id)
           SELECT pg_notify('procrastinate_queue_v1#' || %(queue)s,
               json_build_object('type', 'job_inserted', 'job_id', id)::text) FROM raised""",
        {"key": key, "priority": priority, "queue": queue},
    )


async def exists(db: Database, key: str) -> bool:
    """Whether the queue holds a job under a lock, waiting or running."""
    found = await db.row(
        "SELECT 1 FROM procrastinate_jobs WHERE lock = %s AND status IN ('todo', 'doing') LIMIT 1", (key,)
    )
    return found is not None


async def wake(db: Database, now: datetime) -> int:
    """Let go of jobs that were to rest until an instant that has come on our clock; the engine looks at the
    database's alone."""
    return await db.execute(
        "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND scheduled_at <= %s", (now,)
    )


async def working(db: Database, within_s: float) -> bool:
    """Whether any worker anywhere has given a sign of life within so many seconds."""
    found = await db.row(
        "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)",
        (within_s,),
    )
    return bool(found and found[0])


async def fetched_by(db: Database, workers: Sequence[int]) -> dict[int, str]:
    """The jobs that these workers have fetched and not ended, with their runs."""
    found = await db.rows(
        """SELECT id, coalesce(args ->> 'run_id', '') FROM procrastinate_jobs
           WHERE status = 'doing' AND worker_id = ANY (%s)""",
        (list(workers),),
    )
    return {each[0]: each[1] for each in found}


async def end_suspended(db: Database, silent_s: float) -> int:
    """End the sessions that have been in the midst of telling a statement for so long, and with them what their
    transactions have locked: their process is suspended. Returns how many. The server ends a transaction in which nothing
    is said by itself, but not one whose statement has arrived in part."""
    found = await db.rows(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND usename = current_user AND application_name = 'circadia'
             AND state = 'active' AND wait_event = 'ClientRead' AND xact_start IS NOT NULL
             AND query_start < now() - make_interval(secs => %s)""",
        (silent_s,),
    )
    return len(found)


async def take_from_dead(db: Database, dead_after_s: float, now: datetime) -> list[Taken]:
    """Put the jobs of workers that have been silent for so many seconds back into the queue."""
    return await _take(
        db,
        """NOT EXISTS (SELECT FROM procrastinate_workers w
                       WHERE w.id = j.worker_id AND w.last_heartbeat > now() - make_interval(secs => %s))""",
        dead_after_s,
        now,
    )


async def take(db: Database, job_ids: Sequence[int], now: datetime) -> list[Taken]:
    """Put jobs that were fetched and are carried out by nobody back into the queue."""
    return await _take(db, "j.id = ANY (%s)", list(job_ids), now)


async def _take(db: Database, which: str, parameter: object, now: datetime) -> list[Taken]:
    """A job gets a new row, before the others of its lane (lanes are ten apart): a worker that was only asleep ends the
    old one and not its successor's."""
    async with db.begin() as connection:
        left = await rows(
            connection,
            f"""DELETE FROM procrastinate_jobs j WHERE j.status = 'doing' AND {which}
                RETURNING queue_name, task_name, priority, lock, queueing_lock, args ->> 'run_id'""",
            (parameter,),
        )
        return [Taken(each[1], each[5], await _put_back(connection, each, now)) for each in left]


async def _put_back(connection: Connection, job: tuple[object, ...], now: datetime) -> bool:
    queue, task, priority, lock, queueing_lock, run_id = job
    goes_on = await runs.take_over(connection, str(run_id))
    if goes_on is None:
        return False
    queued = await row(
        connection,
        """INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)
           VALUES (%s, %s, %s / 10 * 10 + 1, %s, %s, %s) ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING RETURNING id""",
        (queue, task, priority, lock, queueing_lock, Jsonb({"run_id": run_id})),
    )
    if queued is None and await hold_waiting(connection, str(queueing_lock)) != goes_on[0]:
        # a newer run of the member waits already and does the same
        await connection.execute(
            "UPDATE runs SET state = 'failed', finished_at = %s, error = %s WHERE id = %s",
            (now, Jsonb(_INTERRUPTED), goes_on[0]),
        )
        return False
    return True
