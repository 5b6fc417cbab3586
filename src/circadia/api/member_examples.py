"""Example answers about many days and about leaving, for the API's description."""

from __future__ import annotations

from typing import Any

METRICS: dict[str, Any] = {
    "metrics": [
        {
            "name": "hrv_rmssd_ms",
            "label": "HRV",
            "unit": "ms",
            "precision": 0,
            "polarity": "up",
            "colour": "hrv",
            "group": "recovery",
            "part": "recovery",
            "about": "Heart rate variability in sleep, as RMSSD; compared on its logarithm",
            "minimum": 14,
            "derived": False,
        }
    ],
    "analyses": [
        {
            "name": "weekdays",
            "title": "Days of the week",
            "about": "How a figure goes with the day of the week",
            "formula": "Mean of the days of one weekday; Student's 95 % interval",
            "source": "Textbook statistics",
            "minimum": 4,
            "function": "weekdays",
            "parameters": [
                {"name": "metric", "kind": "metric", "about": "Name of a day's figure", "default": None, "choices": []}
            ],
            "columns": [{"name": "mean", "unit": "metric", "about": "Mean of those days"}],
        }
    ],
}
TRENDS: dict[str, Any] = {
    "user_id": "demo",
    "from": "2026-11-19",
    "to": "2026-11-19",
    "metrics": {
        "hrv_rmssd_ms": {
            "series": {
                "day": ["2026-11-19"],
                "value": [64.2],
                "settled": [True],
                "state": ["scored"],
                "mean_7d": [61.8],
                "n_7d": [7],
                "mean_30d": [58.4],
                "n_30d": [29],
                "low": [49.7],
                "high": [68.6],
                "z": [0.59],
            },
            "trend": {"n": 1, "needed": 14, "mean": None, "direction": None, "note": "not enough data yet (1 of 14)"},
        }
    },
}
ANALYSIS: dict[str, Any] = {
    "user_id": "demo",
    "analysis": "vitals",
    "parameters": {"day": "2026-11-19"},
    "rows": [{"metric": "hrv_rmssd_ms", "value": 64.2, "z": 0.59, "verdict": "in range", "note": None}],
}
EXPORT: dict[str, Any] = {
    "user_id": "demo",
    "exported_at": "2026-11-19T18:30:00Z",
    "tables": {"members": [{"id": 1, "user_id": "demo", "created_at": "2026-10-01T09:12:44+00:00"}]},
}
ENDED: dict[str, Any] = {"user_id": "demo", "connected": False, "revoked_at_whoop": True, "data": "keep"}
ERASED: dict[str, Any] = {
    "user_id": "demo",
    "revoked_at_whoop": True,
    "erased": [{"table": "cycles", "rows": 412, "left": 0}],
    "kept": [
        {"table": "audit", "rows": 9, "why": "Who did what and when stays on record. It holds no health data."},
    ],
}
