"""Everything that is kept of a member, to take along."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import IO, Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from circadia.api import member_examples as examples
from circadia.api.auth import MemberWriter
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.storage import audit, takeout

router = APIRouter(prefix="/api/v1/whoop", tags=["leaving"])

_CHUNK = 256 * 1024
_WRITERS = {
    "json": (takeout.write_json, "application/json", "json"),
    "csv": (takeout.write_csv, "application/zip", "zip"),
}


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
        **documented(401, 403, 404, 422),
    },
)
async def export(
    user_id: UserId,
    runtime: RuntimeDep,
    caller: MemberWriter,
    format_: Annotated[
        Literal["json", "csv"], Query(alias="format", description="One JSON document, or a zip of CSV files")
    ] = "json",
) -> StreamingResponse:
    """Every row of every table in which the member is found, in one snapshot. No token, key or hash."""
    now = runtime.clock()
    write, media_type, ending = _WRITERS[format_]
    with ExitStack() as unless_sent:
        file = unless_sent.enter_context(tempfile.TemporaryFile(prefix="circadia-export-"))
        await write(runtime.db, user_id, now, file)
        await audit.note(runtime.db, now, caller.name, caller.kind, user_id, "data.exported", {"format": format_})
        size = file.tell()
        file.seek(0)
        unless_sent.pop_all()
    name = f"circadia-{now.date()}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    return StreamingResponse(_sent(file), media_type=media_type, headers=headers)


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
