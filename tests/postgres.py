"""The PostgreSQL of a test session: one server, one migrated template, a fresh database for whoever asks.

The server lives in a short temporary directory named after the process that owns the session, so that a session
killed without a chance to clean up is cleaned up by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from circadia.storage import migrate
from circadia.storage.embedded import EmbeddedPostgres
from circadia.storage.postmaster import find_postmaster

TEMPLATE = "template_circadia"
_PREFIX = "circadia-tests-"
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "autovacuum": "off",
}


def new_directory() -> Path:
    """A place for this process's session; what dead sessions left is removed first."""
    for old in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # another session cleans up at the same moment, or goes
            if old.stat().st_uid == os.geteuid() and not _lives(int(old.name.split("-")[2])):
                remove_directory(old)
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    directory.chmod(0o711)
    return directory


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def remove_directory(directory: Path) -> None:
    """Stop the server of a session if it still runs, and remove its directory."""
    if find_postmaster(directory / "postgres") is not None:
        with _server(directory):
            pass
    shutil.rmtree(directory)


def _server(directory: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(directory, settings=_SETTINGS)


class Server:
    """The session's server as one process sees it."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self._directory = directory

    def url_of(self, database: str) -> str:
        """The URL of one of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def create(self, template: str = TEMPLATE) -> str:
        """A fresh database cloned from a template; returns its URL."""
        name = f"t_{uuid4().hex[:16]}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url_of(name)

    def drop(self, url: str) -> None:
        """Remove a database, with whoever is still connected to it; one that is held for long goes with the server."""
        with suppress(psycopg.errors.QueryCanceled):
            self._run(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")

    def make_durable(self, url: str) -> None:
        """What is committed in a database outlives `crash`."""
        self._run(f"ALTER DATABASE {urlsplit(url).path[1:]} SET synchronous_commit = on")

    def cut(self, url: str) -> None:
        """End every connection to a database."""
        name = urlsplit(url).path[1:]
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """Nobody reaches a database meanwhile."""
        alter = f"ALTER DATABASE {urlsplit(url).path[1:]} ALLOW_CONNECTIONS"
        self._run(f"{alter} false")
        self.cut(url)
        try:
            yield
        finally:
            self._run(f"{alter} true")

    def crash(self) -> None:
        """Stop the server at once, as a crash would, and start it again. Only for a session that shares it with
        nobody."""
        self.fall()
        self.rise()

    def fall(self) -> None:
        """Stop the server at once. Only for a session that shares it with nobody."""
        found = find_postmaster(self._directory / "postgres")
        assert found is not None
        os.kill(found.pid, signal.SIGQUIT)

    def rise(self) -> None:
        """Start the server again where it was."""
        with _server(self._directory):
            pass

    def make_template(self) -> None:
        """The migrated template; made under another name first, so that it is there whole or not at all."""
        if self._run(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):
            return
        self._run("DROP DATABASE IF EXISTS unfinished")
        self._run("CREATE DATABASE unfinished TEMPLATE template0")
        migrate.upgrade(self.url_of("unfinished"))
        self._run(f"ALTER DATABASE unfinished RENAME TO {TEMPLATE}")

    def _run(self, statement: str) -> bool:
        with psycopg.connect(self.url, autocommit=True, options="-c statement_timeout=20s") as connection:
            cursor = connection.execute(statement.encode())
            return cursor.description is not None and cursor.fetchone() is not None


@contextmanager
def serve(directory: Path) -> Iterator[Server]:
    """Use a session's server, started by the first who comes and stopped by the last who goes."""
    with _server(directory) as embedded:
        server = Server(embedded.url(), directory)
        with (directory / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server.make_template()
        yield server


@contextmanager
def serve_alone() -> Iterator[Server]:
    """A server of one's own, which may crash."""
    directory = new_directory()
    try:
        with serve(directory) as server:
            yield server
    finally:
        remove_directory(directory)
