"""Which server runs on a cluster's directory, and what it logged.

A server counts as running when it answers a connection that proves the cluster's password and names this very
directory; its pid file alone proves nothing, because pids are reused and dead processes linger.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

HOST = "127.0.0.1"
SUPERUSER = "postgres"

_LOG_MAX_BYTES = 8_000_000
_LOG_MAX_AGE_S = 6.5 * 86400


@dataclass(frozen=True)
class PidFile:
    """What `postmaster.pid` claims: the first line is the pid, the fourth the port."""

    pid: int
    port: int


def read_pid_file(directory: Path) -> PidFile | None:
    """The pid file of the cluster in `directory`; None if it is missing or not yet complete."""
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
        return PidFile(pid=int(lines[0]), port=int(lines[3]))
    except (FileNotFoundError, IndexError, ValueError):
        return None


def find_postmaster(directory: Path) -> PidFile | None:
    """The pid file, if its process really is a postmaster of `directory`, in whatever state it is."""
    found = read_pid_file(directory)
    return found if found is not None and _directory_argument(found.pid) == str(directory) else None


def _directory_argument(pid: int) -> str | None:
    """The value of -D of process `pid`; None for one that is gone, a zombie or something else."""
    if Path("/proc/self/cmdline").exists():
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            return None
        return arguments[arguments.index("-D") + 1] if "-D" in arguments[:-1] else None
    listing = subprocess.run(  # noqa: S603 - a number is all that varies
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout.rstrip("\n").partition(" -D ")[2] or None


def connect(port: int, password: str) -> psycopg.Connection:
    """A superuser's connection; a stranger who listens on `port` is not shown the password.

    Raises:
        psycopg.Error: nobody listens there, or not a server with this password.
    """
    return psycopg.connect(
        host=HOST,
        port=port,
        user=SUPERUSER,
        password=password,
        dbname="postgres",
        connect_timeout=5,
        require_auth="scram-sha-256",
        autocommit=True,
    )


def answers(directory: Path, port: int, password: str) -> bool:
    """Whether the server on `port` is that of `directory`: a copied data directory has its twin's port and password."""
    try:
        with connect(port, password) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
    except psycopg.Error:
        return False
    return row is not None and Path(row[0]).exists() and directory.samefile(row[0])


class Logs:
    """The server's log files: one a weekday, overwritten after a week, and one for what precedes them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.first = directory / "start.log"

    def sizes(self) -> dict[Path, int]:
        """Bytes of each file now."""
        return {log: log.stat().st_size for log in self._files()}

    def since(self, sizes: Mapping[Path, int]) -> str:
        """What was logged after `sizes` was taken."""
        return "".join(log.read_bytes()[sizes.get(log, 0) :].decode(errors="replace") for log in self._files())

    def trim(self) -> None:
        """Remove what is too large or older than a week; only while no server writes."""
        for log in self._files():
            status = log.stat()
            if status.st_size > _LOG_MAX_BYTES or time.time() - status.st_mtime > _LOG_MAX_AGE_S:
                log.unlink()

    def _files(self) -> list[Path]:
        return sorted(self.directory.glob("*.log"))


def tail(text: str, lines: int = 4) -> str:
    """The last lines of `text` as one line, to be quoted in a sentence."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:])
