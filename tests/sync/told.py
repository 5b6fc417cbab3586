"""A member of whom WHOOP tells by webhook, the application that takes them, and the test in the place of the worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from circadia.domain.catalog import BY_NAME
from circadia.storage import deliveries
from circadia.storage.deliveries import Listed
from circadia.sync import events
from circadia.sync.outcome import Report
from circadia.sync.wanted import Wanted
from tests.simulated import Stage

HOOK = "http://circadia.example/webhooks/whoop"
NOBODY_S = "00000000-0000-4000-8000-000000000000"
PATHS = {name: f"/developer{BY_NAME[name].path}" for name in ("cycle", "sleep", "recovery", "workout")}


@dataclass
class Scene(Stage):
    """A member, the application that takes WHOOP's webhooks, and the test in the place of the worker."""

    async def arrive(self) -> int:
        """Send what WHOOP has to tell; how many were taken."""
        return await self.simulator.deliver_due()

    async def ripe(self, after_s: float = 2.0) -> list[Wanted]:
        self.clock.advance(after_s)
        return await events.ripe(self.db, self.clock())

    async def answer(self, after_s: float = 2.0) -> Report | None:
        """The run that is wanted after `after_s` seconds; None when none is."""
        wanted = await self.ripe(after_s)
        if not wanted:
            return None
        (only,) = wanted
        assert (only.member_id, only.kind, only.lane) == (self.grant.member_id, "sync", "webhook")
        assert only.types is not None
        types = [BY_NAME[each] for each in only.types]
        return await self.runtime.engine.sync(self.grant, types, only.lane)

    async def told(self) -> list[Listed]:
        """All deliveries, oldest first."""
        return (await deliveries.newest(self.db, 1000))[::-1]

    async def states(self) -> list[str]:
        return [each.state for each in await self.told()]

    def requests(self) -> dict[str, int]:
        """Requests by path since the last reset of the simulator's traffic."""
        found: dict[str, int] = {}
        for seen, count in self.simulator.traffic.counts.items():
            if seen.path.startswith("/developer"):
                found[seen.path] = found.get(seen.path, 0) + count
        return found

    def truth(self, name: str) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = self.simulator.truth(self.account)[name]
        return records

    def main_sleep(self, days_ago: float) -> dict[str, Any]:
        """The newest scored main sleep that began at least so long ago."""
        before = self.clock() - timedelta(days=days_ago)
        fits = [
            each
            for each in self.truth("sleep")
            if not each["nap"] and each["score_state"] == "SCORED" and at(each) <= before
        ]
        return max(fits, key=at)

    def workout(self, days_ago: float) -> dict[str, Any]:
        before = self.clock() - timedelta(days=days_ago)
        return max((each for each in self.truth("workout") if at(each) <= before), key=at)

    async def post(self, kind: str, record_id: str, trace: str) -> None:
        """A webhook of ours, for what the simulator does not tell by itself."""
        when = self.clock()
        one = deliveries.Delivery(trace, kind, record_id, self.account, when)
        await self.runtime.intake.take(one)


def at(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["start"])


class Open(Protocol):
    async def __call__(
        self, *, days: int = 60, members: int = 1, connected: bool = True, asked: dict[str, str] | None = None
    ) -> Scene: ...
