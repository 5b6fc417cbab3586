"""A simulated Sahha in process, and a server that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from circadia.simulator.clock import StandingClock
from circadia.simulator.sahha import SahhaSimulator
from circadia.simulator.world import World

EPOCH = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
ID, SECRET = "server", "its secret"
HOOK, HOOK_SECRET = "https://app.example/webhooks/sahha", "hook secret"
TOKEN = "/api/v1/oauth/account/token"


@dataclass
class Receiver:
    """A webhook receiver at the other end of the wire; `answers` are the statuses it gives, then 204."""

    requests: list[httpx2.Request] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return httpx2.Response(self.answers.pop(0) if self.answers else 204)


@dataclass
class Server:
    """An app's server: it has the account's credentials and a connection to the simulator."""

    sim: SahhaSimulator
    http: httpx2.AsyncClient
    token: str = ""

    @property
    def clock(self) -> StandingClock:
        clock = self.sim.state.clock
        assert isinstance(clock, StandingClock)
        return clock

    async def sign_in(self, client_id: str = ID, client_secret: str = SECRET) -> httpx2.Response:
        answer = await self.http.post(TOKEN, json={"clientId": client_id, "clientSecret": client_secret})
        if answer.status_code == 200:
            self.token = answer.json()["accountToken"]
        return answer

    async def post(self, path: str, **told: str) -> httpx2.Response:
        """One of the calls about tokens."""
        headers = {"Authorization": f"account {self.token}"}
        return await self.http.post(f"/api/v1/oauth/{path}", json=told, headers=headers)

    async def ask(self, path: str, query: Any = None, *, scheme: str = "account", token: str = "") -> httpx2.Response:
        headers = {"Authorization": f"{scheme} {token or self.token}"}
        return await self.http.get(f"/api/v1/{path}", params=query, headers=headers)

    async def told(self, path: str, query: Any = None) -> Any:
        answer = await self.ask(path, query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def biomarkers(self, external_id: str, first: str, last: str, category: str = "sleep") -> Any:
        query = {"categories": category, "startDateTime": first, "endDateTime": last}
        return await self.told(f"profile/biomarker/{external_id}", query)


@pytest.fixture(scope="session")
def world() -> World:
    """Nobody changes it."""
    return World(seed=7, members=4, days=120, epoch=EPOCH)


def made(world: World, *, receiver: Receiver | None = None, **changes: Any) -> SahhaSimulator:
    """A simulator whose `anna`, `bert` and `carl` have a watch, a phone and WHOOP."""
    names = ("anna", "bert", "carl", "SampleProfile-1")
    asked: dict[str, Any] = {
        "clock": StandingClock(EPOCH),
        "accounts": dict(zip(names, world.user_ids, strict=False)),
        "devices": {"bert": "phone", "carl": "whoop"},
        "client_id": ID,
        "client_secret": SECRET,
    }
    if receiver is not None:
        asked |= {"webhook": (HOOK, HOOK_SECRET), "webhook_transport": httpx2.MockTransport(receiver)}
    return SahhaSimulator(world, **asked | changes)


def connected_to(sim: SahhaSimulator) -> Server:
    transport = httpx2.ASGITransport(app=sim.app)
    return Server(sim, httpx2.AsyncClient(transport=transport, base_url="https://sahha.example"))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def server(world: World, receiver: Receiver) -> AsyncIterator[Server]:
    """Signed in."""
    server = connected_to(made(world, receiver=receiver))
    async with server.http:
        await server.sign_in()
        yield server
