"""Which dates of what Sahha told are to be asked for again, and in which ranges.

Sahha tells of changes by webhook, but nothing promises that all of them arrive: what may still change is asked for as
well, the nearer to today the sooner. The figures are ours; Sahha documents none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

SOON = timedelta(minutes=10)
"""How old an answer about today or yesterday may be."""

SOON_WHEN_TOLD = timedelta(hours=1)
"""The same where a webhook has come so lately."""

LATER = timedelta(hours=6)
"""How old one about the two days before may be."""

AFTER_LOG = timedelta(minutes=1)
"""How old one has to be that data which were logged since then make stale."""

SETTLES_AFTER = timedelta(days=3)
"""A day that was asked for when it lay further back is final."""

LONGEST = timedelta(days=31)
"""Days asked for at once: Sahha documents no limit, and nobody was seen to ask for more."""

EDGE = timedelta(days=1)
"""How much wider than its dates a range is asked for at either end: a night's window begins on the date before, and the
other side may count the days in another offset."""

NEW_FOR, NEW_PAST = timedelta(days=1), timedelta(days=31)
"""How long after somebody's first record Sahha may still be at work on their past, and how long a past that is: it
documents two weeks of scores and four of archetypes."""

_FURTHEST_EAST = timedelta(hours=14)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of one kind of data of a person: when the fetch of each date began, when Sahha first had anything
    of the person at all, when a webhook last brought a value, when one last told of raw data that values are still to
    be made of, and the person's offset from UTC."""

    at: Mapping[date, datetime] = field(default_factory=dict)
    known_at: datetime | None = None
    heard_at: datetime | None = None
    logged_at: datetime | None = None
    offset: timedelta | None = None

    def stale(self, first: date, last: date, now: datetime, soon: timedelta = SOON) -> list[date]:
        """The dates from `first` to `last`, both included, that are to be asked for at `now`, in order. What lies in
        the future everywhere on Earth is not."""
        last = min(last, (now + _FURTHEST_EAST).date())
        days = (first + n * _DAY for n in range((last - first).days + 1))
        return [each for each in days if self._stale(each, now, soon)]

    def _stale(self, day: date, now: datetime, soon: timedelta) -> bool:
        at = self.at.get(day)
        if at is None:
            return True
        if self.known_at is None:
            return now - at >= soon
        offset = self.offset or timedelta(0)
        back = (now + offset).date() - day
        if back <= _DAY:
            told = self.heard_at is not None and now - self.heard_at < SOON_WHEN_TOLD
            missed = self.logged_at is not None and at < self.logged_at and now - at >= AFTER_LOG
            return missed or now - at >= (max(soon, SOON_WHEN_TOLD) if told else soon)
        if back <= SETTLES_AFTER:
            return now - at >= max(soon, LATER)
        if (at + offset).date() - day <= SETTLES_AFTER:
            return True
        new = at - self.known_at < NEW_FOR and self.known_at.date() - day <= NEW_PAST
        return new and now - at >= LATER


def ranges(days: list[date]) -> list[tuple[date, date]]:
    """Ranges, both ends included, that cover `days` (in order): the newest first, none longer than `LONGEST` when it is
    widened by `EDGE`."""
    found = []
    while days:
        last = days[-1]
        first = next(each for each in days if each > last - LONGEST + 2 * EDGE)
        found.append((first, last))
        days = [each for each in days if each < first]
    return found
