"""Example answers of the gateway's routes for the API's description, of an invented user of both sources."""

from __future__ import annotations

from typing import Any

from circadia.api.examples import INTERNAL

_USER, _DATE, _NOW = "demo", "2026-11-19", "2026-11-19T18:31:00Z"
_SCORE: dict[str, Any] = {
    "id": "2e0f5a34-6f5c-5f3e-9c53-0f4b6a9d1c01",
    "type": "readiness",
    "state": "medium",
    "score": 0.78,
    "factors": [],
    "dataSources": ["sleep"],
    "scoreDateTime": f"{_DATE}T00:00:00-05:00",
    "createdAtUtc": f"{_DATE}T18:05:00+00:00",
}
_BIOMARKER: dict[str, Any] = {
    "id": "9b7f0c5e-20b1-5e4e-8a43-3d9a1f5b7c02",
    "category": "activity",
    "type": "steps",
    "periodicity": "intraday",
    "aggregation": "total",
    "value": "4210",
    "unit": "count",
    "valueType": "integer",
    "startDateTime": f"{_DATE}T00:00:00-05:00",
    "endDateTime": f"{_DATE}T23:59:59-05:00",
}
_ARCHETYPE: dict[str, Any] = {
    "id": "c1d2a6f0-54b7-5c1d-9f0e-7a2b3c4d5e03",
    "name": "sleep_pattern",
    "value": "early_sleeper",
    "dataType": "ordinal",
    "ordinality": 1,
    "periodicity": "weekly",
    "startDateTime": "2026-11-09T00:00:00-05:00",
    "endDateTime": "2026-11-15T00:00:00-05:00",
}
_PARTS = {name: INTERNAL[name] for name in ("recovery", "sleep", "workouts")}

HEALTH: dict[str, Any] = {
    "success": True,
    "message": "Health data retrieved successfully",
    "data": {
        "user_id": _USER,
        "days": 7,
        "from": "2026-11-13",
        "to": _DATE,
        "retrieved_at": _NOW,
        "sources": {
            "sahha": {
                "available": True,
                "as_of": _NOW,
                "readiness": _SCORE,
                "sleep": None,
                "activity": None,
                "mental_wellbeing": None,
                "wellbeing": None,
                "scores": [_SCORE],
                "biomarkers": [_BIOMARKER],
            },
            "whoop": {"available": True, "as_of": _NOW, **_PARTS},
        },
        "combined": {
            "overall_score": 67.3,
            "recovery_readiness": 71,
            "sleep_quality": 85,
            "activity_level": 46,
            "data_completeness": 100.0,
            "completeness": 0.923,
        },
        "errors": [],
    },
}
HEALTH_SOURCES: dict[str, Any] = {
    "user_id": _USER,
    "available_sources": {"sahha": True, "whoop": False},
    "states": {"sahha": "ok", "whoop": "not_connected"},
    "recommendations": ["Connect WHOOP for recovery, strain and sleep measured by a strap."],
}
_URL = "https://api.prod.whoop.com/oauth/oauth2/auth?response_type=code&client_id=…&state=…"
HEALTH_CONNECT: dict[str, Any] = {"success": True, "user_id": _USER, "authorization_url": _URL, "expires_in": 600}
HEALTH_DISCONNECT: dict[str, Any] = {"user_id": _USER, "connected": False, "revoked_at_whoop": True, "data": "keep"}

