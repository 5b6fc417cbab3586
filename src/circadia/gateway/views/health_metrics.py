"""The older health-metrics bodies: one date, scores 0..1 as objects with a `value`, Sahha's records as they are.

The figures are the merged ones. An object is always there, so that a reader may walk down to its `value`, which is null
where nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from circadia.domain.readings import MergedDay
from circadia.gateway.unified import Unified
from circadia.gateway.views import sahha_rows
from circadia.gateway.views.standing import instant
from circadia.gateway.views.words import ending_on, speakers

Body = dict[str, Any]


def _overview(unified: Unified, day: date) -> Body:
    merged = unified.days[day]
    return {
        "sleep_last_night": _night(merged, day),
        "readiness_score": _score(merged, "readiness_score"),
        "activity_score": _score(merged, "activity_score"),
        "mental_wellbeing": _score(merged, "mental_wellbeing_score"),
        "wellbeing": _score(merged, "wellbeing_score"),
    }


def _activity(unified: Unified, day: date) -> Body:
    merged = unified.days[day]
    return {
        "today": {
            "date": day,
            "steps": _number(merged, "steps"),
            "calories_burned": _number(merged, "active_energy_kcal"),
            "total_calories": _number(merged, "total_energy_kcal"),
            "floors_climbed": _number(merged, "floors_climbed"),
            "active_minutes": _number(merged, "active_duration_s", 60),
            "score": _score(merged, "activity_score"),
        },
        "biomarkers": _biomarkers(unified, day, "activity"),
    }


def _sleep(unified: Unified, day: date) -> Body:
    return {"last_night": _night(unified.days[day], day), "biomarkers": _biomarkers(unified, day, "sleep")}


def _recovery(unified: Unified, day: date) -> Body:
    merged = unified.days[day]
    return {
        "readiness_score": _score(merged, "readiness_score"),
        "heart_rate_resting": _figure(merged, "resting_heart_rate_bpm"),
        "heart_rate_variability_rmssd": _figure(merged, "hrv_rmssd_ms"),
        "heart_rate_variability_sdnn": _figure(merged, "hrv_sdnn_ms"),
        "respiratory_rate": _figure(merged, "respiratory_rate_rpm"),
        "biomarkers": _biomarkers(unified, day, "vitals"),
    }


def _scores(unified: Unified, day: date) -> Body:
    found = ending_on(unified.sahha.body.get("scores", ()), day)
    return {"scores": [sahha_rows.score(each, unified.user_id, unified.sahha.as_of) for each in found]}


def _all_biomarkers(unified: Unified, day: date) -> Body:
    return {"biomarkers": _biomarkers(unified, day)}


VIEWS: Mapping[str, Callable[[Unified, date], Body]] = {
    "overview": _overview,
    "activity": _activity,
    "sleep": _sleep,
    "recovery": _recovery,
    "scores": _scores,
    "biomarkers": _all_biomarkers,
}


def view(name: str, unified: Unified, period: str) -> Body | None:
    """One of them for the date that was read; None when nothing is known of it. `errors` is there while a source is in
    trouble: what is null may be known to it."""
    day = unified.last
    body = VIEWS[name](unified, day)
    if not any(_says_something(part) for part in body.values()):
        return None
    return {
        "profile_id": unified.user_id,
        "period": period,
        "date": day,
        **body,
        "data_sources": speakers(unified.days[day]),
        **({"errors": unified.errors} if unified.errors else {}),
    }


def _says_something(part: Any) -> bool:
    if isinstance(part, dict):
        return any(_says_something(each) for name, each in part.items() if name not in ("date", "unit"))
    return part is not None and part != []


def _night(merged: MergedDay, day: date) -> Body:
    return {
        "date": day,
        "score": _score(merged, "sleep_score"),
        "sleep_score": _number(merged, "sleep_score"),
        "duration_hours": _number(merged, "sleep_duration_s", 3600),
        "in_bed_hours": _number(merged, "in_bed_s", 3600),
        "deep_sleep_hours": _number(merged, "deep_sleep_s", 3600),
        "rem_sleep_hours": _number(merged, "rem_sleep_s", 3600),
        "light_sleep_hours": _number(merged, "light_sleep_s", 3600),
        "efficiency": _number(merged, "sleep_efficiency_pct"),
        "efficiency_percentage": _number(merged, "sleep_efficiency_pct"),
        "start_time": _instant(merged, "sleep_start_at"),
        "end_time": _instant(merged, "sleep_end_at"),
    }


def _number(merged: MergedDay, metric: str, unit: int = 1) -> float | None:
    found = merged.get(metric)
    if found is None or not isinstance(found.reading.value, int | float):
        return None
    return found.reading.value if unit == 1 else round(found.reading.value / unit, 2)


def _score(merged: MergedDay, metric: str) -> Body:
    value = _number(merged, metric, 100)
    return {"value": value, **({} if value is None else {"source": merged[metric].reading.source})}


def _figure(merged: MergedDay, metric: str) -> Body:
    found = merged.get(metric)
    if found is None:
        return {"value": None}
    return {"value": found.reading.value, "unit": found.reading.unit, "source": found.reading.source}


def _instant(merged: MergedDay, metric: str) -> datetime | None:
    found = merged.get(metric)
    value = found.reading.value if found else None
    return instant(value) if isinstance(value, datetime) else None


def _biomarkers(unified: Unified, day: date, category: str | None = None) -> list[Body]:
    found = ending_on(unified.sahha.body.get("biomarkers", ()), day)
    wanted = (each for each in found if category in (None, each["category"]))
    return [sahha_rows.biomarker(each, unified.user_id, unified.sahha.as_of) for each in wanted]
