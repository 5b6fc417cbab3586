"""When a (member, type) comes due again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circadia.domain.cadence import (
    NEVER,
    PENDING_FOR,
    Rhythm,
    deep_due,
    demand_of,
    due_after,
    put_off,
    resumed,
    usual_waking,
)
from circadia.domain.catalog import BY_NAME, CATALOG, COLLECTIONS, RecordType
from circadia.domain.demand import Stretch, requests
from circadia.domain.plans import Plan, parse_plan
from circadia.domain.windows import quiet

NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ADAPTIVE, FOUR = Plan("adaptive"), Plan("four-a-day")
SLEEP, WORKOUT, PROFILE, CYCLE = BY_NAME["sleep"], BY_NAME["workout"], BY_NAME["profile"], BY_NAME["cycle"]
WAKING = [each for each in CATALOG if each.at_waking]
AS_PLANNED, ONLY_COMPARED = Stretch(), Stretch(1000)

instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
offsets = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))
minutes = st.integers(0, 1439)
seeds = st.integers(0, 10**9)


def due(plan: Plan, type_: RecordType, now: datetime, member: Rhythm | None = None, by: float = 1.0) -> datetime:
    return due_after(plan, type_, now, member or Rhythm(), Stretch(by))


def local_minute(at: datetime, member: Rhythm) -> float:
    """Minutes since the member's usual waking, -720..720."""
    local = at + member.offset
    since = local.hour * 60 + local.minute + local.second / 60 - (member.wakes_at_min or 0)
    return (since + 720) % 1440 - 720


def test_adaptive_follows_the_catalogue() -> None:
    for type_ in CATALOG:
        assert due(ADAPTIVE, type_, NOON) == NOON + type_.every
        assert due(ADAPTIVE, type_, NOON, by=1.5) == NOON + min(type_.every * 1.5, type_.compared)
        assert due(ADAPTIVE, type_, NOON, Rhythm(pushed=True)) == NOON + type_.every_with_push


def test_an_interval_holds_for_every_type_and_is_stretched_with_the_rest() -> None:
    for type_ in CATALOG:
        assert due(parse_plan("interval:7m"), type_, NOON, Rhythm(wakes_at_min=750)) == NOON + 7 * MINUTE
        assert due(parse_plan("interval:7m"), type_, NOON, by=1000) == NOON + 7000 * MINUTE


def test_manual_never_comes_by_itself() -> None:
    assert due(Plan("manual"), SLEEP, NOON) == NEVER


@given(st.sampled_from(CATALOG), instants, offsets, st.none() | minutes, seeds, st.booleans(), st.booleans())
def test_the_upper_bound_holds_whatever_the_stretch(
    type_: RecordType, now: datetime, offset: timedelta, wakes: int | None, seed: int, pushed: bool, unscored: bool
) -> None:
    member = Rhythm(seed, offset, wakes, pushed, int(unscored))
    found = due_after(ADAPTIVE, type_, now, member, ONLY_COMPARED)
    placed = type_.at_waking and wakes is not None
    assert now < found <= now + type_.compared + (7 * HOUR if placed else timedelta(0))


@given(st.sampled_from(WAKING), instants, offsets, minutes, seeds, st.booleans())
def test_a_comparison_of_what_changes_at_waking_comes_some_hours_after_it(
    type_: RecordType, now: datetime, offset: timedelta, wakes: int, seed: int, pushed: bool
) -> None:
    member = Rhythm(seed, offset, wakes, pushed)
    found = due_after(ADAPTIVE, type_, now, member, ONLY_COMPARED)
    hours = 4 if pushed else 2
    assert hours * 60 <= local_minute(found, member) <= hours * 60 + 10
    assert found - now >= (hours + 2) * HOUR


@given(instants, offsets, minutes, seeds, st.integers(0, 180))
def test_the_morning_s_webhook_makes_the_comparison_unnecessary(
    morning: datetime, offset: timedelta, wakes: int, seed: int, late: int
) -> None:
    """A sync at about the usual waking is followed by the next comparison after the next morning's webhook."""
    member = Rhythm(seed, offset, wakes, pushed=True)
    woke = morning - timedelta(minutes=local_minute(morning, member))
    found = due_after(ADAPTIVE, SLEEP, woke + late * MINUTE, member, ONLY_COMPARED)
    assert found >= woke + DAY + 4 * HOUR - MINUTE
    assert found <= woke + DAY + 4 * HOUR + 11 * MINUTE


