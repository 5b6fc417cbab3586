"""What the gateway answers: a user's dates from both sources, how they stand with each, how this process does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from circadia.domain import merge
from circadia.domain.metrics import Policy
from circadia.domain.readings import MergedDay, Source
from circadia.gateway.breaker import CircuitState
from circadia.gateway.told import FAILED, NOT_THERE, Gap, Told

LABELS: Mapping[Source, str] = {"sahha": "Sahha", "whoop": "Whoop"}
"""How a source is called in `errors`."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds that the parts of an answer took."""

    total_ms: float
    sahha_ms: float
    whoop_ms: float
    merge_ms: float


@dataclass(frozen=True, slots=True)
class Unified:
    """A user's dates `first` to `last` from both sources. `days` has every one of them, `today` is the user's own date
    at `now`, `offset` their clock's distance from UTC, `overrides` what they have merged otherwise."""

    user_id: str
    first: date
    last: date
    today: date
    now: datetime
    offset: timedelta
    sahha: Told
    whoop: Told
    days: Mapping[date, MergedDay]
    timings: Timings
    overrides: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def errors(self) -> list[str]:
        """Somebody's trouble, a sentence for each source that has some."""
        told = [each for each in (self.sahha, self.whoop) if each.state in FAILED]
        return [f"{LABELS[each.source]}: {each.error or each.state.replace('_', ' ')}" for each in told]

    @property
    def expected(self) -> set[Source]:
        """The sources that the user is known to be connected to."""
        return {each.source for each in (self.sahha, self.whoop) if each.connected}

    @property
    def stranger(self) -> bool:
        """Whether neither source knows the user, for certain."""
        return all(each.connected is False for each in (self.sahha, self.whoop))

    def completeness(self, day: date) -> float | None:
        """Readings present of those that the connected sources should have told by now, 0..1; None where there are
        none of these."""
        return merge.completeness(self.days[day], self.expected, over=day < self.today)

    def untold(self, day: date) -> list[str]:
        """The metrics that the connected sources should have told by now and have not."""
        found = self.days[day]
        return [each for each in merge.due(found, self.expected, over=day < self.today) if each not in found]

    def gaps(self, day: date) -> list[Gap]:
        """What the sources do not have of a date; while it has not begun for the user, only what stands in the way."""
        waiting = day >= self.today and not merge.begun(self.days[day])
        gaps = [gap for told in (self.sahha, self.whoop) for gap in told.gaps if gap.day == day]
        return [each for each in gaps if not (waiting and each.reason in NOT_THERE)]


@dataclass(frozen=True, slots=True)
class Sources:
    """How a user stands with each source."""

    user_id: str
    now: datetime
    sahha: Told
    whoop: Told


@dataclass(frozen=True, slots=True)
class Upstream:
    """How this process gets on with a source. `reachable` None: nobody looked."""

    enabled: bool
    circuit: CircuitState
    failure_count: int
    last_success_at: datetime | None
    reachable: bool | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How this process gets on with both."""

    now: datetime
    sahha: Upstream
    whoop: Upstream
