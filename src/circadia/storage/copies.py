"""The whole database as rows: what is in it, in one snapshot, and the same put into an empty one.

Only Circadia's own tables are copied, as PostgreSQL's COPY text. The schema is not: the migrations make it. So a copy
fits every server version that Circadia runs on, and needs no program beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, LiteralString

import psycopg

from circadia.errors import Conflict, Misconfigured
from circadia.storage import migrate
from circadia.storage.postgres import libpq_url
from circadia.storage.schema import metadata

Connection = psycopg.Connection[tuple[Any, ...]]
Buffer = bytes | bytearray | memoryview
Told = Callable[[str, int], None]
"""Is told after each table: its name and its rows."""

_NAME = "circadia copy"

_SESSION = """SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;
    SET bytea_output = 'hex'; SET client_encoding = 'UTF8'; SET statement_timeout = 0; SET lock_timeout = 0;
    SET idle_in_transaction_session_timeout = 0"""
"""Values are written in one way on every server, however its defaults are."""

_OURS = """c.relkind = 'r' AND (n.nspname = 'reporting' OR n.nspname = current_schema()
    AND (c.relname = ANY(%(described)s) OR c.relname LIKE 'procrastinate\\_%%'))"""

_TABLES = f"""
    SELECT c.oid::regclass::text, array_agg(quote_ident(a.attname) ORDER BY a.attname),
           coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attname) FILTER (WHERE a.attgenerated <> ''), '{{}}')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE {_OURS} GROUP BY c.oid"""

_REFERENCES = """SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid <> confrelid"""

_SEQUENCES = f"""
    SELECT d.objid::regclass::text FROM pg_sequence s
    JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
    JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE d.deptype IN ('a', 'i') AND {_OURS}
    UNION ALL SELECT 'token_versions'::regclass::text ORDER BY 1"""
"""Those that number a table's rows, and the one that belongs to no table."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a table holds: how many rows, and the sum of their hashes, which does not depend on their order."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table by the name that SQL knows it by. `computed` columns are made by the server from the others."""

    name: str
    columns: tuple[str, ...]
    computed: tuple[str, ...]

    @property
    def copied(self) -> str:
        """The columns that are written, for a COPY."""
        return ", ".join(each for each in self.columns if each not in self.computed)


@dataclass(frozen=True, slots=True)
class Sequence:
    """How far a sequence is; `used` as its `is_called`."""

    last: int
    used: bool


@dataclass(frozen=True, slots=True)
class Inventory:
    """A database as it was in one snapshot. Tables stand after those that they refer to."""

    revision: str
    tables: tuple[Table, ...]
    contents: dict[str, Contents]
    sequences: dict[str, Sequence]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(each.rows for each in self.contents.values())


@dataclass(frozen=True, slots=True)
class Source:
    """A snapshot that stands still while it is read."""

    connection: Connection
    inventory: Inventory

    def text(self, table: Table) -> Iterator[Buffer]:
        """A table's rows as COPY writes them, a line each, in pieces of any length."""
        with self.connection.cursor().copy(_sql(f"COPY {table.name} ({table.copied}) TO STDOUT")) as copy:
            yield from copy


@contextmanager
def opened(url: str, *, still: bool = False) -> Iterator[Source]:
    """A snapshot of a database. While it is open nobody else writes, if it has to stand `still`.

    Raises:
        Misconfigured: the schema is not of this version.
        Conflict: it cannot stand still, because somebody writes.
    """
    found, head = migrate.current(url), migrate.head()
    if found != head:
        raise Misconfigured(
            f"the schema is at revision {found or 'none'}, this version needs {head}",
            remedy="Use the version that made it, or run `circadia db upgrade` first.",
        )
    with _session(url) as connection:
        connection.execute("SET default_transaction_isolation = 'repeatable read'")
        tables = _tables(connection)
        with connection.transaction():
            if still:
                _hold(connection, tables)  # before anything is read: what is read is the state under the lock
            yield Source(connection, _inventory(connection, head, tables))


def note(url: str, made_at: datetime, rows: int, size: int) -> bool:
    """Remember in a database that a backup of it was made; returns whether that could be written there."""
    with _session(url) as connection:
        try:
            connection.execute("INSERT INTO backups (made_at, rows, size) VALUES (%s, %s, %s)", (made_at, rows, size))
        except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege):
            return False
    return True


def require_alone(url: str) -> None:
    """Conflict while a process of Circadia is connected to a database."""
    with _session(url) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'circadia'"
        ).fetchone()
    if found:
        raise Conflict("Circadia is running on this database", remedy="Stop `serve`, every worker and the like first.")


