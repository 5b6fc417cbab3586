"""A demo for a browser to look at: the installed program, its addresses, and what a person at the terminal can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests import postgres
from tests.cli.terminal import WAIT_S, Running, Terminal
from tests.dashboard.chromium import Watched


@dataclass(frozen=True)
class Stage:
    """A running demo."""

    told: dict[str, Any]
    terminal: Terminal
    running: Running

    @property
    def url(self) -> str:
        """The service's address."""
        return str(self.told["url"])

    @property
    def simulator(self) -> str:
        """The simulated WHOOP's address."""
        return str(self.told["simulator"])

    def watched(self) -> Watched:
        """Someone who looks that nobody but service and simulated WHOOP is asked."""
        return Watched(frozenset(urlsplit(each).netloc for each in (self.url, self.simulator)))

    def link(self, user_id: str = "demo") -> str:
        """A one-time link that signs a member in, as the owner gives it."""
        return str(self.api("POST", "/api/v1/admin/signin-links", json={"user_id": user_id})["url"])

    def owner_link(self) -> str:
        """A one-time link for the owner, as the terminal gives it."""
        return str(self.terminal.run("owner-link", "--json").data["url"])

    def api(self, method: str, path: str, **details: Any) -> Any:
        """What the API says to the demo's own key."""
        answer = httpx2.request(
            method, self.url + path, headers={"X-API-Key": self.told["api_key"]}, timeout=30, trust_env=False, **details
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def whoop(self, method: str, path: str, **details: Any) -> Any:
        """What the simulated WHOOP's own console says: `/_sim` and the path."""
        answer = httpx2.request(method, f"{self.simulator}/_sim{path}", timeout=30, trust_env=False, **details)
        answer.raise_for_status()
        return answer.json()

    def free_account(self) -> dict[str, Any]:
        """The profile of somebody at the simulated WHOOP whom nobody here has connected."""
        profiles: list[dict[str, Any]] = self.whoop("GET", "/members")
        return next(each for each in profiles if not each["lineages"])

    def fault(self, kind: str, **details: Any) -> None:
        """Have the simulated WHOOP misbehave."""
        self.whoop("POST", "/faults", json={"kind": kind, **details})

    def mended(self) -> None:
        """Have it behave again."""
        self.whoop("DELETE", "/faults")


@contextmanager
def staged(directory: Path, *, members: int = 2, days: int = 60, seed: int = 1) -> Iterator[Stage]:
    """`circadia demo` until the block ends. `directory` is for its streams; its data go with it."""
    place = postgres.new_directory()
    terminal = Terminal(directory, {"CIRCADIA_DATA_DIR": str(place)})
    choices = ("--members", str(members), "--days", str(days), "--seed", str(seed))
    try:
        with terminal.start("demo", *choices, "--port", "0", "--no-browser", "--json") as running:
            told = json.loads(running.stdout(r".*\n", wait_s=WAIT_S + days / 10)[0])
            yield Stage(told, terminal.with_settings(**told["settings"]), running)
            running.stop()
    finally:
        postgres.remove_directory(place)
