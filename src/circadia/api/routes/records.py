"""Records as rows, newest first, and their statistics."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime

from circadia.api import examples
from circadia.api.auth import MemberReader
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.domain.catalog import BY_NAME, COLLECTIONS, RecordType
from circadia.errors import Invalid
from circadia.storage import members, records
from circadia.storage.statistics import statistics

router = APIRouter(prefix="/api/v1/whoop", tags=["records"])

CollectionName = StrEnum("CollectionName", {each.name: each.name for each in COLLECTIONS})  # type: ignore[misc]


@router.get(
    "/records/{user_id}/{type}",
    summary="Records of a type",
    responses={200: {"content": {"application/json": {"example": examples.RECORDS}}}, **documented(401, 403, 422)},
)
async def list_records(
    user_id: UserId,
    type: CollectionName,  # noqa: A002 - the contract's name
    runtime: RuntimeDep,
    _caller: MemberReader,
    start: Annotated[AwareDatetime | None, Query(description="Records that start at or after this instant")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Records that start before this instant")] = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    raw: Annotated[bool, Query(description="Add WHOOP's JSON as it was received")] = False,
) -> Response:
    """One page, newest first, with WHOOP's own field names; `next_cursor` is null on the last one."""
    type_ = BY_NAME[type.value]
    member = await members.find(runtime.db, user_id)
    before = _decoded(cursor) if cursor else None
    found: list[dict[str, Any]] = []
    if member is not None:
        async with runtime.db.connection() as connection:
            found = await records.page(
                connection, type_, member.id, start=start, end=end, before=before, limit=limit + 1, raw=raw
            )
    following = _encoded(type_, found[limit - 1]) if len(found) > limit else None
    body = orjson.dumps({"records": found[:limit], "next_cursor": following})
    return Response(body, media_type="application/json")


@router.get(
    "/statistics/{user_id}",
    summary="What there is, counted",
    responses={200: {"content": {"application/json": {"example": examples.STATISTICS}}}, **documented(401, 403, 422)},
)
async def count_records(user_id: UserId, runtime: RuntimeDep, _caller: MemberReader) -> Response:
    """Per type: count, first, last, states; per figure n, min, mean and max."""
    body = orjson.dumps({"user_id": user_id, "types": await statistics(runtime.db, user_id)})
    return Response(body, media_type="application/json")


def _encoded(type_: RecordType, row: dict[str, Any]) -> str:
    at: datetime = row["start"] if type_.timed else row["created_at"]
    return base64.urlsafe_b64encode(orjson.dumps([at.isoformat(), str(row[type_.key])])).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[datetime, str]:
    try:
        at, key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found = datetime.fromisoformat(at)
    except (ValueError, TypeError, binascii.Error) as error:
        raise Invalid("this cursor is not one that was given out here", kind="invalid_cursor") from error
    if found.tzinfo is None or not isinstance(key, str) or "\x00" in key:
        raise Invalid("this cursor is not one that was given out here", kind="invalid_cursor")
    return found, key
