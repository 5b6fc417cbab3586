"""The gateway from a terminal: who is who, how a user's merge differs, and why an answer is what it is.

The commands run in this process, on a database of the test's own.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
import structlog
from typer.testing import CliRunner

from circadia.cli import app
from tests.cli.terminal import Said, Terminal
from tests.simulated import KEYS


class Run(Protocol):
    """Runs a command to its end; upper-case names are settings."""

    def __call__(self, *arguments: str, **settings: str) -> Said: ...


@pytest.fixture
def run(database_url: str) -> Iterator[Run]:
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def invoke(*arguments: str, **settings: str) -> Said:
        ours = {"DATABASE_URL": database_url, "TOKEN_ENCRYPTION_KEYS": KEYS, "COLUMNS": "200"}
        done = CliRunner().invoke(app, arguments, env=ours | settings)
        return Said(done.exit_code, done.stdout, done.stderr)

    yield invoke
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def test_who_a_user_is(run: Run) -> None:
    assert run("identity", "show", "alice").stdout.startswith("alice is alice at Sahha and alice at the WHOOP")
    said = run("identity", "set", "alice", "--sahha", "auth0|7", "--no-whoop", "--json").data
    assert said == {"user_id": "alice", "sahha_id": "auth0|7", "whoop_id": None, "mapped": True}
    kept = run("identity", "set", "alice", "--whoop", "uuid-1")
    assert kept.stdout == "alice is auth0|7 at Sahha and uuid-1 at the WHOOP service.\n"
    assert run("identity", "set", "bob", "--whoop", "uuid-1").refused("uuid-1", "circadia identity list")
    assert [each["user_id"] for each in run("identity", "list", "--json").data["identities"]] == ["alice"]
    assert not run("identity", "remove", "alice", "--json").data["mapped"]


def test_an_identity_is_said_in_one_way(run: Run) -> None:
    assert run("identity", "set", "alice").code == 2
    assert run("identity", "set", "alice", "--whoop", "x", "--no-whoop").code == 2
    assert run("identity", "set", "alice", "--sahha", "a b").refused("visible")


def test_how_a_user_is_merged(run: Run) -> None:
    def policies(*arguments: str) -> Any:
        return run("gateway", "policy", "alice", *arguments, "--json").data

    assert policies("steps", "--sources", "whoop", "--fresh-for", "2h")["policies"]["steps"] == {
        "sources": ["whoop", "sahha"],
        "fresh_for_s": 7200,
        "how": "choose",
    }
    told = policies("steps", "--how", "mean")
    assert (told["overridden"], told["policies"]["steps"]["fresh_for_s"]) == (["steps"], 7200)
    assert policies("--reset")["overridden"] == []
    assert run("gateway", "policy", "alice", "strain", "--sources", "sahha").refused("strain", "only whoop")
    assert run("gateway", "policy", "alice", "--how", "mean").code == 2


def test_why_an_answer_is_what_it_is(run: Run, terminal: Terminal) -> None:
    with terminal.start("simulate", "sahha", "--port", "0", "--days", "5", "--json") as sahha:
        at_sahha = json.loads(sahha.stdout(r"\{.*\}\n")[0])["settings"]
        shown = run("gateway", "check", "demo-1", "--days", "3", **at_sahha)
        assert shown.code == 0, shown
        assert re.search(r"^Sahha +demo-1 +ok ", shown.stdout, flags=re.MULTILINE)
        assert re.search(
            r"^readiness_score +\d+ +- .* measured +only sahha is connected$", shown.stdout, flags=re.MULTILINE
        )
        told = run("gateway", "check", "demo-1", "--days", "3", "--json", **at_sahha).data
        assert told["identity"]["sahha_id"] == "demo-1"
        assert len(told["days"]) == 3
        assert sahha.stop().code == 0
    gone = run("gateway", "check", "demo-2", **at_sahha)
    assert (gone.code, "Sahha: " in gone.stdout) == (1, True)
