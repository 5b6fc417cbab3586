"""Sahha's objects as this house holds them: flat, frozen, read from Sahha's JSON by alias.

Sahha writes camelCase keys and snake_case words. A score is 0..1; a biomarker's value is text whose `valueType` says
how to read it; instants carry the offset of where the person was, and a day is the local day. Unknown keys are ignored
and unknown words kept, because Sahha adds to both.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Parsed = Decimal | datetime | str
SCORE_TYPES = ("activity", "sleep", "readiness", "mental_wellbeing", "wellbeing")
CATEGORIES = ("activity", "body", "sleep", "vitals")
"""The categories of biomarkers that are asked for; Sahha wants at least one named."""


def _instant(value: Any) -> Any:
    """Sahha's short form has no seconds (`2025-07-11T06:00+12:00`)."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """A value is documented as text; a number in its place is read as one."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _list(value: Any) -> Any:
    return () if value is None else value


Element = TypeVar("Element")
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
Many = Annotated[tuple[Element, ...], BeforeValidator(_list)]
"""A list; null in its place is an empty one."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Factor(_Model):
    """One factor of a score, in `unit`; `score` is its own part of it, 0..1."""

    name: str
    value: float | None = None
    goal: float | None = None
    score: float | None = None
    state: str | None = None
    unit: str | None = None


class Score(_Model):
    """A score of a local day: `score` is 0..1, None when Sahha has too little; `data_sources` name kinds of data."""

    id: UUID
    type: str
    state: str | None = None
    score: float | None = Field(default=None, ge=0, le=1)
    factors: Many[Factor] = ()
    data_sources: Many[str] = ()
    score_at: Instant = Field(alias="scoreDateTime")
    computed_at: Instant | None = Field(default=None, alias="createdAtUtc")

    @property
    def day(self) -> date:
        """The day it is for."""
        return self.score_at.date()


class Biomarker(_Model):
    """A quantity over a window whose end is inclusive (`…:59`)."""

    id: UUID
    category: str
    type: str
    periodicity: str = "daily"
    aggregation: str | None = None
    value: Annotated[str, BeforeValidator(_text)]
    unit: str | None = None
    value_type: str = "string"
    start_at: Instant = Field(alias="startDateTime")
    end_at: Instant = Field(alias="endDateTime")
    computed_at: Instant | None = Field(default=None, alias="createdAtUtc")
    data_sources: Many[str] = ()

    @property
    def day(self) -> date:
        """The local date of the window's end: for a sleep window, 18:00 to 17:59:59, the date of waking."""
        return self.end_at.date()

    @property
    def parsed(self) -> Parsed:
        """The value as its type says, else as text."""
        try:
            if self.value_type in ("integer", "double", "long", "float", "decimal"):
                number = Decimal(self.value)
                return number if number.is_finite() else self.value
            if self.value_type == "datetime":
                return datetime.fromisoformat(self.value)
        except (InvalidOperation, ValueError):
            pass
        return self.value


class Archetype(_Model):
    """A label of a week or month; `ordinality` counts from 0 in ordinal ones."""

    id: UUID
    name: str
    value: str
    data_type: str
    ordinality: int | None = None
    periodicity: str
    start_at: Instant = Field(alias="startDateTime")
    end_at: Instant = Field(alias="endDateTime")
    computed_at: Instant | None = Field(default=None, alias="createdAtUtc")

    @property
    def day(self) -> date:
        """The local date of the window's end."""
        return self.end_at.date()


class DataSource(_Model):
    """A device or app whose data a profile holds."""

    source_name: str | None = None
    device_type: str | None = None


class Profile(_Model):
    """A profile of the account; `external_id` is the app's own id of the person."""

    profile_id: UUID | None = None
    account_id: UUID | None = None
    external_id: str
    created_at: Instant | None = Field(default=None, alias="createdAtUtc")
    data_last_received_at: Instant | None = Field(default=None, alias="dataLastReceivedAtUtc")
    is_sample_profile: bool = False
    data_sources: Many[DataSource] = ()


class Integration(_Model):
    """A cloud integration of a profile (Garmin, Oura, WHOOP)."""

    integration_type: str
    integration_identifier: str | None = None
    integration_values: dict[str, Any] = Field(default_factory=dict)


class TrendPoint(_Model):
    """One period of a trend; the change is a fraction of the period before."""

    start_at: Instant = Field(alias="startDateTime")
    end_at: Instant = Field(alias="endDateTime")
    value: float | None = None
    percent_change_from_previous: float | None = None


class Trend(_Model):
    """How a score, factor or biomarker moved over some weeks."""

    id: UUID | None = None
    category: str
    name: str
    state: str | None = None
    unit: str | None = None
    is_higher_better: bool | None = None
    periodicity: str = "weekly"
    start_at: Instant = Field(alias="trendStartDateTime")
    end_at: Instant = Field(alias="trendEndDateTime")
    data: Many[TrendPoint] = ()


class ComparisonPoint(_Model):
    """A value against everybody, the like, or the person's own mean of 30 days."""

    type: str
    value: float | None = None
    percentile: float | None = None
    difference: float | None = None
    percentage_difference: float | None = None
    state: str | None = None
    properties: dict[str, Any] | None = None


class Comparison(_Model):
    """A score or biomarker of a day against others."""

    id: UUID | None = None
    category: str
    name: str
    value: float | None = None
    unit: str | None = None
    is_higher_better: bool | None = None
    periodicity: str = "daily"
    start_at: Instant = Field(alias="startDateTime")
    end_at: Instant = Field(alias="endDateTime")
    data: Many[ComparisonPoint] = ()


Kind = Literal["score", "biomarker", "archetype", "trend", "comparison"]
"""What is kept of Sahha's, and what its tables are called after."""


def offset_of(instant: datetime) -> timedelta:
    """The offset from UTC that an instant carries."""
    return instant.utcoffset() or timedelta(0)
