"""Everything that is kept of a user, written out in one snapshot and in memory that does not grow with it.

Left out are secrets and what only works while it is not written down: tokens, consents under way, every hash, and the
places in our own queues.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any

import orjson
from sqlalchemy import ARRAY, JSON, Column, LargeBinary, Table, Text

from circadia.storage import days, leaving
from circadia.storage.leaving import Traces
from circadia.storage.postgres import Connection, Database, Row, batches
from circadia.storage.records import quoted

_LEFT_OUT = ("tokens", "authorizations", "budget_turns", "budget_waits", "day_changes")

_LOOKS_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_HARMLESS = re.compile(r"[+-][0-9]+([.:][0-9]+)?")
"""Numbers and offsets of time zones."""

TABLES: tuple[Table, ...] = tuple(each for each in leaving.somebodys() if each.name not in _LEFT_OUT)
"""What is written, in order."""


async def write_json(db: Database, user_id: str, now: datetime, file: IO[bytes]) -> None:
    """One document: `{"user_id", "exported_at", "tables": {name: [row, …]}}`, rows with the columns' names."""
    head = orjson.dumps({"user_id": user_id, "exported_at": now}, option=orjson.OPT_UTC_Z)
    await asyncio.to_thread(file.write, head[:-1] + b',"tables":{')
    async with _snapshot(db, user_id) as (connection, traces):
        for place, table in enumerate(TABLES):
            await asyncio.to_thread(file.write, b'%b"%b":[' % (b",\n" if place else b"\n", table.name.encode()))
            listed = ", ".join(quoted(each.name) for each in columns(table))
            statement = f"SELECT row_to_json(t)::text FROM (SELECT {listed} {_whose(table)}) t"
            separator = "\n"
            async for batch in batches(connection, statement, asdict(traces)):
                await asyncio.to_thread(file.write, (separator + ",\n".join(each[0] for each in batch)).encode())
                separator = ",\n"
            await asyncio.to_thread(file.write, b"]")
    await asyncio.to_thread(file.write, b"}}\n")


async def write_csv(db: Database, user_id: str, now: datetime, file: IO[bytes]) -> None:
    """A zip with one CSV file per table. JSON stands in its cells as text."""
    with zipfile.ZipFile(file, "w") as archive:
        async with _snapshot(db, user_id) as (connection, traces):
            for table in TABLES:
                about = zipfile.ZipInfo(f"{table.name}.csv", now.timetuple()[:6])
                about.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(about, "w", force_zip64=True) as entry:
                    await _write_table(connection, traces, table, entry)


def columns(table: Table) -> list[Column[Any]]:
    """What is written of a table: everything but hashes, which are of secrets or of what stands beside them."""
    return [each for each in table.columns if not isinstance(each.type, LargeBinary)]


async def _write_table(connection: Connection, traces: Traces, table: Table, entry: IO[bytes]) -> None:
    kept = columns(table)
    entry.write(_lines([[each.name for each in kept]]))
    written = [isinstance(each.type, Text | JSON | ARRAY) for each in kept]
    statement = f"SELECT {', '.join(map(_cell, kept))} {_whose(table)}"
    async for batch in batches(connection, statement, asdict(traces)):
        await asyncio.to_thread(_write_rows, entry, batch, written)


def _write_rows(entry: IO[bytes], batch: Sequence[Row], written: Sequence[bool]) -> None:
    entry.write(
        _lines([[escaped(cell) if text else cell for cell, text in zip(each, written, strict=True)] for each in batch])
    )


def escaped(cell: str | None) -> str | None:
    """A text that no spreadsheet takes for a formula."""
    if cell and cell.startswith(_LOOKS_LIKE_A_FORMULA) and not _HARMLESS.fullmatch(cell):
        return f"'{cell}"
    return cell


def _lines(cells: Sequence[Sequence[str | None]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(cells)
    return text.getvalue().encode()


def _cell(column: Column[Any]) -> str:
    """A column as text, instants as in JSON; JSON as it was received, which need not be of this world's characters."""
    name = quoted(column.name)
    return f"{name}::text" if isinstance(column.type, JSON) else f"to_json({name}) #>> '{{}}'"


def _whose(table: Table) -> str:
    order = ", ".join(quoted(each.name) for each in table.primary_key.columns if each in columns(table)) or "1"
    return f"FROM {table.name} WHERE {leaving.rows_of(table)} ORDER BY {order}"


@asynccontextmanager
async def _snapshot(db: Database, user_id: str) -> AsyncIterator[tuple[Connection, Traces]]:
    await days.newest(db, user_id)  # what has changed is settled, so that the days are as the records
    async with db.begin() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection, await leaving.find(connection, user_id)
