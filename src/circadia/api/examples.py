"""Example answers for the API's description, of an invented member."""

from __future__ import annotations

from typing import Any

_SLEEP: dict[str, Any] = {
    "id": "5f0b0c1e-7c2b-4b0e-9a39-0d7f3c6a1e11",
    "cycle_id": 1165161240,
    "state": "SCORED",
    "source": "api",
    "start_at": "2026-11-19T04:12:41.120Z",
    "end_at": "2026-11-19T12:03:05.480Z",
    "timezone_offset": "-05:00",
    "nap": False,
    "duration": "7h 12m",
    "asleep_ms": 25920000,
    "in_bed_ms": 28224360,
    "performance": 88,
    "efficiency_pct": 91.8,
    "consistency_pct": 74,
    "respiratory_rate_rpm": 15.4,
    "sleep_cycles": 5,
    "disturbances": 9,
    "stages": {"light_ms": 14220000, "deep_ms": 5400000, "rem_ms": 6300000, "awake_ms": 2304360, "no_data_ms": 0},
    "need": {"total_ms": 29400000, "baseline_ms": 27600000, "debt_ms": 1200000, "strain_ms": 600000, "nap_ms": 0},
    "updated_at": "2026-11-19T12:09:11.004Z",
}

DAY: dict[str, Any] = {
    "user_id": "demo",
    "date": "2026-11-19",
    "as_of": "2026-11-19T18:30:00.000Z",
    "connection": "connected",
    "state": "open",
    "timezone_offset": "-05:00",
    "recovery": {
        "cycle_id": 1165161240,
        "sleep_id": _SLEEP["id"],
        "state": "SCORED",
        "source": "api",
        "score": 71,
        "band": "green",
        "hrv": 64.2,
        "rhr": 54,
        "spo2_pct": 96.1,
        "skin_temp_celsius": 33.6,
        "calibrating": False,
        "updated_at": "2026-11-19T12:09:12.310Z",
    },
    "sleep": _SLEEP,
    "cycle": {
        "id": 1165161240,
        "state": "SCORED",
        "source": "api",
        "start_at": "2026-11-19T04:12:41.120Z",
        "end_at": None,
        "timezone_offset": "-05:00",
        "open": True,
        "strain": 8.4,
        "kilojoule": 7320.5,
        "calories": 1750,
        "average_hr_bpm": 71,
        "max_hr_bpm": 148,
        "steps": 6204,
        "updated_at": "2026-11-19T18:20:00.000Z",
    },
    "naps": [],
    "other_sleeps": [],
    "workouts": [],
    "other_cycles": [],
    "journal": [],
    "missing": [],
}

DAYS: dict[str, Any] = {"user_id": "demo", "from": "2026-11-19", "to": "2026-11-19", "days": [DAY]}

RECORDS: dict[str, Any] = {
    "records": [
        {
            "created_at": "2026-11-19T12:09:12.310Z",
            "updated_at": "2026-11-19T12:09:12.310Z",
            "score_state": "SCORED",
            "cycle_id": 1165161240,
            "sleep_id": _SLEEP["id"],
            "user_calibrating": False,
            "recovery_score": 71.0,
            "resting_heart_rate": 54.0,
            "hrv_rmssd_milli": 64.2,
            "spo2_percentage": 96.1,
            "skin_temp_celsius": 33.6,
            "day": "2026-11-19",
            "source": "api",
            "fetched_at": "2026-11-19T18:30:00Z",
        }
    ],
    "next_cursor": None,
}

STATISTICS: dict[str, Any] = {
    "user_id": "demo",
    "types": {
        "recovery": {
            "count": 712,
            "first": "2024-11-21T12:31:02Z",
            "last": "2026-11-19T12:09:12Z",
            "states": {"SCORED": 708, "UNSCORABLE": 4},
            "fields": {"hrv_rmssd_milli": {"n": 708, "min": 21.4, "mean": 61.9, "max": 118.0}},
        }
    },
}

_RUN_ID = "8e2f6a52-6f0e-4f8e-9f10-0d5f3f2f8b10"

