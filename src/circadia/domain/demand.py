"""How much asking fits into a day: every member's polls are stretched by one factor until the plan fits the budget.

A poll of a (member, type) comes `every` so often, and in any case after `most`, because the newest page is also the
comparison that finds what a lost webhook would have told. A sync that a webhook causes is such a comparison as well,
so it stands in for a poll.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

SHARE = 0.8
"""How much of the day's requests scheduled syncs and reconciliation together may plan for."""

RELIED_ON = 0.8
"""How much of what webhooks bring is counted on before polls are added to the comparisons."""

LEAST = 0.02
"""The part of `SHARE` that is planned for even when others take it all."""

_DAY = timedelta(days=1)
_LONGEST = 1e6


@dataclass(frozen=True, slots=True)
class Demand:
    """`rows` (member, type) pairs that are asked for alike; `most` None sets no upper bound. `pushed`: the members'
    webhooks arrive."""

    rows: float
    every: timedelta
    most: timedelta | None = None
    pushed: bool = False

    def wait(self, stretch: Stretch) -> timedelta:
        """The time between two looks: the upper bound as soon as that leaves out every other one, because a poll
        shortly before the comparison finds nothing."""
        wait = self.every * stretch.cadence
        return wait if self.most is None or wait < self.most / 2 else self.most * stretch.compared


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the plan is stretched by: `cadence` the time between polls, `compared` the upper bound of it, which is
    touched only when not even the comparisons fit. 1 is as planned."""

    cadence: float = 1.0
    compared: float = 1.0


def allowance(per_day: float, share: float, taken_before: float) -> float:
    """Requests a day that schedule and reconciliation may plan for: `SHARE` of the day's, and no more than is left of
    the lane's `share` of it by those who go first (`taken_before`, as seen in the last 24 h). Never less than `LEAST`
    of it: a day that others have used up says little of the next, and what is released follows the budget anyway."""
    return max(min(SHARE * per_day, share * per_day - taken_before), LEAST * SHARE * per_day)


def requests(demands: Sequence[Demand], stretch: Stretch, heard: float = 0.0, relied_on: float = 1.0) -> float:
    """Requests a day that `demands` come to. `heard` is what webhooks were seen to fetch in a day: that much of the
    comparisons of members with webhooks is not asked for again."""
    alone = sum(_polls(each, stretch) for each in demands if not each.pushed)
    pushed = [each for each in demands if each.pushed]
    comparisons = sum(_polls(each, replace(stretch, cadence=_LONGEST)) for each in pushed)
    stand_in = relied_on * min(heard, comparisons)
    return alone + max(sum(_polls(each, stretch) for each in pushed) - stand_in, 0.0)


def stretched(demands: Sequence[Demand], allowed: float, heard: float = 0.0) -> Stretch:
    """The least stretch with which `demands` fit into `allowed` (> 0) requests a day."""
    bound = [each for each in demands if each.most is not None]
    unbound = requests([each for each in demands if each.most is None], Stretch())
    longest = max((each.most / each.every for each in bound if each.most), default=1.0)
    needed = requests(bound, Stretch(longest), heard)
    if needed >= allowed:
        return Stretch(_LONGEST if unbound else max(longest, 1.0), max(needed / allowed, 1.0))
    low, high = 1.0, max(longest, unbound / (allowed - needed), 1.0)
    if requests(demands, Stretch(low), heard, RELIED_ON) <= allowed:
        return Stretch()
    for _ in range(60):
        middle = (low + high) / 2
        if requests(demands, Stretch(middle), heard, RELIED_ON) <= allowed:
            high = middle
        else:
            low = middle
    return Stretch(high)


def fitting(demands: Sequence[Demand], members: int, per_day: float, share: float, heard: float, before: float) -> int:
    """How many members like these `members` could be compared as often as the catalogue says or, where the plan sets
    no upper bound, polled as often as it says. `heard` and `before` are what webhooks, and all who go before the
    schedule, took in a day; both grow with the members."""
    low, high = 0, 1
    while _fits(demands, high / members, per_day, share, heard, before) and high < 10_000_000:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(demands, middle / members, per_day, share, heard, before):
            low = middle
        else:
            high = middle
    return low


def _fits(demands: Sequence[Demand], times: float, per_day: float, share: float, heard: float, before: float) -> bool:
    grown = [replace(each, rows=each.rows * times) for each in demands]
    compared = requests([each for each in grown if each.most is not None], Stretch(_LONGEST), heard * times)
    polled = requests([each for each in grown if each.most is None], Stretch())
    return compared + polled <= min(SHARE * per_day, share * per_day - before * times)


def _polls(demand: Demand, stretch: Stretch) -> float:
    return demand.rows * (_DAY / demand.wait(stretch))
