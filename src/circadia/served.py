"""Stored data in the shapes that other back ends ask for: views of the day documents.

The flat fields and `latest` speak of the newest day that has the thing; `data` lists all of them, newest first.
Durations are whole seconds or minutes as their names say, scores 0..100, energy in `calories` is kcal. Everything is
JSON as it is sent: dates and instants are text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from circadia.domain.catalog import SINGLETONS
from circadia.storage import days, members, records
from circadia.storage.postgres import Database

Body = dict[str, Any]

MOST_DAYS = 400
"""Dates told at once."""

_PART_OF_A_DAY = {"recovery": "recovery", "sleep": "sleep", "cycles": "cycle"}
"""What the day documents' `missing` calls the parts that a day is expected to have."""

_LISTS = ("workouts", "cycles")
"""The parts whose list is also called by their name."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data are asked for. `offset` is the clock's distance from UTC where they last were, None if unknown."""

    user_id: str
    member_id: int | None
    today: date
    offset: timedelta | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a person for the dates `first` to `last`. `days` are their documents, newest first."""

    person: Person
    first: date
    last: date
    days: list[Body]

    @property
    def standing(self) -> Body:
        """What every answer says, also one without data: the person's own date and offset, the state of the
        connection, and which parts of which dates are missing and why."""
        return self._standing(tuple(_PART_OF_A_DAY.values()))

    def part(self, name: str) -> Body | None:
        """One of `VIEWS`; None without any row of it."""
        rows = [row for day in self.days for row in VIEWS[name](day)]
        if not rows:
            return None
        frame = {**self.standing_of(name), **self._frame, "as_of": self.days[0]["as_of"]}
        return _flat(frame, rows, (name,) if name in _LISTS else ())

    def everything(self, about: Body | None) -> Body | None:
        """All parts and the profile, each None without data; None when there is nothing at all."""
        parts = {name: self.part(name) for name in VIEWS}
        if about is None and not any(parts.values()):
            return None
        return {**self._frame, **self.standing, **parts, "profile": about}

    def standing_of(self, name: str) -> Body:
        """`standing` for one part: of what is missing only that part."""
        return self._standing((_PART_OF_A_DAY.get(name),))

    @property
    def _frame(self) -> Body:
        return {"user_id": self.person.user_id, "from": self.first.isoformat(), "to": self.last.isoformat()}

    def _standing(self, parts: tuple[str | None, ...]) -> Body:
        offset = self.person.offset
        return {
            "today": self.person.today.isoformat(),
            "timezone_offset": None if offset is None else _written(offset),
            "connection": self.days[0]["connection"] if self.days else "not_connected",
            "missing": [
                {"date": day["date"], **each}
                for day in self.days
                if day["date"] <= self.person.today.isoformat()
                for each in day["missing"]
                if each["part"] in parts
            ],
        }


async def person(db: Database, user_id: str, now: datetime) -> Person:
    """Who a user is here, and which date it is where they last were."""
    member = await members.find(db, user_id)
    if member is None:
        return Person(user_id, None, now.date(), None)
    async with db.connection() as connection:
        offset = await members.local_offset(connection, member.id)
    return Person(user_id, member.id, (now + offset).date(), offset)


async def stored(db: Database, who: Person, first: date, last: date) -> Stored:
    """What is stored for some dates, both included."""
    found = [orjson.loads(each) async for each in days.documents(db, who.user_id, first, last)]
    return Stored(who, first, last, found[::-1])


async def profile(db: Database, who: Person) -> Body | None:
    """Name, e-mail and the newest body measurement."""
    if who.member_id is None:
        return None
    told: Body = {}
    async with db.connection() as connection:
        for type_ in SINGLETONS:
            found = await records.newest(connection, type_, who.member_id)
            told |= {("whoop_user_id" if key == "user_id" else key): value for key, value in (found or {}).items()}
    return plain({"user_id": who.user_id, **told}) if told else None


def between(part: Body | None, first: date, last: date) -> Body | None:
    """The same part for fewer dates; None when none of its rows is of one. A profile is of no date."""
    if part is None or "data" not in part:
        return part
    since, until = first.isoformat(), last.isoformat()
    rows = [row for row in part["data"] if since <= row.get("date", "") <= until]
    if not rows:
        return None
    return _flat({**part, "from": since, "to": until}, rows, tuple(name for name in _LISTS if name in part))


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_UTC_Z))


def _flat(frame: Body, rows: list[Body], names: Iterable[str]) -> Body:
    """Rows as a part, the newest that has a score at the top; the list is also called by `names`."""
    latest = next((row for row in rows if row.get("score_state") == "SCORED"), rows[0])
    return {**frame, **latest, "latest": latest, "data": rows, **dict.fromkeys(names, rows)}


def _written(offset: timedelta) -> str:
    """An offset as `+hh:mm` or `-hh:mm`."""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _recovery(day: Body) -> list[Body]:
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


def _sleep(day: Body) -> list[Body]:
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


def _workouts(day: Body) -> list[Body]:
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


def _cycles(day: Body) -> list[Body]:
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


VIEWS: dict[str, Callable[[Body], list[Body]]] = {
    "recovery": _recovery,
    "sleep": _sleep,
    "workouts": _workouts,
    "cycles": _cycles,
}


def _whole(value: float | None, unit: int) -> int | None:
    return None if value is None else round(value / unit)
