"""What a person wants to see and how their data is fetched."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Preferences(BaseModel):
    """A person's settings. What was never said is as here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: Literal["metric", "imperial"] = "metric"
    clock: Literal["24h", "12h"] = "24h"
    week_starts: Literal["monday", "sunday"] = "monday"
    sync: Literal["automatic", "on_request"] = Field(
        "automatic", description="`on_request`: WHOOP is asked when somebody asks, and never by the schedule"
    )