SYNC_STATUS: dict[str, Any] = {
    "user_id": "demo",
    "connection": {"state": "connected", "reason": None, "scopes": ["offline", "read:sleep"]},
    "as_of": "2026-11-19T18:30:00Z",
    "types": {
        "sleep": {
            "state": "ok",
            "last_sync_at": "2026-11-19T18:30:00Z",
            "last_success_at": "2026-11-19T18:30:00Z",
            "due_at": "2026-11-19T18:45:00Z",
            "cursor": "2026-11-19T18:30:00Z",
            "total_records": 787,
            "newest_record_at": "2026-11-19T04:12:41Z",
            "pending": 0,
            "pending_since": None,
            "rejects": 0,
            "held_deletions": 0,
            "last_outcome": {"fetched": 14, "written": 1, "unchanged": 13, "deleted": 0, "rejected": 0, "requests": 1},
            "failures": 0,
            "error": None,
            "history": {"complete": True, "reached_at": "2024-11-21T04:02:11Z"},
        }
    },
    "backfill": {
        "run_id": _RUN_ID,
        "state": "running",
        "paused": False,
        "started_at": "2026-11-19T18:28:00Z",
        "finished_at": None,
        "types": {"cycle": {"fetched": 725, "written": 725, "requests": 29, "reached_at": "2024-11-24T04:31:00Z"}},
        "progress_pct": 91.4,
        "pages_left": 10,
        "eta_at": "2026-11-19T18:30:12Z",
        "error": None,
        "coverage_complete": None,
    },
}

_MONTH: dict[str, Any] = {
    "month": "2026-10",
    "got": 33,
    "stored": 31,
    "deleted": 1,
    "rejected": 1,
    "read_later": 0,
    "others": 0,
    "lost": 0,
    "gaps": {"days": 1, "ranges": [["2026-10-17", "2026-10-17"]]},
}
COVERAGE: dict[str, Any] = {
    "user_id": "demo",
    "complete": True,
    "reasons": [],
    "types": {
        "sleep": {
            **{name: _MONTH[name] for name in ("got", "stored", "deleted", "rejected", "read_later", "others", "lost")},
            "history_complete": True,
            "reached_at": "2026-10-01T03:58:00Z",
            "gap_days": 1,
            "months": [_MONTH],
        }
    },
}

_BUDGET: dict[str, Any] = {
    "app": "4f0f6f0a-1c3b-4a8e-9b1e-6b2f1f1d7c55",
    "minute": {"used": 3, "limit": 90},
    "day": {"used": 812, "limit": 9000},
    "paused_until": None,
    "lanes": {"person": {"taken": 40, "refused": 0, "taken_last_minute": 1, "refused_last_minute": 0}},
}
_WORKERS = {"alive": True, "last_sign_at": "2026-11-19T18:30:58Z"}
_FINDING: dict[str, Any] = {
    "kind": "pending_score",
    "severity": "info",
    "message": "WHOOP has not scored recovery yet: 2026-11-19 (1 day)",
    "remedy": "Nothing to do: it is asked again by itself until the score is there.",
    "type": "recovery",
    "days": [["2026-11-19", "2026-11-19"]],
}
DOCTOR: dict[str, Any] = {
    "user_id": "demo",
    "checked_at": "2026-11-19T18:31:00Z",
    "fine": True,
    "findings": [_FINDING],
    "evidence": {
        "connection": SYNC_STATUS["connection"] | {"connected_at": "2026-11-01T09:00:00Z"},
        "as_of": SYNC_STATUS["as_of"],
        "token": {
            "obtained_at": "2026-11-19T18:10:00Z",
            "expires_at": "2026-11-19T19:10:00Z",
            "renewable": True,
            "unanswered_since": None,
        },
        "types": {
            "sleep": {
                "state": "ok",
                "last_success_at": "2026-11-19T18:30:00Z",
                "due_at": "2026-11-19T18:45:00Z",
                "total_records": 787,
                "newest_record_at": "2026-11-19T04:12:41Z",
                "pending": 0,
                "rejects": 0,
                "last_webhook_at": "2026-11-19T12:09:15Z",
            }
        },
        "webhooks": {
            "last_at": "2026-11-19T12:09:15Z",
            "last_of_anybody_at": "2026-11-19T18:29:40Z",
            "waiting": 0,
            "parked": 0,
        },
        "history": {"complete": True, "backfill": None},
        "workers": _WORKERS,
        "budgets": [_BUDGET],
        "plan": "adaptive",
        "days": {"from": "2026-10-21", "to": "2026-11-19", "days": 30, "complete": 29},
    },
}

