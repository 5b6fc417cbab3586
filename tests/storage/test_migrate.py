"""The schema goes forward and back one step at a time, by one process at a time."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from circadia.errors import Conflict, Misconfigured
from circadia.storage import migrate
from tests.postgres import Server

_SECOND = """
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.execute("CREATE TABLE moods (id bigint)")


def downgrade():
    op.execute("DROP TABLE moods")
"""


@pytest.fixture
def url(postgres_server: Server) -> Iterator[str]:
    """A database without a schema."""
    made = postgres_server.create("template0")
    yield made
    postgres_server.drop(made)


@pytest.fixture
def two_steps(tmp_path: Path) -> Path:
    """The migrations of a version that has one more."""
    scripts = tmp_path / "migrations"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "0002_second.py").write_text(_SECOND)
    return scripts


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_one_step_back_and_forward_again(url: str, two_steps: Path) -> None:
    migrate.upgrade(url, "0001")
    first = _tables(url)
    migrate.upgrade(url, scripts=two_steps)
    assert (migrate.current(url), _tables(url)) == ("0002", first | {"moods"})
    with pytest.raises(Misconfigured, match="0002, which this version does not know"):
        migrate.downgrade(url)
    assert migrate.downgrade(url, scripts=two_steps) == "0001"
    assert (migrate.current(url), _tables(url)) == ("0001", first)
    migrate.upgrade(url, scripts=two_steps)
    assert _tables(url) == first | {"moods"}


def test_there_is_nothing_before_the_first_schema(url: str, database_url: str) -> None:
    with pytest.raises(Conflict, match="no schema"):
        migrate.downgrade(url)
    with pytest.raises(Conflict, match="0001 is the first schema"):
        migrate.downgrade(database_url)
    assert migrate.current(database_url) == "0001"


@pytest.mark.parametrize(
    "run", ["op.execute", "op.get_bind().connection.driver_connection.execute"], ids=["engine", "driver"]
)
def test_a_step_that_has_to_wait_keeps_nobody_else_waiting(database_url: str, two_steps: Path, run: str) -> None:
    """Its lock would go before theirs who come after it, however long it waits itself."""
    step = two_steps / "versions" / "0002_second.py"
    waiting = f'{run}("ALTER TABLE members ADD mood text")'
    step.write_text(step.read_text().replace('op.execute("CREATE TABLE moods (id bigint)")', waiting))
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT count(*) FROM members")  # and stays in its transaction
        upgrading = threading.Thread(target=migrate.upgrade, args=(database_url,), kwargs={"scripts": two_steps})
        upgrading.start()
        with psycopg.connect(database_url, autocommit=True, options="-c statement_timeout=20s") as other:
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'members'::regclass"
            while not other.execute(waits).fetchone():
                time.sleep(0.02)
            other.execute("SELECT count(*) FROM members")
            assert migrate.current(database_url) == "0001"
        reader.rollback()
        upgrading.join(30)
    assert migrate.current(database_url) == "0002"


def test_of_two_upgrades_one_waits(url: str) -> None:
    """A third stands in their way until both have come, so that they do meet."""
    with psycopg.connect(url, autocommit=True) as third:
        third.execute("BEGIN; CREATE TABLE members (id bigint)")  # the name that the first of them needs
        both = [threading.Thread(target=migrate.upgrade, args=(url,)) for _ in range(2)]
        for each in both:
            each.start()
        waiting = "SELECT array_agg(locktype ORDER BY locktype) FROM pg_locks WHERE NOT granted"
        with psycopg.connect(url, autocommit=True) as watcher:
            deadline = time.monotonic() + 20
            while (found := watcher.execute(waiting).fetchone()) != (["advisory", "transactionid"],):
                assert time.monotonic() < deadline, found
                time.sleep(0.02)
        third.execute("ROLLBACK")
        for each in both:
            each.join(30)
    assert (migrate.current(url), migrate.drift(url)) == (migrate.head(), [])
