"""How the installation stands, as counts for a monitor: of everybody together, and never of one member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from circadia.storage.postgres import Connection, rows
from circadia.storage.preferences import asks_on_request


@dataclass(frozen=True, slots=True)
class Ages:
    """How many of the copies are at most so old as each bound; `count` are all of them, `sum_s` their ages together."""

    at_most: list[int]
    count: int
    sum_s: float


async def connections(connection: Connection) -> dict[str, int]:
    """Members by the state of their connection."""
    found = await rows(connection, "SELECT state, count(*) FROM connections GROUP BY state")
    return {each[0]: each[1] for each in found}


async def ages(connection: Connection, now: datetime, bounds_s: Sequence[float]) -> Ages:
    """The ages of the connected members' copies, seconds; `bounds_s` ascend. Who wants to be asked for is left out, as
    the schedule leaves them out."""
    found = await rows(
        connection,
        f"""SELECT width_bucket(a.age, %(bounds)s::float8[]), count(*), sum(a.age)
            FROM (SELECT extract(epoch FROM %(now)s - coalesce(m.as_of, k.connected_at))::float8 AS age
                  FROM members m JOIN connections k ON k.member_id = m.id
                  WHERE k.state = 'connected' AND NOT {asks_on_request("m.id")}) a
            GROUP BY 1""",
        {"now": now, "bounds": list(bounds_s)},
    )
    counts = {each[0]: each[1] for each in found}
    at_most, so_far = [], 0
    for place in range(len(bounds_s)):
        so_far += counts.get(place, 0)
        at_most.append(so_far)
    return Ages(at_most, sum(counts.values()), sum(each[2] for each in found))


async def failing(connection: Connection) -> dict[str, int]:
    """Connected members of whom a type could not be synced when it was tried last, by the kind of the error."""
    found = await rows(
        connection,
        """SELECT s.error ->> 'kind', count(DISTINCT s.member_id) FROM sync_states s JOIN connections k USING (member_id)
           WHERE s.error IS NOT NULL AND k.state = 'connected' GROUP BY 1""",
    )
    return {each[0]: each[1] for each in found}


async def held(connection: Connection) -> dict[str, int]:
    """Deletions that are held back, by type."""
    found = await rows(connection, "SELECT type, sum(cardinality(keys)) FROM holds GROUP BY type")
    return {each[0]: int(each[1]) for each in found}


async def rejected(connection: Connection) -> dict[str, int]:
    """Records that could not be read, by type."""
    found = await rows(connection, "SELECT type, count(*) FROM rejects GROUP BY type")
    return {each[0]: each[1] for each in found}
