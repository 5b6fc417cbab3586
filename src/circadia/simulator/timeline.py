"""What WHOOP holds of one member, and when: versioned records, their listings, their events."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal, Protocol

Kind = Literal["cycle", "sleep", "recovery", "workout"]
Payload = dict[str, Any]

BEGINNING = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)


def whole_ms(instant: datetime) -> datetime:
    """The instant cut to WHOOP's resolution, a millisecond."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Row:
    """One record as WHOOP returns it: `payload` is the JSON object of the v2 API.

    `start` and `end` are the interval that WHOOP's range filter looks at (a recovery carries its
    sleep's); `end` None means still open. Payloads are shared: never change one in place.
    """

    payload: Payload
    start: datetime
    end: datetime | None

    @property
    def end_at(self) -> datetime:
        """The end of a record that must have one; ValueError for a running cycle."""
        if self.end is None:
            raise ValueError("the running cycle has no end yet")
        return self.end


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook event: `type` is one of WHOOP's six, `id` a UUID (a recovery's is its sleep's)."""

    at: datetime
    user_id: int
    type: str
    id: str


Change = Callable[[Row], Row]


class Unfolding(Protocol):
    """Content that changes with the clock: the running cycle."""

    def row(self, now: datetime) -> Row: ...
    def steady(self, now: datetime) -> tuple[datetime, datetime]:
        """The half-open span around `now` in which `row` stays the same."""
        ...


@dataclass(frozen=True, slots=True)
class Amended:
    """Unfolding content with a later correction laid over it."""

    content: Unfolding
    change: Change

    def row(self, now: datetime) -> Row:
        return self.change(self.content.row(now))

    def steady(self, now: datetime) -> tuple[datetime, datetime]:
        return self.content.steady(now)


@dataclass(frozen=True, slots=True)
class Version:
    """What a record looks like from `at` on; `content` None means that it is gone."""

    at: datetime
    content: Row | Unfolding | None


@dataclass(slots=True)
class Record:
    """A record through all its versions, oldest first.

    `key` finds it (a cycle's id as text for cycles and recoveries, else the UUID), `event_id` is
    what webhooks call it (empty for cycles, which have none).
    """

    kind: Kind
    key: str
    event_id: str
    versions: list[Version]

    def content(self, now: datetime) -> Row | Unfolding | None:
        for version in reversed(self.versions):
            if version.at <= now:
                return version.content
        return None

    def row(self, now: datetime) -> Row | None:
        content = self.content(now)
        return content if content is None or isinstance(content, Row) else content.row(now)


@dataclass(slots=True)
class _Listing:
    since: datetime
    until: datetime
    rows: Sequence[Row]


_by_time = attrgetter("at", "type", "id")
_by_start = attrgetter("start")


class Timeline:
    """All records of one member with the moments at which WHOOP's answers change."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self._records: dict[Kind, dict[str, Record]] = {
            "cycle": {}, "sleep": {}, "recovery": {}, "workout": {},
        }  # fmt: skip
        self._changes: dict[Kind, list[datetime]] = {kind: [] for kind in self._records}
        self._listings: dict[Kind, _Listing] = {}
        self._events: list[Event] = []

    def add(self, record: Record) -> None:
        """Take a record with all its natural versions, past or future."""
        self._records[record.kind][record.key] = record
        for version in record.versions:
            self._note(record, version.at, "updated")

    def row(self, kind: Kind, key: str, now: datetime) -> Row | None:
        record = self._records[kind].get(key)
        return None if record is None else record.row(now)

    def rows(self, kind: Kind, now: datetime) -> Sequence[Row]:
        """All rows of `kind` that exist at `now`, newest start first."""
        held = self._listings.get(kind)
        if held is None or not held.since <= now < held.until:
            held = self._listings[kind] = self._list(kind, now)
        return held.rows

    def _list(self, kind: Kind, now: datetime) -> _Listing:
        changes = self._changes[kind]
        index = bisect_right(changes, now)
        since = changes[index - 1] if index else BEGINNING
        until = changes[index] if index < len(changes) else FOREVER
        rows: list[Row] = []
        for record in self._records[kind].values():
            content = record.content(now)
            if content is None:
                continue
            if isinstance(content, Row):
                rows.append(content)
            else:
                first, last = content.steady(now)
                since, until = max(since, first), min(until, last)
                rows.append(content.row(now))
        rows.sort(key=_by_start, reverse=True)
        return _Listing(since, until, rows)

    def events(self, after: datetime, until: datetime) -> list[Event]:
        """Events in (after, until], by time."""
        first = bisect_right(self._events, after, key=_at)
        return self._events[first : bisect_right(self._events, until, key=_at)]

    def deleted(self, kind: Kind, now: datetime) -> list[str]:
        """Keys of records that existed and are gone at `now`, in order of first appearance."""
        return [
            key
            for key, record in self._records[kind].items()
            if record.versions[0].at <= now and record.content(now) is None
        ]

    def last_row(self, kind: Kind, key: str, now: datetime) -> Row | None:
        """The last row a record had by `now`, deleted or not."""
        record = self._records[kind].get(key)
        for version in reversed(record.versions if record else []):
            if version.at <= now and version.content is not None:
                return version.content if isinstance(version.content, Row) else version.content.row(version.at)
        return None

    def amend(self, kind: Kind, key: str, now: datetime, change: Change, *, announce: bool = True) -> list[Event]:
        """Apply `change` to the record as of `now` and to every version still to come."""
        record = self._records[kind][key]
        current = record.content(now)
        if current is None:
            message = f"{kind} {key} does not exist at {now.isoformat()}"
            raise ValueError(message)
        past = [version for version in record.versions if version.at <= now]
        future = [version for version in record.versions if version.at > now]
        record.versions = [
            *past,
            Version(now, _changed(current, change)),
            *(
                replace(version, content=_changed(version.content, change))
                for version in future
                if version.content is not None
            ),
        ]
        return self._note(record, now, "updated" if announce else "")

    def remove(self, kind: Kind, key: str, now: datetime) -> list[Event]:
        """The record is gone from `now` on; what would have happened to it later does not."""
        record = self._records[kind][key]
        record.versions = [version for version in record.versions if version.at <= now]
        record.versions.append(Version(now, None))
        self._events = [
            event
            for event in self._events
            if event.at <= now or event.id != record.event_id or not event.type.startswith(kind)
        ]
        return self._note(record, now, "deleted")

    def revive(self, kind: Kind, key: str, now: datetime, row: Row) -> list[Event]:
        """A deleted record exists again, as `row`."""
        record = self._records[kind][key]
        record.versions.append(Version(now, row))
        return self._note(record, now, "updated")

    def _note(self, record: Record, at: datetime, verb: str) -> list[Event]:
        insort(self._changes[record.kind], at)
        self._listings.pop(record.kind, None)
        if not verb or not record.event_id:
            return []
        event = Event(at, self.user_id, f"{record.kind}.{verb}", record.event_id)
        insort(self._events, event, key=_by_time)
        return [event]


def _at(event: Event) -> datetime:
    return event.at


def _changed(content: Row | Unfolding, change: Change) -> Row | Unfolding:
    return change(content) if isinstance(content, Row) else Amended(content, change)
