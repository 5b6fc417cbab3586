"""What the command line teaches, and how it turns down what it cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from circadia.cli import app
from tests.cli.terminal import Terminal
from tests.simulated import KEYS

COMMANDS = [
    "demo",
    "serve",
    "worker",
    "simulate whoop",
    "simulate sahha",
    "connect",
    "disconnect",
    "sync",
    "backfill",
    "reconcile",
    "import",
    "status",
    "stats",
    "doctor",
    "gateway check",
    "gateway policy",
    "identity set",
    "identity show",
    "identity list",
    "identity remove",
    "keys create",
    "keys list",
    "keys revoke",
    "keys rotate",
    "db upgrade",
    "db url",
    "db psql",
    "db check",
    "deliveries list",
    "deliveries replay",
    "notices list",
    "notices test",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples(command: str) -> None:
    said = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    assert f"circadia {command}" in said.stdout.split("Examples:")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sync", "no spaces"], "a user id is 1 to 128 characters"),
        (["disconnect", "alice", "--data", "some"], "erase"),
        (["sync", "alice", "--type", "steps"], "there is no record type steps"),
        (["keys", "create", "app"], "--scope"),
        (["keys", "create", "app", "--scope", "all"], "read"),
        (["keys", "create", "app", "--scope", "read", "--expires", "soon"], "12h, 90d or 8w"),
        (["keys", "create", "app", "--scope", "read", "--expires", "0d"], "12h, 90d or 8w"),
        (["import", "nowhere.zip", "--user", "alice"], "nowhere.zip"),
        (["serve", "--port", "70000"], "--port"),
        (["demo", "--members", "0"], "--members"),
        (["simulate", "garmin"], "garmin"),
        (["simulate", "sahha", "--profile", "anna"], "EXTERNAL_ID=WHOOP_USER_ID"),
        (["syncc"], "syncc"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    said = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert (said.exit_code, said.stdout) == (2, "")
    assert words in said.stderr


def test_every_wrong_setting_has_its_line(tmp_path: Path) -> None:
    wrong = Terminal(tmp_path, {"CIRCADIA_COLOUR": "green", "PUBLIC_URL": "http://example.org", "PORT": "many"})
    said = wrong.run("status")
    assert said.refused("CIRCADIA_COLOUR: unknown setting", "PORT: ")
    assert len(said.stderr.splitlines()) == 2


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": "postgresql://circadia@127.0.0.1:1/circadia", "TOKEN_ENCRYPTION_KEYS": KEYS}
    assert Terminal(tmp_path, settings).run("status").refused("PostgreSQL", "DATABASE_URL")
