"""When a backfill will be through: the pages still to come, over what the budget gives it.

How far back a member's history goes is known once one type has reached its beginning; the others are expected to go as
far, as dense as they have been so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from circadia.domain.catalog import PAGE_LIMIT
from circadia.domain.lanes import LaneRules

_EXPECTED_A_DAY = 1.0
_CLOSING_PAGES = 1
_LEAST_A_MINUTE = 1.0
_OBSERVED_FROM, _OBSERVED_PAGES = timedelta(minutes=1), 10
_MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the walk of one type is: `got` records back to `floor_at`; `done` when that is the beginning."""

    floor_at: datetime | None
    done: bool
    got: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Requests a minute while `today` of them last, and `a_day` after that."""

    a_minute: float
    today: float
    a_day: float


def pages_left(walks: Iterable[Walk], now: datetime) -> int | None:
    """Pages still to come; None while nobody knows where the history begins."""
    walks = list(walks)
    coming = [each for each in walks if not each.done]
    if not coming:
        return 0
    beginnings = [each.floor_at for each in walks if each.done and each.floor_at is not None]
    if not beginnings:
        return None
    return sum(_left(each, min(beginnings), now) for each in coming)


def _left(walk: Walk, beginning: datetime, now: datetime) -> int:
    floor = walk.floor_at or now
    here, left = (now - floor) / timedelta(days=1), max((floor - beginning) / timedelta(days=1), 0.0)
    a_day = walk.got / here if here > 0 and walk.got else _EXPECTED_A_DAY
    return ceil(left * a_day / PAGE_LIMIT) + _CLOSING_PAGES


def lane_speed(
    lane: LaneRules, *, per_minute: int, per_day: int, used_today: int, used_by_others: int, sharing: int
) -> Speed:
    """What one of `sharing` walks may get of a lane, which may fill its shares of the windows. `used_today` are the
    requests of the last 24 hours, `used_by_others` those of the other lanes among them, which are expected to go on."""
    a_minute = max(per_minute * lane.share - used_by_others / _MINUTES_A_DAY, _LEAST_A_MINUTE)
    today = max(per_day * lane.day_share - used_today, 0.0)
    a_day = max(per_day * lane.day_share - used_by_others, _LEAST_A_MINUTE)
    return Speed(a_minute / sharing, today / sharing, a_day / sharing)


def observed(pages: int, since: timedelta) -> float | None:
    """Pages a minute that a walk got so far; None while that says little."""
    if since < _OBSERVED_FROM or pages < _OBSERVED_PAGES:
        return None
    return pages / (since / timedelta(minutes=1))


def finished_at(begins_at: datetime, pages: int, speed: Speed) -> datetime:
    """When so many pages will be through at a speed, from `begins_at` on."""
    today = min(float(pages), speed.today)
    return begins_at + timedelta(minutes=today / speed.a_minute) + timedelta(days=(pages - today) / speed.a_day)
