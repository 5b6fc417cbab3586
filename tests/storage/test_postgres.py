"""The pool: what it refuses at start and how it says so."""

from __future__ import annotations

import socket

import psycopg
import pytest

from circadia.errors import Misconfigured, UpstreamDown
from circadia.storage import migrate
from circadia.storage.postgres import Database, libpq_url
from tests.postgres import Server


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_every_usual_spelling_becomes_libpq_s(scheme: str) -> None:
    url = f"{scheme}://u:p%40w@host:5433/db?sslmode=require"
    assert libpq_url(url) == "postgresql://u:p%40w@host:5433/db?sslmode=require"


@pytest.mark.parametrize("url", ["mysql://host/db", "host/db", "", "sqlite:///x"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="postgresql://"):
        libpq_url(url)


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    database = Database(f"postgresql://user:hidden@127.0.0.1:{port}/db", timeout=0.3)
    with pytest.raises(Misconfigured, match=f"127.0.0.1:{port}/db") as caught:
        await database.open()
    assert "hidden" not in str(caught.value)


async def test_a_statement_on_a_server_that_went_away_is_upstream_down(db: Database, postgres_server: Server) -> None:
    postgres_server.drop(db.url)
    with pytest.raises(UpstreamDown):
        await db.row("SELECT 1")


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    async def fail() -> None:
        async with db.begin() as connection:
            await connection.execute("INSERT INTO members (user_id, created_at) VALUES ('a', now())")
            await connection.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await fail()
    assert await db.row("SELECT count(*) FROM members") == (0,)


async def test_sessions_speak_utc_whatever_the_server_s_zone(db: Database) -> None:
    assert await db.row("SHOW timezone") == ("UTC",)


def test_the_schema_is_at_its_head_and_as_described(database_url: str) -> None:
    assert migrate.current(database_url) == migrate.head()
    assert migrate.drift(database_url) == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.head()


def test_an_empty_database_has_no_revision(postgres_server: Server) -> None:
    url = postgres_server.create("template0")
    try:
        assert migrate.current(url) is None
    finally:
        postgres_server.drop(url)


def test_a_table_that_nobody_described_is_drift(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE members ADD COLUMN nickname text")
    assert any("nickname" in each for each in migrate.drift(database_url))
