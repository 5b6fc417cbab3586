"""A member's own WHOOP data export, uploaded."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO
from uuid import UUID

from fastapi import APIRouter, Request

from circadia.api.auth import MemberWriter
from circadia.api.callers import members_only
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.api.routes.runs import Accepted, accepted
from circadia.api.turns import turn
from circadia.errors import Conflict, Invalid
from circadia.runtime import Runtime
from circadia.storage import erasure, members, runs

router = APIRouter(prefix="/api/v1/whoop", tags=["import"])

LARGEST = 512 * 1024 * 1024
_FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            each: {"schema": {"type": "string", "format": "binary"}}
            for each in ("application/zip", "text/csv", "application/octet-stream")
        },
    }
}


@router.post(
    "/import/{user_id}",
    status_code=202,
    summary="Import a WHOOP data export",
    openapi_extra=_FILE_BODY,
    responses=documented(401, 403, 409, 413, 422),
)
async def import_file(request: Request, user_id: UserId, runtime: RuntimeDep, caller: MemberWriter) -> Accepted:
    """The zip (or one of its CSV files) as the request's body. Follow the run for what was read and what was not. A
    user's files are taken one after the other."""
    from circadia.imports import run_import  # the file reader is only needed by whoever imports

    members_only(caller)
    with ExitStack() as unless_imported:
        unless_imported.enter_context(turn(request, user_id, _busy()))
        before = await erasure.erasures(runtime.db, user_id)
        with tempfile.NamedTemporaryFile(prefix="circadia-import-", suffix=".upload", delete=False) as file:
            path = Path(file.name)
            unless_imported.callback(path.unlink, missing_ok=True)
            await _copy(request, file)
        run_id = await _queued(runtime, user_id, before)
        task = asyncio.create_task(run_import(runtime.db, run_id, user_id, path, runtime.clock))
        until_done = unless_imported.pop_all()
    tasks: set[asyncio.Task[None]] = request.app.state.tasks
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(lambda _task: until_done.close())
    return accepted(run_id)


def _busy() -> Conflict:
    return Conflict(
        "a file of this user is being imported already",
        kind="import_running",
        remedy="Send the next one when that import has ended.",
    )


async def _queued(runtime: Runtime, user_id: str, before: int) -> UUID:
    """The run of a file, for somebody who had been erased `before` times when it began to arrive."""
    now = runtime.clock()
    async with runtime.db.begin() as connection:
        await erasure.lock_membership(connection)
        await erasure.refuse_erased(connection, user_id, before)
        member_id = await members.ensure(connection, user_id, now)
        return await runs.add(connection, member_id, "import", "person", [], {}, now)


async def _copy(request: Request, file: IO[bytes]) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LARGEST:
        raise _too_large()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST:
            raise _too_large()
        await asyncio.to_thread(file.write, chunk)
    if not size:
        raise Invalid("the body is empty: send the export file as the request's body", kind="empty_body")


def _too_large() -> Invalid:
    return Invalid(f"an export has at most {LARGEST} bytes", kind="body_too_large")
