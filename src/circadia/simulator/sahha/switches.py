"""What can be set differently: the points on which sources about Sahha disagree, with the likeliest as default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Switches(BaseModel):
    """Behaviour of the simulated service. Unknown names and values are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    empty: Literal[200, 204] = 200
    """Status of an empty listing."""
    account_token_seconds: int = Field(default=86_400, gt=0)
    profile_token_seconds: int = Field(default=86_400, gt=0)
    token_type: bool = True
    """Tokens come with `tokenType`."""
    bearer: Literal[401, 500] = 401
    """Answer to the scheme word Bearer."""
    plain_400: bool = False
    """A 400 is the plain text `Bad Request` instead of the envelope."""
    settled_ids: Literal["same", "fresh"] = "same"
    """A day's record keeps its id when it settles from `intraday` to `daily`, or gets another."""
    efficiency: Literal["fraction", "percent"] = "fraction"
    """Scale of sleep_efficiency."""
    webhooks: bool = True

    def changed(self, changes: Mapping[str, Any]) -> Switches:
        """The same with some values replaced. Raises `pydantic.ValidationError`."""
        return Switches.model_validate(self.model_dump() | dict(changes))


DEFAULT_SWITCHES = Switches()
