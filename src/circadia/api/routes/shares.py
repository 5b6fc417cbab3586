"""Whom a member lets read their data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from circadia.api.auth import MemberWriter
from circadia.api.callers import unknown_user
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.errors import NotFound
from circadia.storage import audit, links, roster, shares
from circadia.storage.authorizations import fingerprint
from circadia.storage.shares import Share

router = APIRouter(prefix="/api/v1/shares", tags=["people"])

_LONGEST_DAYS = 3650
_SHARE: JsonDict = {
    "id": "8e2f6a52-6f0e-4f8e-9f10-0d5f3f2f8b10",
    "name": "My coach",
    "state": "offered",
    "coach": None,
    "made_at": "2026-11-20T12:00:00Z",
    "accepted_at": None,
    "expires_at": None,
    "revoked_at": None,
}


class NewShare(BaseModel):
    """What the member calls whoever gets the link, and for how many days they may read; null is until it is revoked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "My coach"}]})

    name: str = Field(min_length=1, max_length=100)
    expires_days: int | None = Field(None, ge=1, le=_LONGEST_DAYS)


class Shared(BaseModel):
    """A share: `offered` until its link is used, then `active`, at last `ended` or `revoked`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHARE]})

    id: UUID
    name: str
    state: Literal["offered", "active", "ended", "revoked"]
    coach: str | None
    made_at: datetime
    accepted_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class Offered(Shared):
    """A new share with its link, which is told this once, works once, and until `url_expires_at`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**_SHARE, "url": "https://whoop.example.org/auth/link/…", "url_expires_at": "2026-11-27T12:00:00Z"}
            ]
        }
    )

    url: str
    url_expires_at: datetime


class Shares(BaseModel):
    """A member's shares, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"shares": [_SHARE]}]})

    shares: list[Shared]


@router.get("/{user_id}", summary="Whom somebody shares with", responses=documented(401, 403, 404, 422))
async def list_shares(user_id: UserId, runtime: RuntimeDep, _caller: MemberWriter) -> Shares:
    """Those that have ended included. Coaches are not told of each other."""
    now = runtime.clock()
    return Shares(shares=[_told(each, now) for each in await shares.every(runtime.db, user_id)])


@router.post("/{user_id}", summary="Share", status_code=201, responses=documented(401, 403, 404, 422))
async def offer(
    user_id: UserId, runtime: RuntimeDep, caller: MemberWriter, body: Annotated[NewShare, Body()]
) -> Offered:
    """Make a link that lets one person read this member's data."""
    now = runtime.clock()
    if not await roster.known(runtime.db, user_id):
        raise unknown_user()
    ends = now + timedelta(days=body.expires_days) if body.expires_days else None
    async with runtime.db.begin() as connection:
        token, url_expires_at = await links.make(connection, "share", user_id, caller.name, now)
        share = await shares.offer(connection, user_id, body.name, fingerprint(token), now, ends)
        details = {"share": str(share.id)}
        await audit.note(connection, now, caller.name, caller.kind, user_id, "share.offered", details)
    url = links.url(runtime.settings.public_url, token)
    return Offered(**_told(share, now).model_dump(), url=url, url_expires_at=url_expires_at)


@router.delete(
    "/{user_id}/{share_id}", summary="Stop sharing", status_code=204, responses=documented(401, 403, 404, 422)
)
async def revoke(user_id: UserId, share_id: UUID, runtime: RuntimeDep, caller: MemberWriter) -> None:
    """Whoever has it reads nothing more; a link that was not used stops working."""
    now = runtime.clock()
    async with runtime.db.begin() as connection:
        if not await shares.revoke(connection, user_id, share_id, now):
            raise NotFound("there is no such share that goes on", kind="unknown_share")
        details = {"share": str(share_id)}
        await audit.note(connection, now, caller.name, caller.kind, user_id, "share.revoked", details)


def _told(share: Share, now: datetime) -> Shared:
    state: Literal["offered", "active", "ended", "revoked"] = "active" if share.coach else "offered"
    if share.revoked_at is not None:
        state = "revoked"
    elif share.expires_at is not None and share.expires_at <= now:
        state = "ended"
    return Shared(
        id=share.id,
        name=share.name,
        state=state,
        coach=share.coach,
        made_at=share.made_at,
        accepted_at=share.accepted_at,
        expires_at=share.expires_at,
        revoked_at=share.revoked_at,
    )
