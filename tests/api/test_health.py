"""Is it up, is it ready, does WHOOP answer, and what the metrics tell."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from circadia import __version__
from circadia.storage import budget
from tests.api.conftest import LONGEST_WAIT_S, Api, Serve
from tests.postgres import Server

READY = "/health/ready"


async def test_up(api: Api) -> None:
    assert (await api.anonymous.get("/health")).json() == {"status": "healthy"}
    assert (await api.anonymous.get("/health/live")).json() == {"status": "alive"}
    assert (await api.anonymous.get("/")).json()["version"] == __version__


async def test_ready(serve: Serve) -> None:
    api = await serve()
    answer = await api.anonymous.get(READY)
    assert answer.status_code == 200
    body = answer.json()
    assert {name: body[name] for name in ("status", "service", "version")} == {
        "status": "ready",
        "service": "circadia",
        "version": __version__,
    }
    assert body["timestamp"] == api.clock().strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert body["checks"] == dict.fromkeys(("database", "migrations", "worker"), "ok")


async def test_not_ready_without_a_worker_until_one_runs_anywhere(serve: Serve) -> None:
    api = await serve(worker=False)
    answer = await api.anonymous.get(READY)
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert "circadia worker" in answer.json()["checks"]["worker"]
    await serve(simulator=api.simulator)
    async with asyncio.timeout(LONGEST_WAIT_S):
        while (await api.anonymous.get(READY)).status_code != 200:
            await asyncio.sleep(0.05)


async def test_not_ready_when_its_own_worker_has_stopped(serve: Serve) -> None:
    api = await serve()
    await api.runtime.jobs.stop_worker()
    assert (await api.anonymous.get(READY)).status_code == 503


async def test_not_ready_at_another_schema(api: Api) -> None:
    await api.db.execute("UPDATE alembic_version SET version_num = '0000'")
    answer = await api.anonymous.get(READY)
    assert answer.status_code == 503
    assert "circadia db upgrade" in answer.json()["checks"]["migrations"]
    await api.db.execute("DELETE FROM alembic_version")
    assert (await api.anonymous.get(READY)).status_code == 503
    await api.db.execute("DROP TABLE alembic_version")
    assert "at None" in (await api.anonymous.get(READY)).json()["checks"]["migrations"]


async def test_ready_at_the_schema_of_the_next_release(serve: Serve) -> None:
    api = await serve()
    await api.db.execute("UPDATE alembic_version SET version_num = '9999'")
    answer = await api.anonymous.get(READY)
    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (200, "ok")


async def test_the_database_goes_away_and_comes_back(serve: Serve, postgres_server: Server, database_url: str) -> None:
    api = await serve()
    name = urlsplit(database_url).path[1:]

    async def admin(*statements: str) -> None:
        async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as connection:
            for each in statements:
                await connection.execute(each.encode())

    await admin(
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    try:
        answer = await api.anonymous.get(READY)
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == "not reachable"
        assert (await api.anonymous.get("/health/live")).status_code == 200
    finally:
        await admin(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    async with asyncio.timeout(LONGEST_WAIT_S):
        while (await api.anonymous.get(READY)).status_code != 200:
            await asyncio.sleep(0.1)


async def test_whoop_before_anybody_connected(api: Api) -> None:
    told = (await api.anonymous.get("/health/whoop-api")).json()
    assert (told["status"], told["whoop_api"], told["last_answer_at"]) == ("degraded", "unknown", None)
    assert api.requests() == 0


async def test_a_request_is_spent_only_when_none_was_seen_within_a_minute(alice: Api) -> None:
    told = (await alice.anonymous.get("/health/whoop-api")).json()
    assert (told["status"], told["whoop_api"], told["last_status"]) == ("healthy", "reachable", 200)
    alice.clock.advance(60)
    await alice.anonymous.get("/health/whoop-api")
    assert alice.requests() == 0
    alice.clock.advance(1)
    for _ in range(3):
        told = (await alice.anonymous.get("/health/whoop-api")).json()
    assert told["whoop_api"] == "reachable"
    assert alice.requests() == 1


async def test_whoop_is_not_waited_for_when_the_budget_is_used_up(alice: Api) -> None:
    alice.clock.advance(61)
    await budget.pause(alice.db, alice.runtime.app, 1.5, alice.clock())
    told = (await alice.anonymous.get("/health/whoop-api")).json()
    assert (told["whoop_api"], told["last_status"]) == ("reachable", 200)
    assert told["rate_limit_status"]["paused_until"].endswith("Z")
    assert told["last_answer_at"].endswith("Z")
    assert alice.requests() == 0


async def test_the_budget(alice: Api) -> None:
    used = (await alice.db.row("SELECT sum(taken) FROM budget_usage WHERE bucket = 'minute'"))[0]  # type: ignore[index]
    told = (await alice.anonymous.get("/health/whoop-api")).json()["rate_limit_status"]
    assert told["per_minute"] == {"limit": 6000, "used": used}
    assert told["per_day"] == {"limit": 1_000_000, "used": used}
    assert sum(told["taken_by_lane"].values()) == used
    assert told["paused_until"] is None
    alice.simulator.fault("rate_limited", path="/developer", retry_after=120, headers=False)
    alice.clock.advance(3600)
    await alice.sync(types=["sleep"])
    told = (await alice.anonymous.get("/health/whoop-api")).json()["rate_limit_status"]
    assert told["paused_until"] is not None


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "disconnect"}])
async def test_whoop_is_down(alice: Api, fault: dict[str, object]) -> None:
    alice.simulator.fault(path="/developer", count=None, **fault)  # type: ignore[arg-type]
    alice.clock.advance(61)
    told = (await alice.anonymous.get("/health/whoop-api")).json()
    assert (told["status"], told["whoop_api"]) == ("degraded", "unreachable")


async def test_metrics_count_routes_and_syncs_and_name_nobody(alice: Api) -> None:
    for path in ("/api/v1/whoop/daily-data/alice", "/api/v1/whoop/daily-data/nobody", "/no/such/path"):
        await alice.http.get(path)
    answer = await alice.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    routes = {each.labels["route"] for each in samples if "route" in each.labels}
    assert {"/api/v1/whoop/daily-data/{user_id}", "unmatched"} <= routes
    assert "alice" not in answer.text
    assert str(alice.account) not in answer.text
    assert {each.labels.get("type") for each in samples if each.name.startswith("circadia_sync_records")} >= {"sleep"}


@pytest.mark.parametrize(("host", "told"), [("127.0.0.1", {}), ("127.0.0.2", {"METRICS_HOST": "127.0.0.2"})])
async def test_metrics_on_a_port_of_their_own(serve: Serve, host: str, told: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    settings: dict[str, Any] = {"METRICS_PORT": str(port), **told}
    await serve(worker=False, **settings)
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"http://{host}:{port}/metrics")
    assert "circadia_http_request_seconds" in answer.text
