"""The proof of a history: of everything that arrived on the walk, by month, that it is here or why it is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from circadia.domain.catalog import COLLECTIONS, RecordType, allowed
from circadia.domain.members import Connection as Grant
from circadia.storage import coverage, days, members, sync_states
from circadia.storage.coverage import Month, Stretch
from circadia.storage.postgres import Connection, Database
from circadia.storage.sync_states import SyncState

_COUNTS = ("got", "stored", "deleted", "rejected", "read_later", "others")
_LOST_NAMED = 5
_NEVER_WALKED = {
    "kind": "no_history",
    "type": None,
    "message": "no history was ever asked for",
    "remedy": "Connect WHOOP; its history then comes by itself.",
}


async def proof(db: Database, user_id: str) -> dict[str, Any]:
    """Per type and month what was got, what became of it and the days without; `complete` when the walk has reached
    the beginning of every type the member allows and every record that arrived is stored, deleted since, kept as a
    reject or read later. `reasons` says what it lacks. An unknown user's is empty and not complete."""
    told: dict[str, Any] = {"user_id": user_id, "complete": False, "reasons": [_NEVER_WALKED], "types": {}}
    member = await members.find(db, user_id)
    grant = await members.grant(db, member.id) if member else None
    if member is None or grant is None:
        return told
    states = await sync_states.all_of(db, member.id)
    told["reasons"] = []
    async with db.begin() as connection:
        await days.settle(connection, member.id)
        for type_ in allowed(COLLECTIONS, grant.scopes):
            state = states.get(type_.name, SyncState())
            told["types"][type_.name] = await _of_type(connection, type_, grant, state, told["reasons"])
    told["complete"] = not told["reasons"]
    return told


def as_outcome(proof: dict[str, Any]) -> dict[str, Any]:
    """A proof as a run's outcome keeps it: plain JSON."""
    types = {
        name: each | {"reached_at": each["reached_at"].isoformat() if each["reached_at"] else None}
        for name, each in proof["types"].items()
    }
    return {"complete": proof["complete"], "reasons": proof["reasons"], "types": types}


async def _of_type(
    connection: Connection, type_: RecordType, grant: Grant, state: SyncState, reasons: list[dict[str, Any]]
) -> dict[str, Any]:
    months = await coverage.months(connection, type_, grant.member_id)
    gaps = await coverage.gaps(connection, type_, grant.member_id)
    lost = [key for each in months for key in each.lost]
    if state.history_done_at is None:
        reasons.append(_unfinished(type_, state))
    if lost:
        reasons.append(_lost(type_, lost, grant.user_id))
    return {
        **{name: sum(getattr(each, name) for each in months) for name in _COUNTS},
        "lost": len(lost),
        "history_complete": state.history_done_at is not None,
        "reached_at": state.floor_at,
        "gap_days": sum(_length(each) for stretches in gaps.values() for each in stretches) if type_.daily else None,
        "months": [_of_month(type_, each, gaps) for each in _with_gaps(months, gaps)],
    }


def _with_gaps(months: Sequence[Month], gaps: dict[date, list[Stretch]]) -> list[Month]:
    """The months, with those that hold nothing but a gap."""
    told = {each.month for each in months}
    empty = [Month(each, 0, 0, 0, 0, 0, [], 0) for each in gaps if each not in told]
    return sorted([*months, *empty], key=lambda each: each.month, reverse=True)


def _of_month(type_: RecordType, month: Month, gaps: dict[date, list[Stretch]]) -> dict[str, Any]:
    told: dict[str, Any] = {"month": f"{month.month:%Y-%m}"}
    told |= {name: getattr(month, name) for name in _COUNTS} | {"lost": len(month.lost)}
    if type_.daily:
        stretches = gaps.get(month.month, [])
        told["gaps"] = {
            "days": sum(_length(each) for each in stretches),
            "ranges": [[first.isoformat(), last.isoformat()] for first, last in stretches],
        }
    return told


def _length(stretch: Stretch) -> int:
    return (stretch[1] - stretch[0]).days + 1


def _unfinished(type_: RecordType, state: SyncState) -> dict[str, Any]:
    reached = f"has reached {state.floor_at:%Y-%m-%d}" if state.floor_at else "has not begun"
    return {
        "kind": "history_unfinished",
        "type": type_.name,
        "message": f"the walk through the history of {type_.name} {reached}",
        "remedy": "It goes on by itself, newest records first, as the request budget allows.",
    }


def _lost(type_: RecordType, keys: list[str], user_id: str) -> dict[str, Any]:
    named = ", ".join(keys[:_LOST_NAMED]) + (" and more" if len(keys) > _LOST_NAMED else "")
    return {
        "kind": "records_lost",
        "type": type_.name,
        "message": f"{len(keys)} records of {type_.name} arrived and are not stored: {named}",
        "remedy": f"`circadia reconcile {user_id} --full` fetches them again. Please report it: this must not happen.",
    }
