"""The PostgreSQL that Circadia brings along: started when needed, shared by all processes of a data directory.

    data_dir/
      postgres/           the cluster, of its own account (0700)
      postgres.secret     its passwords (0600)
      postgres.gate       locked exclusively while somebody starts or stops the server
      postgres.users      locked shared by every user of the server
      programs/           for root only: PostgreSQL's programs where their account can reach them

The kernel drops a killed user's lock, so the count of users is never wrong. The server belongs to no process:
it survives kill -9 of its users, and the next one adopts it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from circadia.errors import Misconfigured
from circadia.storage.cluster import Cluster, Passwords
from circadia.storage.programs import Account, programs_for


class EmbeddedPostgres:
    """One use of the server of `data_dir`; each object counts as a user between `start` and `stop`.

    Args:
        data_dir: CIRCADIA_DATA_DIR; made if missing. As root it becomes enterable for others (o+x).
        settings: lines for the server's configuration, written when it starts. For throw-away servers of tests
            (`{"fsync": "off"}`): a running server keeps what it was started with.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._settings = dict(settings or {})
        self._membership: int | None = None

    def start(self) -> str:
        """Become a user of the server, starting it if nobody has; returns the libpq URL of database `circadia`.

        Raises:
            Misconfigured: it cannot be started; the message says why and what to do.
        """
        with _readable(self._data_dir):
            _make_data_dir(self._data_dir)
            with self._gate() as gate:
                cluster = self._cluster(make=True)
                cluster.start(programs_for(self._data_dir, cluster.directory), gate)
                if self._membership is None:
                    self._membership = self._lock("users", fcntl.LOCK_SH)
        return self.url()

    def stop(self) -> None:
        """Leave; the last user stops the server. Does nothing for one who is no user."""
        if self._membership is None:
            return
        with _readable(self._data_dir), self._gate():
            os.close(self._membership)
            self._membership = None
            try:
                alone = self._lock("users", fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            try:
                cluster = self._cluster()
                cluster.stop(programs_for(self._data_dir, cluster.directory))
            finally:
                os.close(alone)

    def url(self) -> str:
        """The libpq URL of database `circadia` on the running server, without becoming a user.

        Raises:
            Misconfigured: no server runs on this data directory.
        """
        with _readable(self._data_dir):
            url = self._cluster().url() if self._secret().exists() else None
        if url is None:
            raise Misconfigured(
                f"No PostgreSQL is running for {self._data_dir}: start Circadia first, or set DATABASE_URL."
            )
        return url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _secret(self) -> Path:
        return self._data_dir / "postgres.secret"

    def _cluster(self, *, make: bool = False) -> Cluster:
        directory, secret = self._data_dir / "postgres", self._secret()
        if make and not secret.exists():
            if (directory / "PG_VERSION").exists():
                raise Misconfigured(f"{secret} is missing, without it {directory} cannot be opened: restore it.")
            fresh = {"superuser": secrets.token_urlsafe(32), "role": secrets.token_urlsafe(32)}
            Account.of(self._data_dir).write(secret, json.dumps(fresh))
        try:
            passwords = Passwords(**json.loads(secret.read_text()))
        except (ValueError, TypeError):
            raise Misconfigured(f"{secret} is damaged: restore it from a backup.") from None
        return Cluster(directory, passwords, self._settings)

    @contextmanager
    def _gate(self) -> Iterator[int]:
        descriptor = self._lock("gate", fcntl.LOCK_EX)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _lock(self, name: str, kind: int) -> int:
        """An open, locked descriptor; closing it, or dying, unlocks. Programs we start do not inherit it."""
        path = self._data_dir / f"postgres.{name}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            Account.of(self._data_dir).give(descriptor)
            fcntl.flock(descriptor, kind)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


@contextmanager
def _readable(data_dir: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise Misconfigured(
            f"PostgreSQL's files in {data_dir} cannot be used: {error.strerror or error} "
            f"({error.filename or data_dir}); data directory and Circadia have to belong to the same user."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Misconfigured(
            f"PostgreSQL in {data_dir} was still busy after {error.timeout:.0f} s; try again."
        ) from error


def _make_data_dir(data_dir: Path) -> None:
    """Make the directory and its missing parents; root's must let PostgreSQL's account through."""
    as_root = os.geteuid() == 0
    for directory in (*reversed(data_dir.parents), data_dir):
        if not directory.exists():
            directory.mkdir(mode=0o700, exist_ok=True)
            if as_root:
                directory.chmod(0o711 if directory == data_dir else 0o755)
    if as_root and data_dir.stat().st_mode & 0o001 == 0:
        if data_dir == Path.home():
            raise Misconfigured("CIRCADIA_DATA_DIR is root's home: give Circadia a directory of its own.")
        data_dir.chmod(data_dir.stat().st_mode | 0o001)
