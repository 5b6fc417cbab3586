"""The database: one pool of psycopg connections, in autocommit, transactions where a deed needs one.

Rows come back as tuples. Statements are prepared by the driver after their first uses. A pooler that hands each
transaction to another server session is found out at start, because prepared statements and LISTEN break behind it.
"""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from circadia.errors import CircadiaError, Invalid, Misconfigured, UpstreamDown

Connection = psycopg.AsyncConnection[TupleRow]
Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]

_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg", "postgresql+psycopg2")
OLDEST_SERVER = 150000

_LONGEST_SILENCE_MS = 20_000
"""A transaction in which nothing is said for so long is ended by the server: its process is suspended or gone, and the
rows it has locked are somebody else's work by now."""

AWAY = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
)
"""A database that cannot do its work now and may later. One that turned read-only (a failover, a provider whose disk is
full) and a transaction that the server has ended are internal errors to the driver."""

_NOT_STORABLE = (None, "22003", "22P05")
"""States of a DataError that come of what somebody gave: a NUL in a text, which the driver itself refuses, a number out
of range, a NUL within JSON."""

_DEAD_PEER = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
"""libpq's settings (seconds, the last in milliseconds) that find out a server which vanished without a word within 20
seconds, where the system's own take a quarter of an hour or more. A local socket ignores them."""


def libpq_url(url: str) -> str:
    """The libpq form of a database URL in any of the usual spellings; Misconfigured if it is none."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise Misconfigured(f"a database's address starts with postgresql://, not {parts.scheme or 'nothing'}://")
    return urlunsplit(parts._replace(scheme="postgresql"))


class Database:
    """The pool, opened once by the composition root and handed down.

    Raises UpstreamDown when PostgreSQL cannot be reached within the pool's timeout (seconds).
    """

    def __init__(self, url: str, *, size: int = 10, timeout: float = 10.0) -> None:
        self.url = libpq_url(url)
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self.url,
            min_size=1,
            max_size=size,
            timeout=timeout,
            open=False,
            kwargs={
                "prepare_threshold": 2,
                "application_name": "circadia",
                "options": f"-c timezone=UTC -c idle_in_transaction_session_timeout={_LONGEST_SILENCE_MS}",
                **_unset(self.url, _DEAD_PEER),
            },
            configure=_autocommit,
            check=_check,
            max_idle=120.0,
            reconnect_timeout=30.0,
        )

    async def open(self) -> None:
        """Connect, and refuse a server or pooler that cannot carry Circadia."""
        await self._pool.open()
        try:
            async with self._pool.connection() as first:
                await _refuse_old_server(first)
                async with self._pool.connection() as second:
                    await _refuse_transaction_pooling(first, second)
        except PoolTimeout as error:
            await self._pool.close()
            raise Misconfigured(
                f"cannot connect to PostgreSQL at {self.address}: check DATABASE_URL and that the server is up"
            ) from error

    async def close(self) -> None:
        """Give all connections back to the server."""
        await self._pool.close()

    @property
    def address(self) -> str:
        """Host, port and database, without the credentials."""
        parts = urlsplit(self.url)
        return f"{parts.hostname or 'local socket'}:{parts.port or 5432}{parts.path}"

    @property
    def pool(self) -> AsyncConnectionPool[Connection]:
        """The pool itself, for the job engine."""
        return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit."""
        try:
            async with self._pool.connection() as connection:
                try:
                    yield connection
                except psycopg.errors.ReadOnlySqlTransaction:
                    await connection.close()
                    raise
        except (PoolTimeout, psycopg.Error) as error:
            if (named := _named(error)) is None:
                raise
            raise named from error

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back by any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def rows(self, statement: str, parameters: Parameters = ()) -> list[Row]:
        """Run one statement and return its rows."""
        async with self._borrowed() as connection:
            return await rows(connection, statement, parameters)

    async def row(self, statement: str, parameters: Parameters = ()) -> Row | None:
        """Run one statement and return its first row."""
        async with self._borrowed() as connection:
            return await row(connection, statement, parameters)

    async def execute(self, statement: str, parameters: Parameters = ()) -> int:
        """Run one statement and return how many rows it touched."""
        async with self.connection() as connection:
            cursor = await connection.execute(_sql(statement), parameters)
            return cursor.rowcount

    def _borrowed(self) -> _Borrowed:
        return _Borrowed(self._pool)


