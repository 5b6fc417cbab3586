"""What runs for good starts with a sentence or ends with one."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.cli.terminal import WAIT_S, Running, Terminal
from tests.postgres import Server
from tests.prove.gateway_proxy import free_port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_until_told_to_stop(terminal: Terminal, number: int) -> None:
    with terminal.start("serve", "--port", "0") as service:
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        with httpx2.Client(base_url=url, trust_env=False) as http:
            assert http.get("/health").json()["status"] == "healthy"
            assert http.get("/health/ready").status_code == 200
        said = service.stop(number)
    assert (said.code, said.stdout) == (0, "")
    assert "Traceback" not in said.stderr


def children(service: Running) -> list[int]:
    """The processes that a command has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(FileNotFoundError, ProcessLookupError):
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            if int(lines["PPid"]) == service.process.pid and lines["State"][0] != "Z":
                found.append(int(lines["Pid"]))
    return found


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "\nState:\tZ" in status.read_text()


def test_the_worker_beside_comes_back_and_ends_with_the_server(terminal: Terminal) -> None:
    with terminal.start("serve", "--port", "0") as service:
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        (first,) = children(service)
        with httpx2.Client(base_url=url, trust_env=False) as http:
            os.kill(first, signal.SIGKILL)
            until(lambda: http.get("/health/ready").status_code == 503)
            assert http.get("/health/ready").json()["checks"]["worker"] != "ok"
            until(lambda: http.get("/health/ready").status_code == 200)
        (second,) = children(service)
        assert second != first
        said = service.stop()
        assert (said.code, gone(second)) == (0, True)


def test_the_worker_beside_does_not_outlive_a_server_that_is_killed(terminal: Terminal) -> None:
    with terminal.start("serve", "--port", "0") as service:
        service.stderr("serve.ready")
        (child,) = children(service)
        service.process.kill()
        until(lambda: gone(child))


def test_the_server_counts_what_the_worker_beside_it_does(connected: Terminal) -> None:
    key = connected.with_settings(SERVICE_API_KEY="k" * 32)
    with key.start("serve", "--port", "0") as service:
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        assert key.run("sync", "alice", "--type", "cycle", "--wait").code == 0
        with httpx2.Client(base_url=url, trust_env=False, headers={"X-API-Key": "k" * 32}) as http:
            until(lambda: 'circadia_sync_types_total{ended="succeeded",type="cycle"}' in http.get("/metrics").text)
        assert service.stop().code == 0


def test_a_worker_of_its_own_shows_what_it_counts(connected: Terminal) -> None:
    port = str(free_port())
    measured = connected.with_settings(METRICS_PORT=port)
    with measured.start("worker") as worker, httpx2.Client(trust_env=False) as http:
        worker.stderr("worker.ready")
        assert connected.run("sync", "alice", "--type", "cycle", "--wait").code == 0
        url = f"http://127.0.0.1:{port}/metrics"
        assert 'circadia_info{part="worker"' in http.get(url).text
        until(lambda: 'circadia_sync_types_total{ended="succeeded",type="cycle"}' in http.get(url).text)
        assert measured.run("worker").refused_at_the_end(f"port {port}", "in use", "METRICS_PORT")
        assert worker.stop().code == 0


def test_who_is_told_to_stop_drains_first(connected: Terminal) -> None:
    """Not ready at once, though everything is answered still; then streams end, and the listener last."""
    key = connected.with_settings(SERVICE_API_KEY="k" * 32)
    with key.start("serve", "--port", "0", "--no-worker", "--drain", "2") as service:
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        with httpx2.Client(base_url=url, trust_env=False, headers={"X-API-Key": "k" * 32}) as http:
            run = http.post("/api/v1/whoop/sync/alice").json()
            with http.stream("GET", run["events_url"]) as events:
                lines = events.iter_lines()
                assert next(lines) == "event: run"
                service.process.send_signal(signal.SIGTERM)
                until(lambda: "process" in http.get("/health/ready").json()["checks"])
                assert http.get("/health/ready").status_code == 503
                assert http.get(run["status_url"]).json()["state"] == "queued"
                assert "event: end" not in list(lines)
        assert service.ended().code == 0


def test_a_new_version_waits_for_its_schema(terminal: Terminal, postgres_server: Server) -> None:
    """Nothing works on an older schema, and nothing has to be started again when it is there."""
    empty = postgres_server.create("template0")
    new = terminal.with_settings(DATABASE_URL=empty, MIGRATE_ON_START="false")
    port = free_port()
    with new.start("serve", "--port", str(port)) as service, new.start("worker") as worker:
        for each in (service, worker):
            each.stderr("schema.behind")
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            answer = http.get("/health/ready")
            assert answer.status_code == 503
            assert "circadia db upgrade" in answer.json()["checks"]["migrations"]
            assert children(service) == []
            assert new.run("db", "upgrade").code == 0
            until(lambda: http.get("/health/ready").status_code == 200)
        worker.stderr("worker.ready")
        assert (service.stop().code, worker.stop().code) == (0, 0)
    postgres_server.drop(empty)


