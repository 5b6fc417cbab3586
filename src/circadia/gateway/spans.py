"""Which dates are read: some are named by a user's own today, which only the sources' answers tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from circadia import served
from circadia.domain.dates import YEARS, in_bounds
from circadia.errors import Invalid
from circadia.gateway.told import Told

EAST, WEST = timedelta(hours=14), timedelta(hours=12)
"""How far local time runs ahead of UTC and behind it, at most."""

_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_US = re.compile(r"(?P<month>\d{2})/(?P<day>\d{2})/(?P<year>\d{4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Dates to be read: `named`, both included, or else from `back` days before the user's today to `until` before."""

    named: tuple[date, date] | None = None
    back: int = 0
    until: int = 0

    def widest(self, now: datetime) -> tuple[date, date]:
        """The dates it could mean, wherever on Earth the user is."""
        return self.named or ((now - WEST).date() - timedelta(self.back), (now + EAST).date() - timedelta(self.until))

    def exact(self, today: date) -> tuple[date, date]:
        """The dates it means where it is `today`."""
        return self.named or (today - timedelta(self.back), today - timedelta(self.until))


_NAMED: Mapping[str, Span] = {"today": Span(), "yesterday": Span(back=1, until=1)}


def period(text: str, now: datetime) -> Span:
    """The one date of `today`, `yesterday`, `YYYY-MM-DD` or `MM/DD/YYYY`; Invalid for anything else, and for a date
    that has not begun anywhere."""
    if text in _NAMED:
        return _NAMED[text]
    found = _ISO.fullmatch(text) or _US.fullmatch(text)
    try:
        day = date(**{name: int(value) for name, value in found.groupdict().items()}) if found else None
    except ValueError:
        day = None
    if day is None or not in_bounds(day):
        raise Invalid(f"a period is `today`, `yesterday`, YYYY-MM-DD or MM/DD/YYYY, {YEARS}", kind="invalid_period")
    if day > (now + EAST).date():
        raise Invalid("the period lies in the future", kind="future_date")
    return Span((day, day))


def cut(told: Told, first: date, last: date) -> Told:
    """The same for fewer dates."""
    between = served.between if told.source == "whoop" else _between
    return replace(
        told,
        observations=tuple(each for each in told.observations if first <= each.day <= last),
        gaps=tuple(each for each in told.gaps if first <= each.day <= last),
        body={name: between(part, first, last) for name, part in told.body.items()},
    )


def _between(records: list[dict[str, Any]], first: date, last: date) -> list[dict[str, Any]]:
    """Sahha's records whose local day, as the instant is written that they end at or are for, is one of the dates."""
    days = ((each, str(each.get("scoreDateTime") or each.get("endDateTime"))[:10]) for each in records)
    return [each for each, day in days if first.isoformat() <= day <= last.isoformat()]
