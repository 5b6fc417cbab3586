"""Two members of whom everything is kept that can be kept, and roles that look at them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from circadia.storage import grafana
from circadia.storage.postgres import Database
from tests.postgres import Server

ALICE, BOB, EVERYBODY = "alice", "bob", None
SECRET = "canary"
"""Stands in every column that no role may see."""
FIRST, LAST = date(2026, 8, 1), date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PASSWORD = "only for the tests"

_BOTH = Path(__file__).with_name("household.sql")


@dataclass(frozen=True)
class Household:
    """A database with alice and bob, and who looks at it."""

    url: str
    roles: dict[str | None, str]

    @contextmanager
    def as_(self, whom: str | None) -> Iterator[psycopg.Connection]:
        """A connection of the role that sees a member, or everybody."""
        with signed_in(self.url, self.roles[whom]) as connection:
            yield connection

    @contextmanager
    def as_service(self) -> Iterator[psycopg.Connection]:
        """A connection of the role that owns the tables."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            yield connection


@contextmanager
def signed_in(url: str, role: str, password: str = PASSWORD) -> Iterator[psycopg.Connection]:
    """A connection of a role."""
    parts = urlsplit(url)
    netloc = f"{role}:{password.replace(' ', '%20')}@{parts.hostname}:{parts.port}"
    with psycopg.connect(urlunsplit(parts._replace(netloc=netloc)), autocommit=True) as connection:
        yield connection


async def made(url: str) -> Household:
    """Fill a fresh database, and make a role for each and one for everybody."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_BOTH.read_bytes())
    return Household(url, await granted(url, [ALICE, BOB, EVERYBODY], NOW))


async def granted(url: str, whom: Sequence[str | None], now: datetime) -> dict[str | None, str]:
    """Make a role for each; their names differ from those of any other database of the server."""
    db = Database(url, size=2)
    await db.open()
    roles: dict[str | None, str] = {}
    for user_id in whom:
        roles[user_id] = await grafana.role_of(db, user_id or "everybody")
        assert await grafana.grant(db, roles[user_id], user_id, PASSWORD, now) is None
    await db.close()
    return roles


def drop(server: Server, url: str, roles: list[str]) -> None:
    """Remove the database and its roles, whose sessions only they themselves may end."""
    here = "SELECT 1 FROM pg_stat_activity WHERE usename = ANY (%s)"
    with psycopg.connect(server.url, autocommit=True) as connection:
        while connection.execute(here, (roles,)).fetchone():
            time.sleep(0.01)
        server.drop(url)
        for each in roles:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(each)))


def names(connection: psycopg.Connection, query: LiteralString) -> list[str]:
    """The first column of a query."""
    return [each[0] for each in connection.execute(query)]


def asked(connection: psycopg.Connection, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query that the test put together."""
    return connection.execute(query.encode(), parameters).fetchall()
