"""Simulated WHOOP, simulated Sahha, the WHOOP service and the gateway, each a process of its own.

The gateway reaches both upstreams through a proxy, and each side has a database of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import psycopg

from circadia.runtime import open_runtime
from circadia.storage import members
from tests import simulated
from tests.cli.terminal import PROGRAM
from tests.postgres import Server
from tests.prove.gateway_proxy import HOST, Proxy, free_port

DAYS = 30
"""How much history there is."""

_PATIENCE_S = 60.0
_LEAVES_WITHIN_S = 20.0
_LOOK_S = 0.05
_ROOT = Path(__file__).parents[2]
_CIRCADIA = os.fspath(PROGRAM)
KEY = "key-of-the-gateway-0"
_SERVICE_KEY = "key-of-the-service-0"


class Program:
    """A command that serves on a port until it is killed; its output is a file."""

    def __init__(self, words: Sequence[str], settings: Mapping[str, str], directory: Path) -> None:
        self.port = port = free_port()
        self.url = f"http://{HOST}:{port}"
        self._words = [*words, "--port", str(port)]
        own = {"HOME": os.fspath(directory), "PYTHONPATH": os.fspath(_ROOT)}
        self._environment = simulated.surroundings() | own | dict(settings)
        self._directory = directory
        self._log = directory / f"{port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it answers when it is `ready`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._words,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def ready(self) -> None:
        """Wait until it answers. RuntimeError with the end of its output when it does not."""
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False) as http:
            for _ in range(round(_PATIENCE_S / _LOOK_S)):
                with suppress(httpx2.TransportError):
                    await http.get("/health/live")
                    return
                if not self.runs:
                    break
                await asyncio.sleep(_LOOK_S)
        raise RuntimeError(f"{self._words} does not answer: {self.output()[-2000:]}")

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id while it runs."""
        assert self._process is not None
        return self._process.pid

    def output(self) -> str:
        """All that it has said."""
        return self._log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def end(self) -> None:
        """Have it leave by itself, or else kill it."""
        if self._process is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(_LEAVES_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass(frozen=True, slots=True)
class World:
    """A simulated service that runs: what it said when it was ready."""

    program: Program
    told: dict[str, Any]

    @property
    def settings(self) -> dict[str, str]:
        """Those that lead to it."""
        found: dict[str, str] = self.told["settings"]
        return found


@asynccontextmanager
async def simulating(name: str, directory: Path, *options: str) -> AsyncIterator[World]:
    """`circadia simulate NAME` until the end."""
    program = Program([_CIRCADIA, "simulate", name, "--json", *options], {}, directory)
    program.start()
    try:
        await program.ready()
        line = next(each for each in program.output().splitlines() if each.startswith('{"ready"'))
        yield World(program, orjson.loads(line))
    finally:
        program.end()


@asynccontextmanager
async def simulated_whoop(directory: Path, *, count: int, seed: int) -> AsyncIterator[World]:
    """A simulated WHOOP that may be asked as fast as one can."""
    options = _world(count, seed)
    async with simulating("whoop", directory, *options) as world, httpx2.AsyncClient(trust_env=False) as http:
        roomy = {"per_minute": simulated.ROOMY.per_minute, "per_day": simulated.ROOMY.per_day}
        (await http.post(f"{world.program.url}/_sim/limits", json=roomy)).raise_for_status()
        yield world


@dataclass(frozen=True, slots=True)
class Upstream:
    """What the gateway asks: its process and the way to it. `secret` is what the gateway shows there."""

    program: Program
    way: Proxy
    secret: str


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything together. `databases` and `urls` have the servers and the databases of what the gateway keeps of
    `sahha` and of what the service keeps of `whoop`; `settings` are the gateway's, `http` speaks to it with its key."""

    gateway: Program
    upstreams: dict[str, Upstream]
    databases: Mapping[str, Server]
    urls: dict[str, str]
    settings: dict[str, str]
    directory: Path
    http: httpx2.AsyncClient

    async def age(self) -> None:
        """Make the gateway take what it has of Sahha's for a month old, so that it has to ask again."""
        async with await psycopg.AsyncConnection.connect(self.urls["sahha"], autocommit=True) as connection:
            await connection.execute("UPDATE sahha_fetches SET fetched_at = fetched_at - interval '30 days'")

    def died(self) -> list[str]:
        """Which of the processes are gone, with the end of their output."""
        programs = (self.gateway, *(each.program for each in self.upstreams.values()))
        return [f"a process has ended: {each.output()[-1000:]}" for each in programs if not each.runs]


@dataclass(frozen=True, slots=True)
class People:
    """Who is in a simulated world: accounts at WHOOP by the users who are connected there, and by those whom Sahha
    knows; `members` people of `seed` live in it."""

    members: int
    seed: int
    whoop: Mapping[str, int]
    sahha: Mapping[str, int]


@asynccontextmanager
async def open_stack(
    whoop: World,
    people: People,
    databases: Mapping[str, Server],
    changes: Mapping[str, str] | None = None,
    command: Sequence[str] = (_CIRCADIA, "serve"),
) -> AsyncIterator[Stack]:
    """A stack; `changes` are to the gateway's settings, `command` is its own but for `--only gateway`."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {name: server.create() for name, server in databases.items()}
        for name, server in databases.items():
            stack.callback(server.drop, urls[name])
        service = Program(
            [_CIRCADIA, "serve", "--only", "whoop", "--no-worker"],  # what it serves is there when it is asked
            simulated.environment_for(urls["whoop"], **whoop.settings, SERVICE_API_KEY=_SERVICE_KEY),
            directory,
        )
        stack.callback(service.end)
        service.start()
        await _fill(urls["whoop"], whoop, people.whoop)
        sahha = await stack.enter_async_context(_simulated_sahha(directory, people))
        ways = {
            "sahha": await stack.enter_async_context(Proxy(sahha.program.port)),
            "whoop": await stack.enter_async_context(Proxy(service.port)),
        }
        settings = {
            "DATABASE_URL": urls["sahha"],
            "TOKEN_ENCRYPTION_KEYS": simulated.KEYS,
            "SERVICE_API_KEY": KEY,
            **sahha.settings,
            "SAHHA_API_BASE_URL": ways["sahha"].url,
            "WHOOP_SERVICE_URL": ways["whoop"].url,
            "WHOOP_SERVICE_API_KEY": _SERVICE_KEY,
            **(changes or {}),
        }
        gateway = Program([*command, "--only", "gateway"], settings, directory)
        stack.callback(gateway.end)
        gateway.start()
        for each in (service, gateway):
            await each.ready()
        upstreams = {
            "sahha": Upstream(sahha.program, ways["sahha"], sahha.settings["SAHHA_CLIENT_SECRET"]),
            "whoop": Upstream(service, ways["whoop"], _SERVICE_KEY),
        }
        http = await stack.enter_async_context(client(gateway))
        yield Stack(gateway, upstreams, databases, urls, settings, directory, http)


def client(gateway: Program) -> httpx2.AsyncClient:
    """An app's: it has the key, and patience."""
    headers = {"X-API-Key": KEY, "User-Agent": "proof"}
    return httpx2.AsyncClient(base_url=gateway.url, headers=headers, timeout=30.0, trust_env=False)


def _simulated_sahha(directory: Path, people: People) -> AbstractAsyncContextManager[World]:
    """A simulated Sahha of the same world."""
    known = [word for user_id, account in people.sahha.items() for word in ("--profile", f"{user_id}={account}")]
    return simulating("sahha", directory, *_world(people.members, people.seed), *known)


def _world(count: int, seed: int) -> list[str]:
    return ["--members", str(count), "--days", str(DAYS), "--seed", str(seed)]


async def _fill(database: str, whoop: World, accounts: Mapping[str, int]) -> None:
    """Connect people to their WHOOP accounts and fetch their histories."""
    async with open_runtime(simulated.settings_for(database, **whoop.settings)) as runtime:
        for user_id, account in accounts.items():
            started = await runtime.connections.begin(user_id)
            back = await simulated.consent(None, started, account)
            await runtime.connections.finish(back["code"], back["state"], user_id=user_id)
            grant = await members.grant_of_user(runtime.db, user_id)
            assert grant is not None
            report = await runtime.engine.backfill(grant, "backfill")
            assert not report.errors, report.errors
