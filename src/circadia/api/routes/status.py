"""Seeing it: where the copy of a member stands, what their history brought, why something is missing, and the whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from circadia.api import examples
from circadia.api.auth import MemberReader, Owner
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.runtime import installation
from circadia.sync import doctor
from circadia.sync.coverage import proof
from circadia.sync.overview import installation_status
from circadia.sync.status import sync_status

router = APIRouter(prefix="/api/v1/whoop", tags=["status"])


def _answers(example: dict[str, Any], *problems: int) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": example}}}, **documented(*problems)}


@router.get(
    "/sync-status/{user_id}", summary="Where the copy stands", responses=_answers(examples.SYNC_STATUS, 401, 403, 422)
)
async def show_status(user_id: UserId, runtime: RuntimeDep, _caller: MemberReader) -> dict[str, Any]:
    """Per type: state, times, cursor, counts and the last outcome; the connection; the backfill and its progress."""
    return await sync_status(runtime.db, user_id, runtime.clock(), installation(runtime.settings))


@router.get(
    "/coverage/{user_id}", summary="What the history brought", responses=_answers(examples.COVERAGE, 401, 403, 422)
)
async def show_coverage(user_id: UserId, runtime: RuntimeDep, _caller: MemberReader) -> dict[str, Any]:
    """Per type and month: what arrived, what became of it, and the days without. `complete` when everything that
    arrived is accounted for and the walk has reached the beginning; `reasons` says what is missing to that."""
    return await proof(runtime.db, user_id)


@router.get("/doctor/{user_id}", summary="Why is data missing", responses=_answers(examples.DOCTOR, 401, 403, 422))
async def show_findings(
    user_id: UserId,
    runtime: RuntimeDep,
    _caller: MemberReader,
    days: Annotated[int, Query(ge=1, le=doctor.MOST_DAYS, description="How many days back to look")] = doctor.DAYS,
) -> dict[str, Any]:
    """Everything between WHOOP and the store, looked at once: findings with remedies, and what was seen."""
    return await doctor.examine(runtime.db, user_id, runtime.clock(), installation(runtime.settings), days)


@router.get("/status", summary="The installation at a glance", responses=_answers(examples.STATUS, 401, 403, 422))
async def show_installation(
    runtime: RuntimeDep,
    _caller: Owner,
    limit: Annotated[int, Query(ge=0, le=1000, description="How many members, those who stand worst first")] = 50,
) -> dict[str, Any]:
    """Totals over everybody, the members who stand worst, what is due and queued, the budget by lane, webhooks, held
    deletions, open notices, the plan and whether a worker is alive."""
    return await installation_status(runtime.db, runtime.clock(), installation(runtime.settings), limit)