def fill(
    url: str, wanted: Inventory, text: Callable[[Table], Iterable[Buffer]], told: Told, last: Callable[[], None]
) -> None:
    """Put rows into an empty database, all or none of them, and bring it to this version's schema.

    `text` is asked for once for each table, in order. `last` is called before the rows stay; what it raises undoes
    them.

    Raises:
        Conflict: there are rows already, or what arrived is not what was sent.
        Misconfigured: this version does not know the schema.
    """
    if wanted.revision not in migrate.revisions():
        raise Misconfigured(
            f"the copy has the schema {wanted.revision}, which this version does not know",
            remedy="Use the version that made it, or a newer one.",
        )
    if (found := migrate.current(url)) is None:
        migrate.upgrade(url, wanted.revision)
    elif found != wanted.revision:
        raise Conflict(f"the database has the schema {found} already", remedy="Give an empty database.")
    with _session(url) as connection, connection.transaction():
        tables = _tables(connection)
        if set(tables) != set(wanted.tables):
            raise Misconfigured(
                f"the tables of the copy are not those of schema {wanted.revision}",
                remedy="Use the version that made it.",
            )
        _require_empty(connection, tables)
        for table in wanted.tables:
            _load(connection, table, text(table))
            if _contents(connection, table) != wanted.contents[table.name]:
                raise Conflict(f"what arrived in {table.name} is not what was sent: nothing was kept")
            told(table.name, wanted.contents[table.name].rows)
        _set_sequences(connection, wanted.sequences)
        last()
    with _session(url) as connection:
        connection.execute(_sql(f"ANALYZE {', '.join(each.name for each in wanted.tables)}"))
    migrate.upgrade(url)


@contextmanager
def _session(url: str) -> Iterator[Connection]:
    with psycopg.connect(libpq_url(url), autocommit=True, application_name=_NAME) as connection:
        connection.execute(_SESSION)
        yield connection


def _sql(statement: str) -> LiteralString:
    """Made of names that the server has quoted."""
    return statement


def _hold(connection: Connection, tables: Iterable[Table]) -> None:
    """Keep everybody else from writing; whoever reads is not disturbed."""
    names = ", ".join(each.name for each in tables)
    connection.execute("SET LOCAL lock_timeout = '2s'")
    try:
        connection.execute(_sql(f"LOCK TABLE {names} IN SHARE MODE"))
    except psycopg.errors.LockNotAvailable as error:
        raise Conflict("somebody is writing to the database", remedy="Stop them and try again.") from error


def _inventory(connection: Connection, revision: str, tables: tuple[Table, ...]) -> Inventory:
    contents = {each.name: _contents(connection, each) for each in tables}
    # sequences know no snapshot: read after the rows they are never behind them
    sequences = {name: _sequence(connection, name) for (name,) in connection.execute(_SEQUENCES, _described())}
    return Inventory(revision, tables, contents, sequences)


def _tables(connection: Connection) -> tuple[Table, ...]:
    """Circadia's tables, each after those that it refers to."""
    found = {
        name: Table(name, tuple(columns), tuple(computed))
        for name, columns, computed in connection.execute(_TABLES, _described())
    }
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(found), ()))
    for name, target in connection.execute(_REFERENCES):
        if name in found:
            order.add(name, target)
    return tuple(found[name] for name in order.static_order() if name in found)


def _described() -> dict[str, list[str]]:
    """What `_OURS` is to be told."""
    return {"described": [each.name for each in metadata.sorted_tables]}


def _contents(connection: Connection, table: Table) -> Contents:
    """The sum of the first 64 bits of each row's SHA-256."""
    row = f"ROW({', '.join(table.columns)})::text"
    digest = f"encode(sha256(convert_to({row}, 'UTF8')), 'hex')"
    counted = connection.execute(
        _sql(f"SELECT count(*), coalesce(sum(('x' || left({digest}, 16))::bit(64)::bigint), 0)::text FROM {table.name}")
    ).fetchone()
    assert counted is not None
    return Contents(*counted)


def _sequence(connection: Connection, name: str) -> Sequence:
    found = connection.execute(_sql(f"SELECT last_value, is_called FROM {name}")).fetchone()
    assert found is not None
    return Sequence(*found)


def _require_empty(connection: Connection, tables: Iterable[Table]) -> None:
    for table in tables:
        if connection.execute(_sql(f"SELECT 1 FROM {table.name} LIMIT 1")).fetchone():
            raise Conflict(f"the database is not empty: there are rows in {table.name}", remedy="Give an empty one.")


def _load(connection: Connection, table: Table, text: Iterable[Buffer]) -> None:
    """Triggers say what a new row leads to; these have led to it already."""
    connection.execute(_sql(f"ALTER TABLE {table.name} DISABLE TRIGGER USER"))
    with connection.cursor().copy(_sql(f"COPY {table.name} ({table.copied}) FROM STDIN")) as copy:
        for piece in text:
            copy.write(piece)
    connection.execute(_sql(f"ALTER TABLE {table.name} ENABLE TRIGGER USER"))


def _set_sequences(connection: Connection, wanted: dict[str, Sequence]) -> None:
    for (name,) in connection.execute(_SEQUENCES, _described()).fetchall():
        if (found := wanted.get(name)) is None:
            raise Misconfigured(f"the copy does not say how far {name} is", remedy="Use the version that made it.")
        connection.execute("SELECT setval(%s::regclass, %s, %s)", (name, found.last, found.used))
