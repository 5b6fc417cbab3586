"""Following runs and their jobs."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx2

from circadia.storage import runs
from circadia.storage.postgres import Database
from circadia.storage.runs import Run
from tests.simulated import Stage

PATIENCE_S = 30.0


async def loaded(here: Stage, run_id: UUID) -> Run:
    run = await runs.load(here.db, run_id)
    assert run is not None
    return run


async def ended(here: Stage, run_id: UUID) -> Run:
    assert await here.runtime.jobs.finished(run_id, PATIENCE_S)
    return await loaded(here, run_id)


async def backfill_of(here: Stage) -> Run:
    run = await runs.newest(here.db, here.grant.member_id, "backfill")
    assert run is not None
    return run


async def jobs_of(here: Stage) -> list[tuple[str, str]]:
    found = await here.db.rows(
        "SELECT task_name, status::text FROM procrastinate_jobs WHERE position(':' IN lock) > 0 ORDER BY id"
    )
    return [(each[0], each[1]) for each in found]


def hold(here: Stage, path: str, gate: asyncio.Event) -> asyncio.Event:
    """Keep the first request for `path` waiting until the gate opens; the event says that it has come."""
    came = asyncio.Event()
    through = here.wire.handle_async_request

    async def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == path and not gate.is_set():
            came.set()
            await gate.wait()
        return await through(request)

    here.wire.handle_async_request = handle  # type: ignore[method-assign]
    return came


async def refuse_rows(db: Database, table: str) -> None:
    """From now on the database refuses every row of a table with an error that the product has no name for."""
    await db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
    )
    await db.execute(f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()")
