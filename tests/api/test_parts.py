"""The application's parts by themselves: each has its own routes, and says which it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from circadia.app import Part, create_app
from circadia.errors import Misconfigured
from circadia.runtime import open_gateway
from circadia.simulator.clock import StandingClock
from tests import simulated
from tests.api.conftest import BOOTSTRAP, ORIGIN
from tests.api.table import problem

DAYS = "/api/v1/unified/alice/days?from=2026-11-19&to=2026-11-20"
OF_A_PART = {
    "whoop": ("/api/v1/whoop/daily-data/alice", "/internal/data/all/alice", "/health/whoop-api"),
    "gateway": (DAYS, "/api/v1/health/detailed", "/api/v1/identities", "/api/v1/unified/alice/policy"),
}


@asynccontextmanager
async def served(url: str, clock: StandingClock, part: Part, **settings: str) -> AsyncIterator[httpx2.AsyncClient]:
    found = simulated.settings_for(url, SERVICE_API_KEY=BOOTSTRAP, **settings)
    nowhere = httpx2.MockTransport(lambda _request: httpx2.Response(500))
    app = create_app(found, part=part, clock=clock, transport=nowhere, worker=False)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers={"X-API-Key": BOOTSTRAP}) as http,
    ):
        yield http


@pytest.mark.parametrize("part", ["all", "whoop", "gateway"])
async def test_a_part_has_its_own_routes(database_url: str, clock: StandingClock, part: Part) -> None:
    async with served(database_url, clock, part, ENABLE_WHOOP_INTEGRATION="false") as http:
        assert (await http.get("/")).json()["part"] == part
        for name, paths in OF_A_PART.items():
            for path in paths:
                answer = await http.get(path)
                there = "there is nothing at this path" not in answer.text
                assert there == (part in ("all", name)), path


async def test_a_gateway_alone_is_ready_without_a_worker(database_url: str, clock: StandingClock) -> None:
    settings = {"WHOOP_SERVICE_URL": "http://whoop.example", "WHOOP_SERVICE_API_KEY": "key"}
    async with served(database_url, clock, "gateway", **settings) as http:
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok", "migrations": "ok"})
        told = (await http.get(DAYS)).json()
        assert told["errors"] == ["Whoop: the WHOOP service answered 500"]
        problem(await http.get("/health/whoop-api"), 404, "no_such_route")


async def test_without_whoop_a_gateway_needs_nobody(database_url: str, clock: StandingClock) -> None:
    async with served(database_url, clock, "gateway", ENABLE_WHOOP_INTEGRATION="false") as http:
        told = (await http.get(DAYS)).json()
        states = {name: each["state"] for name, each in told["sources"].items()}
        assert (told["errors"], states) == ([], {"sahha": "not_configured", "whoop": "not_connected"})
        assert (await http.get("/api/v1/health/detailed")).json()["whoop_integration"]["enabled"] is False


async def test_a_gateway_alone_has_to_know_where_the_whoop_service_is(database_url: str) -> None:
    with pytest.raises(Misconfigured, match="where the WHOOP service is"):
        async with open_gateway(simulated.settings_for(database_url)):
            pass
