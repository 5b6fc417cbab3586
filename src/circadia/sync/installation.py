"""What a process knows of its installation beside the database, and the request budget as it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from circadia.domain.lanes import LANES
from circadia.domain.plans import Plan
from circadia.storage import budget
from circadia.storage.budget import Usage
from circadia.storage.postgres import Database


@dataclass(frozen=True, slots=True)
class Installation:
    """`app` is the WHOOP client's id, None where none is configured: then the ceilings and the plan are those of
    another process, and not known here. `webhook_url` is where WHOOP would send its webhooks; `reachable` whether that
    is more than this machine itself."""

    app: str | None
    per_minute: int
    per_day: int
    plan: Plan
    webhook_url: str
    reachable: bool

    async def usages(self, db: Database, now: datetime) -> dict[str, Usage]:
        """What was used, by app: of the one that is configured, else of those that the database has."""
        apps = [self.app] if self.app is not None else await budget.apps(db, now)
        return {each: await budget.usage(db, each, now) for each in apps}

    def limits(self, used: Usage) -> tuple[int | None, int | None]:
        """The ceilings of a minute and of a day in force: ours, or what WHOOP announced where that is lower."""
        if self.app is None:
            return used.per_minute, used.per_day
        return min(used.per_minute or self.per_minute, self.per_minute), min(used.per_day or self.per_day, self.per_day)

    async def budgets(self, db: Database, now: datetime) -> list[dict[str, Any]]:
        """The budget of each app: used and limit of both windows, a pause, and each lane's day."""
        return [self._told(app, used) for app, used in (await self.usages(db, now)).items()]

    def _told(self, app: str, used: Usage) -> dict[str, Any]:
        minute, day = self.limits(used)
        return {
            "app": app,
            "minute": {"used": used.minute, "limit": minute},
            "day": {"used": used.day, "limit": day},
            "paused_until": used.paused_until,
            "lanes": {
                lane: {
                    "taken": used.taken.get(lane, 0),
                    "refused": used.refused.get(lane, 0),
                    "taken_last_minute": used.taken_last_minute.get(lane, 0),
                    "refused_last_minute": used.refused_last_minute.get(lane, 0),
                }
                for lane in [*LANES, *sorted(used.taken.keys() - LANES)]
            },
        }
