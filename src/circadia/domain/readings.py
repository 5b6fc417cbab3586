"""What sources say of a metric on a date, and what comes of it.

An observation is one source's word, in the metric's own unit and before any judgement. A reading is the same word
judged at a moment. A merged metric keeps the reading that won and those that lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Source = Literal["sahha", "whoop"]
Quality = Literal["measured", "estimated", "provisional", "stale"]
Unsettled = Literal["pending", "calibrating", "intraday", "open"]
"""Why a word may still change: WHOOP is scoring, WHOOP still learns the member, the day goes on, the cycle runs."""
Value = float | datetime | str

SOURCES: tuple[Source, ...] = ("sahha", "whoop")


@dataclass(frozen=True, slots=True)
class Observation:
    """One source's word on a metric of a date: `value` in the metric's unit, `observed_at` the instant it speaks of or
    was heard at, whichever was first. `via` names the sources it came through on its way to this one."""

    day: date
    metric: str
    source: Source
    value: Value
    observed_at: datetime
    estimated: bool = False
    unsettled: Unsettled | None = None
    via: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """An observation judged at a moment. `age_s` is how long ago it was observed, in seconds."""

    value: Value
    unit: str
    source: Source
    observed_at: datetime
    quality: Quality
    age_s: int
    unsettled: Unsettled | None = None
    via: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """A reading that does not stand in the merged field, and why, as a sentence."""

    reading: Reading
    why: str


@dataclass(frozen=True, slots=True)
class Merged:
    """One metric of one date. `sources` are those whose readings the value is made of: one when chosen, all that went
    in when combined (`reading.source` is then the first of them)."""

    metric: str
    reading: Reading
    sources: tuple[Source, ...]
    why: str
    lost: tuple[Lost, ...] = ()


MergedDay = Mapping[str, Merged]
"""The metrics of a date by name; one without a reading is not there."""
