"""Which dates of Sahha's are asked for again, and when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circadia.domain.freshness import EDGE, LONGEST, Asked, ranges

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - 400 * DAY


@pytest.mark.parametrize(
    ("back", "age", "heard", "stale"),
    [
        (0, None, None, True),
        (0, 10 * MINUTE, None, True),
        (0, 9 * MINUTE, None, False),
        (1, 10 * MINUTE, None, True),
        (1, 9 * MINUTE, None, False),
        (-1, 10 * MINUTE, None, True),
        (0, 10 * MINUTE, 59 * MINUTE, False),
        (0, 59 * MINUTE, 59 * MINUTE, False),
        (0, 60 * MINUTE, 59 * MINUTE, True),
        (0, 10 * MINUTE, 60 * MINUTE, True),
        (2, 359 * MINUTE, None, False),
        (2, 6 * HOUR, None, True),
        (3, 6 * HOUR, 1 * MINUTE, True),
        (3, 359 * MINUTE, None, False),
        (4, 12 * HOUR, None, False),
        (4, 12 * HOUR + 1 * MINUTE, None, True),
        (30, 26 * DAY + 12 * HOUR, None, False),
        (30, 26 * DAY + 13 * HOUR, None, True),
        (300, None, None, True),
    ],
)
def test_a_date_by_its_age(back: int, age: timedelta | None, heard: timedelta | None, stale: bool) -> None:
    day = TODAY - back * DAY
    asked = Asked({} if age is None else {day: NOW - age}, LONG_AGO, NOW - heard if heard else None)
    assert asked.stale(day, day, NOW) == ([day] if stale else [])


def test_raw_data_told_of_since_make_the_last_two_days_stale_whatever_else_was_heard() -> None:
    days = [TODAY - n * DAY for n in range(4)]
    marks = dict.fromkeys(days, NOW - 2 * MINUTE)
    assert Asked(marks, LONG_AGO, NOW, NOW - MINUTE).stale(days[-1], days[0], NOW) == [days[1], days[0]]
    assert Asked(marks, LONG_AGO, NOW, NOW - 2 * MINUTE).stale(days[-1], days[0], NOW) == []


def test_raw_data_do_not_make_stale_what_was_asked_for_within_the_minute() -> None:
    logged = NOW - timedelta(seconds=1)
    for age, stale in ((59, []), (60, [TODAY])):
        assert Asked({TODAY: NOW - timedelta(seconds=age)}, LONG_AGO, None, logged).stale(TODAY, TODAY, NOW) == stale


@pytest.mark.parametrize(
    ("hours", "today"), [(14, date(2026, 11, 21)), (-11, date(2026, 11, 20)), (-13, date(2026, 11, 19))]
)
def test_a_date_is_the_person_s_own(hours: int, today: date) -> None:
    soon = {today - 2 * DAY: NOW - 20 * MINUTE, today - DAY: NOW - 20 * MINUTE, today: NOW - 20 * MINUTE}
    asked = Asked(soon, LONG_AGO, offset=timedelta(hours=hours))
    assert asked.stale(today - 2 * DAY, today, NOW) == [today - DAY, today]


def test_finality_is_counted_in_the_person_s_own_dates() -> None:
    day = date(2026, 11, 10)
    at = datetime(2026, 11, 13, 10, 30, tzinfo=UTC)
    assert Asked({day: at}, LONG_AGO).stale(day, day, NOW) == [day]
    assert Asked({day: at}, LONG_AGO, offset=14 * HOUR).stale(day, day, NOW) == []


def test_nothing_is_final_before_sahha_has_had_time_for_somebody_s_past() -> None:
    day = TODAY - 20 * DAY
    assert Asked({day: NOW - 9 * MINUTE}).stale(day, day, NOW) == []
    assert Asked({day: NOW - 10 * MINUTE}).stale(day, day, NOW) == [day]
    new = NOW - 30 * HOUR
    assert Asked({day: NOW - 359 * MINUTE}, NOW - 6 * HOUR).stale(day, day, NOW) == []
    assert Asked({day: NOW - 6 * HOUR}, NOW - 6 * HOUR).stale(day, day, NOW) == [day]
    assert Asked({day: new + DAY - MINUTE}, new).stale(day, day, NOW) == [day]
    assert Asked({day: new + DAY}, new).stale(day, day, NOW) == []
    older = TODAY - 33 * DAY
    assert Asked({older: new}, new).stale(older, older, NOW) == []


def test_what_has_begun_nowhere_on_earth_is_not_asked_for() -> None:
    assert Asked().stale(TODAY, TODAY + 9 * DAY, NOW) == [TODAY, TODAY + DAY]
    assert Asked().stale(TODAY, TODAY + 9 * DAY, NOW - 3 * HOUR) == [TODAY]
    assert Asked().stale(TODAY + 5 * DAY, TODAY + 9 * DAY, NOW) == []


def test_a_kind_that_changes_slowly_is_asked_for_seldom() -> None:
    asked = Asked({TODAY: NOW - 5 * HOUR}, LONG_AGO)
    assert asked.stale(TODAY, TODAY, NOW) == [TODAY]
    assert asked.stale(TODAY, TODAY, NOW, 6 * HOUR) == []
    assert asked.stale(TODAY, TODAY, NOW + HOUR, 6 * HOUR) == [TODAY]


def test_ranges_begin_with_the_newest_and_leave_out_what_is_fresh() -> None:
    old = [TODAY - n * DAY for n in (90, 80, 50)]
    assert ranges([*old, TODAY - DAY, TODAY]) == [
        (TODAY - DAY, TODAY),
        (TODAY - 50 * DAY, TODAY - 50 * DAY),
        (TODAY - 90 * DAY, TODAY - 80 * DAY),
    ]
    assert ranges([]) == []


@given(st.sets(st.integers(0, 500), max_size=60))
def test_ranges_cover_each_date_once_and_are_never_too_long(backs: set[int]) -> None:
    days = sorted(TODAY - n * DAY for n in backs)
    found = ranges(days)
    assert sorted(day for day in days for first, last in found if first <= day <= last) == days
    assert all((last - first).days + 1 + 2 * EDGE.days <= LONGEST.days for first, last in found)
    assert all(first in days and last in days for first, last in found)
