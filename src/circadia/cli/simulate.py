"""`circadia simulate`: the services Circadia talks to, simulated on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from circadia.cli import listening, output, running
from circadia.cli.arguments import Json

if TYPE_CHECKING:
    from circadia.simulator.whoop import WhoopSimulator

app = typer.Typer(no_args_is_help=True, help="Simulate a service on this machine, to try and to test.")

HOST = "127.0.0.1"
DEFAULT_PORT = 8090

Members = Annotated[int, typer.Option(min=1, max=1000, help="How many people live in the simulated world.")]
Days = Annotated[int, typer.Option(min=1, max=4000, help="Days of history before now.")]
Seed = Annotated[int, typer.Option(help="Another seed makes other people; the same one the same.")]


@app.callback()
def simulate() -> None:
    """Simulate a service on this machine, to try and to test."""


@app.command()
def whoop(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = DEFAULT_PORT,
    members: Members = 3,
    days: Days = 730,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """A WHOOP of simulated members: OAuth with a consent page, the v2 API, rate limits, signed webhooks.

    It prints the settings that lead `circadia serve` to it. Faults and the clock are moved under /_sim.

    \b
    Examples:
      circadia simulate whoop
      circadia simulate whoop --members 20 --days 1095 --seed 7
    """
    listener = listening.bind(HOST, port)
    running.run(_simulate(listener, members, days, seed, json), until_stopped=True)


async def _simulate(listener: socket.socket, members: int, days: int, seed: int, json: bool) -> int:
    from circadia.simulator.serve import (
        DEMO_CLIENT_ID,
        DEMO_CLIENT_SECRET,
        DEMO_REDIRECT_URI,
        demo_client,
        simulator,
    )
    from circadia.simulator.whoop import Limits

    made = simulator(members=members, days=days, seed=seed, limits=Limits(), client=demo_client(), state_file=None)
    url = f"http://{HOST}:{listening.port_of(listener)}"
    facts = {
        "WHOOP_CLIENT_ID": DEMO_CLIENT_ID,
        "WHOOP_CLIENT_SECRET": DEMO_CLIENT_SECRET,
        "WHOOP_REDIRECT_URL": DEMO_REDIRECT_URI,
        "WHOOP_API_BASE_URL": f"{url}/developer",
        "WHOOP_OAUTH_BASE_URL": f"{url}/oauth/oauth2",
    }
    async with delivering(made), listening.serving(made.app, listener):
        if json:
            output.print_json(
                {"ready": True, "url": url, "members": list(made.state.world.user_ids), "settings": facts}
            )
        else:
            output.say(f"A simulated WHOOP with {members} members listens on {url}. Settings that lead to it:")
            typer.echo("\n".join(f"{name}={value}" for name, value in facts.items()))
            output.say("Stop it with Ctrl-C.")
        await asyncio.Event().wait()
    return running.DONE


@asynccontextmanager
async def delivering(made: WhoopSimulator) -> AsyncIterator[None]:
    """Have a simulator send its webhooks meanwhile."""
    courier = asyncio.create_task(made.run(), name="webhooks")
    try:
        yield
    finally:
        courier.cancel()
        await asyncio.gather(courier, return_exceptions=True)
