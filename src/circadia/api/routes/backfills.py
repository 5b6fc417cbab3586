"""A member's history: asked for, held back, let go on."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict

from circadia.api import examples
from circadia.api.auth import MemberWriter
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.api.routes.runs import accepted, connected

router = APIRouter(prefix="/api/v1/whoop", tags=["sync"])


class BackfillRequest(BaseModel):
    """What to do with a member's history."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"action": "pause"}]})

    action: Literal["start", "pause", "resume"] = "start"


class Steered(BaseModel):
    """Whether the history is held back now, and its run, where there is one."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BACKFILL]})

    paused: bool
    run_id: UUID | None
    status_url: str | None
    events_url: str | None


@router.post(
    "/backfill/{user_id}", status_code=202, summary="Steer a history", responses=documented(401, 403, 409, 422)
)
async def steer_backfill(
    user_id: UserId, runtime: RuntimeDep, _caller: MemberWriter, body: Annotated[BackfillRequest | None, Body()] = None
) -> Steered:
    """Ask for what is missing of a member's history, hold it back at the next page, or let it go on from there."""
    action = body.action if body else "start"
    grant = await connected(runtime, user_id)
    run = await runtime.jobs.steer_backfill(grant.member_id, action)
    told = accepted(run.id).model_dump() if run else {"run_id": None, "status_url": None, "events_url": None}
    return Steered(paused=action == "pause", **told)
