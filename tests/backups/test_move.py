"""A database is moved whole, while nobody writes to it, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest

from circadia import backups
from circadia.errors import Conflict
from circadia.storage import copies, migrate
from circadia.storage.postgres import Database
from tests.backups.databases import dump, execute

Create = Callable[[], str]


def quiet(_table: str, _rows: int) -> None:
    """Nobody watches."""


async def _left(db: Database) -> str:
    """A database that the test's own connections have left."""
    await db.close()
    return db.url


async def test_everything_is_there_and_the_old_one_stays(full: str, db: Database, empty: Create) -> None:
    source, target = await _left(db), empty()
    before = dump(source)
    moved = backups.move(source, target, quiet)
    assert dump(target) == before == dump(source)
    assert moved == backups.Copied(migrate.head(), moved.tables, moved.rows)
    with pytest.raises(Conflict, match="not empty"):
        backups.move(source, target, quiet)


async def test_not_while_circadia_is_connected(full: str, empty: Create) -> None:
    target = empty()
    with pytest.raises(Conflict, match="Circadia is running"):
        backups.move(full, target, quiet)
    assert migrate.current(target) is None


async def test_not_while_somebody_writes(full: str, db: Database, empty: Create) -> None:
    source, target = await _left(db), empty()
    with psycopg.connect(source) as writer:
        writer.execute("UPDATE members SET user_id = user_id")
        with pytest.raises(Conflict, match="somebody is writing"):
            backups.move(source, target, quiet)
        writer.rollback()
    assert migrate.current(target) is None


async def test_who_writes_meanwhile_waits_and_who_reads_does_not(full: str, db: Database, empty: Create) -> None:
    source, target = await _left(db), empty()
    before = dump(source)
    done = threading.Event()

    def write() -> None:
        execute(source, "UPDATE members SET user_id = user_id || '!'")
        done.set()

    writer = threading.Thread(target=write)

    def told(_table: str, _rows: int) -> None:
        if not writer.is_alive() and not done.is_set():
            writer.start()
        with psycopg.connect(source) as reader:
            assert reader.execute("SELECT count(*) FROM members WHERE user_id LIKE '%!'").fetchone() == (0,)

    backups.move(source, target, told)
    writer.join(20)
    assert done.is_set()
    assert dump(target) == before != dump(source)


async def test_a_circadia_that_starts_meanwhile_ends_it(full: str, db: Database, empty: Create) -> None:
    source, target = await _left(db), empty()
    late: list[psycopg.Connection] = []

    def told(_table: str, _rows: int) -> None:
        if not late:
            late.append(psycopg.connect(source, application_name="circadia"))

    with pytest.raises(Conflict, match="Circadia is running"):
        backups.move(source, target, told)
    late[0].close()
    assert dump(target)["public.members"] == []
    copies.require_alone(source)
    backups.move(source, target, quiet)
    assert dump(target) == dump(source)
