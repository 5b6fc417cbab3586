"""Stored data in the shapes that other back ends ask for, see `served`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from circadia import served
from circadia.api import examples
from circadia.api.auth import Reader
from circadia.api.deps import RuntimeDep, UserId, a_date, newest_date, no_future
from circadia.api.problems import documented
from circadia.errors import Invalid, NotFound
from circadia.runtime import Runtime
from circadia.served import Body, Person, Stored

router = APIRouter(prefix="/internal/data", tags=["internal"])

_DAY = timedelta(days=1)
_DEFAULT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """The dates that a caller named, in one of three ways."""

    count: int | None
    day: str | None
    first: str | None
    last: str | None

    def dates(self, today: date, now: datetime) -> tuple[date, date]:
        """First and last date, both included, where it is `today`."""
        if self.first is not None or self.last is not None:
            return self._range(now)
        if self.day is None:
            return today - timedelta(days=(self.count or _DEFAULT_DAYS) - 1), today
        named = {"today": today, "yesterday": today - timedelta(days=1)}
        day = named.get(self.day) or no_future(a_date(self.day), now)
        return day, day

    def _range(self, now: datetime) -> tuple[date, date]:
        if self.first is None or self.last is None:
            raise Invalid("`from` and `to` belong together", kind="invalid_range")
        first, last = a_date(self.first, "from"), a_date(self.last, "to")
        # whose clock is a little ahead asks for the newest date on Earth before ours has it
        last = no_future(last - _DAY if last - _DAY == newest_date(now) else last, now, "to")
        if last < first:
            raise Invalid("`to` lies before `from`", kind="invalid_range")
        if (last - first).days >= served.MOST_DAYS:
            raise Invalid(f"a range has {served.MOST_DAYS} days at most", kind="invalid_range")
        return first, last


async def _asked(
    days: Annotated[
        int | None, Query(ge=1, le=30, description="The last so many days, today included (default 7)")
    ] = None,
    date_: Annotated[
        str | None, Query(alias="date", description="`today`, `yesterday` or `YYYY-MM-DD`, instead of days")
    ] = None,
    from_: Annotated[
        str | None, Query(alias="from", description="First date, `YYYY-MM-DD`, instead of days; with `to`")
    ] = None,
    to: Annotated[str | None, Query(description="Last date, included")] = None,
) -> Asked:
    if sum((days is not None, date_ is not None, from_ is not None or to is not None)) > 1:
        raise Invalid("give one of `days`, `date`, and `from` with `to`", kind="both_parameters")
    return Asked(days, date_, from_, to)


AskedDep = Annotated[Asked, Depends(_asked)]
Wait = Annotated[int, Query(ge=0, le=10_000, description="How long to wait for WHOOP when the newest day is stale")]


def _shown(example: Body) -> dict[int | str, dict[str, Any]]:
    """What a route answers, for its description."""
    return {200: {"content": {"application/json": {"example": example}}}, **documented(400, 401, 403, 404, 422)}


@router.get("/profile/{user_id}", summary="Profile and body", responses=_shown(examples.PROFILE))
async def profile(user_id: UserId, runtime: RuntimeDep, _key: Reader) -> Body:
    """Name, e-mail and the newest body measurement of a user."""
    found = await served.profile(runtime.db, await _person(runtime, user_id))
    if found is None:
        raise NotFound("there is no profile of this user", kind="no_data")
    return found


@router.get("/all/{user_id}", summary="Everything at once", responses=_shown(examples.EVERYTHING))
async def everything(user_id: UserId, runtime: RuntimeDep, _key: Reader, asked: AskedDep, wait_ms: Wait = 0) -> Body:
    """Recovery, sleep, workouts, cycles and profile in one answer; a part without data is null."""
    found = await _stored(runtime, user_id, asked, wait_ms)
    body = found.everything(await served.profile(runtime.db, found.person))
    if body is None:
        raise _nothing(found.standing)
    return body


def _add_route(name: str) -> None:
    async def one_kind(user_id: UserId, runtime: RuntimeDep, _key: Reader, asked: AskedDep, wait_ms: Wait = 0) -> Body:
        found = await _stored(runtime, user_id, asked, wait_ms)
        body = found.part(name)
        if body is None:
            raise _nothing(found.standing_of(name))
        return body

    router.add_api_route(
        f"/{name}/{{user_id}}",
        one_kind,
        name=f"internal_{name}",
        summary=f"Stored {name}",
        description="Stored data at once; only `wait_ms` waits for WHOOP. 404 `no_data` when there is none.",
        responses=_shown(examples.INTERNAL[name]),
    )


for _name in served.VIEWS:
    _add_route(_name)


def _nothing(standing: Body) -> NotFound:
    return NotFound("nothing is stored for this user and time", kind="no_data", extension=standing)


async def _person(runtime: Runtime, user_id: str) -> Person:
    return await served.person(runtime.db, user_id, runtime.clock())


async def _stored(runtime: Runtime, user_id: str, asked: Asked, wait_ms: int) -> Stored:
    """What is stored for the dates asked for, after WHOOP was waited for if need be."""
    who = await _person(runtime, user_id)
    first, last = asked.dates(who.today, runtime.clock())
    if wait_ms:
        await runtime.on_demand.freshen(user_id, min(last, who.today), wait_ms / 1000)
    return await served.stored(runtime.db, who, first, last)
