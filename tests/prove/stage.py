"""The stage of a proof: WHOOP over real HTTP, a database, the product as a process, and a clock they all look at."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from circadia.domain.catalog import CATALOG
from circadia.runtime import Runtime, open_runtime
from circadia.simulator.whoop import Limits, WhoopSimulator
from circadia.storage import members, runs
from tests import simulated
from tests.postgres import Server
from tests.prove.product import FileClock, ready

PLENTY = Limits(per_minute=100_000, per_day=10_000_000)
_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 600.0


class Served(Protocol):
    """What has an ASGI application."""

    @property
    def app(self) -> ASGIApp: ...


class Product:
    """The product in a child process, started and killed at will. Its output goes to a file beside the clock's."""

    def __init__(self, environment: dict[str, str], clock: FileClock, *, hurried: bool = True) -> None:
        self._environment = environment
        self._words = [] if hurried else ["unhurried"]
        self._clock = clock
        self._ready = ready(clock.path)
        self._log = clock.path.with_name("product.log")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; it works when it is `ready`."""
        self._ready.unlink(missing_ok=True)
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.prove.product", str(self._clock.path), *self._words],
                cwd=_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    async def ready(self) -> None:
        """Wait until it works. TimeoutError."""
        async with asyncio.timeout(_PATIENCE_S):
            while not self._ready.exists():
                await asyncio.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def output(self) -> bytes:
        """All that it, and those before and beside it, have said."""
        return self._log.read_bytes()

    def another(self) -> Product:
        """A second process beside it, not started yet."""
        return Product(self._environment, self._clock, hurried=not self._words)

    def kill(self) -> None:
        """kill -9. RuntimeError when it had ended by itself, with the end of its output."""
        if self._process is None:
            return
        ended = self._process.poll()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None
        if ended is not None:
            raise RuntimeError(f"the product ended with {ended}: {self._log.read_text()[-2000:]}")


class Stage:
    """Everything together; `runtime` is the operator's own process, without a worker."""

    def __init__(self, whoop: WhoopSimulator, clock: FileClock, runtime: Runtime, product: Product) -> None:
        self.whoop = whoop
        self.clock = clock
        self.runtime = runtime
        self.product = product

    @staticmethod
    def user_of(account: int) -> str:
        """The app's user id of a WHOOP account."""
        return f"user-{account}"

    async def connect(self, account: int) -> None:
        """A member consents; the product begins their backfill."""
        started = await self.runtime.connections.begin(self.user_of(account))
        back = await simulated.consent(None, started, account)
        await self.runtime.connections.finish(back["code"], back["state"], user_id=self.user_of(account))

    async def request_syncs(self, accounts: Sequence[int]) -> None:
        """Ask for a sync of every type of every member."""
        for account in accounts:
            member = await members.find(self.runtime.db, self.user_of(account))
            assert member is not None
            await self.runtime.jobs.request(member.id, "sync", "scheduled", [each.name for each in CATALOG])

    async def quiet(self, *, pass_s: float = 0.0) -> None:
        """Wait until no run is under way or waiting; `pass_s` seconds go by with each look, ten times a second, for
        those who wait until a dead process's renewal slot is free. TimeoutError."""
        async with asyncio.timeout(_PATIENCE_S):
            while await self.runtime.db.row(
                "SELECT 1 FROM runs WHERE state <> ALL (%s) LIMIT 1", (sorted(runs.FINISHED),)
            ):
                await asyncio.sleep(0.1)
                self.clock.advance(pass_s)

    async def lost(self) -> list[int]:
        """Accounts whose grant is dead at WHOOP and whose members have to consent again."""
        return [each.whoop_user_id for each in await members.grants(self.runtime.db, state="needs_reconnect")]


@asynccontextmanager
async def open_stage(
    server: Server, whoop: WhoopSimulator, url: str, clock: FileClock, *, hurried: bool = True
) -> AsyncIterator[Stage]:
    """A stage on a fresh database, for a simulated WHOOP that is served at `url`; its product works already."""
    async with AsyncExitStack() as stack:
        database = server.create()
        stack.callback(server.drop, database)
        changes = {
            "WHOOP_API_BASE_URL": f"{url}/developer",
            "WHOOP_OAUTH_BASE_URL": f"{url}/oauth/oauth2",
            "RATE_LIMIT_PER_MINUTE": str(PLENTY.per_minute),
            "RATE_LIMIT_PER_DAY": str(PLENTY.per_day),
        }
        environment = simulated.surroundings() | simulated.environment_for(database, **changes)
        runtime = await stack.enter_async_context(
            open_runtime(simulated.settings_for(database, **changes), clock=clock)
        )
        product = Product(environment, clock, hurried=hurried)
        product.start()
        stack.callback(product.kill)
        yield Stage(whoop, clock, runtime, product)


@asynccontextmanager
async def serving(whoop: Served) -> AsyncIterator[str]:
    """A simulated WHOOP on a port of this machine; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(whoop.app, log_level="warning", access_log=False, lifespan="off")
        web = uvicorn.Server(config)
        task = asyncio.create_task(web.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        web.should_exit = True
        await task
