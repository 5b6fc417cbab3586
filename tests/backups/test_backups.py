"""A backup is the whole database of one instant, and comes back whole into an empty one or not at all."""

from __future__ import annotations

import json
import stat
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
from moto import mock_aws
from moto.core import enable_iam_authentication

from circadia import backups
from circadia.backups import Directory
from circadia.domain.retention import parse_keep
from circadia.errors import Conflict, Invalid, Misconfigured, NotFound
from circadia.storage import copies, migrate
from tests.backups.databases import dump, execute

KEY = bytes(range(32))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAME = "circadia-20261120T120000.000000Z.backup"

Create = Callable[[], str]


def quiet(_table: str, _rows: int) -> None:
    """Nobody watches."""


def test_a_backup_comes_back_as_it_was(full: str, empty: Create, tmp_path: Path) -> None:
    before, place, url = dump(full), Directory(tmp_path / "kept" / "here"), empty()
    made = backups.back_up(full, place, KEY, NOW, None, quiet)
    file = place.path / NAME
    assert made == backups.Backup(NAME, file.stat().st_size, made.tables, made.rows, (), None, noted=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in place.path.iterdir()] == [NAME]
    assert b"alice" not in file.read_bytes()

    restored = backups.restore(place, NAME, KEY, url, quiet)
    assert restored == backups.Restored(migrate.head(), made.tables, made.rows, NAME, NOW)
    after = dump(url)
    assert after == before
    assert dump(full) == before | {"public.backups": [(f'("{NOW:%Y-%m-%d %H:%M:%S+00}",{made.rows},{made.size})',)]}
    assert made.rows == sum(len(rows) for name, rows in before.items() if name.removeprefix("public.") in _tables(full))
    assert migrate.drift(url) == []
    execute(url, "INSERT INTO members (user_id, created_at) SELECT 'carol', now()")


def test_a_database_that_is_only_read_is_backed_up_as_well(full: str, tmp_path: Path) -> None:
    name = urlsplit(full).path[1:]
    execute(full, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert not backups.back_up(full, Directory(tmp_path), KEY, NOW, None, quiet).noted
    assert (tmp_path / NAME).exists()


def test_every_table_but_the_schemas_own_is_in_it(full: str, empty: Create, tmp_path: Path) -> None:
    told: dict[str, int] = {}
    before = {name.removeprefix("public."): len(rows) for name, rows in dump(full).items()}
    backups.back_up(full, Directory(tmp_path), KEY, NOW, None, told.__setitem__)
    assert told == {name: before[name] for name in _tables(full)}


def test_what_is_not_circadias_is_left_alone(full: str, empty: Create, tmp_path: Path) -> None:
    execute(full, "CREATE TABLE recipes (id bigserial)", "INSERT INTO recipes VALUES (1)")
    url = empty()
    execute(url, "CREATE TABLE diary (id bigserial)", "CREATE SEQUENCE pages START 7", "INSERT INTO diary VALUES (1)")
    backups.back_up(full, Directory(tmp_path), KEY, NOW, None, quiet)
    backups.restore(Directory(tmp_path), NAME, KEY, url, quiet)
    after = dump(url)
    assert (after["public.diary"], after["public.diary_id_seq"], after["public.pages"]) == (
        [("(1)",)],
        [(1, False)],
        [(7, False)],
    )
    assert "public.recipes" not in after


def test_every_sequence_of_circadias_is_in_it(database_url: str) -> None:
    with psycopg.connect(database_url) as connection, copies.opened(database_url) as source:
        named = connection.execute("SELECT sequencename FROM pg_sequences").fetchall()
        assert source.inventory.sequences.keys() == {name for (name,) in named}


def test_a_backup_is_of_one_instant(full: str, empty: Create, tmp_path: Path) -> None:
    before, url = dump(full), empty()

    def write_more(table: str, _rows: int) -> None:
        execute(full, f"INSERT INTO members (user_id, created_at) VALUES ('during {table}', now())")

    backups.back_up(full, Directory(tmp_path), KEY, NOW, None, write_more)
    backups.restore(Directory(tmp_path), NAME, KEY, url, quiet)
    after = dump(url)
    assert len(dump(full)["public.members"]) > len(before["public.members"]) == len(after["public.members"])
    assert {name: rows for name, rows in after.items() if "seq" not in name} == {
        name: rows for name, rows in before.items() if "seq" not in name
    }


def test_what_cannot_be_restored_leaves_nothing(full: str, empty: Create, tmp_path: Path) -> None:
    place, before, url = Directory(tmp_path), dump(full), empty()
    backups.back_up(full, place, KEY, NOW, None, quiet)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-1])
    (tmp_path / "changed").write_bytes(whole[:-50] + bytes(50))
    (tmp_path / "other").write_bytes(b"something else")
    for name, sentence in (("cut", "damaged or cut off"), ("changed", "damaged"), ("other", "not a backup")):
        with pytest.raises(Invalid, match=sentence):
            backups.restore(place, name, KEY, url, quiet)
    with pytest.raises(Misconfigured, match="another key"):
        backups.restore(place, NAME, bytes(32), url, quiet)
    assert not any(rows for name, rows in dump(url).items() if name == "public.members")
    backups.restore(place, NAME, KEY, url, quiet)
    assert dump(url) == before


