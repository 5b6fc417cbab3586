"""Sync plans: names, and when a type comes due again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circadia.domain.catalog import BY_NAME, CATALOG
from circadia.domain.plans import Plan, due_after, parse_plan
from circadia.domain.windows import quiet

NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
SLEEP, WORKOUT, PROFILE = BY_NAME["sleep"], BY_NAME["workout"], BY_NAME["profile"]


@pytest.mark.parametrize("text", ["adaptive", "four-a-day", "manual", "interval:5m", "interval:90m"])
def test_a_plan_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_plan(text)) == text


@pytest.mark.parametrize("text", ["", "hourly", "interval:4m", "interval:0m", "interval:5", "interval:-5m", "MANUAL"])
def test_what_is_no_plan(text: str) -> None:
    with pytest.raises(ValueError, match="adaptive"):
        parse_plan(text)


def test_adaptive_follows_the_catalogue() -> None:
    for type_ in CATALOG:
        assert due_after(Plan("adaptive"), type_, NOON) == NOON + type_.every


def test_an_interval_holds_for_every_type() -> None:
    for type_ in CATALOG:
        assert due_after(parse_plan("interval:7m"), type_, NOON) == NOON + timedelta(minutes=7)


def test_manual_never_comes_by_itself() -> None:
    assert due_after(Plan("manual"), SLEEP, NOON).year == 9999


@pytest.mark.parametrize(
    ("name", "local", "due"),
    [
        ("sleep", "2026-11-20T07:00", "2026-11-20T08:05"),
        ("sleep", "2026-11-20T08:05", "2026-11-20T23:05"),
        ("sleep", "2026-11-20T23:06", "2026-11-21T08:05"),
        ("workout", "2026-11-20T08:06", "2026-11-20T14:05"),
        ("workout", "2026-11-20T14:05", "2026-11-20T20:05"),
        ("cycle", "2026-11-20T22:00", "2026-11-20T23:05"),
        ("cycle", "2026-11-20T23:30", "2026-11-21T14:05"),
    ],
)
@pytest.mark.parametrize("offset_minutes", [0, 60, 120, 330, -210, 765, -720, 840])
def test_four_a_day_goes_by_the_member_s_clock(name: str, local: str, due: str, offset_minutes: int) -> None:
    offset = timedelta(minutes=offset_minutes)
    now = datetime.fromisoformat(f"{local}:00+00:00") - offset
    found = due_after(Plan("four-a-day"), BY_NAME[name], now, offset=offset)
    assert found == datetime.fromisoformat(f"{due}:00+00:00") - offset


def test_four_a_day_leaves_single_documents_to_the_catalogue() -> None:
    assert due_after(Plan("four-a-day"), PROFILE, NOON) == NOON + PROFILE.every


@given(st.integers(0, 10**9), st.integers(-12 * 4, 14 * 4), st.sampled_from([SLEEP, WORKOUT, BY_NAME["cycle"]]))
def test_members_are_spread_over_the_hour_outside_of_its_quiet_minutes(seed: int, quarters: int, type_: object) -> None:
    offset = timedelta(minutes=15 * quarters)
    found = due_after(Plan("four-a-day"), type_, NOON, offset=offset, seed=seed)  # type: ignore[arg-type]
    assert NOON < found <= NOON + timedelta(days=1)
    assert not quiet(found + offset)
    if quarters % 4 == 0:
        assert not quiet(found)
