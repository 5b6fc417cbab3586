"""The simulated Sahha to put on a port of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from circadia.simulator.sahha.sahha import SahhaSimulator
from circadia.simulator.sahha.senses import Device
from circadia.simulator.serve import epoch_at
from circadia.simulator.world import World

DEMO_CLIENT_ID = "circadia-demo"
DEMO_CLIENT_SECRET = "circadia-demo-sahha-secret"  # noqa: S105 - opens nothing but a simulated world
DEMO_WEBHOOK_SECRET = "circadia-demo-sahha-webhook-secret"  # noqa: S105 - the same


def demo_simulator(
    world: World,
    *,
    clock: Callable[[], datetime],
    accounts: Mapping[str, int],
    devices: Mapping[str, Device],
    webhook_url: str | None,
) -> SahhaSimulator:
    """A Sahha with the credentials that everybody knows. KeyError for an account of nobody in the world."""
    return SahhaSimulator(
        world,
        clock=clock,
        accounts=accounts,
        client_id=DEMO_CLIENT_ID,
        client_secret=DEMO_CLIENT_SECRET,
        devices=devices,
        webhook=(webhook_url, DEMO_WEBHOOK_SECRET) if webhook_url else None,
    )


def settings(url: str) -> dict[str, str]:
    """The settings that lead a service to a demo simulator at `url`."""
    return {
        "SAHHA_CLIENT_ID": DEMO_CLIENT_ID,
        "SAHHA_CLIENT_SECRET": DEMO_CLIENT_SECRET,
        "SAHHA_API_BASE_URL": url,
        "SAHHA_WEBHOOK_SECRET": DEMO_WEBHOOK_SECRET,
    }


def world(*, members: int, days: int, seed: int, now: datetime) -> World:
    """The world that a simulated WHOOP of the same members, days and seed has that began on the same UTC date."""
    return World(seed=seed, members=members, days=days, epoch=epoch_at(now))
