"""The simulated WHOOP on a port of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvicorn

from circadia.simulator.clock import RunningClock
from circadia.simulator.switches import DEFAULT_SWITCHES
from circadia.simulator.whoop import Client, Limits, Switches, WhoopSimulator
from circadia.simulator.world import World

DEMO_CLIENT_ID = "circadia-demo"
DEMO_CLIENT_SECRET = "circadia-demo-secret"  # noqa: S105 - opens nothing but a simulated world
DEMO_REDIRECT_URI = "http://127.0.0.1:8000/auth/callback"
APART_REDIRECT_URI = "http://127.0.0.1:8001/auth/callback"
"""Where a WHOOP service apart from the gateway listens."""


def demo_client(
    redirect_uris: Sequence[str] = (DEMO_REDIRECT_URI, APART_REDIRECT_URI), webhook_url: str | None = None
) -> Client:
    """The app that a simulator knows without being told."""
    return Client(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, tuple(redirect_uris), webhook_url=webhook_url)


def simulator(
    *,
    members: int,
    days: int,
    seed: int,
    limits: Limits,
    client: Client,
    state_file: Path | None,
    switches: Switches = DEFAULT_SWITCHES,
) -> WhoopSimulator:
    """A simulator on a clock that runs. A kept state goes on in its own world: ValueError if `members`, `days` or
    `seed` differ from it."""
    clock = RunningClock()
    world = World(seed=seed, members=members, days=days, epoch=_kept_epoch(state_file) or epoch_at(clock()))
    return WhoopSimulator(
        world, clock=clock, limits=limits, clients=(client,), switches=switches, state_file=state_file
    )


def epoch_at(now: datetime) -> datetime:
    """The start of the UTC day: worlds begun on one date are the same, in whichever process."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _kept_epoch(state_file: Path | None) -> datetime | None:
    if state_file is None or not state_file.exists():
        return None
    return datetime.fromisoformat(orjson.loads(state_file.read_bytes())["world"]["epoch"]).astimezone(UTC)


def run(
    *,
    host: str = "127.0.0.1",
    port: int = 8090,
    members: int = 3,
    days: int = 730,
    seed: int = 1,
    per_minute: int = 100,
    per_day: int = 10_000,
    state_file: Path | None = None,
    client: Client | None = None,
    switches: Switches = DEFAULT_SWITCHES,
) -> None:
    """Serve until SIGINT or SIGTERM, delivering webhooks meanwhile."""
    whoop = simulator(
        members=members,
        days=days,
        seed=seed,
        limits=Limits(per_minute, per_day),
        client=client or demo_client(),
        state_file=state_file,
        switches=switches,
    )
    whoop.state.save()
    asyncio.run(serve(whoop, host=host, port=port))


async def serve(whoop: WhoopSimulator, *, host: str, port: int) -> None:
    """Serve and deliver webhooks until the server is told to stop."""
    server = uvicorn.Server(
        uvicorn.Config(whoop.app, host=host, port=port, log_level="warning", access_log=False, lifespan="off")
    )
    pump = asyncio.create_task(whoop.run())
    try:
        await server.serve()
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)
