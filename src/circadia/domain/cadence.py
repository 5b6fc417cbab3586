"""When a (member, type) is asked for again, as arithmetic: nothing here reads a clock or a database.

Adaptive: the catalogue's cadence, stretched; denser around the member's usual waking for what changes then, and as
much sparser for the rest of the day; and once in the catalogue's `compared` in any case. Where webhooks arrive that
comparison waits until the morning's webhook has normally made it unnecessary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import floor
from statistics import median

from circadia.domain.catalog import RecordType
from circadia.domain.demand import Demand, Stretch
from circadia.domain.plans import Plan
from circadia.domain.windows import QUIET_FROM, QUIET_UNTIL

NEVER = datetime(9999, 1, 1, tzinfo=UTC)

PENDING_FOR = timedelta(hours=72)
"""How long a record without its score is asked for again."""

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_PENDING, _PENDING_WITH_PUSH = Demand(1, 15 * _MINUTE, 6 * _HOUR), Demand(1, _HOUR, 12 * _HOUR)
"""How often such a record is asked for; a webhook normally tells of its score."""

_TIGHT = 3
"""How much denser the polls around waking are."""
_OPENS_BEFORE, _OPEN_FOR = _HOUR, 4 * _HOUR
_SPARSER = (_DAY - _OPEN_FOR) / (_DAY - _TIGHT * _OPEN_FOR)
"""How much sparser the others are, so that the day has as many as without a window."""
_LATEST_FIRST = 3 * _HOUR

_SETTLED, _SETTLED_WITH_PUSH = 2 * _HOUR, 4 * _HOUR
"""How long after the usual waking the comparison comes: most straps have synced, and most webhooks have arrived."""
_EARLY = 2 * _HOUR
"""A look this long before the usual waking has probably seen the new day and stands in for that day's comparison."""
_JITTER = 10 * _MINUTE

_LONGEST = 3650 * _DAY
_BACK_OFF, _BACK_OFF_MOST, _BACK_OFF_STRETCH = _MINUTE, 6 * _HOUR, 15.0
_MOST_SKIPPED = 400
_ROUNDED_UP = 3 * _DAY
"""What placing a comparison after a waking, or a slot at an hour, adds to a wait at most."""

_HOURS: dict[int, frozenset[str]] = {
    8: frozenset({"read:recovery", "read:sleep"}),
    14: frozenset({"read:workout", "read:cycles"}),
    20: frozenset({"read:workout", "read:cycles"}),
    23: frozenset({"read:recovery", "read:sleep", "read:workout", "read:cycles"}),
}
"""Hour of the local day and the scopes whose types are due then, in the plan four-a-day."""
_RENEWAL_MARGIN = 5
"""Minutes before the quiet ones in which no slot begins either, because work starts a little after it is due."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What the rules know of a member: a number that spreads members (`seed`), the newest known offset from UTC, the
    usual local minute of the day of waking, whether webhooks arrive, and how many records still wait for a score."""

    seed: int = 0
    offset: timedelta = timedelta(0)
    wakes_at_min: int | None = None
    pushed: bool = False
    pending: int = 0


def demand_of(plan: Plan, type_: RecordType, rows: float, *, pushed: bool) -> Demand | None:
    """What `rows` members ask for of a type in a day; None in a plan that asks for nothing."""
    match plan.name:
        case "manual":
            return None
        case "interval" if plan.every is not None:
            return Demand(rows, plan.every)
        case "four-a-day" if type_.collection:
            return Demand(rows, _DAY / sum(type_.scope in scopes for scopes in _HOURS.values()))
        case _:
            every = type_.every_with_push if pushed else type_.every
            return Demand(rows, every, type_.compared, pushed and type_.collection)


def demand_of_pending(plan: Plan, rows: float, *, pushed: bool) -> Demand | None:
    """What the (member, type) pairs come to that are asked again for a score."""
    if plan.name != "adaptive":
        return None
    return replace(_PENDING_WITH_PUSH if pushed else _PENDING, rows=rows)


def due_after(plan: Plan, type_: RecordType, now: datetime, member: Rhythm, stretch: Stretch) -> datetime:
    """When a type that has just been synced comes due again."""
    demand = demand_of(plan, type_, 1, pushed=member.pushed)
    if demand is None:
        return NEVER
    if plan.name == "four-a-day" and type_.collection:
        return _slot(type_, now, member, stretch)
    wait = min(demand.wait(stretch), _LONGEST)
    if demand.most is None or wait < demand.most / 2:
        due = _paced(now, wait, member) if type_.at_waking and plan.name == "adaptive" else now + wait
    else:
        due = _comparison(type_, now, wait, member)
    asked_again = demand_of_pending(plan, 1, pushed=member.pushed) if member.pending else None
    return min(due, now + asked_again.wait(stretch)) if asked_again else due


