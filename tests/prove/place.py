"""Where a history takes place: a simulated WHOOP, a database and the product, on a clock that waits for nobody.

The product's app always answers in this process; its worker runs in it too or, where it shall be killed, in processes
of their own (`tests.prove.stage.Product`), which see WHOOP over real HTTP.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import httpx2
from starlette.types import Receive, Scope, Send

from circadia.app import create_app
from circadia.runtime import Runtime
from circadia.simulator.clock import Movable, StandingClock
from circadia.simulator.whoop import Limits, WhoopSimulator
from circadia.simulator.world import World
from tests import simulated
from tests.postgres import Server
from tests.prove.histories import Plot
from tests.prove.product import HURRIED, FileClock
from tests.prove.stage import PLENTY, Product, serving

_HOOK = "http://circadia.example/webhooks/whoop"
_TIGHT = Limits(per_minute=40, per_day=PLENTY.per_day)
_OURS_BELOW = 4
"""So many requests a minute less than WHOOP allows are our own limit."""

_TICK_S = 0.02
"""What a request takes of the clock's time, so that what comes later is later."""


class PassingClock(StandingClock):
    """A standing clock on which one can wait: whoever sleeps wakes when the clock has been moved far enough."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        """Wait for so many of this clock's seconds."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self.at + timedelta(seconds=seconds), waiting)
        self._sleepers.append(sleeper)
        try:
            await waiting
        finally:
            self._sleepers.remove(sleeper)

    @property
    def wakes_at(self) -> datetime | None:
        """When the next sleeper wakes; None when nobody sleeps."""
        return min((at for at, waiting in self._sleepers if not waiting.done()), default=None)

    def advance(self, seconds: float) -> None:
        """Move ahead and wake whoever is due."""
        super().advance(seconds)
        for at, waiting in self._sleepers:
            if at <= self.at and not waiting.done():
                waiting.set_result(None)


Clock = PassingClock | FileClock


class Wire:
    """The simulator's application with somebody on the line: each request takes time, and `before` may act first."""

    def __init__(self, whoop: WhoopSimulator, clock: Movable) -> None:
        self.before: Callable[[Scope], None] = lambda _scope: None

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                clock.advance(_TICK_S)
                self.before(scope)
            await whoop.app(scope, receive, send)

        self.app = app


class Ear(httpx2.AsyncBaseTransport):
    """The way of webhooks to the product, which can be deaf for a while."""

    def __init__(self, clock: Movable) -> None:
        self._clock = clock
        self.deaf_until: datetime | None = None
        self.app: httpx2.ASGITransport | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.app is None or (self.deaf_until is not None and self._clock() < self.deaf_until):
            raise httpx2.ConnectError("the product cannot be reached")
        return await self.app.handle_async_request(request)


class Place:
    """Everything together. `product` is there where the worker is not in this process."""

    def __init__(self, plot: Plot, whoop: WhoopSimulator, clock: Clock, ear: Ear, database: str) -> None:
        self.whoop = whoop
        self.clock = clock
        self.ear = ear
        self.database = database
        self.wire = Wire(whoop, clock)
        self.line = httpx2.ASGITransport(app=self.wire.app)
        self.product: Product | None = None
        self.runtime: Runtime
        limits = whoop.state.limits
        self._settings = {
            "RATE_LIMIT_PER_MINUTE": str(limits.per_minute - _OURS_BELOW),
            "RATE_LIMIT_PER_DAY": str(limits.per_day),
        }
        self._works = not plot.processes
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Open the app, with its worker where there is no other process for it."""
        app = create_app(
            simulated.settings_for(self.database, **self._settings),
            clock=self.clock,
            transport=self.line,
            sleep=self.clock.sleep,
            pace=HURRIED,
            worker=self._works,
        )
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        self.runtime = cast("Runtime", app.state.runtime)
        self.ear.app = httpx2.ASGITransport(app=app, raise_app_exceptions=False)

    async def stop(self) -> None:
        """Stop the app as SIGTERM does."""
        self.ear.app = None
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    def employ(self, url: str, clock: FileClock) -> Product:
        """A process for the work, which sees WHOOP at `url`."""
        whoop = {"WHOOP_API_BASE_URL": f"{url}/developer", "WHOOP_OAUTH_BASE_URL": f"{url}/oauth/oauth2"}
        environment = simulated.environment_for(self.database, **self._settings, **whoop)
        self.product = Product(simulated.surroundings() | environment, clock)
        return self.product


@asynccontextmanager
async def open_place(server: Server, plot: Plot) -> AsyncIterator[Place]:
    """The place of a history, on a fresh database; the product works already."""
    async with AsyncExitStack() as stack:
        database = server.create()
        stack.callback(server.drop, database)
        clock: Clock = PassingClock(simulated.EPOCH)
        if plot.processes:
            clock = FileClock(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "clock")
            clock.set(simulated.EPOCH)
        ear = Ear(clock)
        whoop = WhoopSimulator(
            World(seed=plot.seed, members=plot.members, days=plot.days, epoch=simulated.EPOCH),
            clock=clock,
            limits=_TIGHT if plot.tight else PLENTY,
            clients=(replace(simulated.CLIENT, webhook_url=_HOOK),),
            webhook_transport=ear,
        )
        place = Place(plot, whoop, clock, ear, database)
        if isinstance(clock, FileClock):
            server.make_durable(database)
            product = place.employ(await stack.enter_async_context(serving(place.wire)), clock)
            stack.callback(product.kill)
            product.start()
        stack.push_async_callback(place.stop)
        await place.start()
        yield place
