"""Syncs on request, and how runs go."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import BaseModel, ConfigDict

from circadia.api import examples
from circadia.api.auth import AnyReader, MemberWriter
from circadia.api.callers import may_still_read, reaches
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.domain.catalog import BY_NAME
from circadia.domain.members import Connection as Grant
from circadia.errors import Conflict, Invalid, NotFound
from circadia.runtime import Runtime
from circadia.storage import members, runs

router = APIRouter(prefix="/api/v1/whoop", tags=["sync"])

_COMMENT_EVERY_S = 15.0
_LOOK_EVERY_S = 0.25
_WHO_EVERY_S = 2.0
_COME_BACK_AFTER_MS = 2000


class SyncRequest(BaseModel):
    """Which types to sync; all of them without a list."""

    model_config = ConfigDict(extra="forbid")

    types: list[str] | None = None


class ReconcileRequest(BaseModel):
    """How far back to compare, and whether deletions are believed however many there are."""

    model_config = ConfigDict(extra="forbid")

    full: bool = False
    allow_deletes: bool = False


class Accepted(BaseModel):
    """A run that was accepted, and where to follow it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ACCEPTED]})

    run_id: UUID
    status_url: str
    events_url: str


class RunView(BaseModel):
    """A run: queued, running, succeeded, partial or failed; `paused` while its owner holds it back; `outcome` counts
    records by type."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RUN]})

    run_id: UUID
    user_id: str
    kind: str
    types: list[str]
    state: str
    paused: bool
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


async def connected(runtime: Runtime, user_id: str) -> Grant:
    """The grant of a connected user. Conflict without."""
    grant = await members.grant_of_user(runtime.db, user_id)
    if grant is None or grant.state != "connected":
        state = grant.state if grant else "not_connected"
        raise Conflict(
            "this user is not connected to WHOOP, so there is nothing to sync from",
            kind=state,
            remedy="Connect WHOOP: POST /internal/auth/connect/{user_id}.",
        )
    return grant


@router.post("/sync/{user_id}", status_code=202, summary="Sync now", responses=documented(401, 403, 409, 422))
async def request_sync(
    user_id: UserId, runtime: RuntimeDep, _caller: MemberWriter, body: Annotated[SyncRequest | None, Body()] = None
) -> Accepted:
    """Ask for a sync. A run that waits already is widened instead of doubled."""
    wanted = body.types if body and body.types is not None else []
    unknown = [each for each in wanted if each not in BY_NAME]
    if unknown:
        known = ", ".join(BY_NAME)
        raise Invalid(f"there is no record type {unknown[0]!r}; there are {known}", kind="unknown_type")
    grant = await connected(runtime, user_id)
    return accepted(await runtime.jobs.request(grant.member_id, "sync", "person", wanted))


@router.post(
    "/reconcile/{user_id}",
    status_code=202,
    summary="Compare with WHOOP",
    responses=documented(401, 403, 409, 422),
)
async def request_reconciliation(
    user_id: UserId, runtime: RuntimeDep, _caller: MemberWriter, body: Annotated[ReconcileRequest | None, Body()] = None
) -> Accepted:
    """Compare what is stored with what WHOOP lists: the last 90 days, or everything with `full`. More deletions than a
    person would make are held back and the run ends `partial`; `allow_deletes` is the word to believe them."""
    grant = await connected(runtime, user_id)
    options = body.model_dump(exclude_defaults=True) if body else {}
    return accepted(await runtime.jobs.request(grant.member_id, "reconcile", "person", options=options))


async def _known(request: Request, caller: AnyReader, run_id: UUID, runtime: RuntimeDep) -> runs.Run:
    run = await runs.load(runtime.db, run_id)
    if run is None or not await reaches(request, caller, run.user_id, "read"):
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
    response_class=Response,
    responses={
        200: {"description": "The events", "content": {EventSourceResponse.media_type: {"schema": {"type": "string"}}}},
        204: {"description": "The end was told already: do not come back"},
        **documented(401, 403, 404, 422),
    },
)
async def run_events(
    request: Request,
    caller: AnyReader,
    run: KnownRun,
    runtime: RuntimeDep,
    last_event_id: Annotated[str | None, Header(description="The last event that arrived")] = None,
) -> Response:
    """Server-sent events: `run` with the run whenever it changed, and `end` when it is over. Any process can tell: who
    comes back with the id of the last event, to whichever, is told what changed since. They also end when
    this process does."""
    if run.state in runs.FINISHED and last_event_id == _event_id(_view(run)):
        return Response(status_code=204)
    return EventSourceResponse(
        _events(request, runtime, caller, run, last_event_id),
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, runtime: Runtime, caller: AnyReader, run: runs.Run, last_event_id: str | None
) -> AsyncIterator[bytes]:
    now: runs.Run | None = run
    told, silent_s, known_s = last_event_id, 0.0, 0.0
    while now is not None and not request.app.state.last_answers and not await request.is_disconnected():
        if known_s >= _WHO_EVERY_S:
            known_s = 0.0
            if not await may_still_read(request, caller, run.user_id):
                return
        view = _view(now)
        if (event_id := _event_id(view)) != told:
            told, silent_s = event_id, 0.0
            over = view.state in runs.FINISHED
            yield format_sse_event(
                data_str=view.model_dump_json(), event="end" if over else "run", id=event_id, retry=_COME_BACK_AFTER_MS
            )
            if over:
                return
        elif silent_s >= _COMMENT_EVERY_S:
            silent_s = 0.0
            yield format_sse_event(comment="still running")
        await asyncio.sleep(_LOOK_EVERY_S)
        silent_s += _LOOK_EVERY_S
        known_s += _LOOK_EVERY_S
        now = await runs.load(runtime.db, run.id)


def _event_id(view: RunView) -> str:
    """What tells a state of a run from another, in every process alike."""
    return hashlib.blake2b(view.model_dump_json().encode(), digest_size=8).hexdigest()


def _view(run: runs.Run) -> RunView:
    def told(at: Any) -> str | None:
        return at.isoformat() if at else None

    return RunView(
        run_id=run.id,
        user_id=run.user_id,
        kind=run.kind,
        types=run.types,
        state=run.state,
        paused=run.paused and run.finished_at is None,
        created_at=run.created_at.isoformat(),
        started_at=told(run.started_at),
        finished_at=told(run.finished_at),
        progress=run.progress,
        outcome=run.outcome,
        error=run.error,
    )
