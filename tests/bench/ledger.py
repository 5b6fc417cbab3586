"""What changed at WHOOP, when its webhook came or was lost, and when it was stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from circadia.domain.catalog import RecordType
from circadia.domain.members import Connection as Grant
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import Event
from circadia.storage.postgres import Database

Name = tuple[int, str, str]
"""A WHOOP account, a noun, and what a webhook would call the record."""

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a record, and how long it took from there to the store (None: not before the end)."""

    noun: str
    at: datetime
    lost: bool
    took: timedelta | None


@dataclass(slots=True)
class Ledger:
    """Filled while a replay runs."""

    runs: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    _expected: list[tuple[Event, bool]] = field(default_factory=list)
    _stored: dict[Name, list[tuple[datetime, datetime]]] = field(default_factory=dict)

    def expect(self, event: Event, *, lost: bool) -> None:
        """A change, with a webhook or without."""
        self._expected.append((event, lost))

    async def look(
        self, db: Database, grant: Grant, types: Sequence[RecordType], began_at: datetime, now: datetime
    ) -> None:
        """Note what a run that began at `began_at` has written."""
        for type_ in types:
            if not type_.collection:
                continue
            changed = f"FROM {type_.table} WHERE member_id = %s AND fetched_at >= %s"
            written = f"SELECT {type_.pushed_as}::text, updated_at {changed}"
            for name, updated_at in await db.rows(written, (grant.member_id, began_at)):
                self._stored.setdefault((grant.whoop_user_id, type_.name, name), []).append((now, updated_at))

    def changes(self, since: datetime, until: datetime) -> list[Change]:
        """The changes in `[since, until)`, each with the time from there to the store."""
        return [
            Change(noun, event.at, lost, self._took((event.user_id, noun, event.id), event.at))
            for event, lost in self._expected
            if since <= event.at < until
            for noun in (event.type.partition(".")[0],)
        ]

    def cycles(
        self, simulator: WhoopSimulator, accounts: Iterable[int], since: datetime, until: datetime
    ) -> list[Change]:
        """New cycles in `[since, until)`; no webhook tells of them."""
        found = []
        for account in accounts:
            for each in simulator.truth(account)["cycle"]:
                at = datetime.fromisoformat(each["created_at"])
                if since <= at < until:
                    took = self._took((account, "cycle", str(each["id"])), at)
                    found.append(Change("cycle", at, lost=True, took=took))
        return found

    def _took(self, name: Name, at: datetime) -> timedelta | None:
        stored = [when for when, updated_at in self._stored.get(name, []) if updated_at >= at - _MILLISECOND]
        return min(stored) - at if stored else None


def quantile(values: Sequence[timedelta], share: float) -> timedelta:
    """The value below which a share of them lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