_WHOOP_RECOVERY = {"recovery_score": 71, "hrv_rmssd": 64.2, "resting_heart_rate": 54}
OVERVIEW: dict[str, Any] = {
    "user_id": _USER,
    "period": "today",
    "date": _DATE,
    "data_sources": ["sahha", "whoop"],
    "enhanced_with_whoop": True,
    "merge_timestamp": _NOW,
    "readiness_score": 78,
    "activity_score": 46,
    "sleep_score": 84,
    "mental_wellbeing_score": 66,
    "wellbeing_score": 65,
    "whoop_data": {
        "recovery": _WHOOP_RECOVERY,
        "sleep": {"sleep_score": 85, "duration_seconds": 27000, "efficiency_percentage": 92.0},
        "workouts": [],
    },
    "whoop_summary": _WHOOP_RECOVERY,
    "completeness": 0.923,
    "sources": {"sahha": {"status": "connected"}, "whoop": {"status": "connected"}},
    "errors": [],
    "processing_stats": {"total_time_ms": 35, "sahha_time_ms": 21, "whoop_time_ms": 13, "merge_time_ms": 1},
}
SOURCES: dict[str, Any] = {
    "user_id": _USER,
    "sahha": {"available": True, "status": "connected"},
    "whoop": {"available": True, "status": "connected", "connection_date": "2026-11-01T09:00:00Z"},
    "checked_at": _NOW,
}
CONNECT: dict[str, Any] = {
    "authorization_url": _URL,
    "instructions": "Open authorization_url in the member's browser, sign in at WHOOP and choose Grant.",
    "expires_in": 600,
}
WHOOP_HEALTH: dict[str, Any] = {
    "whoop_service": "available",
    "circuit_breaker_status": "closed",
    "integration_enabled": True,
    "last_successful_request": _NOW,
}
_CIRCUIT = {"circuit_open": False, "circuit_state": "closed", "failure_count": 0, "last_successful_request": _NOW}
DETAILED: dict[str, Any] = {
    "service": "hos-fapi-hm-sahha-main",
    "status": "healthy",
    "sahha_integration": {"status": "healthy", **_CIRCUIT},
    "whoop_integration": {"enabled": True, **_CIRCUIT, "service_reachable": True},
    "timestamp": _NOW,
}

SCORE_ROW: dict[str, Any] = {
    "id": _SCORE["id"],
    "profile_id": _USER,
    "type": "readiness",
    "score": 0.78,
    "state": "medium",
    "data": _SCORE,
    "score_date_time": _SCORE["scoreDateTime"],
    "created_at": _SCORE["createdAtUtc"],
    "updated_at": _NOW,
}
_WINDOW = {"start_date_time": _BIOMARKER["startDateTime"], "end_date_time": _BIOMARKER["endDateTime"]}
BIOMARKER_ROW: dict[str, Any] = {
    "id": _BIOMARKER["id"],
    "profile_id": _USER,
    "category": "activity",
    "type": "steps",
    "data": {
        name: _BIOMARKER[name]
        for name in ("type", "unit", "value", "category", "valueType", "aggregation", "periodicity")
    },
    **_WINDOW,
    "created_at": _NOW,
    "updated_at": _NOW,
}
ARCHETYPE_ROW: dict[str, Any] = {
    "id": _ARCHETYPE["id"],
    "profile_id": _USER,
    "name": "sleep_pattern",
    "periodicity": "weekly",
    "value": "early_sleeper",
    "data_type": "ordinal",
    "ordinality": 1,
    "data": _ARCHETYPE,
    "start_date_time": _ARCHETYPE["startDateTime"],
    "end_date_time": _ARCHETYPE["endDateTime"],
    "created_at": _NOW,
    "updated_at": _NOW,
}

_NIGHT: dict[str, Any] = {
    "date": _DATE,
    "score": {"value": 0.85, "source": "whoop"},
    "sleep_score": 85,
    "duration_hours": 7.5,
    "in_bed_hours": 8.15,
    "deep_sleep_hours": 1.8,
    "rem_sleep_hours": 1.83,
    "light_sleep_hours": 4.0,
    "efficiency": 92.0,
    "efficiency_percentage": 92.0,
    "start_time": "2026-11-19T04:12:41.120000Z",
    "end_time": "2026-11-19T12:03:05.480000Z",
}


def _older(**parts: Any) -> dict[str, Any]:
    return {
        "profile_id": _USER,
        "period": "today",
        "date": _DATE,
        **parts,
        "data_sources": ["sahha", "whoop"],
    }