def longest_wait(plan: Plan, type_: RecordType, stretch: Stretch) -> timedelta | None:
    """No rule sets a type of a connected member further off than this; None where the plan asks for nothing."""
    demands = [each for pushed in (False, True) if (each := demand_of(plan, type_, 1, pushed=pushed)) is not None]
    if not demands:
        return None
    return min(max(each.wait(stretch) for each in demands) + _ROUNDED_UP, _LONGEST)


def _paced(now: datetime, wait: timedelta, member: Rhythm) -> datetime:
    """The next poll of a day that has one every `wait`, denser around waking; a longer wait ends in the window."""
    if member.pushed or member.wakes_at_min is None:
        return now + wait
    tight, sparse = wait / _TIGHT, wait * _SPARSER
    since_opening = (_local_time(now, member) - _waking(member) + _OPENS_BEFORE) % _DAY
    if since_opening + tight <= _OPEN_FOR:
        return now + tight
    opens_in = _DAY - since_opening
    return now + (sparse if sparse <= opens_in else opens_in + min(tight, _LATEST_FIRST))


def _comparison(type_: RecordType, now: datetime, most: timedelta, member: Rhythm) -> datetime:
    """The upper bound. What changes at waking is looked at some hours after it, in whole days, so that a bound of one
    day and a half falls on the first day for one half of the members and on the second for the other."""
    if not type_.at_waking or member.wakes_at_min is None:
        return now + most
    days = max(floor(most / _DAY + _spread(member.seed, type_.name, now.date().toordinal())), 1)
    settled = _SETTLED_WITH_PUSH if member.pushed else _SETTLED
    at = _waking(member) + settled + _JITTER * _spread(member.seed, type_.scope)
    least = settled + _EARLY
    wait: timedelta = (at - _local_time(now, member) - least) % _DAY + least
    return now + wait + (days - 1) * _DAY


def _slot(type_: RecordType, now: datetime, member: Rhythm, stretch: Stretch) -> datetime:
    """The next of the plan's hours, or of those left by the stretch, at a minute quiet neither here nor in UTC."""
    local = now + member.offset
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    ahead = int(member.offset / _MINUTE)
    minutes = [each for each in range(60) if not _quiet(each) and not _quiet((each - ahead) % 60)]
    minute = timedelta(minutes=minutes[member.seed % len(minutes)])
    hours = [hour for hour, scopes in _HOURS.items() if type_.scope in scopes]
    skipped = min(floor(stretch.cadence + _spread(member.seed, type_.name, now.isoformat())) - 1, _MOST_SKIPPED)
    days = 2 + skipped // len(hours)
    slots = (midnight + day * _DAY + hour * _HOUR + minute for day in range(days) for hour in hours)
    return [each for each in slots if each > local][skipped] - member.offset


def _quiet(minute: int) -> bool:
    return minute >= QUIET_FROM - _RENEWAL_MARGIN or minute < QUIET_UNTIL


def put_off(now: datetime, failures: int, stretch: Stretch) -> datetime:
    """When a type that has failed `failures` (>= 1) times in a row is tried again: after a minute, later each time, up
    to six hours; the slower from the start the more members share the budget, because a try is a request as well."""
    first = _BACK_OFF * min(max(stretch.cadence, 1.0), _BACK_OFF_STRETCH)
    return now + min(first * (1 << min(failures - 1, 12)), _BACK_OFF_MOST)


def resumed(until: datetime, now: datetime, seed: int) -> datetime:
    """When work that found no budget goes on: not all of it at the same instant."""
    return until + max((until - now) * 0.1, _MINUTE) * _spread(seed, until.isoformat())


def deep_due(last: datetime, every: timedelta, seed: int, name: str) -> datetime:
    """When a deep comparison after the one at `last` is due: the member's and type's own instant of each period, which
    spreads them evenly; the first one that lies at least half a period away."""
    earliest = last + every / 2
    phase = every * _spread(seed, name, every.days)
    since = earliest - datetime(1970, 1, 1, tzinfo=UTC)
    return earliest + (phase - since) % every


def usual_waking(minutes: Sequence[int]) -> int | None:
    """The median of local minutes of the day (0..1439), on the round clock: 23:50 and 00:10 have midnight between
    them. None without any."""
    if not minutes:
        return None
    day = 1440
    anchor = min(minutes, key=lambda one: sum(abs((each - one + day // 2) % day - day // 2) for each in minutes))
    return round(anchor + median((each - anchor + day // 2) % day - day // 2 for each in minutes)) % day


def _waking(member: Rhythm) -> timedelta:
    return timedelta(minutes=member.wakes_at_min or 0)


def _local_time(now: datetime, member: Rhythm) -> timedelta:
    local = now.astimezone(UTC) + member.offset
    return local - local.replace(hour=0, minute=0, second=0, microsecond=0)


def _spread(*seeds: object) -> float:
    """A number in [0, 1) that is always the same for the same seeds."""
    return int.from_bytes(blake2b(repr(seeds).encode(), digest_size=7).digest()) / 2**56
