"""The command: simulators and service on loopback ports, then what a first visitor would do."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from circadia.cli import browser, output, running
from circadia.cli.arguments import Json
from circadia.errors import UnexpectedReply

if TYPE_CHECKING:
    from circadia.cli.demo.cast import Cast
    from circadia.cli.demo.home import Home
    from circadia.cli.demo.screen import Screen
    from circadia.cli.demo.visit import Visitor
    from circadia.cli.simulate import Simulator
    from circadia.runtime import Runtime

_SERVICE_PORT = 8000
_OWNER = "demo"
_LOOK_EVERY_S = 0.25


def demo(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The service's port; default 8000, or a free one.")
    ] = None,
    members: Annotated[int | None, typer.Option(min=1, max=100, help="Simulated members; default 3.")] = None,
    days: Annotated[int | None, typer.Option(min=2, max=4000, help="Days of history; default 730.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed makes other people; default 1.")] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Forget the demo kept in its directory and begin anew.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the dashboard.")] = False,
    json: Json = False,
) -> None:
    """Show everything with simulated members: no WHOOP account, no database, no Docker.

    Starts a simulated WHOOP, a simulated Sahha and the service on this
    machine's loopback, connects members through the real OAuth flow and
    fetches their whole history. Most of them have Sahha as well, the last one
    has not, and one more user has Sahha only. Connections and data are kept
    for the next time, in CIRCADIA_DATA_DIR or `demo` below the default data
    directory. With --json one line on stdout says when everything is there.

    \b
    Examples:
      circadia demo
      circadia demo --members 1 --days 3650 --reset
      circadia demo --no-browser --json
    """
    from circadia.cli.demo import home
    from circadia.cli.demo.screen import Screen

    home.refuse_real_credentials(os.environ)
    wanted = {"members": members, "days": days, "seed": seed}
    with home.opened(home.directory_of(os.environ), wanted, reset=reset) as opened:
        running.run(_demo(opened, port, Screen(stderr=json), no_browser=no_browser, json=json), until_stopped=True)


async def _demo(home: Home, port: int | None, screen: Screen, *, no_browser: bool, json: bool) -> int:
    from circadia.cli.demo.screen import Addresses
    from circadia.cli.demo.visit import Visitor
    from circadia.storage.embedded import EmbeddedPostgres

    began = time.monotonic()
    kept = home.kept
    screen.title(f"Circadia demo: {kept.members} simulated members, {kept.days} days of history, seed {kept.seed}")
    async with AsyncExitStack() as stack:
        service, simulator, sahha, told, people, runtime = await _start(stack, home, port, screen)
        database = await asyncio.to_thread(EmbeddedPostgres(home.directory).url)
        addresses = Addresses(service, simulator, sahha, database, kept.api_key, home.directory, home.settings_file)
        visitor = await stack.enter_async_context(Visitor(service, kept.api_key))
        newest = await _connect(visitor, people.whoop, screen)
        await _arrive(visitor, list(people.whoop), kept.days, screen)
        for user_id in people.users:
            screen.step(f"{user_id} has {people.sources(user_id)}")
        signin = await _owned(runtime)
        screen.step(f"Ready after {time.monotonic() - began:.1f} s")
        if json:
            output.print_json(
                {"ready": True, "url": service, "signin_url": signin, "simulator": simulator}
                | {"api_key": kept.api_key, "users": list(people.users), "database_url": database}
                | {"sahha": sahha, "settings": told}
            )
        screen.ready(addresses, _OWNER, newest, signin)
        if not (no_browser or json):
            await asyncio.to_thread(browser.open_page, signin)
        await asyncio.Event().wait()
    return running.DONE


async def _start(
    stack: AsyncExitStack, home: Home, port: int | None, screen: Screen
) -> tuple[str, str, str, dict[str, str], Cast, Runtime]:
    """All servers, up; returns the URLs of service, simulated WHOOP and simulated Sahha, the settings, who is who, and
    what the service works with."""
    import httpx2

    from circadia import logs
    from circadia.app import create_app
    from circadia.cli import listening, simulate
    from circadia.cli.demo.home import PER_DAY, PER_MINUTE

    host = simulate.HOST
    sockets = (
        listening.bind_free(host, _SERVICE_PORT) if port is None else listening.bind(host, port),
        listening.bind_free(host, simulate.DEFAULT_PORT),
        listening.bind_free(host, simulate.SAHHA_PORT),
    )
    service, whoop, sahha = (f"http://{host}:{listening.port_of(each)}" for each in sockets)
    told = home.told(port=listening.port_of(sockets[0]), simulator_url=whoop, sahha_url=sahha)
    settings = home.settings(told, os.environ)
    logs.configure(settings.log_level, settings.log_format)
    simulated, people = _simulated(home, service)
    for made, socket in zip(simulated, sockets[1:], strict=True):
        await stack.enter_async_context(listening.serving(made.app, socket))
    screen.step(f"Simulated WHOOP on {whoop}, simulated Sahha on {sahha}")
    # a transport of its own: a proxy of the surroundings must not come between two ports of this machine
    app = create_app(settings, transport=httpx2.AsyncHTTPTransport())
    await stack.enter_async_context(listening.serving_with_lifespan(app, sockets[0]))
    for made in simulated:
        await stack.enter_async_context(simulate.delivering(made))
    screen.step(f"PostgreSQL and service on {service}")
    screen.note(
        f"Request limits are {PER_MINUTE:,} a minute and {PER_DAY:,} a day on both sides, "
        "so that nobody waits for the history; WHOOP's own are 100 and 10,000."
    )
    return service, whoop, sahha, told, people, app.state.runtime


async def _owned(runtime: Runtime) -> str:
    """Make the first user the owner, as a person at the terminal could; the link that signs them in."""
    from circadia.cli.people import make
    from circadia.clock import system_clock
    from circadia.storage import people

    async with runtime.db.begin() as connection:
        await people.claim(connection, _OWNER, system_clock())
    return (await make(runtime.db, runtime.settings, _OWNER)).url


def _simulated(home: Home, service: str) -> tuple[Sequence[Simulator], Cast]:
    """Both simulators over one world, with one person more than WHOOP has members."""
    from circadia.cli.demo.cast import cast
    from circadia.cli.demo.home import PER_DAY, PER_MINUTE
    from circadia.simulator.sahha.serve import demo_simulator
    from circadia.simulator.serve import demo_client, simulator
    from circadia.simulator.whoop import Limits

    kept = home.kept
    whoop = simulator(
        members=kept.members + 1,
        days=kept.days,
        seed=kept.seed,
        limits=Limits(PER_MINUTE, PER_DAY),
        client=demo_client([f"{service}/auth/callback"], f"{service}/webhooks/whoop"),
        state_file=home.world,
    )
    whoop.state.save()
    world = whoop.state.world
    people = cast(world.user_ids)
    sahha = demo_simulator(
        world,
        clock=whoop.state.clock,
        accounts=people.sahha,
        devices=people.devices,
        webhook_url=f"{service}/webhooks/sahha",
    )
    return [whoop, sahha], people


async def _connect(visitor: Visitor, users: Mapping[str, int], screen: Screen) -> date:
    """Everybody through the OAuth flow; returns the newest day of the first, for whom somebody waits."""
    newest: date | None = None
    for user_id, account in users.items():
        if known := await visitor.connected(user_id):
            screen.step(f"{user_id} is still connected")
        else:
            await visitor.connect(user_id, account)
            screen.step(f"{user_id} consented and is connected to WHOOP account {account}")
        if newest is None:
            began = time.monotonic()
            newest = date.fromisoformat((await visitor.first_day(user_id))["date"])
            after = "" if known else f", {time.monotonic() - began:.1f} s after the consent"
            screen.step(f"{user_id}'s newest day ({newest}) is readable{after}")
    assert newest is not None
    return newest


async def _arrive(visitor: Visitor, users: list[str], days: int, screen: Screen) -> None:
    """Until everybody's whole history is here."""
    today = datetime.now(UTC).date()
    with screen.histories() as display:
        lines = {user_id: display.add_task(user_id, total=days, told="") for user_id in users}
        waiting = users
        while waiting:
            for user_id in waiting:
                standing = await visitor.standing(user_id)
                back_to = standing.back_to
                told = f"{standing.records} records" + (f", back to {back_to}" if back_to else "")
                display.update(lines[user_id], completed=(today - back_to).days if back_to else 0, told=told)
            waiting = [user_id for user_id in waiting if not await _whole(visitor, user_id, screen)]
            await asyncio.sleep(_LOOK_EVERY_S)


async def _whole(visitor: Visitor, user_id: str, screen: Screen) -> bool:
    """Whether a member's history is here; says so, too."""
    standing = await visitor.standing(user_id)
    if standing.failed:
        raise UnexpectedReply(f"the history of {user_id} did not arrive", remedy="LOG_LEVEL=INFO shows what happened.")
    if standing.complete:
        whole = await visitor.standing(user_id)
        screen.step(f"{user_id}'s whole history is here: {whole.records} records since {whole.back_to}")
    return standing.complete
