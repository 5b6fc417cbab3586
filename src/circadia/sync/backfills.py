"""How far a member's backfill is, and when it will be through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any

from circadia.domain import forecast
from circadia.domain.catalog import COLLECTIONS, PAGE_LIMIT, allowed
from circadia.domain.forecast import Speed, Walk
from circadia.domain.lanes import LANES, Lane
from circadia.domain.members import Connection as Grant
from circadia.storage import coverage, overview, runs
from circadia.storage.postgres import Database
from circadia.storage.runs import Run
from circadia.storage.sync_states import SyncState
from circadia.sync.installation import Installation

_LANE: Lane = "backfill"


@dataclass(frozen=True, slots=True)
class Reach:
    """Pages of a member's walk that are here and that are still to come (None: nobody knows how far the history
    goes)."""

    pages_got: int
    pages_left: int | None

    @property
    def share(self) -> float | None:
        """0 to 1, None while the end is not known."""
        if self.pages_left is None:
            return None
        whole = self.pages_got + self.pages_left
        return self.pages_got / whole if whole else 1.0


async def reach(db: Database, grant: Grant, states: dict[str, SyncState], now: datetime) -> Reach:
    """How far the walks of all types that a member allows are together."""
    got = await coverage.counts(db, grant.member_id)
    walks = []
    for type_ in allowed(COLLECTIONS, grant.scopes):
        state = states.get(type_.name, SyncState())
        walks.append(Walk(state.floor_at, state.history_done_at is not None, got.get(type_.name, 0)))
    return Reach(sum(ceil(each.got / PAGE_LIMIT) for each in walks), forecast.pages_left(walks, now))


async def backfill(
    db: Database,
    member_id: int,
    grant: Grant | None,
    states: dict[str, SyncState],
    now: datetime,
    installation: Installation,
) -> dict[str, Any] | None:
    """A member's last backfill with its progress, and when it will be through by the budget it may get; None if there
    never was one."""
    run = await runs.newest(db, member_id, "backfill")
    if run is None:
        return None
    told: dict[str, Any] = {
        "run_id": str(run.id),
        "state": run.state,
        "paused": run.paused and run.finished_at is None,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "types": run.progress,
        "progress_pct": 100.0 if run.state == "succeeded" else None,
        "pages_left": 0 if run.state == "succeeded" else None,
        "eta_at": None,
        "error": run.error,
        "coverage_complete": (run.outcome or {}).get("coverage", {}).get("complete"),
    }
    if run.state == "succeeded" or grant is None:
        return told
    far = await reach(db, grant, states, now)
    told["pages_left"] = far.pages_left
    told["progress_pct"] = None if far.share is None else round(100 * far.share, 1)
    if run.finished_at is None and not run.paused and far.pages_left is not None:
        told["eta_at"] = await _eta(db, run, far.pages_left, now, installation)
    return told


async def _eta(db: Database, run: Run, pages_left: int, now: datetime, installation: Installation) -> datetime | None:
    """When so many pages will be through: at the speed seen so far, but no faster than the lane's budget, shared with
    the other backfills, allows."""
    seen = forecast.observed(_pages(run), now - run.started_at) if run.started_at else None
    begins_at, speed = now, None
    for used in (await installation.usages(db, now)).values():
        begins_at = max(begins_at, used.paused_until or now)
        per_minute, per_day = installation.limits(used)
        if per_minute is not None and per_day is not None:
            speed = forecast.lane_speed(
                LANES[_LANE],
                per_minute=per_minute,
                per_day=per_day,
                used_today=used.day,
                used_by_others=used.day - used.taken.get(_LANE, 0),
                sharing=max(await overview.histories_under_way(db), 1),
            )
    if seen is not None:
        speed = replace(speed, a_minute=min(seen, speed.a_minute)) if speed else Speed(seen, float(pages_left), seen)
    return forecast.finished_at(begins_at, pages_left, speed) if speed else None


def _pages(run: Run) -> int:
    return sum(each.get("requests", 0) for each in run.progress.values())
