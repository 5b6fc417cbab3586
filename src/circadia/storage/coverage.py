"""What arrived on the pages of the walk through a member's history, by record and month, beside what became of it.

A page notes its records in its own transaction. They are a set, so a walk that died and fetches a page again counts
nothing twice. A record's month is that of its start (a recovery's: of its creation) in UTC, as it arrived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from circadia.domain.catalog import RecordType
from circadia.storage.postgres import Connection, Database, rows


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record on a page. `key` is its own as text or, when it could not be read (`rejected`), its digest in hex."""

    key: str
    month: date
    rejected: bool


@dataclass(frozen=True, slots=True)
class Month:
    """What arrived in a month's records: `got` of them, each of which is stored, deleted since, kept as a reject, read
    by a later version (`read_later`) or, which must not be, nowhere (`lost`, their keys). `others` are stored records
    that came by another road: a sync, a webhook."""

    month: date
    got: int
    stored: int
    deleted: int
    rejected: int
    read_later: int
    lost: list[str]
    others: int


Stretch = tuple[date, date]
"""First and last date, both included."""


async def note(connection: Connection, member_id: int, type_name: str, arrivals: Sequence[Arrival]) -> None:
    """Remember the records of a page."""
    if not arrivals:
        return
    await connection.execute(
        """INSERT INTO coverage AS c (member_id, type, month, arrived, rejected)
           SELECT %(member)s, %(type)s, a.month, coalesce(array_agg(DISTINCT a.key) FILTER (WHERE NOT a.rejected), '{}'),
                  coalesce(array_agg(DISTINCT a.key) FILTER (WHERE a.rejected), '{}')
           FROM unnest(%(keys)s::text[], %(months)s::date[], %(rejected)s::boolean[]) a (key, month, rejected)
           GROUP BY a.month ORDER BY a.month
           ON CONFLICT (member_id, type, month) DO UPDATE SET
               arrived = ARRAY(SELECT unnest(c.arrived) UNION SELECT unnest(excluded.arrived)),
               rejected = ARRAY(SELECT unnest(c.rejected) UNION SELECT unnest(excluded.rejected))""",
        {
            "member": member_id,
            "type": type_name,
            "keys": [each.key for each in arrivals],
            "months": [each.month for each in arrivals],
            "rejected": [each.rejected for each in arrivals],
        },
    )


async def counts(db: Database, member_id: int) -> dict[str, int]:
    """How many records arrived, by type."""
    found = await db.rows(
        """SELECT type, sum(cardinality(arrived) + cardinality(rejected)) FROM coverage
           WHERE member_id = %s GROUP BY type""",
        (member_id,),
    )
    return {each[0]: int(each[1]) for each in found}


async def months(connection: Connection, type_: RecordType, member_id: int) -> list[Month]:
    """What arrived of a type and where it is now, newest month first."""
    found = await rows(connection, _months_sql(type_), {"member": member_id, "type": type_.name})
    return [Month(*each) for each in found]


async def gaps(connection: Connection, type_: RecordType, member_id: int) -> dict[date, list[Stretch]]:
    """By month, the dates between the first and the last record of a daily type that have none; nothing for a type
    that is not daily. Days have to be settled."""
    found: dict[date, list[Stretch]] = defaultdict(list)
    if type_.daily:
        for month, first, last in await rows(connection, _gaps_sql(type_), {"member": member_id}):
            found[month].append((first, last))
    return found


@cache
def _months_sql(type_: RecordType) -> str:
    at = "t.start" if type_.timed else "t.created_at"
    return f"""
        WITH arrived AS (
            SELECT DISTINCT ON (a.key) a.key, c.month FROM coverage c, unnest(c.arrived) a (key)
            WHERE c.member_id = %(member)s AND c.type = %(type)s ORDER BY a.key, c.month DESC
        ), mine AS (
            SELECT t.{type_.key}::text AS key, t.deleted_at, t.source, date_trunc('month', {at} AT TIME ZONE 'UTC')::date AS month
            FROM {type_.table} t WHERE t.member_id = %(member)s
        ), read AS (
            SELECT a.month, count(*) AS got, count(m.key) FILTER (WHERE m.deleted_at IS NULL) AS stored,
                   count(m.deleted_at) AS deleted, array_agg(a.key ORDER BY a.key) FILTER (WHERE m.key IS NULL) AS lost
            FROM arrived a LEFT JOIN mine m USING (key) GROUP BY a.month
        ), unread AS (
            SELECT a.month, count(*) AS got, count(r.id) AS rejected
            FROM (SELECT DISTINCT ON (d.digest) d.digest, c.month FROM coverage c, unnest(c.rejected) d (digest)
                  WHERE c.member_id = %(member)s AND c.type = %(type)s ORDER BY d.digest, c.month DESC) a
            LEFT JOIN rejects r ON r.member_id = %(member)s AND r.type = %(type)s AND r.digest = decode(a.digest, 'hex')
            GROUP BY a.month
        ), others AS (
            SELECT m.month, count(*) AS n FROM mine m LEFT JOIN arrived a USING (key)
            WHERE a.key IS NULL AND m.deleted_at IS NULL AND m.source = 'api' GROUP BY m.month
        )
        SELECT month, coalesce(read.got, 0) + coalesce(unread.got, 0), coalesce(read.stored, 0), coalesce(read.deleted, 0),
               coalesce(unread.rejected, 0), coalesce(unread.got - unread.rejected, 0), coalesce(read.lost, '{{}}'),
               coalesce(others.n, 0)
        FROM read FULL JOIN unread USING (month) FULL JOIN others USING (month) ORDER BY month DESC"""


@cache
def _gaps_sql(type_: RecordType) -> str:
    whole = "AND NOT t.nap" if "nap" in type_.columns else ""
    return f"""
        WITH here AS (
            SELECT DISTINCT t.day FROM {type_.table} t
            WHERE t.member_id = %(member)s AND t.deleted_at IS NULL AND t.day IS NOT NULL {whole}
        ), gone AS (
            SELECT datemultirange(daterange(min(day), max(day), '[]')) - range_agg(daterange(day, day, '[]')) AS days FROM here
        ), month AS (
            SELECT m::date AS first FROM (SELECT min(day) AS first, max(day) AS last FROM here) span,
                   generate_series(date_trunc('month', span.first::timestamp), span.last::timestamp, interval '1 month') m
        )
        SELECT month.first, lower(gap), upper(gap) - 1
        FROM month, gone, unnest(gone.days * datemultirange(daterange(month.first, (month.first + interval '1 month')::date))) gap
        ORDER BY 1 DESC, 2"""
