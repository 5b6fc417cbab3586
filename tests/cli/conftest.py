"""A terminal on a fresh database, and one simulated WHOOP for all tests of the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.terminal import Terminal
from tests.postgres import Server
from tests.simulated import KEYS

DAYS = 40
ROOMY = {"RATE_LIMIT_PER_MINUTE": "6000", "RATE_LIMIT_PER_DAY": "1000000"}


@dataclass(frozen=True)
class Whoop:
    """`circadia simulate whoop`, as others reach it."""

    url: str
    accounts: list[int]
    settings: dict[str, str]
    http: httpx2.Client

    def consent(self, authorization_url: str, account: int, answer: str = "allow") -> str:
        """Consent as a member would; returns the address the browser is sent to."""
        asked = httpx2.URL(authorization_url).copy_merge_params({"sim_member": str(account), "sim_consent": answer})
        return self.http.get(asked).headers["location"]

    def order(self, route: str, **body: Any) -> None:
        """Something for its admin API to do."""
        self.http.post(f"{self.url}/_sim{route}", json=body).raise_for_status()


@pytest.fixture
def database_url(postgres_server: Server) -> Iterator[str]:
    """A database that goes with the test: a process that outlives it finds nothing to write to."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def terminal(tmp_path: Path, database_url: str) -> Terminal:
    """A terminal whose settings lead to a fresh, migrated database."""
    return Terminal(tmp_path, {"DATABASE_URL": database_url, "TOKEN_ENCRYPTION_KEYS": KEYS})


@pytest.fixture(scope="module")
def whoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whoop]:
    """A simulated WHOOP in a process of its own."""
    terminal = Terminal(tmp_path_factory.mktemp("whoop"))
    with (
        terminal.start("simulate", "whoop", "--port", "0", "--days", str(DAYS), "--json") as running,
        httpx2.Client(headers={"User-Agent": "browser"}, trust_env=False) as http,
    ):
        told = json.loads(running.stdout(r"\{.*\}\n")[0])
        made = Whoop(told["url"], told["members"], told["settings"] | ROOMY, http)
        made.order("/limits", per_minute=6000, per_day=1_000_000)
        yield made


@pytest.fixture
def connected(terminal: Terminal, whoop: Whoop) -> Terminal:
    """A terminal with settings for the simulated WHOOP, where `alice` is connected and nothing has been fetched."""
    ready = terminal.with_settings(**whoop.settings)
    connect(ready, whoop, "alice", whoop.accounts[0])
    return ready


def connect(terminal: Terminal, whoop: Whoop, user_id: str, account: int) -> None:
    """`circadia connect --headless` with what the browser ended at pasted into it."""
    with terminal.start("connect", user_id, "--headless") as running:
        running.type(whoop.consent(running.stderr(r"http\S+")[0], account))
        said = running.ended()
    assert (said.code, said.stdout) == (0, f"{user_id} is connected to WHOOP account {account}.\n"), said