def test_a_look_long_before_waking_does_not_stand_in_for_the_morning_s() -> None:
    member = Rhythm(wakes_at_min=7 * 60)
    night, dawn = NOON.replace(hour=4, minute=50), NOON.replace(hour=5, minute=10)
    assert due_after(ADAPTIVE, SLEEP, night, member, ONLY_COMPARED).date() == NOON.date()
    assert due_after(ADAPTIVE, SLEEP, dawn, member, ONLY_COMPARED).date() == (NOON + DAY).date()


@given(st.sampled_from(WAKING), seeds, st.floats(1.0, 5.0))
def test_a_stretched_bound_is_kept_on_average(type_: RecordType, seed: int, compared: float) -> None:
    now, count = NOON, 400
    member = Rhythm(seed, HOUR, 420)
    for _ in range(count):
        now = due_after(ADAPTIVE, type_, now, member, Stretch(1000, compared))
    assert (now - NOON) / count / DAY == pytest.approx(compared, rel=0.12)


@given(st.sampled_from(WAKING), seeds, offsets, minutes, st.floats(1.0, 95.0))
def test_a_day_s_polls_are_no_more_than_planned_and_every_window_has_one(
    type_: RecordType, seed: int, offset: timedelta, wakes: int, by: float
) -> None:
    member = Rhythm(seed, offset, wakes)
    now, polls = NOON, []
    while now < NOON + 10 * DAY:
        now = due(ADAPTIVE, type_, now, member, by)
        polls.append(now)
    demand = demand_of(ADAPTIVE, type_, 1, pushed=False)
    assert demand is not None
    assert len(polls) <= requests([demand], Stretch(by)) * 10 * 1.03 + 2
    for day in range(1, 9):
        waking = NOON + day * DAY - timedelta(minutes=local_minute(NOON, member))
        assert any(waking - HOUR < each <= waking + 3 * HOUR for each in polls)


def test_polls_are_denser_around_waking_where_there_are_no_webhooks() -> None:
    member = Rhythm(wakes_at_min=7 * 60)
    at = NOON.replace(hour=7, minute=10)
    assert due(ADAPTIVE, SLEEP, at, member) == at + 5 * MINUTE
    assert due(ADAPTIVE, SLEEP, NOON, member) == NOON + 25 * MINUTE
    assert due(ADAPTIVE, WORKOUT, at, member) == at + 15 * MINUTE
    assert due(ADAPTIVE, SLEEP, at, Rhythm(wakes_at_min=7 * 60, pushed=True)) == at + SLEEP.every_with_push


@pytest.mark.parametrize(("by", "first"), [(1, 5), (4, 20), (24, 120), (47, 180)])
def test_the_start_of_the_window_is_never_passed_over(by: float, first: int) -> None:
    member = Rhythm(wakes_at_min=7 * 60)
    opens = NOON.replace(hour=6, minute=0)
    assert due(ADAPTIVE, SLEEP, opens - MINUTE, member, by) == opens + first * MINUTE


def test_records_without_a_score_are_asked_for_again_soon() -> None:
    assert timedelta(hours=72) == PENDING_FOR
    member = Rhythm(wakes_at_min=7 * 60, pending=2)
    assert due(ADAPTIVE, SLEEP, NOON, member) == NOON + 15 * MINUTE
    assert due(ADAPTIVE, SLEEP, NOON, member, by=10) == NOON + 150 * MINUTE
    assert due_after(ADAPTIVE, SLEEP, NOON, member, ONLY_COMPARED) == NOON + 6 * HOUR
    assert due(ADAPTIVE, SLEEP, NOON, Rhythm(pushed=True, pending=1)) == NOON + HOUR
    assert due(FOUR, SLEEP, NOON, member) == due(FOUR, SLEEP, NOON, Rhythm(wakes_at_min=7 * 60))


