"""The pool: what it refuses at start and how it says so, and connections that the server has ended."""

from __future__ import annotations

import asyncio
import select
import socket

import psycopg
import pytest

from circadia.errors import Misconfigured, UpstreamDown
from circadia.storage import migrate, postgres
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


async def test_a_statement_on_a_server_that_went_away_is_upstream_down(
    database_url: str, postgres_server: Server
) -> None:
    db = Database(database_url, size=2, timeout=0.5)
    await db.open()
    postgres_server.drop(db.url)
    with pytest.raises(UpstreamDown):
        await db.row("SELECT 1")
    await db.close()


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


async def test_a_restart_of_the_server_costs_nobody_a_statement(db: Database, postgres_server: Server) -> None:
    """Connections that the server has ended while nobody used them are found out before somebody's statement is."""
    async with db.connection(), db.connection(), db.connection():
        pass
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        name = db.url.rsplit("/", 1)[1]
        ended = admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        assert len(ended.fetchall()) >= 3
    await asyncio.sleep(0.1)
    for _ in range(5):
        assert await db.row("SELECT 1") == (1,)
        assert await db.execute("SELECT 1") == 1
        async with db.begin() as connection:
            await connection.execute("SELECT 1")


async def test_a_transaction_of_somebody_who_fell_silent_is_ended(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suspended process keeps its connections; the rows it has locked must not stay so."""
    monkeypatch.setattr(postgres, "_LONGEST_SILENCE_MS", 200)
    silent = Database(db.url, size=2)
    await silent.open()
    async with silent.connection() as connection:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE members IN EXCLUSIVE MODE")
        async with asyncio.timeout(10), db.begin() as another:
            await another.execute("LOCK TABLE members IN EXCLUSIVE MODE")
        with pytest.raises(postgres.AWAY):
            await connection.execute("SELECT 1")
    await silent.close()


async def test_a_transaction_that_the_server_has_ended_is_upstream_down(db: Database) -> None:
    async def fall_asleep() -> None:
        async with db.begin() as connection:
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 50")
            while not select.select([connection.fileno()], [], [], 0)[0]:
                await asyncio.sleep(0.01)
            await connection.execute("SELECT 1")

    with pytest.raises(UpstreamDown):
        await fall_asleep()


async def test_a_session_that_is_read_only_is_upstream_down_and_used_no_more(db: Database) -> None:
    """A provider whose disk is full makes new sessions read-only, and they stay so when it has room again."""
    new = "INSERT INTO members (user_id, created_at) VALUES ('a', now())"
    only = Database(db.url, size=2)
    await only.open()
    for ask in (only.execute, only.rows):
        for _ in range(2):
            async with only.connection() as first, only.connection() as second:
                for each in (first, second):
                    await each.execute("SET default_transaction_read_only = on")
            for _ in range(2):
                with pytest.raises(UpstreamDown):
                    await ask(new)
            await ask(new)
            await only.execute("DELETE FROM members")
    await only.close()


async def test_a_server_that_vanished_is_found_out_in_seconds_unless_the_url_says_otherwise(db: Database) -> None:
    async def settings(url: str) -> dict[str, str]:
        database = Database(url, size=2)
        await database.open()
        async with database.connection() as connection:
            found = connection.info.get_parameters()
        await database.close()
        return found

    ours = await settings(db.url)
    assert (ours["keepalives"], ours["keepalives_idle"], ours["tcp_user_timeout"]) == ("1", "10", "20000")
    joint = "&" if "?" in db.url else "?"
    theirs = await settings(f"{db.url}{joint}keepalives_idle=7&tcp_user_timeout=9000")
    assert (theirs["keepalives_idle"], theirs["tcp_user_timeout"], theirs["keepalives_interval"]) == ("7", "9000", "5")


def test_a_url_that_libpq_cannot_read_is_refused_without_the_password() -> None:
    with pytest.raises(Misconfigured) as caught:
        Database("postgresql://user:hidden@host/db?no_such_setting=1")
    assert "hidden" not in str(caught.value)
