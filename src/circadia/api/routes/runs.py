"""Syncs on request, how they go, and where the copy of a member stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict

from circadia.api import examples
from circadia.api.auth import Reader, Writer
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.domain.catalog import BY_NAME
from circadia.errors import Conflict, Invalid, NotFound
from circadia.storage import members, runs
from circadia.sync.status import sync_status

router = APIRouter(prefix="/api/v1/whoop", tags=["sync"])

_COMMENT_EVERY_S = 15.0
_LOOK_EVERY_S = 0.25


class SyncRequest(BaseModel):
    """Which types to sync; all of them without a list."""

    model_config = ConfigDict(extra="forbid")

    types: list[str] | None = None


class Accepted(BaseModel):
    """A run that was accepted, and where to follow it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ACCEPTED]})

    run_id: UUID
    status_url: str
    events_url: str


class RunView(BaseModel):
    """A run: queued, running, succeeded, partial or failed; `outcome` counts records by type."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RUN]})

    run_id: UUID
    user_id: str
    kind: str
    types: list[str]
    state: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    progress: dict[str, Any]
    outcome: dict[str, Any] | None
    error: dict[str, Any] | None


def accepted(run_id: UUID) -> Accepted:
    """The answer to whoever asked for a run."""
    url = f"/api/v1/whoop/runs/{run_id}"
    return Accepted(run_id=run_id, status_url=url, events_url=f"{url}/events")


@router.post("/sync/{user_id}", status_code=202, summary="Sync now", responses=documented(401, 403, 409, 422))
async def request_sync(
    user_id: UserId, runtime: RuntimeDep, _key: Writer, body: Annotated[SyncRequest | None, Body()] = None
) -> Accepted:
    """Ask for a sync. A run that waits already is widened instead of doubled."""
    wanted = body.types if body and body.types is not None else []
    unknown = [each for each in wanted if each not in BY_NAME]
    if unknown:
        known = ", ".join(BY_NAME)
        raise Invalid(f"there is no record type {unknown[0]!r}; there are {known}", kind="unknown_type")
    grant = await members.grant_of_user(runtime.db, user_id)
    if grant is None or grant.state != "connected":
        state = grant.state if grant else "not_connected"
        raise Conflict(
            "this user is not connected to WHOOP, so there is nothing to sync from",
            kind=state,
            remedy="Connect WHOOP: POST /internal/auth/connect/{user_id}.",
        )
    return accepted(await runtime.jobs.request(grant.member_id, "sync", "person", wanted))


async def _known(_key: Reader, run_id: UUID, runtime: RuntimeDep) -> runs.Run:
    run = await runs.load(runtime.db, run_id)
    if run is None:
        raise NotFound("there is no such run; runs are kept for 30 days", kind="unknown_run")
    return run


KnownRun = Annotated[runs.Run, Depends(_known)]


@router.get("/runs/{run_id}", summary="One run", responses=documented(401, 403, 404, 422))
async def one_run(run: KnownRun) -> RunView:
    """How a run goes, or went; kept for 30 days."""
    return _view(run)


@router.get(
    "/runs/{run_id}/events",
    summary="One run as it goes",
    response_class=EventSourceResponse,
    responses=documented(401, 403, 404, 422),
)
async def run_events(request: Request, run: KnownRun, runtime: RuntimeDep) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: `run` with the run whenever it changed, and `end` when it is over. Any process can tell."""
    before: RunView | None = None
    now: runs.Run | None = run
    silent_s, number = 0.0, 0
    while now is not None and not await request.is_disconnected():
        view = _view(now)
        if view != before:
            before, silent_s, number = view, 0.0, number + 1
            over = view.state in runs.FINISHED
            yield ServerSentEvent(event="end" if over else "run", id=str(number), data=view.model_dump(mode="json"))
            if over:
                return
        elif silent_s >= _COMMENT_EVERY_S:
            silent_s = 0.0
            yield ServerSentEvent(comment="still running")
        await asyncio.sleep(_LOOK_EVERY_S)
        silent_s += _LOOK_EVERY_S
        now = await runs.load(runtime.db, run.id)


@router.get(
    "/sync-status/{user_id}",
    summary="Where the copy stands",
    responses={200: {"content": {"application/json": {"example": examples.SYNC_STATUS}}}, **documented(401, 403, 422)},
)
async def show_status(user_id: UserId, runtime: RuntimeDep, _key: Reader) -> dict[str, Any]:
    """Per type: state, times, cursor, counts and the last outcome; the connection; the backfill and its progress."""
    return await sync_status(runtime.db, user_id, runtime.clock())


def _view(run: runs.Run) -> RunView:
    def told(at: Any) -> str | None:
        return at.isoformat() if at else None

    return RunView(
        run_id=run.id,
        user_id=run.user_id,
        kind=run.kind,
        types=run.types,
        state=run.state,
        created_at=run.created_at.isoformat(),
        started_at=told(run.started_at),
        finished_at=told(run.finished_at),
        progress=run.progress,
        outcome=run.outcome,
        error=run.error,
    )
