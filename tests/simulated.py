"""A simulated WHOOP and the product wired to it, as a composition root would do it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from circadia import config
from circadia.config import Settings
from circadia.connections import Finished, Started
from circadia.domain.catalog import BY_NAME, CATALOG, PAGE_LIMIT
from circadia.domain.members import Actor
from circadia.domain.members import Connection as Grant
from circadia.runtime import Runtime
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import Client, Limits, WhoopSimulator
from circadia.simulator.world import Quirks, World
from circadia.storage import sync_states
from circadia.storage.postgres import Database
from circadia.storage.sync_states import SyncState
from circadia.sync.outcome import Report
from circadia.sync.progress import Progress
from tests.truth import differences

EPOCH = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CALLBACK = "http://127.0.0.1:8000/auth/callback"
CLIENT = Client("app-one", "secret-of-app-one", (CALLBACK,))
ROOMY = Limits(per_minute=6000, per_day=1_000_000)
KEYS = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
WHOOP_URL = "http://whoop.example"
US: Actor = ("tests", "system")
"""Who ends connections in tests."""


_SETTINGS = {*config.NAMES, *(f"{name}_FILE" for name in config.SECRETS)}
_PREFIXES = ("CIRCADIA_", "WHOOP_", "SAHHA_", "AUTH_", "PG")


def surroundings() -> dict[str, str]:
    """The environment without anything that could be a setting of Circadia or PostgreSQL."""
    return {
        name: value for name, value in os.environ.items() if name not in _SETTINGS and not name.startswith(_PREFIXES)
    }


def new_simulator(
    clock: StandingClock,
    *,
    members: int = 1,
    days: int = 60,
    seed: int = 1,
    quirks: Quirks | None = None,
    limits: Limits = ROOMY,
    client: Client = CLIENT,
) -> WhoopSimulator:
    """A WHOOP whose members have `days` of history up to the clock's present."""
    world = World(seed=seed, members=members, days=days, epoch=clock(), quirks=quirks or Quirks.all_on())
    return WhoopSimulator(world, clock=clock, limits=limits, clients=(client,))


def settings_for(database_url: str, **changes: str) -> Settings:
    """Settings made from nothing but these values: no file and no variable of the surroundings is read."""
    return config.load(environment_for(database_url, **changes), dotenv=Path(os.devnull))


def environment_for(database_url: str, **changes: str) -> dict[str, str]:
    """The environment variables of an installation that speaks to a simulated WHOOP."""
    return {
        "DATABASE_URL": database_url,
        "TOKEN_ENCRYPTION_KEYS": KEYS,
        "WHOOP_CLIENT_ID": CLIENT.client_id,
        "WHOOP_CLIENT_SECRET": CLIENT.client_secret,
        "WHOOP_API_BASE_URL": f"{WHOOP_URL}/developer",
        "WHOOP_OAUTH_BASE_URL": f"{WHOOP_URL}/oauth/oauth2",
        "RATE_LIMIT_PER_MINUTE": str(ROOMY.per_minute),
        "RATE_LIMIT_PER_DAY": str(ROOMY.per_day),
    } | changes


def wire(simulator: WhoopSimulator) -> httpx2.ASGITransport:
    """The way to a simulator in this process."""
    return httpx2.ASGITransport(app=simulator.app)


async def consent(
    transport: httpx2.AsyncBaseTransport | None, started: Started, whoop_user_id: int, **asked: Any
) -> dict[str, str]:
    """Consent as a member would; returns what WHOOP sends back with the browser."""
    parameters = {"sim_member": whoop_user_id, "sim_consent": "allow"} | asked
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    async with httpx2.AsyncClient(transport=transport, headers={"User-Agent": "browser"}) as browser:
        answer = await browser.get(f"{started.authorization_url}&{query}")
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def connect(
    runtime: Runtime, simulator: WhoopSimulator, user_id: str, whoop_user_id: int, **asked: Any
) -> Finished:
    """The whole OAuth round trip of an app: begin, consent, finish. Asks for the backfill as the product does."""
    started = await runtime.connections.begin(user_id)
    back = await consent(wire(simulator), started, whoop_user_id, **asked)
    return await runtime.connections.finish(back["code"], back["state"], user_id=user_id)


class Wire(httpx2.AsyncBaseTransport):
    """The way to a simulator with somebody on the line, who may act before a request and change its answer's body."""

    def __init__(self, simulator: WhoopSimulator) -> None:
        self._simulator = wire(simulator)
        self.before: Callable[[httpx2.Request], None] = lambda _request: None
        self.rewrite: Callable[[httpx2.Request, bytes], bytes] = lambda _request, body: body

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.before(request)
        answer = await self._simulator.handle_async_request(request)
        body = self.rewrite(request, await answer.aread())
        headers = [(name, value) for name, value in answer.headers.items() if name != "content-length"]
        return httpx2.Response(answer.status_code, headers=headers, content=body)


class Late(httpx2.AsyncBaseTransport):
    """The simulator's way to a receiver that starts after it."""

    receiver: httpx2.AsyncBaseTransport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self.receiver.handle_async_request(request)


@dataclass
class Stage:
    """One member connected to the product, whose worker does not run: the test walks the road itself."""

    simulator: WhoopSimulator
    clock: StandingClock
    runtime: Runtime
    wire: Wire
    grant: Grant
    user_id: str = "alice"

    @property
    def db(self) -> Database:
        return self.runtime.db

    @property
    def account(self) -> int:
        return self.grant.whoop_user_id

    async def backfill(self, progress: Progress | None = None) -> Report:
        return await self.runtime.engine.backfill(self.grant, "backfill", progress)

    async def sync(self, *names: str) -> Report:
        types = [BY_NAME[name] for name in names] or CATALOG
        return await self.runtime.engine.sync(self.grant, types, "person")

    async def differences(self) -> list[str]:
        return await differences(self.db, self.user_id, self.simulator.truth(self.account))

    async def state(self, name: str) -> SyncState:
        return await sync_states.load(self.db, self.grant.member_id, name)

    def asked(self, name: str) -> int:
        """Requests for the collection or document of a type since the last reset of the simulator's traffic."""
        return self.simulator.traffic.count(path=f"/developer{BY_NAME[name].path}")

    def floor(self, name: str) -> int:
        """The fewest requests that fetch everything of a collection."""
        return max(ceil(len(self.simulator.truth(self.account)[name]) / PAGE_LIMIT), 1)

    def mutate(self, action: str, target: str | None = None) -> None:
        self.simulator.mutate(self.account, action, target)

    def fault(self, kind: str, **details: Any) -> None:
        self.simulator.fault(kind, **details)
