"""What runs for good starts with a sentence or ends with one."""

from __future__ import annotations

import signal
import socket

import httpx2
import pytest

from tests.cli.terminal import Terminal


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
