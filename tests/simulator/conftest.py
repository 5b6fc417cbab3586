"""A simulated WHOOP in process, and an app that drives it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import Client, Limits, WhoopSimulator
from circadia.simulator.world import World

EPOCH = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
CALLBACK = "https://app.example/callback"
SCOPES = "offline read:recovery read:cycles read:workout read:sleep read:profile read:body_measurement"
CLIENT = Client(
    "app-one", "secret-of-one", (CALLBACK, f"{CALLBACK}?from=whoop"), webhook_url="https://app.example/hook"
)
ROOMY = Limits(per_minute=6000, per_day=1_000_000)
OTHER = Client("app-two", "secret-of-two", (CALLBACK,), webhook_url="https://other.example/hook")


@dataclass
class App:
    """An app registered at the simulator, with a connection to it."""

    sim: WhoopSimulator
    http: httpx2.AsyncClient
    client: Client = CLIENT

    @property
    def clock(self) -> StandingClock:
        clock = self.sim.state.clock
        assert isinstance(clock, StandingClock)
        return clock

    @property
    def users(self) -> list[int]:
        return self.sim.state.world.user_ids

    async def authorize(self, **changes: str | list[str] | None) -> httpx2.Response:
        """Ask for authorization; `None` leaves a parameter out."""
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": CALLBACK,
            "scope": SCOPES,
            "state": "0123456789abcdef",
            "sim_member": str(self.users[0]),
            "sim_consent": "allow",
        } | changes
        return await self.http.get(
            "/oauth/oauth2/auth", params={name: value for name, value in asked.items() if value is not None}
        )

    async def code(self, user_id: int, **changes: str | list[str] | None) -> str:
        return redirected(await self.authorize(sim_member=str(user_id), **changes))["code"]

    async def token(self, **form: str | None) -> httpx2.Response:
        """Call the token endpoint with this app's credentials; `None` leaves a field out."""
        fields = {"client_id": self.client.client_id, "client_secret": self.client.client_secret} | form
        return await self.http.post(
            "/oauth/oauth2/token", data={name: value for name, value in fields.items() if value is not None}
        )

    async def redeem(self, code: str, **form: str | None) -> httpx2.Response:
        return await self.token(**{"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | form)

    async def refresh(self, refresh_token: str, **form: str | None) -> httpx2.Response:
        return await self.token(
            **{"grant_type": "refresh_token", "refresh_token": refresh_token, "scope": "offline"} | form
        )

    async def connect(self, user_id: int, scope: str = SCOPES) -> dict[str, Any]:
        answer = await self.redeem(await self.code(user_id, scope=scope))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def get(self, path: str, tokens: Mapping[str, Any], **params: Any) -> httpx2.Response:
        return await self.http.get(f"/developer{path}", params=params, headers=bearer(tokens))

    async def walk(self, path: str, tokens: Mapping[str, Any], **params: Any) -> list[dict[str, Any]]:
        """All records of a collection, page after page."""
        records: list[dict[str, Any]] = []
        while True:
            page = (await self.get(path, tokens, **params)).json()
            records += page["records"]
            if not page.get("next_token"):
                return records
            params["nextToken"] = page["next_token"]


@dataclass
class Receiver:
    """A webhook receiver at the other end of the wire; `answers` are the statuses it gives, then 204."""

    requests: list[httpx2.Request] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    before_answer: Callable[[], Any] = lambda: None

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        waiting = self.before_answer()
        if waiting is not None:
            await waiting
        return httpx2.Response(self.answers.pop(0) if self.answers else 204)


def bearer(tokens: Mapping[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def redirected(response: httpx2.Response) -> dict[str, str]:
    """The query of a redirect to the app."""
    assert response.status_code == 303, response.text
    assert response.headers["Location"].startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query, keep_blank_values=True))


def connected_to(sim: WhoopSimulator, client: Client = CLIENT) -> App:
    transport = httpx2.ASGITransport(app=sim.app)
    http = httpx2.AsyncClient(
        transport=transport, base_url="https://whoop.example", headers={"User-Agent": "circadia-tests"}
    )
    return App(sim, http, client)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def world() -> World:
    return World(seed=7, members=3, days=45, epoch=EPOCH)


@pytest.fixture
async def app(world: World, receiver: Receiver) -> AsyncIterator[App]:
    sim = WhoopSimulator(
        world,
        clock=StandingClock(EPOCH),
        limits=ROOMY,
        clients=(CLIENT, OTHER),
        webhook_transport=httpx2.MockTransport(receiver),
    )
    app = connected_to(sim)
    async with app.http:
        yield app


@pytest.fixture
async def other(app: App) -> AsyncIterator[App]:
    """A second app at the same simulator."""
    other = connected_to(app.sim, OTHER)
    async with other.http:
        yield other
