"""One history, carried out: its events in order, then peace, then the comparison."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from starlette.types import Scope

from circadia.domain.catalog import CATALOG, COLLECTIONS
from circadia.domain.windows import OVERLAP, quiet
from circadia.errors import CircadiaError, UpstreamDown
from circadia.simulator.grants import Ending
from circadia.simulator.timeline import Event, Kind, Row
from circadia.storage import members, runs
from tests import simulated
from tests.postgres import Server
from tests.prove.histories import Plot
from tests.prove.place import PassingClock, Place
from tests.prove.verdict import unfinished

_PATIENCE_S = 60.0
_LOOK_S = 0.01
_NOTHING_MOVES_S = 0.25
_STEP_S = 10.0
"""So much of the clock's time passes when nothing has moved for a while."""

_PEACE = tuple(timedelta(minutes=each) for each in (1, 10, 60, 120, 240, 420, 720))
"""What passes after the last event: all of WHOOP's retries, and the longest that a type is postponed."""

_OLD = OVERLAP + timedelta(days=1)
_KINDS: dict[str, tuple[Kind, ...]] = {
    "edit_sleep": ("sleep",),
    "delete_sleep": ("sleep",),
    "merge_nap": ("sleep",),
    "rescore": ("sleep", "workout", "cycle"),
    "rescore_unstamped": ("sleep", "workout", "cycle"),
    "retype_workout": ("workout",),
    "edit_workout": ("workout",),
    "delete_workout": ("workout",),
    "delete_recovery": ("recovery",),
    "touch_without_updated_at": ("cycle",),
    "merge_cycles": ("cycle",),
}
"""What an action works on, where its target can be named."""

Name = tuple[str, str]
"""A record type and a key."""

Snapshot = dict[Name, Row]
T = TypeVar("T")


