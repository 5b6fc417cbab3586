"""What routes are handed."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, cast

from fastapi import Depends, Path, Request

from circadia.domain.dates import YEARS, in_bounds
from circadia.domain.members import check_user_id
from circadia.errors import Invalid
from circadia.runtime import GatewayRuntime, Runtime


async def _runtime(request: Request) -> Runtime:
    return cast("Runtime", request.app.state.runtime)


async def _user_id(user_id: Annotated[str, Path(description="The app's own id of the user", examples=["demo"])]) -> str:
    return check_user_id(user_id)


RuntimeDep = Annotated[Runtime, Depends(_runtime)]
GatewayRuntimeDep = Annotated[GatewayRuntime, Depends(_runtime)]
"""For routes that are also served where the WHOOP service is not."""
UserId = Annotated[str, Depends(_user_id)]


_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FURTHEST_EAST = timedelta(hours=14)


def a_date(text: str, name: str = "date") -> date:
    """A `YYYY-MM-DD`; Invalid for anything else."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or _WRITTEN.fullmatch(text) is None or not in_bounds(found):
        raise Invalid(f"{name} is a date written YYYY-MM-DD, {YEARS}", kind="invalid_date")
    return found


def newest_date(now: datetime) -> date:
    """The newest date that has begun somewhere on Earth."""
    return (now + _FURTHEST_EAST).date()


def no_future(day: date, now: datetime, name: str = "date") -> date:
    """A day that has begun somewhere on Earth; Invalid otherwise."""
    if day > newest_date(now):
        raise Invalid(f"{name} lies in the future", kind="future_date")
    return day
