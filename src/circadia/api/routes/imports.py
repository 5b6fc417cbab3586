"""A member's own WHOOP data export, uploaded."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import IO
from uuid import UUID

from fastapi import APIRouter, Request

from circadia.api.auth import MemberWriter
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.api.routes.runs import Accepted, accepted
from circadia.errors import Invalid
from circadia.runtime import Runtime
from circadia.storage import members, runs

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
    responses=documented(401, 403, 413, 422),
)
async def import_file(request: Request, user_id: UserId, runtime: RuntimeDep, _caller: MemberWriter) -> Accepted:
    """The zip (or one of its CSV files) as the request's body. Follow the run for what was read and what was not."""
    from circadia.imports import run_import  # the file reader is only needed by whoever imports

    path = await _received(request)
    try:
        run_id = await _queued(runtime, user_id)
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise
    task = asyncio.create_task(run_import(runtime.db, run_id, user_id, path, runtime.clock))
    tasks: set[asyncio.Task[None]] = request.app.state.tasks
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return accepted(run_id)


async def _queued(runtime: Runtime, user_id: str) -> UUID:
    now = runtime.clock()
    async with runtime.db.begin() as connection:
        member_id = await members.ensure(connection, user_id, now)
    return await runs.create(runtime.db, member_id, "import", "person", [], now)


async def _received(request: Request) -> Path:
    """The body in a temporary file that only we can read."""
    with tempfile.NamedTemporaryFile(prefix="circadia-import-", suffix=".upload", delete=False) as file:
        path = Path(file.name)
        try:
            await _copy(request, file)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
    return path


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
