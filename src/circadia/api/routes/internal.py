"""Stored data in the shapes that other back ends ask for: views of the day documents.

The flat fields and `latest` speak of the newest day that has the thing; `data` lists all of them, newest first.
Durations are whole seconds or minutes as their names say, scores 0..100, energy in `calories` is kcal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query

from circadia.api import examples
from circadia.api.auth import Reader
from circadia.api.deps import RuntimeDep, UserId, a_date, no_future
from circadia.api.problems import documented
from circadia.domain.catalog import SINGLETONS
from circadia.errors import Invalid, NotFound
from circadia.runtime import Runtime
from circadia.storage import days, members, records

router = APIRouter(prefix="/internal/data", tags=["internal"])

Day = dict[str, Any]
Days = Annotated[
    int | None, Query(alias="days", ge=1, le=30, description="The last so many days, today included (default 7)")
]
OneDate = Annotated[
    str | None, Query(alias="date", description="`today`, `yesterday` or `YYYY-MM-DD`, instead of days")
]
Wait = Annotated[int, Query(ge=0, le=10_000, description="How long to wait for WHOOP when the newest day is stale")]


def _shown(example: Day) -> dict[int | str, dict[str, Any]]:
    """What a route answers, for its description."""
    return {200: {"content": {"application/json": {"example": example}}}, **documented(400, 401, 403, 404, 422)}


def _recovery(day: Day) -> list[Day]:
    found = day["recovery"]
    if found is None:
        return []
    sleep = day["sleep"] or {}
    return [
        {
            "date": day["date"],
            "cycle_id": found["cycle_id"],
            "sleep_id": found["sleep_id"],
            "score_state": found["state"],
            "recovery_score": found["score"],
            "hrv_rmssd": found["hrv"],
            "resting_heart_rate": found["rhr"],
            "spo2_percentage": found["spo2_pct"],
            "skin_temp_celsius": found["skin_temp_celsius"],
            "respiratory_rate": sleep.get("respiratory_rate_rpm"),
            "user_calibrating": found["calibrating"],
            "recorded_at": sleep.get("end_at") or found["updated_at"],
        }
    ]


def _sleep(day: Day) -> list[Day]:
    found = day["sleep"]
    if found is None:
        return []
    stages = found["stages"] or {}
    return [
        {
            "date": day["date"],
            "sleep_id": found["id"],
            "score_state": found["state"],
            "sleep_score": found["performance"],
            "duration_seconds": _whole(found["asleep_ms"], 1000),
            "in_bed_seconds": _whole(found["in_bed_ms"], 1000),
            "efficiency_percentage": found["efficiency_pct"],
            "consistency_percentage": found["consistency_pct"],
            "respiratory_rate": found["respiratory_rate_rpm"],
            "start_time": found["start_at"],
            "end_time": found["end_at"],
            "timezone_offset": found["timezone_offset"],
            "sleep_stages": {
                "light_sleep_minutes": _whole(stages.get("light_ms"), 60_000),
                "rem_sleep_minutes": _whole(stages.get("rem_ms"), 60_000),
                "deep_sleep_minutes": _whole(stages.get("deep_ms"), 60_000),
                "awake_minutes": _whole(stages.get("awake_ms"), 60_000),
            },
            "naps": len(day["naps"]),
        }
    ]


def _workouts(day: Day) -> list[Day]:
    return [
        {
            "date": day["date"],
            "workout_id": each["id"],
            "sport_name": each["sport"],
            "score_state": each["state"],
            "start_time": each["start_at"],
            "end_time": each["end_at"],
            "duration_seconds": _whole(each["duration_ms"], 1000),
            "strain": each["strain"],
            "average_heart_rate": each["average_hr_bpm"],
            "max_heart_rate": each["max_hr_bpm"],
            "calories": each["calories"],
            "distance_meter": each["distance_m"],
        }
        for each in reversed(day["workouts"])
    ]


def _cycles(day: Day) -> list[Day]:
    lead = [day["cycle"]] if day["cycle"] else []
    return [
        {
            "date": day["date"],
            "cycle_id": each["id"],
            "score_state": each["state"],
            "start_time": each["start_at"],
            "end_time": each["end_at"],
            "strain": each["strain"],
            "kilojoule": each["kilojoule"],
            "calories": each["calories"],
            "average_heart_rate": each["average_hr_bpm"],
            "max_heart_rate": each["max_hr_bpm"],
            "step_count": each["steps"],
        }
        for each in (*lead, *(other["cycle"] for other in day["other_cycles"] if other["cycle"]))
    ]


VIEWS: dict[str, Callable[[Day], list[Day]]] = {
    "recovery": _recovery,
    "sleep": _sleep,
    "workouts": _workouts,
    "cycles": _cycles,
}


def _whole(value: float | None, unit: int) -> int | None:
    return None if value is None else round(value / unit)


@router.get("/profile/{user_id}", summary="Profile and body", responses=_shown(examples.PROFILE))
async def profile(user_id: UserId, runtime: RuntimeDep, _key: Reader) -> dict[str, Any]:
    """Name, e-mail and the newest body measurement of a user."""
    found = await _profile(runtime, user_id)
    if found is None:
        raise NotFound("there is no profile of this user", kind="no_data")
    return found


@router.get("/all/{user_id}", summary="Everything at once", responses=_shown(examples.EVERYTHING))
async def everything(
    user_id: UserId,
    runtime: RuntimeDep,
    _key: Reader,
    days_: Days = None,
    date_: OneDate = None,
    wait_ms: Wait = 0,
) -> dict[str, Any]:
    """Recovery, sleep, workouts, cycles and profile in one answer; a part without data is null."""
    first, last, found = await _days(runtime, user_id, days_, date_, wait_ms)
    told = {name: _view(name, user_id, first, last, found) for name in VIEWS}
    person = await _profile(runtime, user_id)
    if person is None and not any(told.values()):
        raise _nothing()
    return {"user_id": user_id, "from": first, "to": last, **told, "profile": person}


def _add_route(name: str) -> None:
    async def one_kind(
        user_id: UserId,
        runtime: RuntimeDep,
        _key: Reader,
        days_: Days = None,
        date_: OneDate = None,
        wait_ms: Wait = 0,
    ) -> dict[str, Any]:
        first, last, found = await _days(runtime, user_id, days_, date_, wait_ms)
        view = _view(name, user_id, first, last, found)
        if view is None:
            raise _nothing()
        return view

    router.add_api_route(
        f"/{name}/{{user_id}}",
        one_kind,
        name=f"internal_{name}",
        summary=f"Stored {name}",
        description="Stored data at once; only `wait_ms` waits for WHOOP. 404 `no_data` when there is none.",
        responses=_shown(examples.INTERNAL[name]),
    )


for _name in VIEWS:
    _add_route(_name)


def _nothing() -> NotFound:
    return NotFound("nothing is stored for this user and time", kind="no_data")


def _view(name: str, user_id: str, first: date, last: date, found: list[Day]) -> dict[str, Any] | None:
    rows = [row for day in found for row in VIEWS[name](day)]
    if not rows:
        return None
    scored = [row for row in rows if row["score_state"] == "SCORED"]
    latest = (scored or rows)[0]
    return {
        **latest,
        "user_id": user_id,
        "from": first,
        "to": last,
        "as_of": found[0]["as_of"],
        "latest": latest,
        "data": rows,
        **({name: rows} if name in ("workouts", "cycles") else {}),
    }


async def _days(
    runtime: Runtime, user_id: str, count: int | None, text: str | None, wait_ms: int
) -> tuple[date, date, list[Day]]:
    """The asked-for stretch and its documents, newest first."""
    if count is not None and text is not None:
        raise Invalid("give either `days` or `date`, not both", kind="both_parameters")
    today = await _local_today(runtime, user_id)
    if text is None:
        first, last = today - timedelta(days=(count or 7) - 1), today
    else:
        named = {"today": today, "yesterday": today - timedelta(days=1)}
        first = last = named.get(text) or no_future(a_date(text), runtime.clock())
    if wait_ms:
        await runtime.on_demand.freshen(user_id, last, wait_ms / 1000)
    found = [orjson.loads(each) async for each in days.documents(runtime.db, user_id, first, last)]
    return first, last, found[::-1]


async def _local_today(runtime: Runtime, user_id: str) -> date:
    """Today where the member last was."""
    member = await members.find(runtime.db, user_id)
    if member is None:
        return runtime.clock().date()
    async with runtime.db.connection() as connection:
        return (runtime.clock() + await members.local_offset(connection, member.id)).date()


async def _profile(runtime: Runtime, user_id: str) -> dict[str, Any] | None:
    member = await members.find(runtime.db, user_id)
    if member is None:
        return None
    told: dict[str, Any] = {}
    async with runtime.db.connection() as connection:
        for type_ in SINGLETONS:
            found = await records.newest(connection, type_, member.id)
            told |= {("whoop_user_id" if key == "user_id" else key): value for key, value in (found or {}).items()}
    return {"user_id": user_id, **told} if told else None
