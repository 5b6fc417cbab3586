"""WHOOP as one object: an ASGI application over a simulated world.

`httpx2.ASGITransport(app=simulator.app)` speaks to it in process; `circadia.simulator.serve` puts it on a port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from circadia.simulator import admin
from circadia.simulator.clock import Movable, RunningClock, StandingClock
from circadia.simulator.deliveries import Courier
from circadia.simulator.edge import Edge
from circadia.simulator.faults import Fault
from circadia.simulator.grants import Ending
from circadia.simulator.limits import DEFAULT_LIMITS, Limits
from circadia.simulator.resources import end_access
from circadia.simulator.state import Client, State
from circadia.simulator.switches import DEFAULT_SWITCHES, Switches
from circadia.simulator.traffic import Traffic
from circadia.simulator.world import Event, World

__all__ = [
    "Client",
    "Fault",
    "Limits",
    "Movable",
    "RunningClock",
    "StandingClock",
    "Switches",
    "WhoopSimulator",
]


class WhoopSimulator:
    """WHOOP's OAuth server, data API and webhooks, with an admin API under `/_sim`.

    `clock` gives the aware present; one with `advance(seconds)` may be moved through the admin API.
    `state_file` keeps grants, mutations and pending webhooks over restarts; ValueError if it is another world's.
    `webhook_transport` replaces the network on the way to webhook receivers.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: Callable[[], datetime],
        limits: Limits = DEFAULT_LIMITS,
        clients: Sequence[Client],
        switches: Switches = DEFAULT_SWITCHES,
        state_file: Path | None = None,
        webhook_transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.state = State(world, clock=clock, limits=limits, clients=clients, switches=switches, file=state_file)
        self._courier = Courier(self.state, webhook_transport)
        edge = Edge(self.state)
        router = Router(admin.routes(self.state, self.deliver_due))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            whoop = scope["type"] == "http" and not scope["path"].startswith("/_sim/")
            await (edge if whoop else router)(scope, receive, send)

        self.app: ASGIApp = app
        """A plain function: servers tell ASGI's versions apart by looking at it."""

    @property
    def traffic(self) -> Traffic:
        """What was asked so far."""
        return self.state.traffic

    def peak_minute(self, client_id: str) -> int:
        """The most data requests an app ever sent in any 60 seconds, refused ones included."""
        return self.state.windows_of(client_id).peak_minute

    def truth(self, whoop_user_id: int) -> dict[str, Any]:
        """Every record as WHOOP would return it now, newest first, with profile and body. KeyError."""
        return self.state.truth(whoop_user_id)

    def switch(self, **changes: Any) -> None:
        """Change switches from now on. Raises `pydantic.ValidationError`."""
        self.state.switches = self.state.switches.changed(changes)

    def fault(self, kind: str, **details: Any) -> Fault:
        """Set one fault; `Fault` tells the details. Raises `pydantic.ValidationError`."""
        return self.state.faults.add({"kind": kind} | details)[0]

    def mutate(self, user_id: int, action: str, target: str | None = None) -> list[Event]:
        """Change a member's records now, as `Member.mutate` does, and keep it. KeyError, ValueError."""
        return self.state.mutate(user_id, action, target)

    @property
    def endings(self) -> list[Ending]:
        """How token lineages ended, in order."""
        return self.state.grants.endings

    @property
    def forged(self) -> list[int | None]:
        """What receivers answered to forged webhooks: a status, None for no answer."""
        return self._courier.forged

    def revoke(self, user_id: int) -> int:
        """The member ends every app's access at WHOOP; returns how many lineages died."""
        return end_access(self.state, user_id)

    async def deliver_due(self) -> int:
        """Send the webhooks that are due by the clock; returns how many were accepted."""
        return await self._courier.deliver_due()

    async def run(self, every_seconds: float = 1.0) -> None:
        """Deliver webhooks until cancelled."""
        while True:
            await self.deliver_due()
            await asyncio.sleep(every_seconds)
