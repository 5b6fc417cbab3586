"""The whole application over its HTTP face: a real database below, a simulated WHOOP behind, nothing replaced."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, cast

import httpx2
import pytest
import structlog
from fastapi import FastAPI

from circadia import logs
from circadia.app import create_app
from circadia.connections import Started
from circadia.runtime import Runtime
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import Quirks
from circadia.storage import keys
from circadia.storage.postgres import Database
from tests import simulated
from tests.simulated import Wire

BOOTSTRAP = "bootstrap-key-of-these-tests"
ORIGIN = "http://127.0.0.1:8000"
LONGEST_WAIT_S = 20.0
_FINISHED = {"succeeded", "partial", "failed"}

Json = dict[str, Any]


class Line(Wire):
    """A wire that can be held: requests wait on it until it is let go. `others` are the ways to hosts that are not
    WHOOP's."""

    def __init__(self, simulator: WhoopSimulator) -> None:
        super().__init__(simulator)
        self.others: dict[str, httpx2.AsyncBaseTransport] = {}
        self._free = asyncio.Event()
        self._free.set()
        self.waiting = 0
        self._held: Callable[[httpx2.Request], bool] = lambda _request: True

    def hold(self, held: Callable[[httpx2.Request], bool] = lambda _request: True) -> None:
        self._held = held
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._held(request):
            self.waiting += 1
            await self._free.wait()
            self.waiting -= 1
        if (other := self.others.get(request.url.host)) is not None:
            return await other.handle_async_request(request)
        return await super().handle_async_request(request)


@dataclass
class Api:
    """The application, whoever calls it, and what lies behind it. `http` carries the bootstrap key."""

    app: FastAPI
    simulator: WhoopSimulator
    clock: StandingClock
    wire: Line
    http: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient

    @property
    def runtime(self) -> Runtime:
        return cast("Runtime", self.app.state.runtime)

    @property
    def db(self) -> Database:
        return self.runtime.db

    @cached_property
    def account(self) -> int:
        """The first WHOOP member."""
        return self.simulator.state.world.user_ids[0]

    def browser(self) -> httpx2.AsyncClient:
        """A browser of its own, with an empty cookie jar."""
        return httpx2.AsyncClient(transport=self._transport(), base_url=ORIGIN)

    def _transport(self) -> httpx2.ASGITransport:
        return httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)

    async def key(self, *scopes: str, expires_at: datetime | None = None) -> dict[str, str]:
        """The header of a fresh key."""
        _key, text = await keys.create(
            self.db, self.runtime.keyring, "test", frozenset(scopes), self.clock(), expires_at
        )
        return {"X-API-Key": text}

    async def get(self, path: str, **query: Any) -> Json:
        """The JSON of a 200."""
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return cast("Json", answer.json())

    async def day(self, user_id: str, date: str | None = None) -> Json:
        """A day document."""
        return await self.get(f"/api/v1/whoop/daily-data/{user_id}", **({"date": date} if date else {}))

    async def begin(self, user_id: str, **body: str) -> Json:
        """A consent that was begun."""
        answer = await self.http.post(f"/internal/auth/connect/{user_id}", json=body)
        assert answer.status_code == 200, answer.text
        return cast("Json", answer.json())

    async def consent(self, authorization_url: str, account: int | None = None, **asked: str) -> dict[str, str]:
        """What WHOOP's redirect carries after the member consented."""
        started = Started("", authorization_url, "", "")
        return await simulated.consent(self.wire, started, account or self.account, **asked)

    async def connect(self, user_id: str = "alice", account: int | None = None, **asked: str) -> httpx2.Response:
        """The OAuth round trip of an app that finishes by itself."""
        started = await self.begin(user_id)
        back = await self.consent(started["authorization_url"], account, **asked)
        return await self.http.post(
            "/internal/auth/callback", json={"code": back["code"], "state": back["state"], "user_id": user_id}
        )

    async def connected(self, user_id: str = "alice", account: int | None = None, **asked: str) -> None:
        """A member whose whole history has arrived."""
        answer = await self.connect(user_id, account, **asked)
        assert answer.status_code == 200, answer.text
        await self.history(user_id)

    async def history(self, user_id: str = "alice") -> None:
        """Wait until no run of a user is under way."""
        async with asyncio.timeout(LONGEST_WAIT_S):
            while await self.unfinished(user_id):
                await asyncio.sleep(0.02)

    async def unfinished(self, user_id: str = "alice") -> int:
        """How many runs of a user have not ended."""
        found = await self.db.row(
            "SELECT count(*) FROM runs r JOIN members m ON m.id = r.member_id "
            "WHERE m.user_id = %s AND r.state IN ('queued', 'running')",
            (user_id,),
        )
        return int(found[0]) if found else 0

    async def run(self, status_url: str) -> Json:
        """A run at its end."""
        async with asyncio.timeout(LONGEST_WAIT_S):
            while True:
                run = await self.get(status_url)
                if run["state"] in _FINISHED:
                    return run
                await asyncio.sleep(0.02)

    async def sync(self, user_id: str = "alice", **body: Any) -> Json:
        """A sync of a user, at its end."""
        answer = await self.http.post(f"/api/v1/whoop/sync/{user_id}", json=body)
        assert answer.status_code == 202, answer.text
        return await self.run(answer.json()["status_url"])

    def requests(self) -> int:
        """Data requests that the simulator has seen since the last reset."""
        return sum(n for seen, n in self.simulator.traffic.counts.items() if seen.path.startswith("/developer"))


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """The log as in production, on this test's standard error."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("INFO", "json")
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


class Serve(Protocol):
    """Starts the application; upper-case names are settings. Nothing is synced by schedule unless SYNC_PLAN says so."""

    async def __call__(
        self,
        *,
        days: int = 30,
        members: int = 1,
        seed: int = 1,
        quirks: Quirks | None = None,
        worker: bool = True,
        simulator: WhoopSimulator | None = None,
        **settings: str,
    ) -> Api: ...


@pytest.fixture
async def serve(database_url: str, clock: StandingClock) -> AsyncIterator[Serve]:
    """Starts applications on this test's database and stops them at its end."""
    async with AsyncExitStack() as stack:

        async def start(
            *,
            days: int = 30,
            members: int = 1,
            seed: int = 1,
            quirks: Quirks | None = None,
            worker: bool = True,
            simulator: WhoopSimulator | None = None,
            **settings: str,
        ) -> Api:
            whoop = simulator or simulated.new_simulator(clock, days=days, members=members, seed=seed, quirks=quirks)
            line = Line(whoop)
            wanted: Mapping[str, str] = {"SERVICE_API_KEY": BOOTSTRAP, "SYNC_PLAN": "manual"} | settings
            app = create_app(simulated.settings_for(database_url, **wanted), clock=clock, transport=line, worker=worker)
            await stack.enter_async_context(app.router.lifespan_context(app))
            stack.callback(line.let_go)
            transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
            http = httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers={"X-API-Key": BOOTSTRAP})
            anonymous = httpx2.AsyncClient(transport=transport, base_url=ORIGIN)
            await stack.enter_async_context(http)
            await stack.enter_async_context(anonymous)
            return Api(app, whoop, clock, line, http, anonymous)

        yield start


@pytest.fixture
async def api(serve: Serve) -> Api:
    """The application without a worker, and a WHOOP with one member of a month."""
    return await serve(worker=False)


@pytest.fixture
async def alice(serve: Serve) -> Api:
    """The same with a worker, that member connected as `alice` and her month here."""
    api = await serve()
    await api.connected()
    api.simulator.traffic.reset()
    return api
