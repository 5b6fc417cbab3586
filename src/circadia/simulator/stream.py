"""The signals of one sleep, minute by minute. The live service sends every second; the shape is the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from circadia.simulator.timeline import Row

SIGNALS = {
    "hr": "hr",
    "skin_temp": "skin_temp",
    "board_temp": "board_temp",
    "battery_temp": "battery_temp",
    "sleep_classification": "is_sleeping",
    "charging_status": "is_charging",
}
"""Query value of `types` -> property of a point."""


def sleep_stream(row: Row, wanted: Sequence[str]) -> dict[str, Any]:
    """Points from start to end with the wanted signals (bpm, degrees Celsius); the same for the same sleep."""
    rng = Random(row.payload["id"])
    end = row.end or row.start
    minutes = int((end - row.start).total_seconds() // 60)
    heart_rate, skin = rng.uniform(48, 62), rng.uniform(32.8, 34.6)
    points = []
    for minute in range(minutes):
        heart_rate += rng.gauss(0, 0.8) + (54 - heart_rate) * 0.02
        skin += rng.gauss(0, 0.02)
        signals = {
            "hr": round(heart_rate),
            "skin_temp": round(skin, 2),
            "board_temp": round(skin + 0.6, 2),
            "battery_temp": round(skin + 0.5, 2),
            "is_sleeping": 5 <= minute < minutes - 3,
            "is_charging": False,
        }
        point = {"timestamp": _instant(row.start + timedelta(minutes=minute))}
        points.append(point | {SIGNALS[name]: signals[SIGNALS[name]] for name in wanted})
    return {"stream": points, "algorithm_version": "1.0.0"}


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
