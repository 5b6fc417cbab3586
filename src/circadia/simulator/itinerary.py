"""Where a member is and what kind of time it is: zones, trips, illness, holiday, training block."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from random import Random
from zoneinfo import ZoneInfo

from circadia.simulator.people import HALF_HOUR_HOMES, Person
from circadia.simulator.quirks import Quirks

ILLNESS_EVERY, HOLIDAY_EVERY, TRIP_EVERY = 240, 250, 45
"""Days of a block; each block holds one illness, one holiday, at most one trip."""
ILLNESS = (0.5, 1.0, 0.9, 0.7, 0.45, 0.2)
"""Severity on the days of an illness."""
HOLIDAY_DAYS = 10
TRAINING = (0.12, 0.24, 0.30, -0.66)
"""Load of the weeks of a training block, in standard deviations of the day's load."""
ABROAD = {
    "America": ("America/Los_Angeles", "America/New_York", "America/Chicago", "Europe/London", "America/Halifax"),
    "Europe": ("Europe/London", "Europe/Athens", "Asia/Dubai", "America/New_York", "Asia/Kolkata", "Europe/Paris"),
    "Asia": ("Asia/Dubai", "Europe/Berlin", "Asia/Singapore", "Asia/Tokyo", "Europe/London"),
    "UTC": ("Europe/Berlin", "Europe/Athens", "Asia/Kolkata", "America/New_York", "Europe/Paris"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Season:
    """What an evening's date means for the member. `illness` is 0 (well) to 1."""

    zone: tzinfo
    illness: float
    holiday: bool
    training: float


class Itinerary:
    """A member's calendar; any date can be asked about in any order."""

    def __init__(self, person: Person, *, seed: int, first: date, quirks: Quirks) -> None:
        self._seed = f"{seed}/{person.user_id}"
        self._person = person
        self._first = first
        self._quirks = quirks
        self._home = _zone(person.home, dst=quirks.dst)
        self._starts: dict[tuple[str, int], int] = {}
        self._trips: dict[int, tuple[int, int, tzinfo] | None] = {}

    def season(self, evening: date) -> Season:
        """The member's season on the evening of a local date."""
        day = (evening - self._first).days
        sick = day - self._start("illness", day, ILLNESS_EVERY, len(ILLNESS))
        away = day - self._start("holiday", day, HOLIDAY_EVERY, HOLIDAY_DAYS)
        return Season(
            zone=self._zone_of(day),
            illness=ILLNESS[sick] if 0 <= sick < len(ILLNESS) else 0.0,
            holiday=0 <= away < HOLIDAY_DAYS,
            training=TRAINING[day // 7 % len(TRAINING)],
        )

    def instant(self, evening: date, hours: float) -> datetime:
        """The UTC instant `hours` after local midnight at the start of the evening's date."""
        local = datetime.combine(evening, time()) + timedelta(hours=hours)
        return local.replace(tzinfo=self.season(evening).zone).astimezone(UTC)

    def _start(self, what: str, day: int, every: int, length: int) -> int:
        block = day // every
        start = self._starts.get((what, block))
        if start is None:
            rng = Random(f"{self._seed}/{what}/{block}")
            start = self._starts[what, block] = block * every + rng.randrange(every // 8, every - length)
        return start

    def _zone_of(self, day: int) -> tzinfo:
        if not self._quirks.travel:
            return self._home
        block = day // TRIP_EVERY
        if block not in self._trips:
            self._trips[block] = self._trip(block)
        trip = self._trips[block]
        return trip[2] if trip and trip[0] <= day < trip[1] else self._home

    def _trip(self, block: int) -> tuple[int, int, tzinfo] | None:
        rng = Random(f"{self._seed}/trip/{block}")
        if rng.random() >= self._person.traits.trips_per_block:
            return None
        length = rng.randrange(3, 11)
        start = block * TRIP_EVERY + rng.randrange(1, TRIP_EVERY - length)
        places = [
            place
            for place in ABROAD[self._person.home.split("/", maxsplit=1)[0]]
            if place != self._person.home and (self._quirks.half_hour_offsets or place not in HALF_HOUR_HOMES)
        ]
        return start, start + length, _zone(rng.choice(places), dst=self._quirks.dst)


def _zone(name: str, *, dst: bool) -> tzinfo:
    zone = ZoneInfo(name)
    if dst:
        return zone
    winter, summer = (datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    return timezone(min(offset for offset in (winter, summer) if offset is not None))


def offset_text(zone: tzinfo, instant: datetime, *, utc_as_z: bool) -> str:
    """WHOOP's `timezone_offset` at an instant: `+hh:mm`, `-hh:mm`, or `Z` for none."""
    text = instant.astimezone(zone).isoformat()[-6:]
    return "Z" if utc_as_z and text == "+00:00" else text
