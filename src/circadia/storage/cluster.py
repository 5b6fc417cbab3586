"""One PostgreSQL cluster on disk: made, configured, started, adopted and stopped.

Nothing here locks: `circadia.storage.embedded` allows one caller at a time.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from circadia.errors import Misconfigured
from circadia.storage.postmaster import (
    HOST,
    SUPERUSER,
    Logs,
    answers,
    connect,
    find_postmaster,
    read_pid_file,
    tail,
)
from circadia.storage.programs import MAJOR, Programs

DATABASE = ROLE = "circadia"

_START_S = 120
_RETRY_S = 30
# Below the ephemeral ports of Linux and macOS: no outgoing connection can sit on a remembered one.
_PORTS = range(20000, 32000)

# Errors of statements stay out of the log, because their text may hold health values.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "max_wal_size": "512MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Passwords:
    """Those of the superuser (the supervisor's own) and of the role `circadia`, which owns the database."""

    superuser: str
    role: str


class Cluster:
    """The cluster in `directory`; `settings` are added to its configuration."""

    def __init__(self, directory: Path, passwords: Passwords, settings: Mapping[str, str]) -> None:
        self.directory = directory
        self._passwords = passwords
        self._settings = {**_SETTINGS, **settings}
        self._logs = Logs(directory / "log")

    @property
    def exists(self) -> bool:
        return (self.directory / "PG_VERSION").exists()

    def url(self) -> str | None:
        """The libpq URL of database `circadia` on the running server; None if none runs."""
        found = read_pid_file(self.directory)
        if found is None or not answers(self.directory, found.port, self._passwords.superuser):
            return None
        return f"postgresql://{ROLE}:{self._passwords.role}@{HOST}:{found.port}/{DATABASE}"

    def start(self, programs: Programs, gate: int) -> None:
        """Adopt the server that runs on this cluster, or start one, or make the cluster first.

        `gate` is the caller's locked descriptor: an initdb that outlives a killed caller keeps the next one out.

        Raises:
            Misconfigured: with the reason and the last lines of the server's log.
        """
        if not self.exists:
            self._create(programs, gate)
        self._require_our_version()
        if not self._adopt():
            self._launch(programs)
        self._prepare_database()

    def stop(self, programs: Programs) -> None:
        """Stop the server, if one runs: open transactions are rolled back, everything committed is on disk."""
        found = find_postmaster(self.directory)
        if found is None:
            return
        for mode in ("fast", "immediate"):
            done = programs.run("pg_ctl", "stop", "-w", "-t", "30", "-m", mode, "-D", self.directory, timeout_s=60)
            if done.returncode == 0 or find_postmaster(self.directory) is None:
                return
        raise Misconfigured(f"PostgreSQL in {self.directory} (pid {found.pid}) did not stop: {tail(done.stderr)}")

    def _create(self, programs: Programs, gate: int) -> None:
        """Make the cluster beside its place and move it there complete."""
        if self.directory.exists() and any(self.directory.iterdir()):
            raise Misconfigured(f"{self.directory} is not empty and holds no PostgreSQL cluster: move it away.")
        unfinished = self.directory.with_name(f"{self.directory.name}.unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        programs.account.give(unfinished)
        password_file = unfinished.with_name("initdb-password")
        try:
            programs.account.write(password_file, self._passwords.superuser)
            done = programs.run(
                "initdb", f"--pgdata={unfinished}", f"--pwfile={password_file}", f"--username={SUPERUSER}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions",
                *(["--no-sync"] if self._settings.get("fsync") == "off" else []), keep_open=[gate],
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode:
            raise Misconfigured(f"PostgreSQL could not create {self.directory}: {tail(done.stderr)}")
        with (unfinished / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude 'circadia.conf'  # rewritten by Circadia at each start\n")
        (unfinished / "log").mkdir(mode=0o700)
        programs.account.give(unfinished / "log")
        unfinished.rename(self.directory)

    def _require_our_version(self) -> None:
        version = (self.directory / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise Misconfigured(
                f"{self.directory} was made by PostgreSQL {version} and this Circadia brings {MAJOR}: dump it with "
                f"the release that made it, or set CIRCADIA_DATA_DIR to a new directory and import the dump there."
            )

    def _adopt(self) -> bool:
        """Wait for a server that is on its way up or down; True if one runs at the end of it."""
        deadline = time.monotonic() + _START_S
        while found := find_postmaster(self.directory):
            if answers(self.directory, found.port, self._passwords.superuser):
                return True
            if time.monotonic() > deadline:
                raise Misconfigured(
                    f"PostgreSQL in {self.directory} (pid {found.pid}, port {found.port}) runs but does not answer: "
                    f"see {self._logs.directory}."
                )
            time.sleep(0.1)
        return False

    def _launch(self, programs: Programs) -> None:
        self._remove_false_pid_file()
        self._logs.trim()
        port = self._remembered_port()
        deadline = time.monotonic() + _RETRY_S
        while True:
            if not _is_free(port):
                port = _free_port()
            self._configure(port, programs)
            before = self._logs.sizes()
            done = programs.run(
                "pg_ctl", "start", "-w", "-t", str(_START_S), "-s", "-D", self.directory,
                "-l", self._logs.first, timeout_s=_START_S + 30,
            )  # fmt: skip
            if done.returncode == 0 or self._adopt():
                return
            log = self._logs.since(before)
            # Somebody was faster at the port; backends of a killed postmaster need a moment to notice its death.
            may_pass = "could not bind" in log or "shared memory block" in log
            if not may_pass or time.monotonic() > deadline:
                raise Misconfigured(f"PostgreSQL in {self.directory} did not start: {tail(log or done.stderr)}")
            time.sleep(0.2)

    def _remove_false_pid_file(self) -> None:
        """Remove a pid file whose pid is now a foreign process or a zombie: PostgreSQL would believe it.

        Surviving backends of an older server still keep a second one out: PostgreSQL finds their shared memory
        by the directory's inode.
        """
        if find_postmaster(self.directory) is None:
            (self.directory / "postmaster.pid").unlink(missing_ok=True)

    def _prepare_database(self) -> None:
        """Make the role and its database unless they are there; run at each start, as a crash may lie between."""
        found = find_postmaster(self.directory)
        if found is None:
            raise Misconfigured(f"PostgreSQL in {self.directory} ended right after its start.")
        try:
            with connect(found.port, self._passwords.superuser) as connection:
                if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
                    scrambled = connection.pgconn.encrypt_password(
                        self._passwords.role.encode(), ROLE.encode(), b"scram-sha-256"
                    )
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                            sql.Identifier(ROLE), sql.Literal(scrambled.decode())
                        )
                    )
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(
                        sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
                    )
        except psycopg.Error as error:
            raise Misconfigured(
                f"PostgreSQL in {self.directory} does not serve Circadia: {tail(str(error))}"
            ) from error

    def _configuration(self) -> Path:
        return self.directory / "circadia.conf"

    def _remembered_port(self) -> int:
        try:
            for line in self._configuration().read_text().splitlines():
                name, _, value = line.partition(" = ")
                if name == "port":
                    return int(value.strip("'"))
        except (FileNotFoundError, ValueError):
            pass
        return _free_port()

    def _configure(self, port: int, programs: Programs) -> None:
        lines = [
            f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n"
            for name, value in {**self._settings, "port": str(port)}.items()
        ]
        programs.account.write(self._configuration(), "".join(lines))


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    """A port on which nothing listens now.

    Raises:
        Misconfigured: the machine has none.
    """
    for _ in range(100):
        if _is_free(port := secrets.choice(_PORTS)):
            return port
    raise Misconfigured(f"No free port for PostgreSQL between {_PORTS.start} and {_PORTS.stop} on {HOST}.")
