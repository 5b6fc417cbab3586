"""The gateway from a terminal: who is who, how a user's merge differs, and why an answer is what it is.

The commands run in this process, on a database of the test's own.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
import structlog
from typer.testing import CliRunner

from circadia.cli import app, gateway
from circadia.domain import merge
from circadia.domain.metrics import BY_NAME
from circadia.domain.readings import SOURCES, Observation, Source
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
    assert "not at the WHOOP service (alice has that id there)" in run("identity", "show", "uuid-1").stdout
    assert [each["user_id"] for each in run("identity", "list", "--json").data["identities"]] == ["alice"]
    assert not run("identity", "remove", "alice", "--json").data["mapped"]


def test_an_identity_is_said_in_one_way(run: Run) -> None:
    assert run("identity", "set", "alice").code == 2
    assert run("identity", "set", "alice", "--whoop", "x", "--no-whoop").code == 2
    assert run("identity", "set", "alice", "--sahha", "a b").code == 2
    assert run("identity", "set", "alice", "--whoop", "a b").code == 2


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
    assert run("gateway", "policy", "alice", "--how", "mean").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["steps", "--sources", "garmin"], "'garmin' is no source"),
        (["strain", "--sources", "sahha"], "sahha does not tell it, only whoop"),
        (["sleep_start_at", "--how", "mean"], "a mean needs numbers"),
        (["steps", "--how", "median"], "Invalid value: steps: how is choose or mean"),
        (["steps", "--fresh-for", "9999w"], "fresh_for_s"),
    ],
)
def test_a_policy_that_makes_no_sense_is_wrong_usage(run: Run, arguments: list[str], words: str) -> None:
    said = run("gateway", "policy", "alice", *arguments)
    assert (said.code, said.stdout, words in said.stderr, "Value error" in said.stderr) == (2, "", True, False)


def test_why_an_answer_is_what_it_is(run: Run, terminal: Terminal) -> None:
    with terminal.start("simulate", "sahha", "--port", "0", "--days", "5", "--json") as sahha:
        at_sahha = json.loads(sahha.stdout(r"\{.*\}\n")[0])["settings"]
        shown = run("gateway", "check", "demo-1", "--days", "3", **at_sahha)
        assert shown.code == 0, shown
        assert re.search(r"^Sahha +demo-1 +ok ", shown.stdout, flags=re.MULTILINE)
        assert re.search(
            r"^readiness_score +✓ \d+ +- .* measured +only sahha is connected$", shown.stdout, flags=re.MULTILINE
        )
        assert re.search(r"^steps +✓ \d+ +- .* provisional \(intraday\) ", shown.stdout, flags=re.MULTILINE)
        assert "demo-1 is not connected to WHOOP." in shown.stdout
        told = run("gateway", "check", "demo-1", "--days", "3", "--json", **at_sahha)
        assert [*told.data][-2:] == ["identity", "timings"]
        assert told.data["identity"]["sahha_id"] == "demo-1"
        assert len(told.data["days"]) == 3
        assert told.data["sources"]["sahha"]["as_of"].endswith("Z")
        assert "+00:00" not in told.stdout
        assert "There is no profile ghost at Sahha." in run("gateway", "check", "ghost", **at_sahha).stdout
        assert run("disconnect", "ghost", "--data", "erase", **at_sahha).refused("nobody is called ghost")
        assert "everything" in run("disconnect", "demo-1", "--data", "erase", **at_sahha).stdout
        assert sahha.stop().code == 0
    gone = run("gateway", "check", "demo-2", **at_sahha)
    assert (gone.code, "Sahha: " in gone.stdout) == (1, True)


def test_a_source_that_is_switched_off(run: Run) -> None:
    shown = run("gateway", "check", "alice", ENABLE_WHOOP_INTEGRATION="false")
    assert "Sahha is not configured here: SAHHA_CLIENT_ID" in shown.stdout
    assert "WHOOP is switched off here" in shown.stdout


def test_what_stands_is_marked() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    said: dict[Source, float] = {"sahha": 50, "whoop": 53}
    metrics = ("hrv_rmssd_ms", "resting_heart_rate_bpm")
    words = [Observation(now.date(), metric, source, said[source], now) for metric in metrics for source in said]
    mean = {metrics[1]: replace(BY_NAME[metrics[1]].policy, how="mean")}
    day = merge.merged(words, now=now, overrides=mean, expected=SOURCES)[now.date()]
    chosen, combined = (gateway.row(day[metric], timedelta()) for metric in metrics)
    assert (chosen[1:3], combined[1:3]) == (("  50", "✓ 53"), ("✓ 50", "✓ 53"))
    assert combined[-1] == "mean of whoop and sahha: 51.5"


def test_with_the_settings_of_a_gateway(run: Run) -> None:
    elsewhere = {"WHOOP_SERVICE_URL": "http://127.0.0.1:1", "WHOOP_SERVICE_API_KEY": "circadia_1"}
    assert run("connect", "alice", **elsewhere).refused("at the WHOOP service", "POST /api/v1/whoop/connect/alice")
    assert run("disconnect", "alice", **elsewhere).refused("the WHOOP service cannot be reached")
