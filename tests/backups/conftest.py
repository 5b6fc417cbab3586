"""A database with something in every table, and empty ones to put it into."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from circadia.storage.postgres import Database
from tests import everywhere
from tests.postgres import Server

_ODD = r"tab	line\nbreak \N \. \\ 'quote' " "double" " é😀"


@pytest.fixture
async def full(db: Database) -> str:
    """The URL of a database with a person in every table, odd text and a job. Sequences are ahead of the rows."""
    await everywhere.fill(db, "alice")
    await db.execute("INSERT INTO members (user_id, created_at) VALUES ('bob', now())")
    await db.execute("UPDATE rejects SET error = %s, raw = %s", (_ODD + "\n\r\t\b", '{"b": 1,   "a": 1.0}'))
    await db.execute("SELECT nextval('token_versions')")
    await db.execute(
        """INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
           VALUES ('runs', 'one', '{"a": 1}', 'todo'), ('runs', 'two', '{}', 'todo')"""
    )
    await db.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'two'")
    return db.url


@pytest.fixture
def empty(postgres_server: Server) -> Iterator[Callable[[], str]]:
    """Makes databases without a schema."""
    made: list[str] = []

    def create() -> str:
        made.append(postgres_server.create("template0"))
        return made[-1]

    yield create
    for url in made:
        postgres_server.drop(url)
