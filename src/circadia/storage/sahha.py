"""Sahha's profiles: who they are, when each of their dates was asked for, and which webhooks were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from circadia.domain.freshness import Asked
from circadia.domain.sahha import Kind
from circadia.errors import NotFound
from circadia.storage.postgres import Connection, Database, row

ProfileState = Literal["active", "unknown", "gone"]
"""Whether Sahha knows the profile, never did, or has removed it."""

_STANDING = """
    SELECT p.id, p.state, p.sources, p.described_at, p.known_at, p.heard_at, p.logged_at, f.kinds, f.days, f.fetched, coalesce(
        (SELECT utc_offset_min FROM sahha_biomarkers WHERE profile_id = p.id AND day <= %(latest)s
         ORDER BY day DESC, received_at DESC, end_at DESC, id LIMIT 1),
        (SELECT utc_offset_min FROM sahha_scores WHERE profile_id = p.id AND day <= %(latest)s
         ORDER BY day DESC, received_at DESC, id LIMIT 1))
    FROM sahha_profiles p
    CROSS JOIN LATERAL (
        SELECT array_agg(kind) AS kinds, array_agg(day) AS days, array_agg(fetched_at) AS fetched FROM sahha_fetches
        WHERE profile_id = p.id AND kind = ANY (%(kinds)s) AND day BETWEEN %(first)s AND %(last)s
    ) f
    WHERE p.external_id = %(external)s"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A profile, and what was asked for it in some range of dates. `sources` names the apps and devices it collects
    from; `described_at` is when Sahha last said something of the profile itself, `known_at` when its first record came;
    `offset` is that of its newest record."""

    id: int
    state: ProfileState
    sources: tuple[str, ...]
    described_at: datetime | None
    known_at: datetime | None
    heard_at: datetime | None
    offset: timedelta | None
    asked: dict[Kind, Asked]

    @property
    def linked(self) -> bool | None:
        """Whether Sahha knew the profile when it last told anything of it; None: it never did."""
        if self.state != "active":
            return False
        return True if self.known_at is not None or self.sources else None

    @property
    def as_of(self) -> datetime | None:
        """The newest time at which Sahha told anything of these dates."""
        fetched = [at for asked in self.asked.values() for at in asked.at.values()]
        return max([*fetched, *([self.heard_at] if self.heard_at else [])], default=None)


async def standing(
    db: Database, external_id: str, kinds: Sequence[Kind], first: date, last: date, now: datetime
) -> Standing | None:
    """A profile by the app's own id; None for one that nobody has asked or told of."""
    found = await db.row(
        _STANDING,
        {
            "external": external_id,
            "kinds": list(kinds),
            "first": first,
            "last": last,
            "latest": now.date() + timedelta(days=1),
        },
    )
    if found is None:
        return None
    id_, state, sources, described_at, known_at, heard_at, logged_at, *marks, offset_min = found
    offset = None if offset_min is None else timedelta(minutes=offset_min)
    at: dict[Kind, dict[date, datetime]] = {each: {} for each in kinds}
    for kind, day, fetched_at in zip(*(each or () for each in marks), strict=True):
        at[kind][day] = fetched_at
    asked = {kind: Asked(days, known_at, heard_at, logged_at, offset) for kind, days in at.items()}
    return Standing(id_, state, tuple(sources), described_at, known_at, heard_at, offset, asked)


async def profile_id(connection: Connection, external_id: str, now: datetime) -> int:
    """The profile's own id here; made when there is none."""
    await connection.execute(
        "INSERT INTO sahha_profiles (external_id, created_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (external_id, now),
    )
    found = await row(connection, "SELECT id FROM sahha_profiles WHERE external_id = %s FOR KEY SHARE", (external_id,))
    if found is None:
        raise _forgotten()
    return int(found[0])


async def lock(connection: Connection, profile: int) -> None:
    """Have the profile stay until this transaction ends; NotFound when it was forgotten."""
    if await row(connection, "SELECT 1 FROM sahha_profiles WHERE id = %s FOR KEY SHARE", (profile,)) is None:
        raise _forgotten()


def _forgotten() -> NotFound:
    return NotFound("the Sahha profile has been erased here", kind="profile_erased")


