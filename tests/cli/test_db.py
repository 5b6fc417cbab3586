"""The database from the terminal: its schema and its address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from circadia.storage import migrate
from circadia.storage.embedded import EmbeddedPostgres
from tests import postgres
from tests.cli.terminal import Terminal
from tests.postgres import Server


def test_upgrade_and_check(postgres_server: Server, terminal: Terminal) -> None:
    empty = postgres_server.create("template0")
    fresh = terminal.with_settings(DATABASE_URL=empty)
    assert fresh.run("db", "check").refused("revision none", "circadia db upgrade")
    assert fresh.run("db", "upgrade", "--json").data == {"before": None, "revision": migrate.head()}
    assert fresh.run("db", "check", "--json").data["differences"] == []
    assert fresh.run("db", "upgrade").stdout == f"The schema is at {migrate.head()}, as it was.\n"
    postgres_server.drop(empty)


def test_check_finds_drift(terminal: Terminal) -> None:
    with psycopg.connect(terminal.settings["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("ALTER TABLE sleeps ADD COLUMN mood text")
    assert terminal.run("db", "check").refused("sleeps", "mood")


def test_url_of_an_external_database(terminal: Terminal) -> None:
    url = "postgres://someone:secret@db.example:5433/circadia?sslmode=require"
    said = terminal.with_settings(DATABASE_URL=url).run("db", "url")
    assert (said.stdout, said.stderr) == (url.replace("postgres://", "postgresql://") + "\n", "")


@pytest.fixture
def place() -> Iterator[Path]:
    directory = postgres.new_directory()
    yield directory
    postgres.remove_directory(directory)


def test_url_of_the_embedded_database(tmp_path: Path, place: Path) -> None:
    terminal = Terminal(tmp_path, {"CIRCADIA_DATA_DIR": str(place)})
    first = terminal.run("db", "url")
    with psycopg.connect(first.stdout.strip()) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("circadia",)
    assert (first.code, first.stderr, terminal.run("db", "url").stdout) == (0, "", first.stdout)
    said = terminal.run("db", "psql", "-XAtc", "SELECT 6 * 7")
    assert (said.code, said.stdout) == (0, "42\n")
    assert terminal.run("db", "psql", "-Xc", "SELECT nothing").code == 1
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.stdout.strip())
    with EmbeddedPostgres(place) as embedded:
        assert terminal.run("db", "url").stdout == embedded.url() + "\n"
