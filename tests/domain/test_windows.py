"""The arithmetic of when and how far back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circadia.domain.windows import (
    HELD_IN_VIEW,
    OVERLAP,
    answers_today,
    history,
    idle,
    incremental,
    needs_asking,
    quiet,
    renewal_due,
)

NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@given(INSTANTS, INSTANTS)
def test_a_window_reaches_from_before_the_cursor_to_now_and_is_pinned(cursor: datetime, now: datetime) -> None:
    assert incremental(cursor, now) == (cursor - OVERLAP, max(cursor, now))


def test_a_window_reaches_back_to_held_deletions_for_some_days() -> None:
    cursor = NOON - HOUR
    assert incremental(cursor, NOON, NOON - DAY) == (cursor - OVERLAP, NOON)
    assert incremental(cursor, NOON, NOON - HELD_IN_VIEW + HOUR) == (NOON - HELD_IN_VIEW + HOUR, NOON)
    assert incremental(cursor, NOON, NOON - HELD_IN_VIEW) == (cursor - OVERLAP, NOON)


def test_history_lies_below_the_floor() -> None:
    assert history(None, NOON).end == NOON
    assert history(NOON - DAY, NOON).end == NOON - DAY
    assert history(NOON - DAY, NOON).start is None


@pytest.mark.parametrize(
    ("minute", "is_quiet"), [(57, False), (58, True), (59, True), (0, True), (4, True), (5, False)]
)
def test_the_quiet_minutes(minute: int, is_quiet: bool) -> None:
    assert quiet(NOON.replace(minute=minute)) is is_quiet


@given(INSTANTS, st.floats(0, 1), st.floats(0, 1.2))
def test_a_renewal_is_due_past_half_of_life_out_of_quiet_minutes_or_when_it_ends(
    obtained_at: datetime, jitter: float, share: float
) -> None:
    expires_at = obtained_at + HOUR
    now = obtained_at + share * HOUR
    due = renewal_due(obtained_at, expires_at, now, jitter=jitter)
    if now >= expires_at - MINUTE:
        assert due
    elif quiet(now) or share < 0.5:
        assert not due
    elif share > 0.71:
        assert due
    assert renewal_due(obtained_at, expires_at, expires_at)


def test_an_idle_grant_is_renewed_after_twenty_hours_and_not_around_the_hour() -> None:
    assert not idle(NOON - 20 * HOUR + MINUTE, NOON)
    assert idle(NOON - 20 * HOUR, NOON)
    assert not idle(NOON - 30 * HOUR, NOON.replace(minute=59))


@pytest.mark.parametrize(
    ("day", "asked"), [(date(2026, 11, 12), False), (date(2026, 11, 13), True), (date(2026, 11, 21), True),
                       (date(2026, 11, 22), False)]
)  # fmt: skip
def test_only_recent_days_ask_whoop(day: date, asked: bool) -> None:
    assert answers_today(day, NOON) is asked
    assert needs_asking(day, None, NOON) is asked


def test_a_day_is_complete_when_a_sync_began_after_it_had_ended_everywhere() -> None:
    day = date(2026, 11, 19)
    ended_everywhere = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert not needs_asking(day, ended_everywhere, NOON + 5 * HOUR)
    assert needs_asking(day, ended_everywhere - MINUTE, NOON + 5 * HOUR)


def test_a_running_day_is_stale_after_fifteen_minutes() -> None:
    today = date(2026, 11, 20)
    assert not needs_asking(today, NOON - 15 * MINUTE, NOON)
    assert needs_asking(today, NOON - 16 * MINUTE, NOON)