class History:
    """A plot at its place. `problems` says what was not as it has to be, `log` what happened beside the plot."""

    def __init__(self, plot: Plot, place: Place, server: Server) -> None:
        self.plot = plot
        self.place = place
        self.problems: list[str] = []
        self.log: list[str] = []
        self.counts: Counter[str] = Counter()
        self._server = server
        self.accounts = place.whoop.state.world.user_ids
        self._waiting: list[int] = []
        self._connected: dict[int, int] = {}
        """Account -> how many of WHOOP's endings were known when it was connected."""
        self.untold: dict[int, set[Name]] = {each: set() for each in self.accounts}
        """Account -> records that changed when they were old and of which WHOOP did not tell."""
        self.told: dict[int, dict[Name, tuple[str, str]]] = {each: {} for each in self.accounts}
        """Account -> other records that changed when they were old, with the type and the id of the webhook."""
        self._ambushes: list[dict[str, Any]] = []
        place.wire.before = self._spring

    async def carry_out(self) -> None:
        """Everything, to the end."""
        steps = self.plot.steps
        for number, step in enumerate(steps):
            at = simulated.EPOCH + step.at
            self._pass_until(at)
            await self.insist(self.place.whoop.deliver_due)
            await getattr(self, step.deed)(**step.details)
            self.counts[step.deed] += 1
            if step.patient:
                following = steps[number + 1].at if number + 1 < len(steps) else step.at + timedelta(hours=1)
                await self.settle(simulated.EPOCH + following)
            else:
                await self._tick()
                await asyncio.sleep(Random(self.plot.seed * 1000 + number).uniform(0.0, 0.1))
        await self._peace()

    async def connect(self, member: int) -> None:
        """A member consents. What fails is tried again later."""
        await self._connect(self.accounts[member])

    async def change(self, member: int, action: str, old: bool, seed: int) -> None:
        """WHOOP's records change."""
        self._change(self.accounts[member], action, old, Random(seed))

    async def ambush(self, member: int, action: str, after_pages: int, seed: int) -> None:
        """Records change in the middle of a walk."""
        self._ambushes.append({"member": member, "action": action, "after_pages": after_pages, "seed": seed})

    async def fault(self, **details: Any) -> None:
        """WHOOP or the network fails."""
        self.place.whoop.fault(**details)

    token_fault = webhook_fault = fault

    async def revoke(self, member: int) -> None:
        """A member ends the access at WHOOP."""
        self.place.whoop.revoke(self.accounts[member])

    async def consent_again(self) -> None:
        """Whoever has lost their grant consents again; they must have lost it at WHOOP."""
        for grant in await self.insist(lambda: members.grants(self.place.runtime.db, state="needs_reconnect")):
            known = self._connected.get(grant.whoop_user_id, 0)
            lost = [each for each in self.place.whoop.endings[known:] if each.user_id == grant.whoop_user_id]
            if not any(each.cause == "revoked" or not self.held(each) for each in lost):
                self.problems.append(f"{grant.user_id} needs to reconnect ({grant.reason}), WHOOP ended: {lost}")
            self._waiting.append(grant.whoop_user_id)
        waiting, self._waiting = self._waiting, []
        for account in dict.fromkeys(waiting):
            self.counts["consents again"] += 1
            await self._connect(account)

    async def ask(self, member: int) -> None:
        """A person asks for a sync of everything."""
        await self.request(self.accounts[member], "sync", "person")

    async def deafen(self, hours: float) -> None:
        """Webhooks do not get through for a while."""
        self.place.ear.deaf_until = self.place.clock() + timedelta(hours=hours)

    async def cut_connections(self) -> None:
        """The database ends every connection."""
        await asyncio.to_thread(self._server.cut, self.place.database)

    async def crash_database(self) -> None:
        """The database's server crashes and comes back."""
        await asyncio.to_thread(self._server.crash)

    async def restart(self) -> None:
        """The product stops as it should and starts again."""
        await self.place.stop()
        await self.place.start()

    async def kill(self) -> None:
        """The product's process is killed while it works, and another starts."""
        product = self.place.product
        assert product is not None
        for account in self._connected:
            await self.request(account, "sync", "person")
        await product.ready()
        await asyncio.sleep(Random(self.plot.seed + self.counts["kill"]).uniform(0.0, 0.6))
        product.kill()
        product.start()

    async def _connect(self, account: int) -> None:
        user_id = f"user-{account}"
        connections = self.place.runtime.connections
        known = len(self.place.whoop.endings)
        try:
            started = await connections.begin(user_id)
            back = await simulated.consent(self.place.line, started, account)
            await self._while_time_passes(connections.finish(back["code"], back["state"], user_id=user_id))
        except CircadiaError as error:
            self.log.append(f"{user_id} could not connect: {error}")
            self._waiting.append(account)
        else:
            self._connected[account] = known

    def _change(self, account: int, action: str, old: bool, rng: Random) -> None:
        now, before = self.place.clock(), self._snapshot(account)
        targets: list[str | None] = [None]
        if old and action in _KINDS:
            far = [key for (kind, key), row in before.items() if kind in _KINDS[action] and row.start < now - _OLD]
            targets = [*rng.sample(sorted(far), min(len(far), 30)), None]
        for target in targets:
            try:
                events = self.place.whoop.mutate(account, action, target)
            except ValueError:  # nothing of the kind is there to be changed
                continue
            after = self._snapshot(account)
            touched = {key: row for key in before.keys() | after.keys() if before.get(key) != (row := after.get(key))}
            self.counts["changes"] += 1
            names = ", ".join(map(" ".join, sorted(touched)))
            self.log.append(f"{now:%m-%d %H:%M:%S} user-{account} {action}: {names}")
            hears = (simulated.CLIENT.client_id, account) in self.place.whoop.state.grants.consents
            for name, row in touched.items():
                start = min(each.start for each in (before.get(name), row) if each is not None)
                if start < now - _OLD:
                    self._note_old(account, name, before.get(name) or row, events if hears else [])
            return

    def _note_old(self, account: int, name: Name, row: Row | None, events: list[Event]) -> None:
        assert row is not None
        kind, key = name
        told_as = str(row.payload["sleep_id"]) if kind == "recovery" else key
        for event in events:
            if event.id == told_as and event.type.startswith(f"{kind}."):
                self.told[account][name] = (event.type, event.id)
                return
        self.untold[account].add(name)

    def _snapshot(self, account: int) -> Snapshot:
        member, now = self.place.whoop.state.world.member(account), self.place.clock()
        return {
            (type_.name, str(row.payload[type_.key])): row
            for type_ in COLLECTIONS
            for row in member.rows(_kind(type_.name), now)
        }

    def _spring(self, scope: Scope) -> None:
        """An ambush strikes when its number of pages of a history has been asked for."""
        if b"limit=" not in scope["query_string"] or b"start=" in scope["query_string"]:
            return
        for each in list(self._ambushes):
            each["after_pages"] -= 1
            if each["after_pages"] < 0:
                self._ambushes.remove(each)
                self.log.append(f"ambush: {each}")
                self._change(self.accounts[each["member"]], each["action"], False, Random(each["seed"]))

    async def request(self, account: int, kind: Any, lane: Any, **options: Any) -> None:
        """Ask the product for a run of everything."""
        member = await self.insist(lambda: members.find(self.place.runtime.db, f"user-{account}"))
        if member is not None:
            types = [] if kind == "reconcile" else [each.name for each in CATALOG]
            await self.insist(lambda: self.place.runtime.jobs.request(member.id, kind, lane, types, **options))

    def held(self, ending: Ending) -> bool:
        """Whether the product had the last pair: a process may be killed between hearing it and writing it down."""
        return ending.used or (ending.delivered and not self.plot.processes)

    async def insist(self, deed: Callable[[], Awaitable[T]]) -> T:
        """Do it, also when the database has just gone away."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return await deed()
            except UpstreamDown:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_LOOK_S)

    async def _while_time_passes(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something that may wait for the clock."""
        task = asyncio.create_task(work)
        while not (await asyncio.wait([task], timeout=_NOTHING_MOVES_S))[0]:
            self.place.clock.advance(_STEP_S)
        await task

    def _pass_until(self, at: datetime) -> None:
        """Move the clock ahead, unless it is further already."""
        self.place.clock.advance(max((at - self.place.clock()).total_seconds(), 0.0))

    async def _tick(self) -> None:
        """What the product does by itself from time to time, now."""
        await self.insist(lambda: self.place.runtime.jobs.lead_once())

    async def settle(self, limit: datetime | None = None) -> None:
        """Wait until the product has nothing to do, or the clock has come to `limit` meanwhile."""
        clock, traffic = self.place.clock, self.place.whoop.traffic
        looked_at = moved_at = time.monotonic()
        seen = -1
        while limit is None or clock() < limit:
            await self.insist(self.place.whoop.deliver_due)
            if not await self._busy():
                await self._tick()
                if not await self._busy():
                    return
            await asyncio.sleep(_LOOK_S)
            if traffic.counts.total() != seen:
                looked_at = moved_at = time.monotonic()
                seen = traffic.counts.total()
                continue
            wakes_at = clock.wakes_at if isinstance(clock, PassingClock) else None
            if wakes_at is not None:
                self._pass_until(wakes_at if limit is None else min(wakes_at, limit))
            elif time.monotonic() - looked_at > _NOTHING_MOVES_S:
                rests_until = await self._rests_until()
                clock.advance(_STEP_S)
                if rests_until is not None:
                    self._pass_until(rests_until if limit is None else min(rests_until, limit))
                await self._tick()
                looked_at = time.monotonic()
            if time.monotonic() - moved_at > _PATIENCE_S:
                self.problems.append(f"stuck: {await unfinished(self.place)}")
                return

    async def _busy(self) -> bool:
        found = await self.insist(
            lambda: self.place.runtime.db.row(
                "SELECT 1 FROM runs WHERE state <> ALL (%s) LIMIT 1", (sorted(runs.FINISHED),)
            )
        )
        return found is not None

    async def _rests_until(self) -> datetime | None:
        """When the next job goes on; None while one is under way, or none rests."""
        found = await self.insist(
            lambda: self.place.runtime.db.row(
                """SELECT min(scheduled_at) FILTER (WHERE status = 'todo') FROM procrastinate_jobs
                   HAVING NOT bool_or(status = 'doing')"""
            )
        )
        return found[0] if found else None

    async def _peace(self) -> None:
        """Nothing goes wrong any more, and time passes until the product has come back to everything by itself."""
        self.place.whoop.state.faults.clear()
        self.place.ear.deaf_until = None
        self._ambushes.clear()
        if self.place.product is not None:
            await self.place.product.ready()
        calm_at = self.place.clock()
        for pause in _PEACE:
            self._pass_until(calm_at + pause)
            while quiet(self.place.clock()):
                self.place.clock.advance(60)
            await self.settle()
            await self.consent_again()
            await self.settle()
        late = await self.insist(
            lambda: self.place.runtime.db.rows(
                """SELECT m.user_id, t.name, k.state, s.success_began_at, s.due_at, s.error
                   FROM members m JOIN connections k ON k.member_id = m.id CROSS JOIN unnest(%s::text[]) t(name)
                   LEFT JOIN sync_states s ON s.member_id = m.id AND s.type = t.name
                   WHERE s.success_began_at IS NULL OR s.success_began_at < %s""",
                ([each.name for each in COLLECTIONS], calm_at),
            )
        )
        self.problems += [f"not synced since {calm_at}: {each}" for each in late]


def _kind(name: str) -> Kind:
    kinds: dict[str, Kind] = {"cycle": "cycle", "sleep": "sleep", "recovery": "recovery", "workout": "workout"}
    return kinds[name]
