"""The figures of a day read off its document, a second time beside the SQL."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from circadia.storage import days
from circadia.storage.postgres import Database

Json = dict[str, Any]


def at(document: Json | None, *path: str) -> Any:
    """What lies at a path; None where a part of it is null."""
    found: Any = document
    for name in path:
        found = None if found is None else found[name]
    return found


def _seconds(*milliseconds: float | None) -> float | None:
    """Their sum; what is unknown is left out, and unknown when all are."""
    known = [each / 1000 for each in milliseconds if each is not None]
    return sum(known) if known else None


def _minutes(instant: str | None, code: str) -> int | None:
    if instant is None:
        return None
    hours, minutes = (0, 0) if code == "Z" else (int(code[:3]), int(code[0] + code[4:]))
    seconds = int(instant[11:13]) * 3600 + int(instant[14:16]) * 60 + float(instant[17:-1])
    return round((seconds / 60 + hours * 60 + minutes) % 1440 * 60_000)


def figures(document: Json) -> Json:
    """The figures of a day document, by the name of the metric; times of the clock in milliseconds."""
    recovery, sleep, cycle = document["recovery"], document["sleep"], document["cycle"]
    none = 0.0 if cycle else None
    workouts, naps = document["workouts"], document["naps"]
    stage = {name: _seconds(at(sleep, "stages", f"{name}_ms")) for name in ("light", "deep", "rem", "awake")}
    need = {name: _seconds(at(sleep, "need", f"{name}_ms")) for name in ("total", "baseline", "debt", "strain", "nap")}
    figures = {
        "recovery_score": at(recovery, "score"),
        "hrv_rmssd_ms": at(recovery, "hrv"),
        "resting_heart_rate_bpm": at(recovery, "rhr"),
        "respiratory_rate_rpm": at(sleep, "respiratory_rate_rpm"),
        "spo2_pct": at(recovery, "spo2_pct"),
        "skin_temp_celsius": at(recovery, "skin_temp_celsius"),
        "sleep_performance_pct": at(sleep, "performance"),
        "sleep_duration_s": _seconds(at(sleep, "asleep_ms")),
        "in_bed_s": _seconds(at(sleep, "in_bed_ms")),
        "light_sleep_s": stage["light"],
        "deep_sleep_s": stage["deep"],
        "rem_sleep_s": stage["rem"],
        "awake_s": stage["awake"],
        "sleep_efficiency_pct": at(sleep, "efficiency_pct"),
        "sleep_consistency_pct": at(sleep, "consistency_pct"),
        "disturbances": at(sleep, "disturbances"),
        "sleep_cycles": at(sleep, "sleep_cycles"),
        "nap_s": _seconds(*(each["asleep_ms"] for each in naps)) if naps else none,
        "sleep_need_s": need["total"],
        **{f"need_{name}_s": need[name] for name in ("baseline", "debt", "strain", "nap")},
        "bed_time_min": _minutes(at(sleep, "start_at"), at(sleep, "timezone_offset")),
        "wake_time_min": _minutes(at(sleep, "end_at"), at(sleep, "timezone_offset")),
        "strain": at(cycle, "strain"),
        "energy_kj": at(cycle, "kilojoule"),
        "average_heart_rate_bpm": at(cycle, "average_hr_bpm"),
        "max_heart_rate_bpm": at(cycle, "max_hr_bpm"),
        "steps": at(cycle, "steps"),
        "workouts": len(workouts) or none,
        "workout_s": _seconds(*(each["duration_ms"] for each in workouts)) if workouts else none,
    }
    for zone in range(6):
        times = [each["zones_ms"][zone] if each["zones_ms"] else None for each in workouts]
        figures[f"zone_{zone}_s"] = _seconds(*times) if workouts else none
    if figures["bed_time_min"] is not None and figures["bed_time_min"] >= 720 * 60_000:
        figures["bed_time_min"] -= 1440 * 60_000
    asleep, naps_s, baseline = figures["sleep_duration_s"], figures["nap_s"], need["baseline"]
    known = None not in {asleep, naps_s, baseline}
    figures["sleep_deficit_s"] = max(0.0, baseline - asleep - naps_s) if known else None
    zones = [figures[f"zone_{zone}_s"] for zone in range(1, 6)]
    figures["zone_load"] = None if None in zones else sum(n * each for n, each in enumerate(zones, start=1)) / 60
    return figures


async def documents(db: Database, first: date, last: date) -> dict[date, Json]:
    """The documents of alice that say something."""
    read = [json.loads(each) async for each in days.documents(db, "alice", first, last)]
    return {date.fromisoformat(each["date"]): each for each in read if each["state"] != "empty"}