def test_rows_that_change_on_the_way_are_found_and_nothing_is_kept(full: str, empty: Create, tmp_path: Path) -> None:
    place, url = Directory(tmp_path), empty()
    backups.back_up(full, place, KEY, NOW, None, quiet)
    migrate.upgrade(url)
    # what is written into such a column loses its blanks and its order
    execute(url, "ALTER TABLE rejects ALTER COLUMN raw TYPE jsonb")
    with pytest.raises(Conflict, match="rejects is not what was sent: nothing was kept"):
        backups.restore(place, NAME, KEY, url, quiet)
    assert dump(url)["public.members"] == []


def test_only_an_empty_database_is_restored_into(full: str, database_url: str, empty: Create, tmp_path: Path) -> None:
    place = Directory(tmp_path)
    backups.back_up(full, place, KEY, NOW, None, quiet)
    before = dump(full)
    with pytest.raises(Conflict, match="not empty"):
        backups.restore(place, NAME, KEY, full, quiet)
    assert dump(full) == before
    url = empty()
    execute(url, "CREATE TABLE alembic_version (version_num text)", "INSERT INTO alembic_version VALUES ('0000')")
    with pytest.raises(Conflict, match="0000"):
        backups.restore(place, NAME, KEY, url, quiet)


def test_another_versions_schema_is_refused(full: str, tmp_path: Path) -> None:
    execute(full, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(Misconfigured, match="0000"):
        backups.back_up(full, Directory(tmp_path), KEY, NOW, None, quiet)
    assert list(tmp_path.iterdir()) == []


def test_older_backups_go_by_the_rule_and_nothing_else_does(database_url: str, tmp_path: Path) -> None:
    place = Directory(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "circadia-old.backup").write_text("mine too")
    for hours in (80, 79, 50, 30, 6):
        backups.back_up(database_url, place, KEY, NOW - timedelta(hours=hours), None, quiet)
    made = backups.back_up(database_url, place, KEY, NOW, parse_keep("3d"), quiet)
    gone, kept = ("17T040000", "17T050000", "20T060000"), ("18T100000", "19T060000", "20T120000")
    assert made.removed == tuple(f"circadia-202611{each}.000000Z.backup" for each in gone)
    left = {f"circadia-202611{each}.000000Z.backup" for each in kept}
    assert set(place.names()) == left | {"notes.txt", "circadia-old.backup"}


def test_two_backups_of_one_second_are_two(database_url: str, tmp_path: Path) -> None:
    place = Directory(tmp_path)
    for later in (0, 5):
        backups.back_up(database_url, place, KEY, NOW + timedelta(microseconds=later), None, quiet)
    first, second = sorted(place.names())
    assert backups.find(str(tmp_path)) == (place, second)
    assert (first, second) == (NAME, NAME.replace("000000Z", "000005Z"))


def test_a_backup_counts_where_older_ones_cannot_be_removed(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As credentials have it that may add files and remove none."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with mock_aws():
        owner = boto3.Session()
        owner.client("s3").create_bucket(Bucket="kept")
        adding = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:ListBucket"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [adding]})
        people = owner.client("iam")
        people.create_user(UserName="adds")
        people.put_user_policy(UserName="adds", PolicyName="adds", PolicyDocument=policy)
        key = people.create_access_key(UserName="adds")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        with enable_iam_authentication():
            place = backups.place_of("s3://kept")
            backups.back_up(database_url, place, KEY, NOW - timedelta(days=5), None, quiet)
            made = backups.back_up(database_url, place, KEY, NOW, parse_keep("1d"), quiet)
            assert len(place.names()) == 2
    assert (made.name, made.removed, made.noted) == (NAME, (), True)
    assert made.hindered is not None
    assert "AccessDenied" in made.hindered
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT max(made_at) FROM backups").fetchone() == (NOW,)


def test_a_backup_is_found_by_its_name_or_as_the_newest(tmp_path: Path) -> None:
    older = "circadia-20261120T115959.999999Z.backup"
    for name in (NAME, older, "zzz"):
        (tmp_path / name).write_text("")
    assert backups.find(str(tmp_path)) == (Directory(tmp_path), NAME)
    assert backups.find(f"{tmp_path}/{older}")[1] == older
    assert backups.find(f"{tmp_path}/zzz") == (Directory(tmp_path), "zzz")
    (tmp_path / "bare").mkdir()
    with pytest.raises(NotFound, match="no backup"):
        backups.find(f"{tmp_path}/bare")
    with pytest.raises(Misconfigured, match="No such file"):
        backups.find(f"{tmp_path}/nowhere")
    with pytest.raises(Misconfigured, match="cannot be used"):
        backups.back_up("", Directory(tmp_path / NAME), KEY, NOW, None, quiet)


def test_a_bucket_serves_as_well(full: str, empty: Create, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    url = empty()
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="kept")
        place = backups.place_of("s3://kept/mine")
        backups.back_up(full, place, KEY, NOW - timedelta(days=1), None, quiet)
        before = dump(full)
        made = backups.back_up(full, place, KEY, NOW, parse_keep("1d"), quiet)
        assert place.names() == [made.name] == [NAME]
        for text in ("s3://kept/mine", f"s3://kept/mine/{NAME}"):
            found, name = backups.find(text)
            assert (found.names(), name) == ([NAME], NAME)
        backups.restore(found, name, KEY, url, quiet)
    assert dump(url) == before
    assert list(tmp_path.iterdir()) == []


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {
            name
            for (name,) in connection.execute(
                """SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND relname <> 'alembic_version'
                   AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
            )
        }
