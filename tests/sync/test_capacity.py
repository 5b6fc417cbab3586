"""The capacity model in small. So few members vary more than 2,100 do, so they have a tenth more of the budget each."""

from __future__ import annotations

from datetime import timedelta

from circadia.domain.plans import parse_plan
from tests.bench import capacity
from tests.bench.capacity import Case
from tests.bench.ledger import quantile

_MEMBERS = 30
_PER_DAY = round(1.1 * 9000 * _MEMBERS / 2100)

_SOON = timedelta(minutes=2)


async def test_members_with_webhooks_fit_and_lost_ones_heal(database_url: str) -> None:
    case = Case(members=_MEMBERS, per_day=_PER_DAY, lost=0.1, hours=24, healing=48)
    result = await capacity.replayed(case, database_url)
    assert sum(result.taken.values()) <= _PER_DAY
    assert result.refused_by_whoop == 0
    assert set(result.errors) <= {"rate_limited"}
    told = [each for each in result.changes if not each.lost]
    assert result.taken["webhook"] <= len(told) + _MEMBERS
    for noun, hours in (("sleep", 24), ("recovery", 24), ("workout", 48)):
        assert quantile(result.took(noun, lost=False), 0.95) <= _SOON
        lost = result.took(noun, lost=True)
        assert lost, "no webhook was lost, so this shows nothing"
        assert max(lost) <= timedelta(hours=hours)
        assert result.missing(noun) == 0
    assert max(result.took("cycle", lost=True)) <= timedelta(hours=24)
    assert result.missing("cycle") == 0
    assert result.planned.stretch.compared == 1
    assert result.token_calls <= 8 * _MEMBERS


async def test_members_without_webhooks_are_compared_daily_when_as_many_as_the_planner_says(database_url: str) -> None:
    case = capacity.without_webhooks("adaptive", capacity.fit(parse_plan("adaptive"), 9000))
    result = await capacity.replayed(case, database_url)
    assert set(result.taken) == {"scheduled"}
    assert sum(result.taken.values()) <= case.per_day
    assert result.errors == {}
    for noun, hours in (("sleep", 24), ("recovery", 24), ("cycle", 24), ("workout", 48)):
        assert max(result.took(noun, lost=True)) <= timedelta(hours=hours)
    assert quantile(result.took("sleep", lost=True), 0.5) <= timedelta(hours=3)
