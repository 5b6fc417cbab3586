"""A member of whom WHOOP tells by webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import pytest

from circadia.app import create_app
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import Client, WhoopSimulator
from circadia.simulator.world import Quirks, World
from tests import simulated
from tests.simulated import Late, Wire
from tests.sync.told import HOOK, Open, Scene


@pytest.fixture
async def scene(database_url: str, clock: StandingClock) -> AsyncIterator[Open]:
    """Opens a scene whose member's whole history is here, unless it is not to be `connected` yet."""
    async with AsyncExitStack() as stack:

        async def start(
            *, days: int = 60, members: int = 1, connected: bool = True, asked: dict[str, str] | None = None
        ) -> Scene:
            way = Late()
            client = Client(
                simulated.CLIENT.client_id, simulated.CLIENT.client_secret, (simulated.CALLBACK,), webhook_url=HOOK
            )
            world = World(seed=3, members=members, days=days, epoch=clock(), quirks=Quirks.all_on())
            whoop = WhoopSimulator(world, clock=clock, limits=simulated.ROOMY, clients=(client,), webhook_transport=way)
            wire = Wire(whoop)
            settings = simulated.settings_for(database_url, SYNC_PLAN="manual")
            app = create_app(settings, clock=clock, transport=wire, worker=False)
            await stack.enter_async_context(app.router.lifespan_context(app))
            way.receiver = httpx2.ASGITransport(app=app)
            product = app.state.runtime
            account = whoop.state.world.user_ids[0]
            finished = await simulated.connect(product, whoop, "alice", account, **(asked or {}))
            here = Scene(whoop, clock, product, wire, finished.grant)
            if connected:
                await here.backfill()
                await here.sync()
                clock.advance(600)
                await here.sync()
                await here.db.execute("DELETE FROM deliveries")
            whoop.traffic.reset()
            return here

        yield start
