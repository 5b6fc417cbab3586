"""Where the copy of a member stands, for people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from circadia.domain.catalog import CATALOG, RecordType
from circadia.domain.members import Connection as Grant
from circadia.storage import members, preferences, rejects, statistics, sync_states
from circadia.storage.postgres import Database
from circadia.storage.statistics import Total
from circadia.storage.sync_states import SyncState
from circadia.sync.backfills import backfill
from circadia.sync.installation import Installation

_SCOPE_MISSING = {
    "kind": "scope_missing",
    "message": "the member did not allow this type",
    "remedy": "Connect WHOOP again and leave it ticked.",
}
_STATE_OF_CONNECTION = {"needs_reconnect": "parked", "not_connected": "not_connected"}


async def sync_status(db: Database, user_id: str, now: datetime, installation: Installation) -> dict[str, Any]:
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
    totals = await statistics.totals(db, member.id)
    scheduled = (await preferences.get(db, user_id)).sync == "automatic"
    for type_ in CATALOG:
        state = states.get(type_.name, SyncState())
        told["types"][type_.name] = _type(type_, state, grant, totals[type_.name], rejected.get(type_.name, 0))
        if not scheduled:
            told["types"][type_.name]["due_at"] = None
    told["backfill"] = await backfill(db, member.id, grant, states, now, installation)
    return told


def _type(type_: RecordType, state: SyncState, grant: Grant | None, total: Total, rejected: int) -> dict[str, Any]:
    return {
        "state": _state(type_, state, grant),
        "last_sync_at": state.last_sync_at,
        "last_success_at": state.last_success_at,
        "due_at": state.due_at if grant is not None and grant.state == "connected" else None,
        "cursor": state.cursor_at,
        "total_records": total.records,
        "newest_record_at": total.newest_at,
        "pending": total.pending,
        "pending_since": total.pending_since,
        "rejects": rejected,
        "held_deletions": state.held_deletions,
        "last_outcome": state.outcome,
        "failures": state.failures,
        "error": _error(type_, state, grant),
        "history": {"complete": state.history_done_at is not None, "reached_at": state.floor_at},
    }


def _state(type_: RecordType, state: SyncState, grant: Grant | None) -> str:
    if grant is None:
        return "not_connected"
    if type_.scope not in grant.scopes:
        return "scope_missing"
    if grant.state in _STATE_OF_CONNECTION:
        return _STATE_OF_CONNECTION[grant.state]
    if state.error is not None:
        return "failing"
    return "ok" if state.last_success_at else "new"


def _error(type_: RecordType, state: SyncState, grant: Grant | None) -> dict[str, Any] | None:
    return _SCOPE_MISSING if grant is not None and type_.scope not in grant.scopes else state.error
