"""A user of both sources, two dates of theirs, and what becomes of them when a source is away.

The figures of the night to 2026-11-19 are those of the documents' merge example: Sahha says 7.5 h at 88 % with 1.8 h
deep, WHOOP 27,000 s at 92 % with a score of 85.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from circadia.domain import merge, sahha_readings, whoop_readings
from circadia.domain.readings import Observation
from circadia.domain.sahha import Biomarker, Score
from circadia.gateway.told import Gap, Told
from circadia.gateway.unified import Timings, Unified

Json = dict[str, Any]

NOW = datetime(2026, 11, 19, 18, 31, tzinfo=UTC)
OFFSET = timedelta(hours=-5)
YESTERDAY, TODAY = date(2026, 11, 18), date(2026, 11, 19)

_RECEIVED = datetime(2026, 11, 19, 18, 20, tzinfo=UTC)
_NAMES = UUID("6f6a1a52-0b6e-5c2f-8d1e-2a4a7c1b9f10")


def score(type_: str, day: date, value: float | None, state: str | None) -> Json:
    """A score as Sahha tells it, with one factor."""
    return {
        "id": str(uuid5(_NAMES, f"{type_} {day}")),
        "type": type_,
        "state": state,
        "score": value,
        "factors": [{"name": "steps", "value": 4210, "goal": 10000, "score": 0.42, "state": "low", "unit": "count"}]
        if type_ == "activity"
        else [],
        "dataSources": ["sleep"],
        "scoreDateTime": f"{day}T00:00:00-05:00",
        "createdAtUtc": f"{day}T18:05:00+00:00",
        "version": 1,
    }


def biomarker(
    category: str, type_: str, day: date, value: str, unit: str, value_type: str, periodicity: str = "daily"
) -> Json:
    """A biomarker of a date, or of the sleep that ends on it."""
    at_night = category == "sleep"
    first = day - timedelta(days=1) if at_night else day
    return {
        "id": str(uuid5(_NAMES, f"{type_} {day}")),
        "category": category,
        "type": type_,
        "periodicity": periodicity,
        "aggregation": "total",
        "value": value,
        "unit": unit,
        "valueType": value_type,
        "startDateTime": f"{first}T{'18:00:00' if at_night else '00:00:00'}-05:00",
        "endDateTime": f"{day}T{'17:59:59' if at_night else '23:59:59'}-05:00",
    }


SCORES = [
    score("readiness", TODAY, 0.78, "medium"),
    score("sleep", TODAY, 0.84, "high"),
    score("activity", TODAY, 0.46, "low"),
    score("mental_wellbeing", TODAY, 0.66, "medium"),
    score("wellbeing", TODAY, 0.65, "medium"),
    score("sleep", YESTERDAY, 0.0, "minimal"),
]
BIOMARKERS = [
    biomarker("activity", "steps", TODAY, "4210", "count", "integer", "intraday"),
    biomarker("activity", "active_energy_burned", TODAY, "230", "kcal", "integer", "intraday"),
    biomarker("sleep", "sleep_duration", TODAY, "450", "minute", "integer"),
    biomarker("sleep", "sleep_efficiency", TODAY, "0.88", "percentage", "double"),
    biomarker("sleep", "sleep_deep_duration", TODAY, "108", "minute", "integer"),
    biomarker("sleep", "sleep_end_time", TODAY, "2026-11-19T07:01-05:00", "datetime", "datetime"),
    biomarker("vitals", "heart_rate_resting", TODAY, "56", "bpm", "integer"),
    biomarker("activity", "steps", YESTERDAY, "8423", "count", "integer"),
]

_RECOVERIES = [
    {
        "date": "2026-11-19",
        "cycle_id": 1165161240,
        "sleep_id": "5f0b0c1e-7c2b-4b0e-9a39-0d7f3c6a1e11",
        "score_state": "SCORED",
        "recovery_score": 71,
        "hrv_rmssd": 64.2,
        "resting_heart_rate": 54,
        "spo2_percentage": 96.1,
        "skin_temp_celsius": 33.6,
        "respiratory_rate": 15.4,
        "user_calibrating": False,
        "recorded_at": "2026-11-19T12:03:05.480Z",
    }
]
_SLEEPS = [
    {
        "date": "2026-11-19",
        "sleep_id": "5f0b0c1e-7c2b-4b0e-9a39-0d7f3c6a1e11",
        "score_state": "SCORED",
        "sleep_score": 85,
        "duration_seconds": 27000,
        "in_bed_seconds": 29348,
        "efficiency_percentage": 92.0,
        "consistency_percentage": 74,
        "respiratory_rate": 15.4,
        "start_time": "2026-11-19T04:12:41.120Z",
        "end_time": "2026-11-19T12:03:05.480Z",
        "timezone_offset": "-05:00",
        "sleep_stages": {
            "light_sleep_minutes": 240,
            "rem_sleep_minutes": 110,
            "deep_sleep_minutes": None,
            "awake_minutes": 39,
        },
        "naps": 0,
    }
]
_WORKOUTS = [
    {
        "date": "2026-11-18",
        "workout_id": "1f2b0c1e-7c2b-4b0e-9a39-0d7f3c6a1e55",
        "sport_name": "running",
        "score_state": "SCORED",
        "start_time": "2026-11-18T21:40:00.000Z",
        "end_time": "2026-11-18T22:25:10.000Z",
        "duration_seconds": 2710,
        "strain": 11.2,
        "average_heart_rate": 142,
        "max_heart_rate": 171,
        "calories": 512,
        "distance_meter": 8030.5,
    }
]
_CYCLES = [
    {
        "date": "2026-11-19",
        "cycle_id": 1165161240,
        "score_state": "SCORED",
        "start_time": "2026-11-19T04:12:41.120Z",
        "end_time": None,
        "strain": 8.4,
        "kilojoule": 7320.5,
        "calories": 1750,
        "average_heart_rate": 71,
        "max_heart_rate": 148,
        "step_count": 6204,
    }
]


def _part(name: str, rows: list[Json]) -> Json:
    return {
        **rows[0],
        "user_id": "demo",
        "from": "2026-11-18",
        "to": "2026-11-19",
        "today": "2026-11-19",
        "timezone_offset": "-05:00",
        "connection": "connected",
        "as_of": "2026-11-19T18:30:00.000Z",
        "missing": [],
        "latest": rows[0],
        "data": rows,
        **({name: rows} if name in ("workouts", "cycles") else {}),
    }


WHOOP_BODY: Json = {
    "recovery": _part("recovery", _RECOVERIES),
    "sleep": _part("sleep", _SLEEPS),
    "workouts": _part("workouts", _WORKOUTS),
    "cycles": _part("cycles", _CYCLES),
    "profile": {"user_id": "demo", "whoop_user_id": 20333444, "first_name": "Ada", "last_name": "Example"},
}


def _of_sahha() -> tuple[Observation, ...]:
    return sahha_readings.observations(
        [(Score.model_validate(each), _RECEIVED) for each in SCORES],
        [(Biomarker.model_validate(each), _RECEIVED) for each in BIOMARKERS],
        sources=("phone",),
    )


def sahha() -> Told:
    """Sahha when all is well."""
    return Told(
        "sahha",
        "ok",
        observations=_of_sahha(),
        body={"scores": SCORES, "biomarkers": BIOMARKERS},
        as_of=_RECEIVED,
        offset=OFFSET,
        took_ms=21.4,
    )


def whoop(body: Json = WHOOP_BODY) -> Told:
    """WHOOP when all is well; the night to the 18th was not recorded."""
    return Told(
        "whoop",
        "ok",
        observations=whoop_readings.observations(body),
        body=body,
        gaps=(
            Gap(YESTERDAY, "whoop", "recovery", "no_record", "Nothing to do: WHOOP recorded no recovery."),
            Gap(YESTERDAY, "whoop", "sleep", "no_record", "Nothing to do: WHOOP recorded no sleep."),
        ),
        as_of=datetime(2026, 11, 19, 18, 30, tzinfo=UTC),
        connected_at=datetime(2026, 11, 1, 9, 0, tzinfo=UTC),
        offset=OFFSET,
        took_ms=12.6,
    )


SAHHA_AWAY = Told("sahha", "unavailable", error="Sahha answered 500", linked=True, took_ms=480.2)
SAHHA_UNKNOWN = Told("sahha", "not_connected", took_ms=3.1)
WHOOP_AWAY = Told(
    "whoop",
    "circuit_open",
    error="the WHOOP service has failed 5 times in a row; it is left alone for half a minute and then tried again",
    linked=True,
    took_ms=0.1,
)
WHOOP_LATE = Told(
    "whoop", "timeout", error="the WHOOP service has not answered in time", late=True, linked=True, took_ms=2000.3
)
SAHHA_UNHEARD, WHOOP_UNHEARD = replace(SAHHA_AWAY, linked=None), replace(WHOOP_AWAY, linked=None)
"""The same for a member of whom nothing was ever heard there."""

WHOOP_UNCONNECTED = Told("whoop", "not_connected", took_ms=1.9)


def needs_reconnect() -> Told:
    """A member who has to consent again; what was stored is told."""
    return replace(whoop(), state="needs_reconnect")


def unified(sahha_told: Told, whoop_told: Told, first: date = YESTERDAY, last: date = TODAY) -> Unified:
    """What the gateway makes of two answers."""
    expected = {each.source for each in (sahha_told, whoop_told) if each.connected is not False}
    found = merge.merged([*sahha_told.observations, *whoop_told.observations], now=NOW, expected=expected)
    dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return Unified(
        "demo",
        first,
        last,
        TODAY,
        NOW,
        OFFSET,
        sahha_told,
        whoop_told,
        {day: found.get(day, {}) for day in dates},
        Timings(35.2, sahha_told.took_ms, whoop_told.took_ms, 0.9),
    )
