"""`circadia demo`: what a stranger sees first."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from dotenv import dotenv_values

from circadia.cli.demo.cast import cast
from tests import postgres
from tests.cli.terminal import PROGRAM, Terminal

CHOICES = ("--members", "2", "--days", "20", "--port", "0", "--no-browser", "--json")

STATES = {"demo": ("ok", "ok"), "demo-2": ("ok", "not_connected"), "demo-3": ("not_connected", "ok")}
"""How WHOOP and Sahha stand for each user of a demo with two members."""


@pytest.fixture
def place() -> Iterator[Path]:
    directory = postgres.new_directory()
    yield directory
    postgres.remove_directory(directory)


def test_demo_comes_up_and_goes_on_the_next_time(tmp_path: Path, place: Path) -> None:
    terminal = Terminal(tmp_path, {"CIRCADIA_DATA_DIR": str(place), "HTTP_PROXY": "http://127.0.0.1:9"})
    with terminal.start("demo", *CHOICES) as demo:
        told = json.loads(demo.stdout(r".*\n")[0])
        assert list(told) == [
            *("ready", "url", "signin_url", "simulator", "api_key", "users", "database_url", "sahha", "settings"),
        ]
        assert (told["ready"], told["users"]) == (True, ["demo", "demo-2", "demo-3"])
        _complete(told)
        assert terminal.run("demo").refused("running", str(place))
        _speaks_to_it(demo.stderr(r"\(set -a; .+\)")[0], tmp_path)
        assert dotenv_values(place / "demo.env") == told["settings"]
        assert told["settings"]["SAHHA_API_BASE_URL"] == told["sahha"]
        demo.stderr("Ctrl-C stops it")
        said = demo.stop(signal.SIGINT)
    assert (said.code, said.stdout.count("\n")) == (0, 1)
    assert "6,000 a minute and 1,000,000 a day on both sides" in said.stderr
    for user_id, sources in {"demo": "WHOOP and Sahha", "demo-2": "WHOOP only", "demo-3": "Sahha only"}.items():
        assert f"{user_id} has {sources}" in said.stderr
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(told["database_url"])

    assert terminal.run("demo", "--members", "1").refused("--members 2", "--reset")
    with terminal.start("demo", "--port", "0", "--no-browser", "--json") as demo:
        again = json.loads(demo.stdout(r".*\n")[0])
        assert again["api_key"] == told["api_key"]
        _complete(again)
        said = demo.stop()
    assert (said.code, "demo-2 is still connected" in said.stderr) == (0, True)

    with terminal.start("demo", "--reset", "--members", "1", *CHOICES[2:]) as demo:
        anew = json.loads(demo.stdout(r".*\n")[0])
        assert anew["api_key"] != told["api_key"]
        assert anew["users"] == ["demo", "demo-2"]
        assert demo.stop().code == 0


def _speaks_to_it(command: str, directory: Path) -> None:
    """The printed command, in a shell, asks both sources of the demo."""
    settings = {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(directory)}
    done = subprocess.run(
        ["sh", "-c", command], env=settings, cwd=directory, capture_output=True, text=True, check=False
    )
    assert re.search(r"^Sahha +demo +ok .*\nWHOOP +demo +ok ", done.stdout, flags=re.MULTILINE), done


def _complete(told: dict[str, str]) -> None:
    """The API gives the first member's newest day, and as many records as WHOOP has."""
    headers = {"X-API-Key": told["api_key"], "User-Agent": "app"}
    with httpx2.Client(headers=headers, trust_env=False) as http:
        day = http.get(f"{told['url']}/api/v1/whoop/daily-data/demo").json()
        assert day["cycle"] is not None
        account = http.get(f"{told['url']}/internal/auth/status/demo").json()["whoop_user_id"]
        truth = http.get(f"{told['simulator']}/_sim/truth/{account}").json()
        types = http.get(f"{told['url']}/api/v1/whoop/statistics/demo").json()["types"]
        assert {name: each["count"] for name, each in types.items()} == {name: len(truth[name]) for name in types}
        assert http.get(f"{told['url']}/docs").status_code == 200
        _signs_in(told)
        for user_id, states in STATES.items():
            days = {"from": day["date"], "to": day["date"]}
            answer = http.get(f"{told['url']}/api/v1/unified/{user_id}/days", params=days).json()
            assert (answer["sources"]["whoop"]["state"], answer["sources"]["sahha"]["state"]) == states, answer


def _signs_in(told: dict[str, str]) -> None:
    """The printed link signs in as the demo's owner."""
    with httpx2.Client(headers={"Origin": told["url"]}, trust_env=False) as browser:
        token = told["signin_url"].rpartition("/")[2]
        assert browser.post(f"{told['url']}/auth/link", data={"token": token}).status_code == 303
        me = browser.get(f"{told['url']}/api/v1/me").json()
    assert (me["user_id"], me["role"], me["connection"]["state"]) == ("demo", "owner", "connected")


def test_demo_touches_nothing_that_is_no_demo(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / "diary.txt").write_text("dear")
    terminal = Terminal(tmp_path, {"CIRCADIA_DATA_DIR": str(directory)})
    assert terminal.run("demo", "--reset").refused("no demo", str(directory))
    assert [each.name for each in directory.iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("people", "whoop", "sahha", "handed_on"),
    [
        (2, ["demo"], ["demo", "demo-2"], []),
        (3, ["demo", "demo-2"], ["demo", "demo-3"], []),
        (4, ["demo", "demo-2", "demo-3"], ["demo", "demo-2", "demo-4"], ["demo-2"]),
        (
            6,
            ["demo", "demo-2", "demo-3", "demo-4", "demo-5"],
            ["demo", "demo-2", "demo-3", "demo-4", "demo-6"],
            ["demo-2"],
        ),
    ],
)
def test_everybody_has_a_source_and_most_have_both(
    people: int, whoop: list[str], sahha: list[str], handed_on: list[str]
) -> None:
    found = cast(range(100, 100 + people))
    assert (list(found.whoop), list(found.sahha), list(found.devices)) == (whoop, sahha, handed_on)
    numbers = {user_id: 100 + at for at, user_id in enumerate(found.users)}
    assert {**found.whoop, **found.sahha} == numbers


@pytest.mark.parametrize("name", ["WHOOP_CLIENT_ID", "WHOOP_CLIENT_SECRET_FILE", "SAHHA_CLIENT_SECRET"])
def test_demo_refuses_real_credentials(tmp_path: Path, name: str) -> None:
    assert Terminal(tmp_path, {name: "real"}).run("demo").refused(name)
    (tmp_path / ".env").write_text(f"{name}=real\n")
    assert Terminal(tmp_path).run("demo").refused(name)