STATUS: dict[str, Any] = {
    "at": "2026-11-19T18:31:00Z",
    "members": [
        {
            "user_id": "demo",
            "connection": "connected",
            "reason": None,
            "standing": "ok",
            "as_of": "2026-11-19T18:30:00Z",
            "oldest_type": "workout",
            "oldest_at": "2026-11-19T18:30:00Z",
            "due_at": "2026-11-19T18:45:00Z",
            "history_complete": True,
            "paused_at": None,
            "failing": 0,
            "error": None,
            "pending": 1,
            "rejects": 0,
            "held_deletions": 0,
            "deliveries_waiting": 0,
            "deliveries_parked": 0,
            "newest_day": "2026-11-19",
            "running": [],
        }
    ],
    "totals": {"members": 1, "by_standing": {"ok": 1}, "age_median_s": 60.0, "age_p95_s": 60.0},
    "due": {"types": 0, "members": 0, "oldest_at": None},
    "runs": {},
    "budgets": [_BUDGET],
    "webhooks": {
        "last_seen_at": "2026-11-19T18:29:40Z",
        "waiting": 0,
        "parked": 0,
        "unknown": 0,
        "waiting_since": None,
    },
    "holds": [],
    "notices": [],
    "plan": {
        "plan": "adaptive",
        "members": 1,
        "pushed": 1,
        "wanted": 30.0,
        "allowed": 7200.0,
        "planned": 30.0,
        "stretch": {"cadence": 1.0, "compared": 1.0},
        "fit": 2100,
    },
    "workers": _WORKERS,
    "backup": {"made_at": "2026-11-19T03:15:00Z", "rows": 5214, "size": 412930},
}

CONNECTION: dict[str, Any] = {
    "user_id": "demo",
    "connected": True,
    "state": "connected",
    "reason": None,
    "whoop_user_id": 20333444,
    "scopes": ["offline", "read:cycles", "read:sleep"],
    "connection_date": "2026-11-19T12:00:00Z",
    "token_expires_at": "2026-11-19T19:10:00Z",
    "checked_at": "2026-11-19T18:31:00Z",
}

_STANDING: dict[str, Any] = {
    "today": "2026-11-19",
    "timezone_offset": "-05:00",
    "connection": "connected",
    "missing": [
        {
            "date": "2026-11-14",
            "part": "recovery",
            "reason": "unscorable",
            "remedy": "WHOOP could not score it, usually because the strap was not worn or had too little data.",
        }
    ],
}
_FRAME = {"user_id": "demo", "from": "2026-11-13", "to": "2026-11-19", "as_of": DAY["as_of"]}
_ROWS: dict[str, dict[str, Any]] = {
    "recovery": {"date": "2026-11-19", "recovery_score": 71, "hrv_rmssd": 64.2, "resting_heart_rate": 54},
    "sleep": {"date": "2026-11-19", "sleep_score": 88, "duration_seconds": 25920, "efficiency_percentage": 91.8},
    "workouts": {"date": "2026-11-18", "sport_name": "running", "strain": 11.2, "duration_seconds": 2710},
    "cycles": {"date": "2026-11-19", "strain": 8.4, "kilojoule": 7320.5, "calories": 1750},
}
INTERNAL: dict[str, Any] = {
    name: {
        **_STANDING,
        **({} if name == "recovery" else {"missing": []}),
        **row,
        **_FRAME,
        "latest": row,
        "data": [row],
        **({name: [row]} if name in ("workouts", "cycles") else {}),
    }
    for name, row in _ROWS.items()
}

PROFILE: dict[str, Any] = {
    "user_id": "demo",
    "whoop_user_id": 20333444,
    "email": "ada@example.org",
    "first_name": "Ada",
    "last_name": "Example",
    "height_meter": 1.74,
    "weight_kilogram": 68.2,
    "max_heart_rate": 192,
}
EVERYTHING: dict[str, Any] = {
    "user_id": "demo",
    "from": _FRAME["from"],
    "to": _FRAME["to"],
    **_STANDING,
    **INTERNAL,
    "profile": PROFILE,
}

ACCEPTED: dict[str, Any] = {
    "run_id": _RUN_ID,
    "status_url": f"/api/v1/whoop/runs/{_RUN_ID}",
    "events_url": f"/api/v1/whoop/runs/{_RUN_ID}/events",
}
BACKFILL: dict[str, Any] = {"paused": False} | ACCEPTED
RUN: dict[str, Any] = {
    "run_id": _RUN_ID,
    "user_id": "demo",
    "kind": "sync",
    "types": ["sleep"],
    "state": "succeeded",
    "paused": False,
    "created_at": "2026-11-19T18:29:58+00:00",
    "started_at": "2026-11-19T18:29:59+00:00",
    "finished_at": "2026-11-19T18:30:00+00:00",
    "progress": {},
    "outcome": {"types": {"sleep": SYNC_STATUS["types"]["sleep"]["last_outcome"]}, "errors": {}},
    "error": None,
}
STARTED: dict[str, Any] = {
    "user_id": "demo",
    "authorization_url": "https://api.prod.whoop.com/oauth/oauth2/auth?response_type=code&client_id=…&state=…",
    "state": "k3v7Vt0mG1o8fQ2yB5n9XcR4wL6sZ0aE",
    "expires_in": 600,
}
CONNECTED: dict[str, Any] = {"success": True, "user_id": "demo", "whoop_user_id": 20333444, "connected": True}
