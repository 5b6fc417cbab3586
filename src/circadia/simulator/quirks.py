"""Switches for everything in WHOOP's data that a careful client must survive."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True)
class Quirks:
    """Which documented or observed oddities of WHOOP's data a simulated world shows.

    A switch that is off gives the plain case: `none()` is the calmest world that WHOOP's published
    schema allows, `all_on()` (also the default) the one that live accounts resemble.
    """

    explicit_nulls: bool = True
    """A missing value is sent as `null`; off: its key is left out."""
    step_count: bool = True
    """Cycles that start on or after 2026-09-23 carry a top-level `step_count`."""
    v1_ids: bool = True
    """Sleeps and workouts from before 2025-07-01 carry a numeric `v1_id`."""
    sport_ids: bool = True
    """Workouts still carry the deprecated `sport_id`."""
    odd_sports: bool = True
    """Sport ids 0 and -1, slugs with underscores, slugs without a table row."""
    late_scores: bool = True
    """Records that appear PENDING_SCORE first, and scores corrected days later."""
    unscorable: bool = True
    """A small share of records ends UNSCORABLE."""
    missing_values: bool = True
    """Now and then an optional value (SpO2, skin temperature, consistency) is missing."""
    missed_nights: bool = True
    """Nights without the strap: cycles without a sleep, and gaps between cycles."""
    missing_recoveries: bool = True
    """Now and then a scored main sleep has no recovery."""
    split_nights: bool = True
    """Nights in two parts: two cycles on one local date, or two main sleeps in one cycle."""
    naps: bool = True
    dst: bool = True
    """Home zones follow their summer-time rules; off: standard time all year."""
    travel: bool = True
    half_hour_offsets: bool = True
    """Members who live in, or travel to, a zone with a half-hour offset."""
    utc_as_z: bool = True
    """An offset of zero is written `Z`; off: `+00:00`."""
    calibrating: bool = True
    """First days: `user_calibrating`, and nights without performance or consistency."""
    no_40_strap: bool = True
    """Members with older hardware: no SpO2 and no skin temperature."""
    no_body: bool = True
    """Members without a body measurement."""
    recovery_activities: bool = True
    """Sauna, ice bath and the like among the workouts."""

    @classmethod
    def all_on(cls) -> Self:
        return cls(**{field.name: True for field in fields(cls)})

    @classmethod
    def none(cls) -> Self:
        return cls(**{field.name: False for field in fields(cls)})
