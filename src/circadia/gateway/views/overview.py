"""The unified-health bodies: Sahha's own scores of a date as integers 0..100, and WHOOP's beside them."""

from __future__ import annotations

from datetime import date
from typing import Any

from circadia.domain.merge import own
from circadia.domain.readings import MergedDay, Source
from circadia.gateway.told import FAILED, Told
from circadia.gateway.unified import Unified
from circadia.gateway.views.standing import instant, sentence, share
from circadia.gateway.views.words import rows_of, speakers

Body = dict[str, Any]

_SCORES = ("readiness_score", "activity_score", "sleep_score", "mental_wellbeing_score", "wellbeing_score")
_RECOVERY = ("recovery_score", "hrv_rmssd", "resting_heart_rate")
_SLEEP = ("sleep_score", "duration_seconds", "efficiency_percentage")


def overview(unified: Unified, period: str) -> Body:
    """One date. `period` is echoed. Sahha's scores stay what they are whatever WHOOP says; hrv_rmssd is in ms."""
    day = unified.last
    merged = unified.days[day]
    whoop = _whoop_data(unified.whoop, day)
    spoke = {*speakers(merged), *(("whoop",) if whoop else ())}
    return {
        "user_id": unified.user_id,
        "period": period,
        "date": day,
        "data_sources": [each.source for each in (unified.sahha, unified.whoop) if each.source in spoke],
        "enhanced_with_whoop": whoop is not None,
        "merge_timestamp": instant(unified.now),
        **{name: _whole(merged, name, "sahha") for name in _SCORES},
        "whoop_data": whoop,
        "whoop_summary": _some(whoop["recovery"], _RECOVERY) if whoop and whoop["recovery"] else None,
        "completeness": share(unified.completeness(day)),
        "sources": {each.source: _briefly(each) for each in (unified.sahha, unified.whoop)},
        "errors": unified.errors,
        "processing_stats": {
            "total_time_ms": round(unified.timings.total_ms),
            "sahha_time_ms": round(unified.timings.sahha_ms),
            "whoop_time_ms": round(unified.timings.whoop_ms),
            "merge_time_ms": round(unified.timings.merge_ms),
        },
    }


def _whole(day: MergedDay, metric: str, source: Source) -> int | None:
    reading = own(day, metric, source)
    return round(reading.value) if reading and isinstance(reading.value, int | float) else None


def _whoop_data(told: Told, day: date) -> Body | None:
    """WHOOP's parts of a date; None when there is none of them."""
    recovery, sleep, workouts = (rows_of(told.body.get(name), day) for name in ("recovery", "sleep", "workouts"))
    if not (recovery or sleep or workouts):
        return None
    return {
        "recovery": _some(recovery[0], _RECOVERY) if recovery else None,
        "sleep": _some(sleep[0], _SLEEP) if sleep else None,
        "workouts": workouts,
    }


def _some(row: Body, names: tuple[str, ...]) -> Body:
    return {name: row.get(name) for name in names}


def _briefly(told: Told) -> Body:
    return {"status": status(told), **({"error": sentence(told)} if told.state in FAILED else {})}


def status(told: Told) -> str:
    """How a source stands in one word: `connected`, or what stands in the way."""
    return "connected" if told.state == "ok" else told.state


def sources(user_id: str, sahha: Told, whoop: Told, checked_at: Any) -> Body:
    """Whether a user's sources can be read right now."""
    return {
        "user_id": user_id,
        "sahha": _source(sahha),
        "whoop": {**_source(whoop), "connection_date": instant(whoop.connected_at)},
        "checked_at": instant(checked_at),
    }


def _source(told: Told) -> Body:
    return {"available": told.state == "ok", **_briefly(told)}


def connected(authorization_url: str, expires_in: int) -> Body:
    """A consent that was begun; `expires_in` is in seconds."""
    return {
        "authorization_url": authorization_url,
        "instructions": "Open authorization_url in the member's browser, sign in at WHOOP and choose Grant.",
        "expires_in": expires_in,
    }
