"""Days of many members in minutes: the real schedule, coalescer, engine, governor and database, in virtual time.

What moves time are the webhooks' arrivals, the schedule's and the coalescer's looks, and whoever waits for the budget
or for WHOOP's answer. Runs are carried out as the queue does it: at most one running and one waiting for a member, the
lanes in their order, a few slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import httpx2
from procrastinate import App, PsycopgConnector

from circadia.domain.catalog import BY_NAME
from circadia.domain.lanes import LANES, Lane
from circadia.domain.members import Connection as Grant
from circadia.runtime import Runtime
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import Event
from circadia.storage import deliveries, runs
from circadia.storage.deliveries import Delivery
from circadia.storage.runs import RunKind
from circadia.sync import events
from circadia.sync.queue import Queue
from circadia.sync.upkeep import Upkeep
from circadia.sync.wanted import Wanted
from circadia.sync.workers import SHARES
from tests.bench.clockwork import Clockwork
from tests.bench.ledger import Ledger

RIPE_EVERY, DUE_EVERY, HOUSE_EVERY = timedelta(seconds=0.5), timedelta(seconds=5), timedelta(minutes=5)
IN_VAIN_EVERY = timedelta(minutes=1)
ON_ITS_WAY = timedelta(seconds=1)
ANSWER_S = 0.25

_LANES = list(LANES)
_QUEUES = (("person", "webhook"), ("scheduled", "reconcile"))


class Line(httpx2.AsyncBaseTransport):
    """The way to the simulator; an answer takes a quarter of a virtual second."""

    def __init__(self, simulator: WhoopSimulator, clock: Clockwork) -> None:
        self._simulator = httpx2.ASGITransport(app=simulator.app)
        self._clock = clock

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await self._clock.sleep(ANSWER_S)
        return await self._simulator.handle_async_request(request)


@dataclass(slots=True)
class _Waiting:
    run_id: UUID
    number: int
    lane: Lane
    types: set[str]


@dataclass(slots=True)
class Replay:
    """`lost` is the share of webhooks that never arrive; 1 is a world without them."""

    runtime: Runtime
    simulator: WhoopSimulator
    clock: Clockwork
    grants: Sequence[Grant]
    lost: float
    seed: int = 1
    ledger: Ledger = field(default_factory=Ledger)
    _by_member: dict[int, Grant] = field(default_factory=dict)
    _waiting: dict[tuple[RunKind, int], _Waiting] = field(default_factory=dict)
    _running: dict[tuple[RunKind, int], Lane] = field(default_factory=dict)
    _count: int = 0

    async def run(self, until: datetime) -> None:
        """Live until an instant."""
        self._by_member = {each.member_id: each for each in self.grants}
        db = self.runtime.db
        queue = Queue(App(connector=PsycopgConnector()), db, self.clock)
        upkeep = Upkeep(db, queue, self.runtime.tokens, self.clock, dead_after_s=60.0)
        now = self.clock()
        arriving = self._arriving(now, until)
        ripe_at: datetime | None = None
        due_at, house_at = now, now
        while now < until:
            looks = [due_at, house_at, until, *([ripe_at] if ripe_at else []), *([arriving[-1][0]] if arriving else [])]
            # a run's end can free a member whose webhooks wait, and a slot
            now = min([*looks, *([self.clock.next_at] if self.clock.next_at else [])])
            await self.clock.advance(now)
            if arriving and arriving[-1][0] <= now:
                await self._receive(arriving, now)
                ripe_at = min(ripe_at or until, _grid(now + deliveries.DEBOUNCE, RIPE_EVERY))
            if ripe_at is not None and ripe_at <= now:
                await self._request(await events.ripe(db, now))
                ripe_at = await self._next_ripe(now)
            if due_at <= now:
                wanted = await self.runtime.schedule.due(now)
                await self._request(wanted)
                due_at = await self._next_due(now + (DUE_EVERY if wanted else IN_VAIN_EVERY))
            if house_at <= now:
                self.clock.start(upkeep.keep_grants_alive())
                house_at = now + HOUSE_EVERY
            await self._dispatch()
        await self.clock.advance(until)

    def _arriving(self, since: datetime, until: datetime) -> list[tuple[datetime, Event]]:
        """The webhooks that will arrive, the last one first; every event is noted."""
        rng = Random(f"{self.seed}/lost")
        arriving = []
        for event in self.simulator.state.world.events(since, until):
            lost = rng.random() < self.lost
            self.ledger.expect(event, lost=lost)
            if not lost:
                arriving.append((event.at + ON_ITS_WAY, event))
        return arriving[::-1]

    async def _receive(self, arriving: list[tuple[datetime, Event]], now: datetime) -> None:
        batch = []
        while arriving and arriving[-1][0] <= now:
            _, event = arriving.pop()
            self._count += 1
            batch.append(Delivery(f"trace-{self.seed}-{self._count}", event.type, event.id, event.user_id, now))
        await deliveries.store(self.runtime.db, "whoop", batch)

    async def _next_ripe(self, now: datetime) -> datetime | None:
        found = await self.runtime.db.row("SELECT min(next_try_at) FROM deliveries WHERE state = 'waiting'")
        at = found[0] if found else None
        return _grid(max(at, now + RIPE_EVERY), RIPE_EVERY) if at else None

    async def _next_due(self, earliest: datetime) -> datetime:
        """The schedule's next look: the leader's looks in between would find nothing due, or no budget."""
        found = await self.runtime.db.row("SELECT min(due_at) FROM sync_states")
        at = found[0] if found and found[0] else earliest
        return _grid(max(at, earliest), DUE_EVERY)

    async def _request(self, wanted: Iterable[Wanted]) -> None:
        for each in wanted:
            key = (each.kind, each.member_id)
            pressing = each.lane in ("person", "webhook")
            if not pressing and (key in self._waiting or key in self._running):
                continue
            types = list(each.types or [])
            waiting = self._waiting.get(key)
            async with self.runtime.db.begin() as connection:
                if waiting is not None:
                    waiting.types |= set(types)
                    waiting.lane = min(waiting.lane, each.lane, key=_LANES.index)
                    await runs.widen(connection, waiting.run_id, each.lane, types, each.options)
                    continue
                run_id = await runs.add(
                    connection, each.member_id, each.kind, each.lane, types, each.options, self.clock()
                )
            self._count += 1
            self._waiting[key] = _Waiting(run_id, self._count, each.lane, set(types))

    async def _dispatch(self) -> None:
        """Begin what there are slots for."""
        for name, lanes in zip(("person", "sync"), _QUEUES, strict=True):
            free = SHARES[name] - sum(lane in lanes for lane in self._running.values())  # type: ignore[index]
            ready = [key for key, each in self._waiting.items() if each.lane in lanes and key not in self._running]
            ready.sort(key=lambda key: (_LANES.index(self._waiting[key].lane), self._waiting[key].number))
            for key in ready[: max(free, 0)]:
                waiting = self._waiting.pop(key)
                self._running[key] = waiting.lane
                self.clock.start(self._carry_out(key, waiting))

    async def _carry_out(self, key: tuple[RunKind, int], waiting: _Waiting) -> None:
        kind, member_id = key
        began_at = self.clock()
        run = await runs.start(self.runtime.db, waiting.run_id, began_at)
        assert run is not None
        grant, types = self._by_member[member_id], [BY_NAME[each] for each in run.types]
        if kind == "reconcile":
            full = bool(run.options.get("full"))
            report = await self.runtime.engine.reconcile(grant, types, lane=run.lane, full=full)
        else:
            report = await self.runtime.engine.sync(grant, types, run.lane)
        outcome = report.as_dict()
        await runs.finish(self.runtime.db, run.id, report.state, self.clock(), outcome=outcome, attempt=run.attempt)
        await self.ledger.look(self.runtime.db, grant, types, began_at, self.clock())
        for error in report.errors.values():
            self.ledger.errors[error.kind] += 1
        self.ledger.runs[run.lane] += 1
        del self._running[key]
        await self._dispatch()


def _grid(at: datetime, step: timedelta) -> datetime:
    """The first look at or after an instant."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + -(-(at - midnight) // step) * step