class _Borrowed:
    """A connection for one autocommitted statement: what `Database.connection` does, without its two generators,
    which cost as much as the statement."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        try:
            self._connection = await self._pool.getconn()
        except PoolTimeout as error:
            raise UpstreamDown("the database does not answer") from error
        return self._connection

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            await self._connection.close()  # a session may stay read-only when its database is writable again
        await self._pool.putconn(self._connection)
        if (named := _named(error)) is not None:
            raise named from error


def _named(error: BaseException | None) -> CircadiaError | None:
    """What an error of the driver is to us: the database is away, or it cannot hold a value that somebody gave. Any
    other is a mistake of ours and stays what it is."""
    if isinstance(error, (PoolTimeout, *AWAY)):
        return UpstreamDown("the database does not answer")
    if isinstance(error, psycopg.DataError) and error.sqlstate in _NOT_STORABLE:
        return Invalid("a text contains a NUL character, or a number is too large")
    return None


def _unset(url: str, defaults: Mapping[str, int]) -> dict[str, int]:
    """Those of the connection settings that a URL says nothing about."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise Misconfigured("DATABASE_URL is not a URL that PostgreSQL's client can read") from None
    return {name: value for name, value in defaults.items() if name not in given}


def _sql(statement: str) -> LiteralString:
    """Statements are written in this package or made from the catalogue, never from input."""
    return statement


async def rows(connection: Connection, statement: str, parameters: Parameters = ()) -> list[Row]:
    """The rows of a statement that returns some."""
    cursor = await connection.execute(_sql(statement), parameters)
    return await cursor.fetchall() if cursor.description else []


async def row(connection: Connection, statement: str, parameters: Parameters = ()) -> Row | None:
    """The first row of a statement, None without one."""
    cursor = await connection.execute(_sql(statement), parameters)
    return await cursor.fetchone() if cursor.description else None


async def batches(
    connection: Connection, statement: str, parameters: Parameters = (), *, size: int = 200
) -> AsyncIterator[list[Row]]:
    """The rows of a statement, so many at a time, in memory that does not grow with them. In a transaction only."""
    async with connection.cursor(name="circadia_batches") as cursor:
        await cursor.execute(_sql(statement), parameters)
        while found := await cursor.fetchmany(size):
            yield found


async def _autocommit(connection: Connection) -> None:
    """Set here and not in the connection arguments, which the job engine passes on with its own."""
    await connection.set_autocommit(True)


async def _check(connection: Connection) -> None:
    """Find out a connection that the server has ended before somebody's statement does: something has come on it though
    nothing was asked. A look costs microseconds, where asking the server each time would double a short read."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        await AsyncConnectionPool.check_connection(connection)


async def _refuse_old_server(connection: Connection) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        found = connection.info.server_version // 10000
        raise Misconfigured(f"PostgreSQL {found} is too old: Circadia needs 15 or newer")


async def _refuse_transaction_pooling(first: Connection, second: Connection) -> None:
    """A session keeps what it prepared, even after another client has had its turn; a transaction pooler does not."""
    await first.execute("PREPARE circadia_same_session AS SELECT 1")
    async with second.transaction():
        await second.execute("SELECT 1")
        try:
            await first.execute("EXECUTE circadia_same_session")
        except psycopg.errors.InvalidSqlStatementName as error:
            raise Misconfigured(
                "DATABASE_URL leads to a pooler in transaction mode, which breaks prepared statements and "
                "notifications: use the direct connection or the session pooler (at Supabase port 5432, not 6543)"
            ) from error
    await first.execute("DEALLOCATE circadia_same_session")
