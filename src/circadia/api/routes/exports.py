"""Everything that is kept of a member, to take along."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from circadia.api import member_examples as examples
from circadia.api.auth import MemberWriter
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.api.turns import turn
from circadia.errors import Conflict
from circadia.storage import audit, takeout

router = APIRouter(prefix="/api/v1/whoop", tags=["leaving"])

_CHUNK = 256 * 1024
_WRITERS = {
    "json": (takeout.write_json, "application/json", "json"),
    "csv": (takeout.write_csv, "application/zip", "zip"),
}


async def _file(request: Request, user_id: UserId, _caller: MemberWriter) -> AsyncIterator[IO[bytes]]:
    busy = Conflict(
        "an export of this user is made or fetched already",
        kind="export_running",
        remedy="Ask again when that one has arrived, or give it up.",
    )
    with turn(request, user_id, busy), tempfile.TemporaryFile(prefix="circadia-export-") as file:
        yield file


File = Annotated[IO[bytes], Depends(_file)]
"""Where an export is put together, and the user's turn with it: until the answer was sent or nobody waits for it."""


@router.get(
    "/export/{user_id}",
    summary="Everything that is kept of a member",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "application/json": {"example": examples.EXPORT},
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
            }
        },
        **documented(401, 403, 404, 409, 422),
    },
)
async def export(
    user_id: UserId,
    runtime: RuntimeDep,
    caller: MemberWriter,
    file: File,
    format_: Annotated[
        Literal["json", "csv"], Query(alias="format", description="One JSON document, or a zip of CSV files")
    ] = "json",
) -> StreamingResponse:
    """Every row of every table in which the member is found, in one snapshot. No token, key or hash. One at a time."""
    now = runtime.clock()
    write, media_type, ending = _WRITERS[format_]
    await write(runtime.db, user_id, now, file)
    await audit.note(runtime.db, now, caller.name, caller.kind, user_id, "data.exported", {"format": format_})
    size = file.tell()
    file.seek(0)
    name = f"circadia-{now.date()}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    return StreamingResponse(_sent(file), media_type=media_type, headers=headers)


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        yield chunk
