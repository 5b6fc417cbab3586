"""The schedule: what is due, released no faster than the budget can carry it; the rules are `domain.cadence`'s.

Nothing is marked when it is released: whoever syncs a type writes its next date, and a member whose sync waits or runs
is not asked for again. So a lost run is due again as soon as it is known to be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from circadia.clients.governor import Limits
from circadia.clock import Clock
from circadia.domain.cadence import (
    PENDING_FOR,
    deep_due,
    demand_of,
    demand_of_pending,
    due_after,
    longest_wait,
    put_off,
    resumed,
)
from circadia.domain.catalog import CATALOG, COLLECTIONS, RecordType, allowed
from circadia.domain.demand import Demand, Stretch, allowance, fitting, requests, stretched
from circadia.domain.lanes import LANES, Lane, above
from circadia.domain.plans import Plan
from circadia.domain.windows import quiet
from circadia.storage import budget, records
from circadia.storage import schedule as stored
from circadia.storage.budget import OTHERS, Usage
from circadia.storage.postgres import Connection, Database
from circadia.sync.wanted import Wanted

PUSH_SEEN_WITHIN = timedelta(days=2)
"""A member of whom a webhook has come this lately is one whose webhooks arrive."""

RECENT, WHOLE = timedelta(days=7), timedelta(days=91)
"""How often the last 90 days, and how often everything, is compared where the budget leaves room."""

_BELIEVED = timedelta(minutes=1)
_AT_ONCE = 12
"""Parts of a minute's work, one of which is released at a time: asked every five seconds, that is a minute's in one."""
_QUIET_AHEAD = timedelta(minutes=1)
_LOOKED_AT = 40


@dataclass(frozen=True, slots=True)
class Planned:
    """The schedule's arithmetic as people read it: connected members, of whom webhooks arrive for `pushed`; the
    requests a day that the plan as it was set would need (`wanted`), may take (`allowed`) and, stretched, is going to
    take (`planned`); and how many members like these would `fit`, see `domain.demand.fitting`."""

    plan: str
    members: int
    pushed: int
    wanted: float
    allowed: float
    planned: float
    stretch: Stretch
    fit: int


@dataclass(frozen=True, slots=True)
class _View:
    at: datetime
    members: int
    pushed: int
    demands: tuple[Demand, ...]
    usage: Usage
    allowed: float
    stretch: Stretch


class Schedule:
    """Says what is due. One per process; it holds a view of the demand that is a minute old at most."""

    def __init__(self, db: Database, plan: Plan, limits: Limits, app: str, clock: Clock) -> None:
        self._db = db
        self._plan = plan
        self._limits = limits
        self._app = app
        self._clock = clock
        self._held: _View | None = None

    async def stretch(self) -> Stretch:
        """What the plan is stretched by now."""
        return (await self._view(self._clock())).stretch

    def first_due(self, type_: RecordType, now: datetime) -> datetime:
        """When a type is due of whose member nothing is known yet."""
        return due_after(self._plan, type_, now, stored.NOBODY, Stretch())

    async def next_due(
        self,
        connection: Connection,
        member_id: int,
        type_: RecordType,
        now: datetime,
        stretch: Stretch,
        *,
        changed: bool,
    ) -> tuple[datetime, int]:
        """When a type that was synced at `now` is due again, and how many of its records still wait for a score.
        `changed`: whether the sync brought anything. The member's row is locked by the caller."""
        if type_.tells_waking and changed:
            await stored.learn_waking(connection, member_id, now)
        pending = len(await records.pending(connection, type_, member_id, now - PENDING_FOR))
        member = await stored.rhythm(connection, member_id, now - PUSH_SEEN_WITHIN, pending)
        return due_after(self._plan, type_, now, member, stretch), pending

    async def retry_due(self, now: datetime, failures: int) -> datetime:
        """When a type that has failed so often in a row is tried again."""
        return put_off(now, failures, (await self._view(now)).stretch)

    def resume_due(self, until: datetime, now: datetime, member_id: int) -> datetime:
        """When a member's work goes on that found no budget before `until`."""
        return resumed(until, now, member_id)

    async def due(self, now: datetime) -> list[Wanted]:
        """The runs to start now: due members longest waiting first, then, where budget is left over, one deep
        comparison. Asked every few seconds, it releases a minute's worth in a minute."""
        if self._plan.name == "manual":
            return []
        view = await self._view(now)
        free = await self._free(now, view, "scheduled")
        if free <= 0:
            return []
        hushed = quiet(now) or quiet(now + _QUIET_AHEAD)
        found = await stored.due(self._db, CATALOG, now, free, quiet=hushed)
        wanted = [Wanted(each.member_id, "sync", "scheduled", each.types) for each in found]
        if not wanted and not hushed and await self._free(now, view, "reconcile") > 0:
            wanted += await self._deep(now)
        return wanted

    async def pull_in(self) -> None:
        """Bring forward what another plan, or a day with less budget, has put further off than this one would."""
        now = self._clock()
        stretch = (await self._view(now)).stretch
        waits = {type_.name: longest_wait(self._plan, type_, stretch) for type_ in CATALOG}
        await stored.pull_in(self._db, {name: wait for name, wait in waits.items() if wait is not None}, now)

    async def planned(self, now: datetime) -> Planned:
        """The figures behind the schedule."""
        view = await self._view(now)
        share = LANES["scheduled"].day_share
        heard, before = _heard(view.usage), _before(view.usage)
        per_day = self._per_day(view.usage)
        return Planned(
            plan=str(self._plan),
            members=view.members,
            pushed=view.pushed,
            wanted=requests(view.demands, Stretch(), heard),
            allowed=view.allowed,
            planned=requests(view.demands, view.stretch, heard),
            stretch=view.stretch,
            fit=fitting(view.demands, view.members, per_day, share, heard, before) if view.members else 0,
        )

    async def _deep(self, now: datetime) -> list[Wanted]:
        """The deep comparison that has waited longest; one at a time, so that it never stands in anybody's way."""
        if await stored.outstanding(self._db, ["reconcile"]):
            return []
        for column, every, full in (("compared_all_at", WHOLE, True), ("compared_recent_at", RECENT, False)):
            found = await stored.longest_uncompared(self._db, COLLECTIONS, column, now - every / 2, now, _LOOKED_AT)
            due = [each for each in found if deep_due(each.last_at, every, each.member_id, each.type) <= now]
            if due:
                types = tuple(each.type for each in due if each.member_id == due[0].member_id)
                return [Wanted(due[0].member_id, "reconcile", "reconcile", types, {"full": full})]
        return []

    async def _free(self, now: datetime, view: _View, lane: Lane) -> int:
        """Requests that may be released now: a part of a minute's, no more than a lane's share of minute and day leaves
        after what is taken and already released, and no more than schedule and reconciliation are allowed in a day, so
        that what webhooks and persons were seen to need stays theirs."""
        usage = await budget.usage(self._db, self._app, now)
        if usage.paused_until is not None:
            return 0
        rules, per_day = LANES[lane], self._per_day(usage)
        per_minute = min(usage.per_minute or self._limits.per_minute, self._limits.per_minute)
        released = await stored.outstanding(self._db, [*above(lane), lane])
        ours = _taken(usage, ["scheduled", "reconcile"])
        planned = 0.0 if lane == "scheduled" else requests(view.demands, view.stretch, _heard(usage))
        still_planned = max(planned - _taken(usage, ["scheduled"]), 0.0)
        return min(
            ceil(per_minute * rules.share / _AT_ONCE) - released,
            int(per_minute * rules.share) - usage.minute - released,
            int(per_day * rules.day_share) - usage.day - released,
            int(view.allowed - ours - still_planned) - released,
        )

    async def _view(self, now: datetime) -> _View:
        held = self._held
        if held is None or not held.at <= now < held.at + _BELIEVED:
            held = self._held = await self._look(now)
        return held

    async def _look(self, now: datetime) -> _View:
        since = now - PUSH_SEEN_WITHIN
        groups = await stored.groups(self._db, since)
        unscored = await stored.unscored(self._db, since)
        usage = await budget.usage(self._db, self._app, now)
        asked = [
            demand_of(self._plan, type_, group.members, pushed=group.pushed)
            for group in groups
            for type_ in allowed(CATALOG, group.scopes)
        ] + [demand_of_pending(self._plan, rows, pushed=pushed) for pushed, rows in unscored.items()]
        demands = tuple(each for each in asked if each is not None)
        allowed_a_day = allowance(self._per_day(usage), LANES["scheduled"].day_share, _before(usage))
        return _View(
            at=now,
            members=sum(each.members for each in groups),
            pushed=sum(each.members for each in groups if each.pushed),
            demands=demands,
            usage=usage,
            allowed=allowed_a_day,
            stretch=stretched(demands, allowed_a_day, _heard(usage)),
        )

    def _per_day(self, usage: Usage) -> int:
        return min(usage.per_day or self._limits.per_day, self._limits.per_day)


def _taken(usage: Usage, lanes: Sequence[str]) -> int:
    return sum(usage.taken.get(each, 0) for each in lanes)


def _before(usage: Usage) -> int:
    return _taken(usage, [*above("scheduled"), OTHERS])


def _heard(usage: Usage) -> int:
    return usage.taken.get("webhook", 0)
