"""What two databases have to agree in, asked of PostgreSQL without the code under test."""

from __future__ import annotations

from typing import Any

import psycopg

_TABLES = """SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"""
_SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences"
_TRIGGERS = (
    "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
)


def dump(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table in order, every sequence, and which triggers are on."""
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
        found = {
            name: connection.execute(f"SELECT t::text FROM {name} t ORDER BY 1".encode()).fetchall()
            for (name,) in connection.execute(_TABLES)
        }
        for (name,) in connection.execute(_SEQUENCES):
            found[name] = connection.execute(f"SELECT last_value, is_called FROM {name}".encode()).fetchall()
        found["triggers"] = connection.execute(_TRIGGERS).fetchall()
    return found


def execute(url: str, *statements: str) -> None:
    """Run statements, each by itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        for each in statements:
            connection.execute(each.encode())
