"""What can be set differently: every point where sources about WHOOP disagree, with the likeliest as default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Switches(BaseModel):
    """Behaviour of the simulated service. Unknown names and values are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    consent: Literal["ask", "allow", "deny"] = "ask"
    """`ask` shows the page; the others answer it at once for `consent_member` (default: the first member)."""
    consent_member: int | None = None
    error_state: Literal["sent", "empty", "absent"] = "sent"
    """What an error redirect carries as `state`."""
    code_seconds: int = Field(default=300, gt=0)
    access_token_seconds: int = Field(default=3600, gt=0)
    refresh_token_seconds: int | None = Field(default=None, gt=0)
    """Life of an unused refresh token; WHOOP's is undocumented, `None` is for ever."""
    refresh_error: Literal["invalid_request", "invalid_grant", "token_inactive"] = "invalid_request"
    """Answer to a used or unknown refresh token."""
    refresh_error_status: Literal[400, 401] = 400

    block_default_agents: bool = True
    """The edge refuses requests without a User-Agent or with a Python library's own."""
    missing_scope: Literal[401, 403, 404] = 403
    over_limit: Literal["refuse", "cap"] = "refuse"
    """`limit` above 25."""
    empty_collection: Literal[200, 404] = 200
    last_page: Literal["null", "absent", "empty"] = "null"
    """`next_token` of the last page."""
    same_window: bool = True
    """A page token is refused with another `start`, `end` or `limit` than the page it came from."""
    stale_token_seconds: int | None = Field(default=None, gt=0)
    """Age from which a page token is refused; `None` is never."""
    body_missing: bool = False
    """No member has a body measurement."""
    explicit_nulls: bool = True
    """Optional fields without a value are sent as null instead of being left out."""
    step_count: bool = True
    """Cycles carry `step_count`, which the published schema does not know."""

    webhooks: bool = True
    resign_retries: bool = True
    """A retried webhook carries a fresh time stamp and signature."""

    def changed(self, changes: Mapping[str, Any]) -> Switches:
        """The same with some values replaced. Raises `pydantic.ValidationError`."""
        return Switches.model_validate(self.model_dump() | dict(changes))


DEFAULT_SWITCHES = Switches()


@dataclass(frozen=True)
class Deviation:
    """One property that the live service sends otherwise than its published schema says."""

    switch: Literal["explicit_nulls", "step_count", "last_page"]
    component: str
    property: str
    schema: Mapping[str, Any]
    """What is sent: joined to the published type by `anyOf`, or the type itself where none is published."""


_NULL = {"type": "null"}
_NULLABLE = {
    "Cycle": ("end", "score"),
    "Sleep": ("v1_id", "score"),
    "SleepScore": (
        "respiratory_rate",
        "sleep_performance_percentage",
        "sleep_consistency_percentage",
        "sleep_efficiency_percentage",
    ),
    "Recovery": ("score",),
    "RecoveryScore": ("spo2_percentage", "skin_temp_celsius"),
    "WorkoutV2": ("v1_id", "score"),
    "WorkoutScore": ("distance_meter", "altitude_gain_meter", "altitude_change_meter"),
}
_PAGES = ("PaginatedCycleResponse", "PaginatedSleepResponse", "RecoveryCollection", "WorkoutCollection")

DEVIATIONS: tuple[Deviation, ...] = (
    *(Deviation("explicit_nulls", component, name, _NULL) for component, names in _NULLABLE.items() for name in names),
    *(Deviation("last_page", page, "next_token", _NULL) for page in _PAGES),
    Deviation("step_count", "Cycle", "step_count", {"type": ["integer", "null"], "minimum": 0}),
)
"""Every documented deviation from the published schema, each behind its switch."""

_COMPONENTS = {
    "cycle": ("Cycle", "CycleScore"),
    "sleep": ("Sleep", "SleepScore"),
    "recovery": ("Recovery", "RecoveryScore"),
    "workout": ("WorkoutV2", "WorkoutScore"),
}


def presented(kind: str, payload: dict[str, Any], switches: Switches) -> dict[str, Any]:
    """A record as it leaves the service. A switch only takes away: what the world left out stays out."""
    if switches.explicit_nulls and switches.step_count:
        return payload
    record, score = _COMPONENTS[kind]
    shown = dict(payload)
    if not switches.explicit_nulls:
        shown = _without_nulls(shown, _NULLABLE[record])
        if "score" in shown:
            shown["score"] = _without_nulls(shown["score"], _NULLABLE.get(score, ()))
        if shown.get("step_count", 0) is None:
            del shown["step_count"]
    if not switches.step_count:
        shown.pop("step_count", None)
    return shown


def _without_nulls(fields: Mapping[str, Any], optional: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None or name not in optional}