_READINESS = {"value": 0.71, "source": "whoop"}
HEALTH_METRICS: dict[str, dict[str, Any]] = {
    "overview": _older(
        sleep_last_night=_NIGHT,
        readiness_score=_READINESS,
        activity_score={"value": 0.46, "source": "sahha"},
        mental_wellbeing={"value": 0.66, "source": "sahha"},
        wellbeing={"value": 0.65, "source": "sahha"},
    ),
    "activity": _older(
        today={
            "date": _DATE,
            "steps": 4210,
            "calories_burned": 230,
            "total_calories": 1750,
            "floors_climbed": None,
            "active_minutes": None,
            "score": {"value": 0.46, "source": "sahha"},
        },
        biomarkers=[BIOMARKER_ROW],
    ),
    "sleep": _older(last_night=_NIGHT, biomarkers=[]),
    "recovery": _older(
        readiness_score=_READINESS,
        heart_rate_resting={"value": 54, "unit": "bpm", "source": "whoop"},
        heart_rate_variability_rmssd={"value": 64.2, "unit": "ms", "source": "whoop"},
        heart_rate_variability_sdnn={"value": None},
        respiratory_rate={"value": 15.4, "unit": "rpm", "source": "whoop"},
        biomarkers=[],
    ),
    "scores": _older(scores=[SCORE_ROW]),
    "biomarkers": _older(biomarkers=[BIOMARKER_ROW]),
}


def _reading(value: float, source: str, observed_at: str, age_s: int) -> dict[str, Any]:
    return {
        "value": value,
        "unit": "0..100",
        "source": source,
        "observed_at": observed_at,
        "quality": "measured",
        "age_s": age_s,
        "unsettled": None,
        "via": [],
    }


_STANDING = {
    "state": "ok",
    "connected": True,
    "connected_at": "2026-11-01T09:00:00Z",
    "as_of": _NOW,
    "late": False,
    "error": None,
}
UNIFIED: dict[str, Any] = {
    "user_id": _USER,
    "from": _DATE,
    "to": _DATE,
    "today": _DATE,
    "timezone_offset_s": -18000,
    "sources": {"sahha": {**_STANDING, "connected_at": None}, "whoop": _STANDING},
    "errors": [],
    "days": [
        {
            "date": _DATE,
            "completeness": 0.923,
            "metrics": {
                "readiness_score": {
                    **_reading(71, "whoop", "2026-11-19T12:03:05.480000Z", 23274),
                    "sources": ["whoop"],
                    "why": "whoop comes first",
                    "lost": [{**_reading(78, "sahha", "2026-11-19T18:05:00Z", 1560), "why": "whoop comes first"}],
                }
            },
            "missing": [
                {
                    "source": "whoop",
                    "part": "recovery",
                    "reason": "pending_score",
                    "remedy": "Nothing to do: it is asked again by itself until the score is there.",
                }
            ],
        }
    ],
}

TREND: dict[str, Any] = {
    "id": "5f1d2c3b-8a90-5c7e-9b1a-6d4e8f2a7c10",
    "category": "biomarker",
    "name": "steps",
    "state": "increasing",
    "unit": "count",
    "isHigherBetter": True,
    "periodicity": "weekly",
    "trendStartDateTime": "2026-10-26T00:00:00-05:00",
    "trendEndDateTime": "2026-11-15T23:59:59-05:00",
    "data": [
        {
            "startDateTime": "2026-11-09T00:00:00-05:00",
            "endDateTime": "2026-11-15T23:59:59-05:00",
            "value": 8120,
            "percentChangeFromPrevious": 0.042,
        }
    ],
}
COMPARISON: dict[str, Any] = {
    "id": "0c8e7f6a-1b2d-5e3f-8c4b-9a7d6e5f4c11",
    "type": "comparison",
    "category": "biomarker",
    "name": "heart_rate_resting",
    "value": 57,
    "unit": "bpm",
    "isHigherBetter": False,
    "periodicity": "daily",
    "startDateTime": f"{_DATE}T00:00:00-05:00",
    "endDateTime": f"{_DATE}T23:59:59-05:00",
    "data": [{"type": "baseline", "value": 58, "difference": -1, "percentageDifference": -1.7, "state": "average"}],
}
INTEGRATION: dict[str, Any] = {
    "integrationType": "garmin",
    "integrationIdentifier": "user-of-garmin",
    "integrationValues": {},
}
