"""Which backups stay: the newest of each of the last days, weeks and months that have one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from circadia.domain.retention import parse_keep

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
"""A Friday."""


def _days_ago(*days: float) -> list[datetime]:
    return [NOW - timedelta(days=each) for each in days]


def test_each_period_has_its_newest() -> None:
    hourly = _days_ago(*(hour / 24 for hour in range(24 * 400)))
    kept = sorted(parse_keep("7d,4w,12m").kept(hourly), reverse=True)
    days = [NOW, *(NOW.replace(hour=23) - timedelta(days=n) for n in range(1, 7))]
    sundays = [datetime(2026, 11, day, 23, tzinfo=UTC) for day in (15, 8, 1)]
    months = [datetime(2026, month, 1, 23, tzinfo=UTC) - timedelta(days=1) for month in range(1, 12)]
    assert kept == sorted({*days, *sundays, *months}, reverse=True)


def test_a_pause_removes_nothing() -> None:
    made = _days_ago(900, 901, 902)
    assert parse_keep("3d").kept(made) == set(made)


def test_the_newest_stays_and_of_a_day_only_it() -> None:
    made = _days_ago(0, 0.01, 0.02)
    assert parse_keep("5d").kept(made) == {NOW}
    assert parse_keep("1d").kept([]) == set()


def test_weeks_begin_on_monday_also_at_the_turn_of_the_year() -> None:
    thursday, friday, monday = (datetime(2026, 12, 31), datetime(2027, 1, 1), datetime(2027, 1, 4))
    assert parse_keep("2w").kept([thursday, friday, monday]) == {friday, monday}


@pytest.mark.parametrize("text", ["", "7", "d", "7h", "0d", "7d,7d", "7d;4w", "-1d", "7d,", "7d 4w"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match="7d,4w,12m"):
        parse_keep(text)
