"""Five minutes of three processes under overload, in virtual time: the proof `budget` without the waiting."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from statistics import median

from circadia.clients.governor import Governor, Limits
from circadia.domain.lanes import Lane
from circadia.errors import RateLimited
from circadia.runtime import StoredBudget
from circadia.simulator import limits as simulated
from circadia.storage.postgres import Database
from tests.simulated import EPOCH
from tests.virtual import VirtualTime

LASTS = timedelta(minutes=5)
OURS = Limits(90, 9000)
PAGES_OF_A_REFRESH = 6


class Overload:
    """Backfills without end, and people who want this morning's data meanwhile."""

    def __init__(self, db: Database, seed: int) -> None:
        self.time = VirtualTime(EPOCH)
        self.whoop = simulated.RateWindows(simulated.Limits(100, 10_000))
        self.backfilled = 0
        self.waited_s: list[float] = []
        self._rng = Random(seed)
        self._processes = [
            Governor(StoredBudget(db, "app", OURS, self.time), OURS, self.time, self.time.sleep) for _ in range(3)
        ]
        self._until = EPOCH + LASTS

    async def request(self, process: int, lane: Lane, member_id: int) -> None:
        """One request, some time on its way to WHOOP and some time on its way back."""
        held = self._processes[process % len(self._processes)]
        await held.take(lane, member_id)
        await self.time.sleep(self._rng.choice([0.01, 0.05, 0.05, 0.3, 1.9]))
        self.whoop.admit((self.time() - datetime.fromtimestamp(0, EPOCH.tzinfo)).total_seconds())
        await self.time.sleep(self._rng.uniform(0.05, 0.3))

    async def backfill(self, member_id: int) -> None:
        while self.time() < self._until:
            try:
                await self.request(member_id, "backfill", member_id)
            except RateLimited as error:
                await self.time.sleep((error.until - self.time()).total_seconds())
            else:
                self.backfilled += 1

    async def refresh(self, member_id: int, after_s: float) -> None:
        await self.time.sleep(after_s)
        began = self.time()
        for number in range(PAGES_OF_A_REFRESH):
            await self.request(member_id + number, "person", member_id)
        self.waited_s.append((self.time() - began).total_seconds())


async def test_overload_breaks_no_window_and_keeps_nobody_waiting(db: Database) -> None:
    scene = Overload(db, seed=7)
    every_s = 12
    people = [scene.refresh(number, after_s=10.0 + every_s * number) for number in range(280 // every_s)]
    await scene.time.run(*(scene.backfill(1000 + number) for number in range(100)), *people)
    assert scene.whoop.refused == 0
    assert scene.whoop.peak_minute <= 100
    assert median(scene.waited_s) < 5
    assert max(scene.waited_s) < 20
    spent = scene.backfilled + len(people) * PAGES_OF_A_REFRESH
    assert spent > 5 * 70