@pytest.mark.parametrize(
    ("name", "local", "slot"),
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
def test_four_a_day_goes_by_the_member_s_clock(name: str, local: str, slot: str, offset_minutes: int) -> None:
    offset = timedelta(minutes=offset_minutes)
    now = datetime.fromisoformat(f"{local}:00+00:00") - offset
    assert due(FOUR, BY_NAME[name], now, Rhythm(offset=offset)) == datetime.fromisoformat(f"{slot}:00+00:00") - offset


def test_four_a_day_goes_by_the_clock_of_where_the_member_is_now() -> None:
    """Home from Berlin (summer time) to New York: the next slot is New York's."""
    landed = datetime(2026, 10, 24, 17, 0, tzinfo=UTC)
    assert due(FOUR, CYCLE, landed, Rhythm(offset=2 * HOUR)) == datetime(2026, 10, 24, 18, 5, tzinfo=UTC)
    assert due(FOUR, CYCLE, landed, Rhythm(offset=-4 * HOUR)) == datetime(2026, 10, 24, 18, 5, tzinfo=UTC)
    after_the_change = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)
    assert due(FOUR, CYCLE, after_the_change, Rhythm(offset=HOUR)) == datetime(2026, 10, 25, 13, 5, tzinfo=UTC)


def test_four_a_day_leaves_single_documents_to_the_catalogue() -> None:
    assert due(FOUR, PROFILE, NOON) == NOON + PROFILE.every


@given(seeds, offsets, st.sampled_from([SLEEP, WORKOUT, CYCLE]), instants)
def test_members_are_spread_over_the_hour_outside_of_its_quiet_minutes(
    seed: int, offset: timedelta, type_: RecordType, now: datetime
) -> None:
    found = due(FOUR, type_, now, Rhythm(seed, offset))
    assert now < found <= now + DAY
    for later in range(5):
        assert not quiet(found + later * MINUTE)
        assert not quiet(found + offset + later * MINUTE)


@given(st.sampled_from(COLLECTIONS), seeds, st.floats(1.0, 20.0))
def test_stretched_slots_are_kept_on_average(type_: RecordType, seed: int, by: float) -> None:
    demand = demand_of(FOUR, type_, 1, pushed=False)
    assert demand is not None
    now, count = NOON, 300
    for _ in range(count):
        now = due(FOUR, type_, now, Rhythm(seed), by)
    assert (now - NOON) / count / demand.every == pytest.approx(by, rel=0.12)


@given(st.integers(1, 5000), st.floats(1, 1e5))
def test_failures_wait_longer_and_never_longer_than_six_hours(failures: int, by: float) -> None:
    first, second = (put_off(NOON, each, Stretch(by)) - NOON for each in (failures, failures + 1))
    assert MINUTE <= first <= second <= 6 * HOUR
    assert put_off(NOON, 1, Stretch()) == NOON + MINUTE
    assert put_off(NOON, 1, Stretch(10)) == NOON + 10 * MINUTE


@given(seeds, st.integers(0, 86_400))
def test_work_without_budget_goes_on_soon_after_there_is_some(seed: int, seconds: int) -> None:
    until = NOON + timedelta(seconds=seconds)
    found = resumed(until, NOON, seed)
    assert until <= found <= until + max(0.1 * (until - NOON), MINUTE)


@given(instants, seeds)
def test_deep_comparisons_are_spread_evenly(last: datetime, seed: int) -> None:
    week = 7 * DAY
    first = deep_due(last, week, seed, "sleep")
    assert week / 2 <= first - last <= 1.5 * week
    assert deep_due(first, week, seed, "sleep") == first + week


def test_deep_comparisons_of_many_connected_at_once_fall_on_all_days_alike() -> None:
    days = [0] * 7
    for seed in range(7000):
        days[(deep_due(NOON, 7 * DAY, seed, "sleep") - NOON) // DAY % 7] += 1
    assert min(days) > 850


@pytest.mark.parametrize(
    ("minutes", "usual"),
    [([], None), ([420], 420), ([400, 420, 900], 420), ([400, 410, 420, 430], 415), ([1430, 10, 20, 1425], 0)],
)
def test_the_usual_waking_is_a_median_on_the_round_clock(minutes: list[int], usual: int | None) -> None:
    assert usual_waking(minutes) == usual


@given(st.lists(minutes, min_size=1, max_size=30), st.integers(0, 1439))
def test_the_usual_waking_turns_with_the_clock(found: list[int], turn: int) -> None:
    usual, turned = usual_waking(found), usual_waking([(each + turn) % 1440 for each in found])
    assert usual is not None
    assert turned is not None
    assert 0 <= turned < 1440
    if max(found) - min(found) < 600:
        assert abs((turned - usual - turn + 720) % 1440 - 720) <= 1
