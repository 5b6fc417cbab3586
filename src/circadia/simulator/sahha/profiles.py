"""A profile at Sahha: one person of the world, their device, and the days it knows of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from statistics import fmean
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from circadia.simulator.issue import Publication
from circadia.simulator.people import Person
from circadia.simulator.sahha.senses import Device, Night, Senses, Walk
from circadia.simulator.sahha.windows import at, sleep_day
from circadia.simulator.world import Member

NAMESPACE = UUID("5b0ba0cf-6a37-5b1c-9d1c-6f2c8a3f5d10")
ACCOUNT_ID = uuid5(NAMESPACE, "account")
WEEK = 7
ENOUGH_NIGHTS = 3
"""Nights of the last seven that regularity and debt need."""
GOAL_MIN = 480
SAMPLE_PREFIX, SAMPLE_DAYS = "SampleProfile-", 14


@dataclass(frozen=True, slots=True)
class Day:
    """A local date: the night that ended in its sleep window and the activity since, as known at a moment.

    `regularity` (0..1), `debt_h` and `shift_min` (from the usual middle of the night) look back over seven nights.
    """

    date: date
    zone: tzinfo
    night: Night | None
    walk: Walk | None
    weight_kg: float | None
    regularity: float | None = None
    debt_h: float | None = None
    shift_min: int | None = None


class Profile:
    """One external id. Without a member it is registered and has no data."""

    def __init__(self, external_id: str, *, member: Member | None, device: Device, seed: str, since: datetime) -> None:
        self.external_id = external_id
        self.device = device
        self.member = member
        self.profile_id = uuid5(NAMESPACE, f"{seed}/profile/{external_id}")
        self.since = since
        self._seed = seed

    @property
    def sample(self) -> bool:
        """Whether it is one of the sandbox's samples, with two weeks of history."""
        return self.external_id.startswith(SAMPLE_PREFIX)

    @property
    def person(self) -> Person | None:
        return self.member.person if self.member else None

    def id_of(self, *parts: object) -> str:
        """The UUIDv5 of one of this profile's things."""
        return str(uuid5(self.profile_id, "/".join(str(part) for part in parts)))

    def zone(self, now: datetime) -> tzinfo:
        """Where the person is: the zone of the last waking."""
        if self.member is None:
            return UTC
        woken = self.member.lived(now - timedelta(days=10), now, now)
        return woken[-1].zone if woken else ZoneInfo(self.member.person.home)

    def today(self, now: datetime) -> date:
        """The person's local date."""
        return now.astimezone(self.zone(now)).date()

    def first_day(self, now: datetime) -> date:
        """The oldest date with data."""
        if self.member is None:
            return self.today(now)
        return self.today(now) - timedelta(days=SAMPLE_DAYS) if self.sample else self.member.first_day

    def days(self, first: date, last: date, now: datetime) -> list[Day]:
        """The days from `first` to `last` that are not in the future, oldest first, as known at `now`."""
        if self.member is None:
            return []
        first, last = max(first, self.first_day(now)), min(last, self.today(now) + timedelta(days=1))
        before = first - timedelta(days=WEEK)
        lived = self.member.lived(_noon(before) - timedelta(days=2), min(now, _noon(last) + timedelta(days=2)), now)
        senses = Senses(self.member.person, self.device, self._seed)
        nights, zones = _nights(lived, senses, now)
        walks = _by_date(lived)
        days: list[Day] = []
        zone: tzinfo = zones[min(zones)] if zones else self.zone(now)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            woken = walks.get(day, [])
            zone = woken[-1].zone if woken else zones.get(day, zone)
            midnight = at(day, time(), zone)
            night = nights.get(day)
            walk = senses.walk(day, woken, midnight, now) if woken else None
            weight = senses.weighed(day) if woken and self.device != "phone" else None
            week = [nights[each] for back in range(WEEK) if (each := day - timedelta(days=back)) in nights]
            days.append(Day(day, zone, night, walk, weight, *_looked_back(night, week, zone)))
        return days


def _noon(day: date) -> datetime:
    return at(day, time(12), UTC)


def _by_date(lived: Iterable[Publication]) -> dict[date, list[Publication]]:
    """Cycles by the local date of their waking."""
    found: defaultdict[date, list[Publication]] = defaultdict(list)
    for cycle in lived:
        found[cycle.wake.astimezone(cycle.zone).date()].append(cycle)
    return found


def _nights(
    lived: Iterable[Publication], senses: Senses, now: datetime
) -> tuple[dict[date, Night], dict[date, tzinfo]]:
    """Nights that have been handed over, by the date of their window, and the zones they were slept in."""
    slept: defaultdict[date, list[Publication]] = defaultdict(list)
    for cycle in lived:
        if cycle.sleeps:
            slept[sleep_day(cycle.wake, cycle.zone)].append(cycle)
    nights = {day: senses.night(day, cycles) for day, cycles in slept.items()}
    seen = {day: night for day, night in nights.items() if night.seen_at <= now}
    return seen, {day: slept[day][-1].zone for day in slept}


def _looked_back(night: Night | None, week: list[Night], zone: tzinfo) -> tuple[float | None, float | None, int | None]:
    """Regularity, debt in hours and shift in minutes of a night among those of its week."""
    if night is None or len(week) < ENOUGH_NIGHTS:
        return None, None, None
    middles = [_minutes_after_noon(each.middle, zone) for each in week]
    usual = fmean(middles)
    strayed = fmean(abs(middle - usual) for middle in middles)
    regularity = max(0.05, 1 - strayed / 360)
    debt = fmean(max(0, GOAL_MIN - each.asleep) for each in week) / 60
    shift = round(abs(_minutes_after_noon(night.middle, zone) - usual) / 5) * 5
    return round(regularity, 3), round(debt, 3), shift


def _minutes_after_noon(instant: datetime, zone: tzinfo) -> float:
    local = instant.astimezone(zone)
    return ((local.hour - 12) % 24) * 60 + local.minute + local.second / 60
