"""What comes out of a member's WHOOP data export and has no counterpart in the API: raw rows, the journal, and how
imported records give way to WHOOP's own.

Imported records themselves are stored by `storage.records.upsert(source="export")`. Everything here runs in the
transaction of a batch, under the member's lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import orjson

from circadia.domain.catalog import COLLECTIONS, RecordType
from circadia.errors import NotFound
from circadia.storage import records
from circadia.storage.postgres import Connection, row, rows
from circadia.storage.records import Key, Received

_BEGIN = "SELECT has_export FROM members WHERE id = %s FOR NO KEY UPDATE"

_KEEP_ROWS = """
    INSERT INTO export_rows (member_id, kind, digest, file, line, raw, imported_at)
    SELECT %(member)s, r.kind, decode(r.digest, 'hex'), r.file, r.line, r.raw, %(now)s
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (kind text, digest text, file text, line integer, raw jsonb)
    ORDER BY r.kind, r.digest
    ON CONFLICT DO NOTHING"""

_KEEP_JOURNAL = """
    WITH written AS (
        INSERT INTO journal_entries AS j
            (member_id, cycle_start, question, timezone_offset, answered_yes, notes, raw, fetched_at)
        SELECT %(member)s, e.cycle_start, e.question, e.timezone_offset, e.answered_yes, e.notes, e.raw, %(now)s
        FROM jsonb_to_recordset(%(entries)s::jsonb) AS e
            (cycle_start timestamptz, question text, timezone_offset text, answered_yes boolean, notes text, raw jsonb)
        ORDER BY e.cycle_start, e.question
        ON CONFLICT (member_id, cycle_start, question) DO UPDATE
        SET timezone_offset = excluded.timezone_offset, answered_yes = excluded.answered_yes, notes = excluded.notes,
            raw = excluded.raw, fetched_at = excluded.fetched_at
        WHERE (j.timezone_offset, j.answered_yes, j.notes, j.raw)
            IS DISTINCT FROM (excluded.timezone_offset, excluded.answered_yes, excluded.notes, excluded.raw)
        RETURNING j.cycle_start
    ), noted AS (
        INSERT INTO day_changes (member_id, from_at, to_at)
        SELECT DISTINCT %(member)s::bigint, w.cycle_start, w.cycle_start FROM written w
    )
    SELECT count(*) FROM written"""


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row of an export as the file has it: canonical column names to text."""

    kind: str
    file: str
    line: int
    raw: Mapping[str, str]

    @property
    def digest(self) -> str:
        """What the row says, whichever file and line say it, as hexadecimal SHA-256."""
        return hashlib.sha256(orjson.dumps([self.kind, dict(self.raw)], option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal answer about the cycle that starts at `cycle_start` (aware)."""

    cycle_start: datetime
    timezone_offset: str
    question: str
    answered_yes: bool
    notes: str | None
    raw: Mapping[str, Mapping[str, str]]


async def begin(connection: Connection, member_id: int) -> None:
    """Take the member's lock and note that they have an export, so that WHOOP's pages make imported rows yield from
    now on. NotFound for a member who has been erased."""
    found = await row(connection, _BEGIN, (member_id,))
    if found is None:
        raise NotFound("the member was erased while their export was being imported", remedy="Import the file again.")
    if not found[0]:
        await connection.execute("UPDATE members SET has_export = true WHERE id = %s", (member_id,))


async def keep_rows(connection: Connection, member_id: int, kept: Sequence[RawRow], now: datetime) -> None:
    """Keep raw rows; what a row says is kept once, with the first file and line that said it."""
    listed = [
        {
            "kind": each.kind,
            "digest": each.digest,
            "file": each.file,
            "line": each.line,
            "raw": dict(each.raw),
        }
        for each in kept
    ]
    await connection.execute(_KEEP_ROWS, {"member": member_id, "rows": orjson.dumps(listed).decode(), "now": now})


async def keep_journal(connection: Connection, member_id: int, entries: Sequence[Entry], now: datetime) -> int:
    """Store answers, one per cycle and question; returns how many were new or changed."""
    if not entries:
        return 0
    listed = [asdict(each) for each in entries]
    found = await row(
        connection, _KEEP_JOURNAL, {"member": member_id, "entries": orjson.dumps(listed).decode(), "now": now}
    )
    return int(found[0]) if found else 0


async def told_before(
    connection: Connection, type_: RecordType, member_id: int, received: Mapping[Key, Received]
) -> set[Key]:
    """Those of `received` of which an earlier import has told every cell: a file with fewer columns says nothing new."""
    page = {str(key): each.raw for key, each in received.items()}
    found = await rows(
        connection,
        f"SELECT t.{type_.key} FROM {type_.table} t WHERE t.member_id = %s AND t.{type_.key} = ANY (%s) "
        f"AND t.source = 'export' AND t.raw @> (%s::jsonb -> t.{type_.key}::text)",
        (member_id, list(received), orjson.dumps(page).decode()),
    )
    return {each[0] for each in found}


async def give_way(connection: Connection, member_id: int, since: datetime, until: datetime) -> dict[str, int]:
    """Let imported rows around `[since, until]` yield to WHOOP's records of the same events. How many did, by type."""
    found = await row(connection, "SELECT exports_give_way(%s, %s, %s)", (member_id, since, until))
    return dict(found[0]) if found else {}


async def give_way_to(connection: Connection, type_: RecordType, member_id: int, keys: Sequence[Key]) -> dict[str, int]:
    """The same around the records of `keys`, which have just arrived from WHOOP."""
    stretch = await records.stretch(connection, type_, member_id, keys)
    return await give_way(connection, member_id, *stretch) if stretch else {}


async def take_over(connection: Connection, member_id: int, here: Mapping[str, Collection[Key]]) -> dict[str, int]:
    """Let rows of earlier imports go that tell of the same events as this one's, whose keys by type are `here`.
    Returns how many of this one's own went instead, by type."""
    found = await row(
        connection,
        "SELECT exports_take_over(%s, %s::bigint[], %s::uuid[], %s::uuid[])",
        (member_id, *(list(here.get(name, ())) for name in ("cycle", "sleep", "workout"))),
    )
    return {"workout": int(found[0]) if found else 0}


async def analyse(connection: Connection) -> None:
    """Give the planner figures about tables that it has none of yet. It takes any index without them, and a first
    import is over before the server would look by itself."""
    found = await rows(
        connection,
        "SELECT relname FROM pg_class WHERE relname = ANY (%s) AND relnamespace = current_schema()::regnamespace "
        "AND reltuples < 0 AND pg_relation_size(oid) > 0",
        ([*(each.table for each in COLLECTIONS), "journal_entries", "export_rows", "days"],),
    )
    for (table,) in found:
        await connection.execute(f"ANALYZE {table}")


async def rebuilt(connection: Connection, member_id: int) -> set[date]:
    """The dates whose documents this transaction has written."""
    found = await rows(
        connection,
        "SELECT day FROM days WHERE member_id = %s AND xmin = pg_current_xact_id()::xid",
        (member_id,),
    )
    return {each[0] for each in found}
