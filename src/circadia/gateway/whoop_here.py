"""The WHOOP service in this very process: what its routes answer, without the wire."""

from __future__ import annotations

from datetime import date
from typing import Literal, cast

from circadia import served
from circadia.clock import Clock
from circadia.connections import FLOW_LIFETIME, Connections
from circadia.domain.members import Actor
from circadia.gateway.whoop_reading import Body
from circadia.served import Stored
from circadia.storage.postgres import Database
from circadia.sync.on_demand import OnDemand


class WhoopHere:
    """`WhoopLink` over this process's store. A call takes as long as the database does."""

    def __init__(
        self, db: Database, connections: Connections, on_demand: OnDemand, clock: Clock, timeout_s: float
    ) -> None:
        self._db = db
        self._connections = connections
        self._on_demand = on_demand
        self._clock = clock
        self.timeout_s = timeout_s

    async def status(self, user_id: str) -> Body:
        """How a user's connection stands."""
        return cast("Body", served.plain(await self._connections.status(user_id)))

    async def part(self, name: str, user_id: str, first: date, last: date, wait_ms: int) -> Body:
        """Stored recovery, sleep, workouts, cycles or profile; without data what is known beside them."""
        if name == "profile":
            who = await served.person(self._db, user_id, self._clock())
            return await served.profile(self._db, who) or {}
        found = await self._stored(user_id, first, last, wait_ms)
        return found.part(name) or found.standing_of(name)

    async def everything(self, user_id: str, first: date, last: date, wait_ms: int) -> Body:
        """All of them, each under its name."""
        found = await self._stored(user_id, first, last, wait_ms)
        return found.everything(await served.profile(self._db, found.person)) or found.standing

    async def connect(self, user_id: str, redirect_url: str | None) -> Body:
        """Begin a consent. Its browser is asked by name: there is nobody here to keep a cookie."""
        started = await self._connections.begin(user_id, redirect_url)
        return {
            "user_id": started.user_id,
            "authorization_url": started.authorization_url,
            "state": started.state,
            "expires_in": int(FLOW_LIFETIME.total_seconds()),
        }

    async def disconnect(self, user_id: str, data: Literal["keep", "erase"], by: Actor) -> Body:
        """End a connection; NotFound if there is none."""
        return await self._connections.disconnect(user_id, data, by=by)

    async def ready(self) -> bool:
        """Whether the database answers."""
        return await self._db.row("SELECT 1") is not None

    async def _stored(self, user_id: str, first: date, last: date, wait_ms: int) -> Stored:
        who = await served.person(self._db, user_id, self._clock())
        if wait_ms:
            await self._on_demand.freshen(user_id, min(last, who.today), wait_ms / 1000)
        return await served.stored(self._db, who, first, last)