def test_an_old_version_works_on_a_newer_schema(terminal: Terminal) -> None:
    with psycopg.connect(terminal.settings["DATABASE_URL"]) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with terminal.start("serve", "--port", "0") as service:
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        assert service.stderr(r'"found": "(\d+)".*schema.newer')[1] == "9999"
        assert httpx2.get(f"{url}/health/ready", trust_env=False).status_code == 200
        assert service.stop().code == 0


def test_a_server_without_a_worker_and_a_worker_beside(connected: Terminal) -> None:
    with connected.start("serve", "--no-worker", "--port", "0") as service:
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        assert children(service) == []
        with httpx2.Client(base_url=url, trust_env=False) as http:
            assert http.get("/health/ready").status_code == 503
            with connected.start("worker", "--concurrency", "4") as worker:
                worker.stderr("worker.ready")
                assert http.get("/health/ready").status_code == 200
                assert connected.run("backfill", "alice", "--wait", "--json").data["state"] == "succeeded"
                assert worker.stop().code == 0


def test_worker_until_told_to_stop(terminal: Terminal) -> None:
    with terminal.start("worker", "--concurrency", "2") as worker:
        worker.stderr("worker.ready")
        assert worker.stop().code == 0


def test_a_taken_port(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert terminal.run("serve", "--port", port).refused(f"port {port}", "another program", "--port")
        elsewhere = terminal.with_settings(HOST="203.0.113.1", PUBLIC_URL="https://whoop.example")
    assert elsewhere.run("serve").refused("no such address")


def test_a_start_that_fails_is_a_sentence(terminal: Terminal) -> None:
    nowhere = terminal.with_settings(DATABASE_URL="postgresql://circadia@127.0.0.1:1/circadia")
    assert nowhere.run("serve", "--port", "0").refused("PostgreSQL")
    assert nowhere.run("worker").refused("PostgreSQL")
    keyless = terminal.with_settings(TOKEN_ENCRYPTION_KEYS="k1:short")
    assert keyless.run("serve", "--port", "0").refused("TOKEN_ENCRYPTION_KEYS")


def test_the_whoop_service_alone_has_a_port_of_its_own(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 8001)):
        assert terminal.run("serve", "--only", "whoop").refused("port 8001")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert terminal.with_settings(PORT=port).run("serve", "--only", "whoop").refused(f"port {port}")


def test_the_two_services_apart_on_a_database_each(connected: Terminal, postgres_server: Server) -> None:
    assert connected.run("sync", "alice", "--type", "cycle", "--wait").code == 0
    bootstrap = {"SERVICE_API_KEY": "k" * 32}
    other = postgres_server.create()
    with connected.with_settings(**bootstrap).start("serve", "--only", "whoop", "--no-worker", "--port", "0") as whoop:
        whoop_url = whoop.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        apart = Terminal(
            connected.directory,
            {
                "DATABASE_URL": other,
                "TOKEN_ENCRYPTION_KEYS": connected.settings["TOKEN_ENCRYPTION_KEYS"],
                "WHOOP_SERVICE_URL": whoop_url,
                "WHOOP_SERVICE_API_KEY": bootstrap["SERVICE_API_KEY"],
            }
            | bootstrap,
        )
        with apart.start("serve", "--only", "gateway", "--port", "0") as gateway:
            url = gateway.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
            assert children(gateway) == []
            with httpx2.Client(headers={"X-API-Key": bootstrap["SERVICE_API_KEY"]}, trust_env=False) as http:
                assert [http.get(f"{each}/").json()["part"] for each in (whoop_url, url)] == ["whoop", "gateway"]
                ready = http.get(f"{url}/health/ready")
                assert (ready.status_code, set(ready.json()["checks"])) == (200, {"database", "migrations"})
                assert http.get(f"{url}/api/v1/whoop/daily-data/alice").status_code == 404
                assert http.get(f"{whoop_url}/api/v1/health/alice").status_code == 404
                told = http.get(f"{url}/api/v1/health/alice").json()["data"]["sources"]
                assert told["whoop"]["available"]
                assert told["sahha"] == {"available": False, "reason": "not_configured"}
            assert gateway.stop().code == 0
    postgres_server.drop(other)


def test_the_gateway_alone_has_to_know_where_the_whoop_service_is(terminal: Terminal) -> None:
    refused = terminal.run("serve", "--only", "gateway", "--port", "0")
    assert refused.refused("WHOOP_SERVICE_URL", "ENABLE_WHOOP_INTEGRATION=false")
