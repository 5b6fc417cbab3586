"""Backups, restoring and moving from the terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from circadia.storage.embedded import EmbeddedPostgres
from tests import postgres
from tests.backups.databases import dump, execute
from tests.cli.terminal import Terminal
from tests.postgres import Server

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_PERSON = "INSERT INTO members (user_id, created_at) VALUES ('alice', now())"


@pytest.fixture
def url(postgres_server: Server) -> Iterator[str]:
    """A database without a schema."""
    made = postgres_server.create("template0")
    yield made
    postgres_server.drop(made)


def test_back_up_and_restore(terminal: Terminal, tmp_path: Path, url: str) -> None:
    assert terminal.run("backup", "--to", "kept").refused("CIRCADIA_BACKUP_KEY", "openssl rand -base64 32")
    (tmp_path / "key").write_text(KEY + "\n")
    keyed = terminal.with_settings(CIRCADIA_BACKUP_KEY_FILE=str(tmp_path / "key"))
    execute(terminal.settings["DATABASE_URL"], _PERSON)
    before = dump(terminal.settings["DATABASE_URL"])

    said = keyed.with_settings(TOKEN_ENCRYPTION_KEYS="").run("backup", "--to", "kept/", "--keep", "7d,4w,12m")
    (file,) = (tmp_path / "kept").iterdir()
    assert (said.code, said.stdout) == (0, f"kept/{file.name}\n")
    assert "keys that tokens are sealed with are not in it" in said.stderr
    assert keyed.run("restore", "kept").refused("not empty")

    said = keyed.run("restore", "kept", "--into", url)
    assert (said.code, said.stdout.endswith("and every checksum agrees.\n")) == (0, True)
    assert dump(url) == before


def test_a_backup_is_made_where_older_ones_cannot_be_removed(terminal: Terminal) -> None:
    class Bucket(BaseHTTPRequestHandler):
        """Takes files in and nothing else."""

        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200)

        def do_GET(self) -> None:
            self._answer(403)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        adding = terminal.with_settings(
            CIRCADIA_BACKUP_KEY=KEY,
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
            AWS_ACCESS_KEY_ID="adds",
            AWS_SECRET_ACCESS_KEY="adds",
            AWS_DEFAULT_REGION="us-east-1",
        )
        try:
            said = adding.run("backup", "--to", "s3://kept", "--keep", "7d")
        finally:
            server.shutdown()
            serving.join()
    assert (said.code, said.stdout.startswith("s3://kept/circadia-")) == (1, True), said
    assert "older ones could not be removed: the bucket's server refuses with 403" in said.stderr


def test_a_backup_that_is_stopped_leaves_nothing(terminal: Terminal, tmp_path: Path) -> None:
    keyed = terminal.with_settings(CIRCADIA_BACKUP_KEY=KEY)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(terminal.settings["DATABASE_URL"]) as busy:
        busy.execute("LOCK TABLE members IN ACCESS EXCLUSIVE MODE")
        with keyed.start("backup", "--to", "kept") as running:
            deadline = time.monotonic() + 30
            while busy.execute(waiting).fetchone() == (0,):
                assert time.monotonic() < deadline
                busy.execute("SELECT pg_stat_clear_snapshot()")
                time.sleep(0.05)
            assert running.stop().code == 130
    assert list((tmp_path / "kept").iterdir()) == []


def test_move_the_embedded_database(tmp_path: Path, url: str) -> None:
    place = postgres.new_directory()
    try:
        terminal = Terminal(tmp_path, {"CIRCADIA_DATA_DIR": str(place)})
        assert terminal.run("db", "upgrade").code == 0
        with EmbeddedPostgres(place) as embedded:
            execute(embedded.url(), _PERSON)
            before = dump(embedded.url())
            with psycopg.connect(embedded.url(), application_name="circadia"):
                assert terminal.run("db", "move", "--to", url).refused("Circadia is running")
            said = terminal.run("db", "move", "--to", url)
        assert (said.code, said.stdout.endswith("and every checksum agrees.\n")) == (0, True)
        assert f"TOKEN_ENCRYPTION_KEYS to what {place}/token_encryption_keys holds" in said.stderr
        assert dump(url) == before
    finally:
        postgres.remove_directory(place)


def test_the_first_schema_is_not_taken_back(terminal: Terminal) -> None:
    assert terminal.run("db", "downgrade").refused("0001 is the first schema", "backup")
