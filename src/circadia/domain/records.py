"""WHOOP's record types as flat, frozen models.

The field list is the mapping: a field is called as WHOOP calls it, and `at()` says where in the payload it lies.
Absent and null mean the same everywhere, unknown fields are ignored here and kept in the raw JSON, and units are in
the names (`_milli` milliseconds, `_percentage` 0..100, `_celsius`, `_meter`, `kilojoule`; heart rates in beats per
minute, strain 0..21). Source of every field: WHOOP's published v2 schema and its documented deviations.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasPath,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

ScoreState = Literal["SCORED", "PENDING_SCORE", "UNSCORABLE"]

_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def at(*path: str) -> Any:
    """An optional field that lies at `path` in WHOOP's payload; a missing or null step yields None."""
    return Field(default=None, validation_alias=AliasPath(*path))


def offset_of(text: str) -> timedelta:
    """The UTC offset that `+hh:mm`, `-hh:mm` or `Z` names; ValueError for anything else."""
    if text == "Z":
        return timedelta(0)
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an offset like +02:00, -05:30 or Z")
    minutes = int(found[2]) * 60 + int(found[3])
    if minutes > 18 * 60 or int(found[3]) > 59:
        raise ValueError(f"the offset {text} lies outside of what clocks on Earth show")
    return timedelta(minutes=minutes if found[1] == "+" else -minutes)


def _known_offset(text: str) -> str:
    offset_of(text)
    return text


def _plausible(value: datetime) -> datetime:
    if not _EARLIEST <= value < _LATEST:
        raise ValueError("the instant lies outside of 1970..2200")
    return value.astimezone(UTC)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("text with a NUL character cannot be stored")
    return text


Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Instant = Annotated[AwareDatetime, AfterValidator(_plausible)]
Offset = Annotated[str, AfterValidator(_known_offset)]
Text = Annotated[str, AfterValidator(_storable)]


class Record(BaseModel):
    """What all record types share: one flat, frozen row."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Scored(Record):
    """A record WHOOP scores in its own time."""

    created_at: Instant
    updated_at: Instant
    score_state: ScoreState


class Timed(Scored):
    """A scored record with a place in time: `[start, end)`, `end` None while it runs."""

    start: Instant
    end: Instant | None = None
    timezone_offset: Offset

    @model_validator(mode="after")
    def _ends_after_start(self) -> Timed:
        if self.end is not None and self.end < self.start:
            raise ValueError("the record ends before it starts")
        return self


class Cycle(Timed):
    """A physiological day, from sleep onset to the next sleep onset. The newest one runs (no end)."""

    id: Int64
    strain: float | None = at("score", "strain")
    kilojoule: float | None = at("score", "kilojoule")
    average_heart_rate: Int64 | None = at("score", "average_heart_rate")
    max_heart_rate: Int64 | None = at("score", "max_heart_rate")
    step_count: Int64 | None = None


class Sleep(Timed):
    """A night's sleep or a nap."""

    id: UUID
    cycle_id: Int64 | None = None
    end: Instant
    nap: bool
    total_in_bed_time_milli: Int64 | None = at("score", "stage_summary", "total_in_bed_time_milli")
    total_awake_time_milli: Int64 | None = at("score", "stage_summary", "total_awake_time_milli")
    total_no_data_time_milli: Int64 | None = at("score", "stage_summary", "total_no_data_time_milli")
    total_light_sleep_time_milli: Int64 | None = at("score", "stage_summary", "total_light_sleep_time_milli")
    total_slow_wave_sleep_time_milli: Int64 | None = at("score", "stage_summary", "total_slow_wave_sleep_time_milli")
    total_rem_sleep_time_milli: Int64 | None = at("score", "stage_summary", "total_rem_sleep_time_milli")
    sleep_cycle_count: Int64 | None = at("score", "stage_summary", "sleep_cycle_count")
    disturbance_count: Int64 | None = at("score", "stage_summary", "disturbance_count")
    baseline_milli: Int64 | None = at("score", "sleep_needed", "baseline_milli")
    need_from_sleep_debt_milli: Int64 | None = at("score", "sleep_needed", "need_from_sleep_debt_milli")
    need_from_recent_strain_milli: Int64 | None = at("score", "sleep_needed", "need_from_recent_strain_milli")
    need_from_recent_nap_milli: Int64 | None = at("score", "sleep_needed", "need_from_recent_nap_milli")
    respiratory_rate: float | None = at("score", "respiratory_rate")
    sleep_performance_percentage: float | None = at("score", "sleep_performance_percentage")
    sleep_consistency_percentage: float | None = at("score", "sleep_consistency_percentage")
    sleep_efficiency_percentage: float | None = at("score", "sleep_efficiency_percentage")


class Recovery(Scored):
    """The morning's readiness. It has no id and no times of its own: its cycle is its key."""

    cycle_id: Int64
    sleep_id: UUID
    user_calibrating: bool | None = at("score", "user_calibrating")
    recovery_score: float | None = at("score", "recovery_score")
    resting_heart_rate: float | None = at("score", "resting_heart_rate")
    hrv_rmssd_milli: float | None = at("score", "hrv_rmssd_milli")
    spo2_percentage: float | None = at("score", "spo2_percentage")
    skin_temp_celsius: float | None = at("score", "skin_temp_celsius")


class Workout(Timed):
    """An activity, recovery activities (sauna, meditation) included. `sport_id` 0 is Running, -1 unnamed."""

    id: UUID
    end: Instant
    sport_name: Text
    sport_id: Int64 | None = None
    strain: float | None = at("score", "strain")
    average_heart_rate: Int64 | None = at("score", "average_heart_rate")
    max_heart_rate: Int64 | None = at("score", "max_heart_rate")
    kilojoule: float | None = at("score", "kilojoule")
    percent_recorded: float | None = at("score", "percent_recorded")
    distance_meter: float | None = at("score", "distance_meter")
    altitude_gain_meter: float | None = at("score", "altitude_gain_meter")
    altitude_change_meter: float | None = at("score", "altitude_change_meter")
    zone_zero_milli: Int64 | None = at("score", "zone_durations", "zone_zero_milli")
    zone_one_milli: Int64 | None = at("score", "zone_durations", "zone_one_milli")
    zone_two_milli: Int64 | None = at("score", "zone_durations", "zone_two_milli")
    zone_three_milli: Int64 | None = at("score", "zone_durations", "zone_three_milli")
    zone_four_milli: Int64 | None = at("score", "zone_durations", "zone_four_milli")
    zone_five_milli: Int64 | None = at("score", "zone_durations", "zone_five_milli")


class Profile(Record):
    """Who the member is at WHOOP."""

    user_id: Int64
    email: Text
    first_name: Text
    last_name: Text


class Body(Record):
    """Body measurements; WHOOP keeps the current ones only, without a time."""

    height_meter: float
    weight_kilogram: float
    max_heart_rate: Int64
