"""How long a backfill takes, as arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from circadia.domain.forecast import Speed, Walk, finished_at, lane_speed, observed, pages_left
from circadia.domain.lanes import LaneRules

LANE = LaneRules(share=0.8, day_share=0.7, at_once=0.5, patience=timedelta(seconds=2))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_pages_left_go_as_far_back_as_the_type_that_has_arrived() -> None:
    whole = Walk(ago(400), done=True, got=400)
    half = Walk(ago(100), done=False, got=200)
    assert pages_left([whole, half], NOW) == 300 * 2 / 25 + 1
    assert pages_left([whole, Walk(None, done=False, got=0)], NOW) == 400 / 25 + 1
    assert pages_left([whole, Walk(ago(500), done=False, got=500)], NOW) == 1
    assert pages_left([whole], NOW) == 0
    assert pages_left([half, half], NOW) is None
    assert pages_left([Walk(None, done=True, got=0), half], NOW) is None


def test_a_lane_is_shared_and_others_go_first() -> None:
    alone = lane_speed(LANE, per_minute=100, per_day=10_000, used_today=3000, used_by_others=1440, sharing=1)
    assert alone == Speed(a_minute=79, today=4000, a_day=5560)
    shared = lane_speed(LANE, per_minute=100, per_day=10_000, used_today=3000, used_by_others=1440, sharing=4)
    assert (shared.a_minute, shared.today, shared.a_day) == (79 / 4, 1000, 1390)
    spent = lane_speed(LANE, per_minute=2, per_day=100, used_today=500, used_by_others=500, sharing=1)
    assert spent.today == 0
    assert min(spent.a_minute, spent.a_day) > 0


@pytest.mark.parametrize(
    ("pages", "wait"),
    [(0, timedelta(0)), (100, timedelta(minutes=10)), (1100, timedelta(minutes=100) + timedelta(days=0.05))],
)
def test_what_the_day_does_not_hold_takes_days(pages: int, wait: timedelta) -> None:
    assert finished_at(NOW, pages, Speed(a_minute=10, today=1000, a_day=2000)) == NOW + wait


def test_a_speed_is_believed_once_it_was_seen_for_a_while() -> None:
    assert observed(120, timedelta(minutes=4)) == 30
    assert observed(120, timedelta(seconds=30)) is None
    assert observed(5, timedelta(minutes=4)) is None
