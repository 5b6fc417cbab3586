"""Databases that tests take in turn: emptied after each, which takes a tenth of making a new one.

Only a database that is as the migrations left it goes round: one whose schema or settings a test has touched, that
somebody still uses, or that has grown, is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import psycopg

from tests.postgres import Server

_MOST_TURNS = 40
_KEPT = "public.audit"
"""Refuses to be emptied."""
_ENABLE = f"ALTER TABLE {_KEPT} ENABLE TRIGGER USER"
_LARGEST = 3.0
"""Against a fresh one's size."""

_TABLES = """SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'"""
_REFERENCES = """SELECT format('%I.%I', n.nspname, c.relname), format('%I.%I', pn.nspname, p.relname)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE k.contype = 'f' AND k.conrelid <> k.confrelid"""
_SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences"
_FINGERPRINT = """
    SELECT (SELECT string_agg(found, ',') FROM (
               SELECT count(*) || '/' || max(xmin::text::bigint) AS found FROM pg_class
               UNION ALL SELECT count(*) || '/' || max(xmin::text::bigint) FROM pg_proc
               UNION ALL SELECT count(*) || '/' || max(xmin::text::bigint) FROM pg_trigger
               UNION ALL SELECT count(*) || '/' || max(xmin::text::bigint) FROM pg_constraint
               UNION ALL SELECT count(*) || '/' || max(xmin::text::bigint) FROM pg_attribute
               UNION ALL SELECT count(*) || '/0' FROM pg_db_role_setting
               UNION ALL SELECT string_agg(version_num, ',') FROM alembic_version) seen),
           pg_database_size(current_database()),
           (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())"""


@dataclass
class _Clean:
    """A database at rest: how it looked when it was new."""

    url: str
    fingerprint: str
    size: int
    reset: str
    turns: int = 0


@dataclass
class Databases:
    """The databases of one process of the session."""

    server: Server
    _free: list[_Clean] = field(default_factory=list)
    _taken: dict[str, _Clean] = field(default_factory=dict)

    def take(self) -> str:
        """The URL of an empty, migrated database."""
        clean = self._free.pop() if self._free else self._new()
        self._taken[clean.url] = clean
        return clean.url

    def give_back(self, url: str) -> None:
        """Empty it for the next, or drop it."""
        clean = self._taken.pop(url)
        clean.turns += 1
        if clean.turns < _MOST_TURNS and _emptied(clean):
            self._free.append(clean)
        else:
            self.server.drop(url)

    def close(self) -> None:
        """Drop those that are left."""
        while self._free:
            self.server.drop(self._free.pop().url)

    def _new(self) -> _Clean:
        url = self.server.create()
        with psycopg.connect(url, autocommit=True) as connection:
            order: TopologicalSorter[str] = TopologicalSorter()
            for (table,) in connection.execute(_TABLES):
                order.add(table)
            for table, target in connection.execute(_REFERENCES):
                order.add(target, table)  # what refers to a row goes before it
            resets = [_emptying(each) for each in order.static_order()]
            resets += [f"SELECT setval('{each}', 1, false)" for (each,) in connection.execute(_SEQUENCES)]
            found = connection.execute(_FINGERPRINT).fetchone()
        assert found is not None
        return _Clean(url, found[0], found[1], "; ".join(resets))


def _emptying(table: str) -> str:
    delete = f"DELETE FROM {table}"
    return delete if table != _KEPT else f"ALTER TABLE {table} DISABLE TRIGGER USER; {delete}; {_ENABLE}"


def _emptied(clean: _Clean) -> bool:
    try:
        with psycopg.connect(clean.url, autocommit=True, options="-c statement_timeout=5s") as connection:
            fingerprint, size, others = connection.execute(_FINGERPRINT).fetchone() or ("", 0, 1)
            if fingerprint != clean.fingerprint or size > _LARGEST * clean.size or others:
                return False
            connection.execute(clean.reset.encode())
            clean.fingerprint = (connection.execute(_FINGERPRINT).fetchone() or ("",))[0]
    except psycopg.Error:
        return False
    return True