async def fetched(
    connection: Connection, profile: int, kind: Kind, first: date, last: date, began_at: datetime, *, records: bool
) -> None:
    """The dates from `first` to `last`, both included, were asked for by a fetch that began at an instant, and
    answered, with records or without."""
    await connection.execute(
        """INSERT INTO sahha_fetches AS f (profile_id, kind, day, fetched_at)
           SELECT %s, %s, day, %s FROM generate_series(%s::date, %s::date, interval '1 day') day ORDER BY day
           ON CONFLICT (profile_id, kind, day) DO UPDATE SET fetched_at = greatest(f.fetched_at, excluded.fetched_at)""",
        (profile, kind, began_at, first, last),
    )
    await connection.execute(
        """UPDATE sahha_profiles SET state = 'active',
               known_at = CASE WHEN %(records)s THEN coalesce(known_at, %(at)s) ELSE known_at END
           WHERE id = %(id)s AND (state <> 'active' AND described_at < %(at)s OR %(records)s AND known_at IS NULL)""",
        {"id": profile, "at": began_at, "records": records},
    )


async def describe(db: Database, profile: int, sources: Sequence[str], now: datetime) -> None:
    """Sahha has named the sources of a profile's data."""
    await db.execute(
        "UPDATE sahha_profiles SET sources = %s, described_at = %s WHERE id = %s", (list(sources), now, profile)
    )


async def refuse(db: Database, profile: int, state: ProfileState, now: datetime) -> None:
    """Sahha has said that there is no such profile, or not any more; a webhook that has come since knows better."""
    await db.execute(
        """UPDATE sahha_profiles SET state = %(state)s, described_at = %(now)s
           WHERE id = %(id)s AND (heard_at IS NULL OR heard_at < %(now)s)""",
        {"state": state, "now": now, "id": profile},
    )


async def hear(connection: Connection, profile: int, now: datetime, *, values: bool, logs: bool) -> None:
    """A webhook has brought values of a profile, or has told that raw data came which values will be made of."""
    await connection.execute(
        """UPDATE sahha_profiles SET state = 'active',
               known_at = CASE WHEN %(values)s THEN coalesce(known_at, %(now)s) ELSE known_at END,
               heard_at = CASE WHEN %(values)s THEN greatest(heard_at, %(now)s) ELSE heard_at END,
               logged_at = CASE WHEN %(logs)s THEN greatest(logged_at, %(now)s) ELSE logged_at END
           WHERE id = %(id)s""",
        {"id": profile, "now": now, "values": values, "logs": logs},
    )


async def take_delivery(connection: Connection, digest: bytes, event: str, now: datetime) -> bool:
    """Note a webhook by its digest; False for one that was taken before."""
    found = await row(
        connection,
        """INSERT INTO sahha_deliveries (digest, event, received_at) VALUES (%s, %s, %s)
           ON CONFLICT DO NOTHING RETURNING 1""",
        (digest, event, now),
    )
    return found is not None


async def forget_deliveries(db: Database, before: datetime) -> int:
    """Drop the notes of webhooks taken before an instant."""
    return await db.execute("DELETE FROM sahha_deliveries WHERE received_at < %s", (before,))


async def forget_unknown(db: Database, before: datetime) -> int:
    """Drop the profiles of whom nothing was ever told and of whom an instant ago the last was heard: Sahha knows nobody
    so called, or could never be asked."""
    return await db.execute(
        """DELETE FROM sahha_profiles WHERE id IN (
               SELECT id FROM sahha_profiles
               WHERE coalesce(known_at, heard_at, logged_at) IS NULL AND (state = 'unknown' OR described_at IS NULL)
                   AND coalesce(described_at, created_at) < %s
               FOR UPDATE SKIP LOCKED)""",
        (before,),
    )


async def forget(connection: Connection, external_id: str) -> bool:
    """Erase a profile and all that Sahha told of it; False when it told of none: that Sahha knows nobody so called is
    no more than a note of ours."""
    found = await row(
        connection,
        """DELETE FROM sahha_profiles WHERE external_id = %s
           RETURNING coalesce(known_at, heard_at, logged_at) IS NOT NULL
               OR EXISTS (SELECT FROM sahha_fetches WHERE profile_id = sahha_profiles.id)""",
        (external_id,),
    )
    return found is not None and bool(found[0])
