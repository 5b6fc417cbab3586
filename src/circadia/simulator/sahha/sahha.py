"""Sahha as one object: an ASGI application over a simulated world.

`httpx2.ASGITransport(app=simulator.app)` speaks to it in process; `circadia.simulator.sahha.serve` makes one to put on
a port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx2
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from circadia.simulator.faults import Fault
from circadia.simulator.sahha import admin
from circadia.simulator.sahha.edge import Edge
from circadia.simulator.sahha.senses import Device
from circadia.simulator.sahha.state import Credentials, State, newest_first
from circadia.simulator.sahha.switches import DEFAULT_SWITCHES, Switches
from circadia.simulator.sahha.webhooks import Courier
from circadia.simulator.traffic import Traffic
from circadia.simulator.world import World

_NOBODY: Mapping[str, Device] = MappingProxyType({})


class SahhaSimulator:
    """Sahha's tokens, REST API and webhooks, with an admin API under `/_sim`.

    `clock` gives the aware present; one with `advance(seconds)` may be moved through the admin API. `accounts` says who
    of the world is behind which external id (KeyError for nobody), `devices` which device someone has: a watch unless
    told. `webhook` is a receiver's URL and secret; `webhook_transport` replaces the network on the way there.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: Callable[[], datetime],
        accounts: Mapping[str, int],
        client_id: str,
        client_secret: str,
        devices: Mapping[str, Device] = _NOBODY,
        switches: Switches = DEFAULT_SWITCHES,
        webhook: tuple[str, str] | None = None,
        webhook_transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.state = State(
            world,
            clock=clock,
            accounts=accounts,
            devices=devices,
            credentials=Credentials(client_id, client_secret),
            switches=switches,
        )
        self._courier = Courier(self.state, webhook, webhook_transport)
        edge = Edge(self.state)
        router = Router(admin.routes(self.state, self._courier, self.truth, self.deliver_due))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            sahha = scope["type"] == "http" and not scope["path"].startswith("/_sim/")
            await (edge if sahha else router)(scope, receive, send)

        self.app: ASGIApp = app
        """A plain function: servers tell ASGI's versions apart by looking at it."""

    @property
    def traffic(self) -> Traffic:
        """What was asked so far."""
        return self.state.traffic

    @property
    def forged(self) -> list[int | None]:
        """What the receiver answered to forged webhooks: a status, None for no answer."""
        return self._courier.forged

    def truth(self, external_id: str, days: int = 14) -> dict[str, Any]:
        """Scores, biomarkers and archetypes that end within the last `days` local dates, today included, as Sahha would
        return them now. KeyError."""
        profile, now = self.state.profiles[external_id], self.state.clock()
        today = profile.today(now)
        first, last = today - timedelta(days=days - 1), today + timedelta(days=1)
        return {
            "scores": newest_first(self.state.scores(profile, first, last, now)),
            "biomarkers": newest_first(self.state.biomarkers(profile, first, last, now)),
            "archetypes": newest_first(self.state.archetypes(profile, first, last, now)),
        }

    def switch(self, **changes: Any) -> None:
        """Change switches from now on. Raises `pydantic.ValidationError`."""
        self.state.switches = self.state.switches.changed(changes)

    def fault(self, kind: str, **details: Any) -> Fault:
        """Set one fault; `Fault` tells the details, `user_id` being an external id. Raises
        `pydantic.ValidationError`."""
        return self.state.faults.add({"kind": kind} | details)[0]

    async def deliver_due(self) -> int:
        """Send the webhooks that are due by the clock; returns how many were accepted."""
        return await self._courier.deliver_due()

    async def run(self, every_seconds: float = 1.0) -> None:
        """Deliver webhooks until cancelled."""
        while True:
            await self.deliver_due()
            await asyncio.sleep(every_seconds)
