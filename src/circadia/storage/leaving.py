"""Where a person is kept, table by table: for whoever takes their data along, and to prove that nothing is left.

Every table of the catalogue is either somebody's, and `rows_of` says which of its rows are whose, or `NOBODYS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from circadia.storage import identities
from circadia.storage.postgres import Connection, Database, row, rows

if TYPE_CHECKING:
    from sqlalchemy import Table

NOBODYS = ("budget", "budget_usage", "api_keys", "sahha_deliveries", "backups")
"""Counts of requests, keys of programs, digests of webhooks that name nobody, and when backups were made."""

KEPT: Mapping[str, str] = {
    "audit": "Who did what and when stays on record. It holds no health data.",
    "people": "The owner's account stays, so that somebody can run this installation.",
    "sessions": "The owner stays signed in. Signing out ends it.",
}
"""What an erase leaves, and why. Accounts and sessions are the owner's alone."""

ROLES_STAY = "A role for Grafana stays on the server and sees nothing. `circadia grafana revoke USER` removes it."
"""What an erase leaves beside tables: roles are the server's, and Circadia may not always remove them."""

_BY_COLUMN = (
    ("member_id", "member_id = ANY (%(members)s)"),
    ("profile_id", "profile_id = ANY (%(profiles)s)"),
    ("whoop_user_id", "whoop_user_id = ANY (%(accounts)s)"),
)
_OTHERWISE = {
    "members": "id = ANY (%(members)s)",
    "notice_sendings": "notice_id IN (SELECT id FROM notices WHERE member_id = ANY (%(members)s))",
    "authorizations": "user_id = %(user_id)s OR email = ANY (%(emails)s)",
    "allowed_emails": "email = ANY (%(emails)s)",
    "people": "user_id = %(user_id)s",
    "sessions": "user_id = %(user_id)s",
    "links": "user_id = %(user_id)s",
    "preferences": "user_id = %(user_id)s",
    "report_grants": "user_id = %(user_id)s",
    "shares": "%(user_id)s IN (user_id, coach)",
    "audit": "%(user_id)s IN (user_id, actor)",
    "sahha_profiles": "external_id = ANY (%(sahha_ids)s)",
    "whoop_links": "whoop_id = ANY (%(whoop_ids)s)",
    "identities": "user_id = %(app_user_id)s",
    "merge_overrides": "user_id = %(app_user_id)s",
}


@dataclass(frozen=True, slots=True)
class Traces:
    """The ids by which a user is kept. `app_user_id` is who an app calls so, where the gateway says somebody else."""

    user_id: str
    app_user_id: str
    members: list[int]
    accounts: list[int]
    emails: list[str]
    profiles: list[int]
    sahha_ids: list[str]
    whoop_ids: list[str]
    roles: list[str]


async def find(connection: Connection, user_id: str) -> Traces:
    """The ids of a user, known or not."""
    user = await identities.behind(connection, user_id)
    bare = await identities.bare(connection, user.user_id)
    member = await row(
        connection,
        """SELECT m.id, k.whoop_user_id, array(SELECT p.email FROM profiles p WHERE p.member_id = m.id)
           FROM members m LEFT JOIN connections k ON k.member_id = m.id WHERE m.user_id = %s""",
        (user_id,),
    )
    sahha_ids = sorted({each for each in (user.sahha_id, bare.sahha_id) if each is not None})
    roles = await rows(connection, "SELECT role FROM report_grants WHERE user_id = %s", (user_id,))
    profiles = await rows(connection, "SELECT id FROM sahha_profiles WHERE external_id = ANY (%s)", (sahha_ids,))
    return Traces(
        user_id=user_id,
        app_user_id=user.user_id,
        members=[member[0]] if member else [],
        accounts=[member[1]] if member and member[1] is not None else [],
        emails=sorted({each.casefold() for each in member[2]}) if member else [],
        profiles=[each[0] for each in profiles],
        sahha_ids=sahha_ids,
        whoop_ids=sorted({each for each in (user.whoop_id, bare.whoop_id) if each is not None}),
        roles=[each[0] for each in roles],
    )


def somebodys() -> list[Table]:
    """The tables that may hold a person, each after those it hangs on."""
    from circadia.storage.schema import metadata  # a quarter of what a command takes to start

    return [each for each in metadata.sorted_tables if each.name not in NOBODYS]


def rows_of(table: Table) -> str:
    """The condition, over the fields of `Traces`, for the rows of a table that are a user's. KeyError for a table of
    which nobody has said whose it is."""
    by_column = (condition for column, condition in _BY_COLUMN if column in table.columns)
    return next(by_column, None) or _OTHERWISE[table.name]


async def count(db: Database, traces: Traces) -> dict[str, int]:
    """How many rows of each table are a user's."""
    counts = " UNION ALL ".join(
        f"SELECT {place}, '{each.name}', count(*) FROM {each.name} WHERE {rows_of(each)}"
        for place, each in enumerate(somebodys())
    )
    return {name: found for _, name, found in await db.rows(f"{counts} ORDER BY 1", asdict(traces))}


async def roles_left(db: Database, traces: Traces) -> int:
    """How many roles for Grafana the server has that a user was seen by."""
    found = await db.row("SELECT count(*) FROM pg_roles WHERE rolname = ANY (%s)", (traces.roles,))
    assert found is not None
    return int(found[0])
