"""The stretch: however many members there are, the plan fits the day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circadia.domain.cadence import demand_of
from circadia.domain.catalog import CATALOG
from circadia.domain.demand import SHARE, Demand, Stretch, allowance, fitting, requests, stretched
from circadia.domain.plans import Plan, parse_plan

PER_DAY = 9000
MEMBERS = st.integers(1, 100_000)
PLANS = st.sampled_from([parse_plan(each) for each in ("adaptive", "interval:5m", "interval:15m", "four-a-day")])


def demands(plan: Plan, members: int, pushed: int = 0) -> list[Demand]:
    """What so many members ask for, `pushed` of them with webhooks."""
    asked = [
        demand_of(plan, type_, rows, pushed=with_push)
        for type_ in CATALOG
        for rows, with_push in ((members - pushed, False), (pushed, True))
    ]
    return [each for each in asked if each is not None and each.rows]


@given(PLANS, MEMBERS, st.floats(0, 1), st.floats(0, 9000))
def test_any_number_of_members_plans_below_its_share_of_the_day(
    plan: Plan, members: int, share: float, heard: float
) -> None:
    asked = demands(plan, members, int(members * share))
    allowed = allowance(PER_DAY, 0.95, heard)
    assert allowed <= SHARE * PER_DAY
    found = stretched(asked, allowed, heard)
    assert found.cadence >= 1
    assert found.compared >= 1
    assert requests(asked, found, heard) <= allowed * 1.0001 + 1


@given(PLANS, MEMBERS, MEMBERS, st.floats(0, 1))
def test_more_members_are_never_stretched_less(plan: Plan, one: int, other: int, share: float) -> None:
    few, many = sorted((one, other))
    less = stretched(demands(plan, few, int(few * share)), 7200)
    more = stretched(demands(plan, many, int(many * share)), 7200)
    assert more.cadence >= less.cadence * 0.9999
    assert more.compared >= less.compared * 0.9999


@given(PLANS, MEMBERS, st.floats(1, 9000), st.floats(1, 9000))
def test_more_room_never_stretches_more(plan: Plan, members: int, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    more = stretched(demands(plan, members), narrow)
    less = stretched(demands(plan, members), wide)
    assert less.cadence <= more.cadence * 1.0001
    assert less.compared <= more.compared * 1.0001


@given(PLANS, st.integers(0, 5))
def test_a_few_members_are_not_stretched(plan: Plan, members: int) -> None:
    assert stretched(demands(plan, members), 0.8 * 100_000) == Stretch()


@given(MEMBERS)
def test_the_stretch_takes_no_more_than_it_must(members: int) -> None:
    asked = demands(parse_plan("adaptive"), members)
    found = stretched(asked, 7200)
    if found != Stretch():
        assert requests(asked, Stretch(found.cadence * 0.999, found.compared * 0.999)) > 7200


def test_the_comparisons_go_last() -> None:
    asked = demands(parse_plan("adaptive"), 2000)
    found = stretched(asked, 7200)
    assert found.compared == 1
    assert 0.95 * 7200 < requests(asked, found) <= 7200
    assert stretched(demands(parse_plan("adaptive"), 2100), 7200).compared > 1


def test_what_webhooks_bring_is_not_asked_for_again() -> None:
    asked = demands(parse_plan("adaptive"), 2100, 2100)
    assert stretched(asked, 500).compared > 10
    found = stretched(asked, 500, heard=8000)
    assert found.compared == 1
    assert requests(asked, found, heard=8000) == pytest.approx(2100 * 2 / 30)


@pytest.mark.parametrize(("share", "taken", "allowed"), [(0.95, 0, 7200), (0.95, 1000, 7200), (0.95, 8000, 550)])
def test_schedule_and_reconciliation_leave_what_the_others_were_seen_to_use(
    share: float, taken: float, allowed: float
) -> None:
    assert allowance(PER_DAY, share, taken) == allowed
    assert allowance(PER_DAY, share, PER_DAY) == pytest.approx(0.02 * 7200)


def test_how_many_fit() -> None:
    alone = demands(parse_plan("adaptive"), 100)
    assert fitting(alone, 100, PER_DAY, 0.95, 0, 0) == int(7200 / (3.5 + 2 / 30))
    told = demands(parse_plan("adaptive"), 100, 100)
    assert 2100 < fitting(told, 100, PER_DAY, 0.97, 385, 385) < 2300
    assert fitting(demands(parse_plan("interval:15m"), 1), 1, PER_DAY, 0.95, 0, 0) == int(7200 / (6 * 96))
    assert fitting(demands(parse_plan("four-a-day"), 1), 1, PER_DAY, 0.95, 0, 0) == int(7200 / (10 + 2 / 30))
    assert stretched(demands(parse_plan("adaptive"), 2018), 7200).compared == 1
    assert stretched(demands(parse_plan("adaptive"), 2020), 7200).compared > 1
