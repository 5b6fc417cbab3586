"""Sahha's windows: the local day, the sleep day, the rolling week; and how Sahha writes instants.

A sleep day runs from 18:00 to 17:59:59 and bears the date on which it ends. Ends are inclusive (`…:59`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

EVENING = time(18)
LAST_SECOND = timedelta(seconds=1)
SYNC_EVERY = timedelta(minutes=30)
"""How often a device hands over what it counted."""
SETTLES_AFTER = timedelta(hours=8)
"""How long after its end a window is still `intraday`; Sahha's own flip comes some hours after midnight."""

Window = tuple[datetime, datetime]


def at(day: date, clock: time, zone: tzinfo) -> datetime:
    """A local time of a date."""
    return datetime.combine(day, clock, tzinfo=zone)


def day_window(day: date, zone: tzinfo) -> Window:
    """Local midnight to 23:59:59."""
    return at(day, time(), zone), at(day, time(23, 59, 59), zone)


def sleep_window(day: date, zone: tzinfo) -> Window:
    """18:00 of the evening before to 17:59:59 of `day`."""
    return at(day - timedelta(days=1), EVENING, zone), at(day, time(17, 59, 59), zone)


def week_window(day: date, zone: tzinfo) -> Window:
    """The rolling week that ends with the sleep day of `day`: it begins eight evenings before."""
    return at(day - timedelta(days=8), EVENING, zone), at(day, time(17, 59, 59), zone)


def sleep_day(woke: datetime, zone: tzinfo) -> date:
    """The date of the sleep window that holds an instant of waking."""
    local = woke.astimezone(zone)
    return local.date() + timedelta(days=local.time() >= EVENING)


def synced(instant: datetime) -> datetime:
    """The last hand-over at or before an instant, in UTC."""
    midnight = instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (instant - midnight) // SYNC_EVERY * SYNC_EVERY


def text(instant: datetime, zone: tzinfo) -> str:
    """`2025-07-11T00:00:00+12:00`."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def short_text(instant: datetime, zone: tzinfo) -> str:
    """The form of values that are instants: without seconds."""
    return instant.astimezone(zone).isoformat(timespec="minutes")


def utc_text(instant: datetime) -> str:
    """`…+00:00`, as Sahha writes its own instants."""
    return text(instant, UTC)
