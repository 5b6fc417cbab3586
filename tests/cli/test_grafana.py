"""Roles for Grafana from the terminal."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import yaml

from tests.cli.terminal import Terminal
from tests.postgres import Server


@pytest.fixture
def house(terminal: Terminal) -> Iterator[psycopg.Connection]:
    """The database with alice and bob in it, as its owner sees it. Roles are the server's: they go with the test."""
    with psycopg.connect(terminal.settings["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "INSERT INTO members (user_id, created_at) SELECT u, now() FROM unnest(ARRAY['alice', 'bob']) u"
        )
        yield connection
        roles = [each[0] for each in connection.execute("SELECT role FROM report_grants")]
    for role in roles:
        assert terminal.run("grafana", "revoke", role).code == 0


def seen(terminal: Terminal, datasource: str) -> list[str]:
    """Whom Grafana would see with a datasource file."""
    source = source_of(datasource)
    parts = urlsplit(terminal.settings["DATABASE_URL"])
    netloc = f"{source['user']}:{source['secureJsonData']['password']}@{source['url']}"
    url = urlunsplit(parts._replace(netloc=netloc, path="/" + source["jsonData"]["database"]))
    with psycopg.connect(url, autocommit=True) as connection:
        return [each[0] for each in connection.execute("SELECT user_id FROM reporting.members ORDER BY 1")]


def source_of(datasource: str) -> dict[str, Any]:
    whole = yaml.safe_load(datasource)
    (source,) = whole["datasources"]
    assert (whole["apiVersion"], source["type"], source["uid"]) == (1, "grafana-postgresql-datasource", "circadia")
    assert isinstance(source, dict)
    return source


def test_a_member_s_role(terminal: Terminal, house: psycopg.Connection, tmp_path: Path) -> None:
    assert terminal.run("grafana", "grant", "carol").refused("nobody is called carol")
    first = terminal.run("grafana", "grant", "alice")
    assert (first.code, seen(terminal, first.stdout)) == (0, ["alice"])
    role = source_of(first.stdout)["user"]
    assert "alice" not in role
    assert role in first.stderr

    file = tmp_path / "alice.yaml"
    said = terminal.run("grafana", "grant", "alice", "--to", str(file), "--org", "3", "--json").data
    assert said == {"role": role, "user_id": "alice", "datasource": str(file)}
    assert (file.stat().st_mode & 0o777, source_of(file.read_text())["orgId"]) == (0o600, 3)
    assert seen(terminal, file.read_text()) == ["alice"]
    with pytest.raises(psycopg.OperationalError):
        seen(terminal, first.stdout)  # the password before

    away = terminal.run("grafana", "grant", "bob", "--address", "db.example.org:6000")
    assert source_of(away.stdout)["url"] == "db.example.org:6000"
    assert [each["user_id"] for each in terminal.run("grafana", "list", "--json").data["grants"]] == ["alice", "bob"]

    assert terminal.run("grafana", "revoke", "alice").code == 0
    with pytest.raises(psycopg.OperationalError):
        seen(terminal, file.read_text())
    assert terminal.run("grafana", "revoke", "alice").refused("has no role")
    assert role not in terminal.run("grafana", "list").stdout
    deeds = [each[0] for each in house.execute("SELECT deed FROM audit WHERE user_id = 'alice' ORDER BY id")]
    assert deeds == ["grafana.granted", "grafana.granted", "grafana.revoked"]


def test_the_password_before_works_on_when_the_file_cannot_be_written(
    terminal: Terminal, house: psycopg.Connection, tmp_path: Path
) -> None:
    before = terminal.run("grafana", "grant", "alice").stdout
    (tmp_path / "taken").mkdir()
    for place in (tmp_path / "missing" / "alice.yaml", Path("/proc/alice.yaml"), tmp_path / "taken"):
        assert terminal.run("grafana", "grant", "alice", "--to", str(place)).refused(f"cannot write {place}")
        assert seen(terminal, before) == ["alice"]
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
    assert house.execute("SELECT count(*) FROM audit WHERE deed = 'grafana.granted'").fetchone() == (1,)


def test_the_owner_s_role(terminal: Terminal, house: psycopg.Connection, tmp_path: Path) -> None:
    role, password = f"owner_{secrets.token_hex(4)}", tmp_path / "password"
    asked = ("grafana", "owner", "--role", role, "--password-file", str(password))
    assert terminal.run(*asked).refused("cannot read")
    password.write_text("with $HOME in it\n")
    keyless = terminal.with_settings(TOKEN_ENCRYPTION_KEYS="")
    for _ in range(2):
        said = keyless.run(*asked)
        assert (said.code, said.stdout) == (0, "")
    file = tmp_path / "owner.yaml"
    assert terminal.run(*asked, "--to", str(file)).code == 0
    assert source_of(file.read_text())["secureJsonData"]["password"] == "with $$HOME in it", "Grafana fills in names"
    filled_in = file.read_text().replace("with $$HOME in it", "with%20$HOME%20in%20it")
    assert seen(terminal, filled_in) == ["alice", "bob"]

    house.execute("INSERT INTO report_grants VALUES ('lost_in_a_move', 'bob', now())")
    told = terminal.run("db", "upgrade")
    assert (told.code, "circadia grafana grant bob" in told.stderr, role in told.stderr) == (0, True, False)
    house.execute("DELETE FROM report_grants WHERE role = 'lost_in_a_move'")


def test_a_role_of_somebody_else_s_is_left_alone(terminal: Terminal, house: psycopg.Connection) -> None:
    assert terminal.run("grafana", "owner", "--role", "circadia").refused("has a role circadia", "--role")
    ((limit,),) = house.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'circadia'")
    assert limit == -1
    assert terminal.run("grafana", "grant", "alice").code == 0
    (role,) = house.execute("DELETE FROM report_grants RETURNING role").fetchone() or ()
    assert terminal.run("grafana", "grant", "alice").refused(role, "circadia grafana revoke alice")
    assert terminal.run("grafana", "revoke", "alice").code == 0


def test_sql_is_printed_where_the_database_s_role_may_make_none(
    terminal: Terminal, postgres_server: Server, tmp_path: Path
) -> None:
    plain = f"plain_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {plain} LOGIN PASSWORD 'plain'".encode())
        admin.execute(f"GRANT {plain} TO circadia WITH INHERIT TRUE, SET TRUE".encode())
        admin.execute(f"CREATE DATABASE {plain} OWNER {plain}".encode())
    administered = postgres_server.url_of(plain)
    parts = urlsplit(administered)
    hosted = terminal.with_settings(
        DATABASE_URL=urlunsplit(parts._replace(netloc=f"{plain}:plain@{parts.hostname}:{parts.port}"))
    )
    upgraded = hosted.run("db", "upgrade")
    assert (upgraded.code, f'ALTER ROLE "{plain}" CREATEROLE;' in upgraded.stderr) == (0, True)
    with psycopg.connect(administered, autocommit=True) as admin:
        admin.execute("INSERT INTO members (user_id, created_at) VALUES ('alice', now()), ('bob', now())")
        file = tmp_path / "alice.yaml"
        said = hosted.run("grafana", "grant", "alice", "--to", str(file))
        source = source_of(file.read_text())
        assert (said.code, source["secureJsonData"]["password"] in said.stdout) == (3, False)
        assert hosted.run("grafana", "list", "--json").data == {"grants": []}, "nothing was done"
        admin.execute(said.stdout.encode())
        assert seen(hosted, file.read_text()) == ["alice"]

        said = hosted.run("grafana", "revoke", "alice")
        assert (said.code, "DROP ROLE" in said.stdout) == (3, True)
        assert seen(hosted, file.read_text()) == [], "from this moment on"
        admin.execute(said.stdout.encode())
    with pytest.raises(psycopg.OperationalError):
        seen(hosted, file.read_text())
    postgres_server.drop(administered)
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"DROP ROLE {plain}".encode())
