"""Where the copy of a member stands, for people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from circadia.domain.catalog import CATALOG, RecordType
from circadia.domain.members import Connection as Grant
from circadia.storage import members, records, rejects, runs, sync_states
from circadia.storage.postgres import Database
from circadia.storage.sync_states import SyncState

_SCOPE_MISSING = {
    "kind": "scope_missing",
    "message": "the member did not allow this type",
    "remedy": "Connect WHOOP again and leave it ticked.",
}


async def sync_status(db: Database, user_id: str, now: datetime) -> dict[str, Any]:
    """Connection, per type its state and counts, and the backfill with progress and ETA. An unknown user has none."""
    member = await members.find(db, user_id)
    grant = await members.grant(db, member.id) if member else None
    told: dict[str, Any] = {
        "user_id": user_id,
        "connection": {
            "state": grant.state if grant else "not_connected",
            "reason": grant.reason if grant else None,
            "scopes": sorted(grant.scopes) if grant else [],
        },
        "as_of": member.as_of if member else None,
        "types": {},
        "backfill": None,
    }
    if member is None:
        return told
    states = await sync_states.all_of(db, member.id)
    rejected = await rejects.counts(db, member.id)
    for type_ in CATALOG:
        state = states.get(type_.name, SyncState())
        total, pending = await records.counts(db, type_, member.id)
        told["types"][type_.name] = {
            "state": _state(type_, state, grant),
            "last_sync_at": state.last_sync_at,
            "last_success_at": state.last_success_at,
            "due_at": state.due_at,
            "cursor": state.cursor_at,
            "total_records": total,
            "pending": pending,
            "rejects": rejected.get(type_.name, 0),
            "held_deletions": state.held_deletions,
            "last_outcome": state.outcome,
            "error": _error(type_, state, grant),
            "history": {"complete": state.history_done_at is not None, "reached_at": state.floor_at},
        }
    told["backfill"] = await _backfill(db, member.id, states, now)
    return told


def _state(type_: RecordType, state: SyncState, grant: Grant | None) -> str:
    if grant is not None and type_.scope not in grant.scopes:
        return "scope_missing"
    if grant is not None and grant.state == "needs_reconnect":
        return "parked"
    if state.error is not None:
        return "failing"
    return "ok" if state.last_success_at else "new"


def _error(type_: RecordType, state: SyncState, grant: Grant | None) -> dict[str, Any] | None:
    return _SCOPE_MISSING if grant is not None and type_.scope not in grant.scopes else state.error


async def _backfill(db: Database, member_id: int, states: dict[str, SyncState], now: datetime) -> dict[str, Any] | None:
    """The last backfill. How far back a member's history goes is known once one type has reached its beginning; the
    others are then expected to go as far, at the speed seen so far."""
    run = await runs.newest(db, member_id, "backfill")
    if run is None:
        return None
    told = {
        "run_id": str(run.id),
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "types": run.progress,
        "progress_pct": 100.0 if run.state == "succeeded" else None,
        "eta_at": None,
    }
    floors = [each.floor_at for each in states.values() if each.floor_at and not each.history_done_at]
    reached = [each.floor_at for each in states.values() if each.floor_at and each.history_done_at]
    if run.state == "running" and run.started_at and reached and floors:
        beginning, behind = min(reached), max(floors)
        whole, left = (now - beginning).total_seconds(), (behind - beginning).total_seconds()
        share = min(max(1 - left / whole, 0.0), 1.0) if whole > 0 else 1.0
        told["progress_pct"] = round(100 * share, 1)
        if share > 0:
            told["eta_at"] = now + (now - run.started_at) * ((1 - share) / share)
    return told
