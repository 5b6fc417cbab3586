"""`circadia secrets`: what is missing is made, what is there stays, and only the owner reads it."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from circadia import config
from circadia.cli import secrets
from circadia.config import SECRETS
from circadia.errors import Misconfigured
from circadia.storage import secret_files
from tests.cli.terminal import Terminal


def test_files_are_made_once_and_read_as_settings(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    made = terminal.run("secrets", "kept", "--json")
    assert made.data == {"directory": "kept", "made": list(secrets.ONE_PERSON)}
    before = {path: path.read_text() for path in (tmp_path / "kept").rglob("*") if path.is_file()}
    assert len(before) == len(secrets.ONE_PERSON)
    again = terminal.run("secrets", "kept", "--json")
    assert again.data["made"] == []
    assert {path: path.read_text() for path in before} == before
    for path in before:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    told = {f"{path.name.upper()}_FILE": os.fspath(path) for path in before if path.name.upper() in SECRETS}
    settings = config.load(told, dotenv=Path("nowhere"))
    assert settings.database_url is not None
    password = (tmp_path / "kept/postgres/password").read_text().strip()
    assert settings.database_url.get_secret_value() == f"postgresql://circadia:{password}@postgres:5432/circadia"
    assert settings.token_encryption_keys is not None


def test_a_team_s_services_share_what_they_have_to_and_nothing_else(tmp_path: Path) -> None:
    secrets.make(tmp_path, secrets.ONE_PERSON)
    made = secrets.make(tmp_path, secrets.TEAM)
    assert made == [name for name in secrets.TEAM if name not in secrets.ONE_PERSON]
    told = {name: (tmp_path / name).read_text().strip() for name in secrets.TEAM}
    alike = [sorted(each for each in told if told[each] == secret) for secret in set(told.values())]
    assert sorted(names for names in alike if len(names) > 1) == [
        ["backup/database_url", "circadia/database_url", "grafana_role/database_url"],
        ["backup/gateway_database_url", "gateway/database_url"],
        ["circadia/gateway_api_key", "gateway/whoop_service_api_key"],
        ["grafana/database_password", "grafana_role/password"],
    ]
    settings = config.load(
        {name.partition("/")[2].upper(): secret for name, secret in told.items() if name.startswith("gateway")}
        | {"CIRCADIA_BACKUP_KEY": told["backup/circadia_backup_key"], "WHOOP_SERVICE_URL": "http://localhost:8001"},
        dotenv=Path("nowhere"),
    )
    assert settings.circadia_backup_key is not None


def test_one_that_is_missing_is_made_from_those_that_are_there(tmp_path: Path) -> None:
    secrets.make(tmp_path, secrets.ONE_PERSON)
    (tmp_path / "circadia/database_url").unlink()
    (tmp_path / "postgres/password").write_text("of old\n")
    assert secrets.make(tmp_path, secrets.ONE_PERSON) == ["circadia/database_url"]
    assert ":of old@" in (tmp_path / "circadia/database_url").read_text()


def test_two_who_start_at_once_agree(tmp_path: Path) -> None:
    def make(_: int) -> list[str]:
        return secrets.make(tmp_path, secrets.ONE_PERSON)

    with ThreadPoolExecutor(8) as pool:
        made = [name for names in pool.map(make, range(8)) for name in names]
    assert sorted(made) == sorted(secrets.ONE_PERSON)
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == sorted(
        name.partition("/")[2] for name in secrets.ONE_PERSON
    )
    password = (tmp_path / "postgres/password").read_text().strip()
    assert f":{password}@" in (tmp_path / "circadia/database_url").read_text()


def test_no_secret_is_shown(tmp_path: Path) -> None:
    said = Terminal(tmp_path).run("secrets", "kept", "--team")
    assert said.code == 0
    shown = said.stdout + said.stderr
    for path in (tmp_path / "kept").rglob("*"):
        if path.is_file():
            assert path.read_text().strip() not in shown
    assert not re.search(r"[\w-]{40}", shown)


def test_a_place_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot keep secrets in"):
        secrets.make(tmp_path / "file", secrets.ONE_PERSON)


def test_what_is_kept_is_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    assert secret_files.keep(path, "first")
    assert not secret_files.keep(path, "second")
    assert path.read_text() == "first\n"
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_what_is_replaced_is_the_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("open to all")
    path.chmod(0o644)
    with secret_files.beside(path, "first\n") as fresh:
        assert path.read_text() == "open to all"
        fresh.replace(path)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("first\n", 0o600)
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError), secret_files.beside(tmp_path / "directory", "second") as fresh:
        fresh.replace(tmp_path / "directory")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["directory", "secret"]
