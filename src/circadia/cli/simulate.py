"""`circadia simulate`: the services Circadia talks to, simulated on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from circadia.cli import listening, output, running
from circadia.cli.arguments import Json

if TYPE_CHECKING:
    from starlette.types import ASGIApp

app = typer.Typer(no_args_is_help=True, help="Simulate a service on this machine, to try and to test.")

HOST = "127.0.0.1"
DEFAULT_PORT, SAHHA_PORT = 8090, 8091

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
    host: Annotated[str, typer.Option(help="Address to listen on; inside a container 0.0.0.0.")] = HOST,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep what happens in it here, over restarts.")
    ] = None,
    connect: Annotated[
        str | None, typer.Option(metavar="URL", help="Have its members connect themselves at this Circadia.")
    ] = None,
    json: Json = False,
) -> None:
    """A WHOOP of simulated members: OAuth with a consent page, the v2 API, rate limits, signed webhooks.

    It prints the settings that lead `circadia serve` to it. Faults and the clock are moved under /_sim.
    With --connect its members are called demo, demo-2, ... there; the key for
    it is SERVICE_API_KEY.

    \b
    Examples:
      circadia simulate whoop
      circadia simulate whoop --members 20 --days 1095 --seed 7
    """
    service = (connect, _service_key()) if connect else None
    listener = listening.bind(host, port)
    running.run(_simulate(listener, members, days, seed, state, service, json), until_stopped=True)


def _service_key() -> str:
    from circadia import config
    from circadia.errors import Misconfigured

    key = config.load().service_api_key
    if key is None:
        raise Misconfigured("--connect needs a key of the service", remedy="Set SERVICE_API_KEY as the service has it.")
    return key.get_secret_value()


async def _simulate(
    listener: socket.socket,
    members: int,
    days: int,
    seed: int,
    state: Path | None,
    service: tuple[str, str] | None,
    json: bool,
) -> int:
    from circadia.simulator.serve import (
        APART_REDIRECT_URI,
        DEMO_CLIENT_ID,
        DEMO_CLIENT_SECRET,
        DEMO_REDIRECT_URI,
        demo_client,
        simulator,
    )
    from circadia.simulator.whoop import Limits

    back_to = (f"{service[0].rstrip('/')}/auth/callback",) if service else ()
    client = demo_client((DEMO_REDIRECT_URI, APART_REDIRECT_URI, *back_to))
    made = simulator(members=members, days=days, seed=seed, limits=Limits(), client=client, state_file=state)
    made.state.save()
    url = f"http://{HOST}:{listening.port_of(listener)}"
    facts = {
        "WHOOP_CLIENT_ID": DEMO_CLIENT_ID,
        "WHOOP_CLIENT_SECRET": DEMO_CLIENT_SECRET,
        "WHOOP_REDIRECT_URL": DEMO_REDIRECT_URI,
        "WHOOP_API_BASE_URL": f"{url}/developer",
        "WHOOP_OAUTH_BASE_URL": f"{url}/oauth/oauth2",
    }
    ids = {"members": list(made.state.world.user_ids)}
    hint = f"For a WHOOP service apart from the gateway: WHOOP_REDIRECT_URL={APART_REDIRECT_URI}"
    title = f"A simulated WHOOP with {members} members"
    people = made.state.world.user_ids

    async def connect() -> None:
        if service is not None:
            await _connect(*service, people)

    return await _serve(made, listener, title, ids, facts, json=json, hint=hint, then=connect)


async def _connect(url: str, key: str, people: Sequence[int]) -> None:
    """Every simulated member through the OAuth flow, who is not connected yet."""
    from circadia.cli.demo.cast import names
    from circadia.cli.demo.visit import Visitor

    async with Visitor(url, key) as visitor:
        for user_id, account in zip(names(len(people)), people, strict=True):
            if not await visitor.connected(user_id):
                await visitor.connect(user_id, account)
                output.say(f"{user_id} is connected to WHOOP account {account}.")


@app.command()
def sahha(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = SAHHA_PORT,
    members: Members = 3,
    days: Days = 730,
    seed: Seed = 1,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXTERNAL_ID=WHOOP_USER_ID",
            help="Who is who: an id at Sahha, and whose data it has. Repeatable; default demo-1, demo-2, ...",
        ),
    ] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Where webhooks go; default nowhere.")] = None,
    json: Json = False,
) -> None:
    """A Sahha of the same people as `simulate whoop` has: account token, scores, biomarkers, signed webhooks.

    It prints the settings that lead `circadia serve` to it. With the same
    members, days and seed, begun on the same day, both simulators tell of the
    same nights. Faults and the clock are moved under /_sim.

    \b
    Examples:
      circadia simulate sahha
      circadia simulate sahha --profile anna=12345678 --webhook-url http://127.0.0.1:8000/webhooks/sahha
    """
    accounts = _accounts(profile or [])
    listener = listening.bind(HOST, port)
    running.run(_simulate_sahha(listener, members, days, seed, accounts, webhook_url, json), until_stopped=True)


def _accounts(told: list[str]) -> dict[str, int]:
    accounts: dict[str, int] = {}
    for each in told:
        external_id, _, whoop_user_id = each.rpartition("=")
        if not external_id or not whoop_user_id.isdecimal():
            raise typer.BadParameter(f"{each!r} is not EXTERNAL_ID=WHOOP_USER_ID", param_hint="--profile")
        accounts[external_id] = int(whoop_user_id)
    return accounts


async def _simulate_sahha(
    listener: socket.socket,
    members: int,
    days: int,
    seed: int,
    accounts: Mapping[str, int],
    webhook_url: str | None,
    json: bool,
) -> int:
    from circadia.errors import Misconfigured
    from circadia.simulator.clock import RunningClock
    from circadia.simulator.sahha import serve

    clock = RunningClock()
    world = serve.world(members=members, days=days, seed=seed, now=clock())
    everybody = {f"demo-{number}": user_id for number, user_id in enumerate(world.user_ids, 1)}
    strangers = set(accounts.values()) - set(world.user_ids)
    if strangers:
        raise Misconfigured(
            f"nobody in this world has the WHOOP user id {min(strangers)}",
            remedy="Give --members, --days and --seed of the simulated WHOOP; its members are under /_sim/members.",
        )
    made = serve.demo_simulator(world, clock=clock, accounts=accounts or everybody, devices={}, webhook_url=webhook_url)
    ids = {"profiles": list(accounts or everybody)}
    facts = serve.settings(f"http://{HOST}:{listening.port_of(listener)}")
    return await _serve(made, listener, f"A simulated Sahha with {', '.join(ids['profiles'])}", ids, facts, json=json)


class Simulator(Protocol):
    """A simulated service: an application, and webhooks that it sends."""

    app: ASGIApp

    async def run(self, every_seconds: float = 1.0) -> None:
        """Deliver webhooks until cancelled."""
        ...


async def _serve(
    made: Simulator,
    listener: socket.socket,
    title: str,
    ids: Mapping[str, list[int] | list[str]],
    facts: dict[str, str],
    *,
    json: bool,
    hint: str | None = None,
    then: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Serve until stopped, after saying where and with which settings; `then` is done once it answers."""
    url = f"http://{HOST}:{listening.port_of(listener)}"
    async with delivering(made), listening.serving(made.app, listener):
        if json:
            output.print_json({"ready": True, "url": url, **ids, "settings": facts})
        else:
            output.say(f"{title} listens on {url}. Settings that lead to it:")
            typer.echo("\n".join(f"{name}={value}" for name, value in facts.items()))
            if hint is not None:
                output.say(hint)
            output.say("Stop it with Ctrl-C.")
        if then is not None:
            await then()
        await asyncio.Event().wait()
    return running.DONE


@asynccontextmanager
async def delivering(made: Simulator) -> AsyncIterator[None]:
    """Have a simulator send its webhooks meanwhile."""
    courier = asyncio.create_task(made.run(), name="webhooks")
    try:
        yield
    finally:
        courier.cancel()
        await asyncio.gather(courier, return_exceptions=True)
