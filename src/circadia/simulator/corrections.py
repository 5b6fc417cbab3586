"""Changed rows: what an edit or a new scoring makes of a record's payload. Nothing is changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import exp
from typing import Any

from circadia.simulator.payloads import float32, instant_text
from circadia.simulator.physiology import MAX_STRAIN
from circadia.simulator.sessions import strain_load
from circadia.simulator.timeline import Change, Payload, Row

STAGES = (
    "total_awake_time_milli",
    "total_no_data_time_milli",
    "total_slow_wave_sleep_time_milli",
    "total_rem_sleep_time_milli",
)
ASLEEP = ("total_light_sleep_time_milli", "total_slow_wave_sleep_time_milli", "total_rem_sleep_time_milli")
TOP_RECOVERY, BOTTOM_RECOVERY = 99.0, 1.0


def stamped(row: Row, now: datetime, change: Change) -> Change:
    """`change`, with an `updated_at` that is `now` and in any case later than `row`'s."""
    known = datetime.fromisoformat(row.payload["updated_at"])
    text = instant_text(max(now, known + timedelta(milliseconds=1)))

    def apply(before: Row) -> Row:
        after = change(before)
        return replace(after, payload={**after.payload, "updated_at": max(text, before.payload["updated_at"])})

    return apply


def moved(row: Row, start: datetime, end: datetime | None) -> Row:
    """The row with another interval; an open end stays open."""
    payload = {**row.payload, "start": instant_text(start)}
    if row.end is None or end is None:
        return replace(row, payload=payload, start=start)
    return Row({**payload, "end": instant_text(end)}, start, end)


def rescored(row: Row, changes: Mapping[str, Any]) -> Row:
    """The row with these score fields; a row without a score stays as it is."""
    score = row.payload.get("score")
    return row if not score else replace(row, payload={**row.payload, "score": {**score, **changes}})


def slept(row: Row, start: datetime, end: datetime, more: Payload | None = None) -> Row:
    """A sleep from `start` to `end`: stages (plus those of the sleep score `more`) scaled to fit."""
    score = row.payload.get("score")
    if not score:
        return moved(row, start, end)
    before = score["stage_summary"]
    stages = {key: value + (more["stage_summary"][key] if more else 0) for key, value in before.items()}
    in_bed = round((end - start) / timedelta(milliseconds=1))
    scale = in_bed / stages["total_in_bed_time_milli"]
    stages |= {key: int(stages[key] * scale) for key in STAGES}
    stages["total_in_bed_time_milli"] = in_bed
    stages["total_light_sleep_time_milli"] = in_bed - sum(stages[key] for key in STAGES)
    asleep, asleep_before = (sum(parts[key] for key in ASLEEP) for parts in (stages, before))
    changed = {"stage_summary": stages, "sleep_efficiency_percentage": float32(100 * asleep / in_bed)}
    performance = score.get("sleep_performance_percentage")
    if performance is not None:
        ratio = asleep / max(1, asleep_before)
        changed["sleep_performance_percentage"] = float(min(100, round(performance * ratio)))
    return rescored(moved(row, start, end), changed)


def recovered(row: Row, points: float, start: datetime, end: datetime) -> Row:
    """A recovery of a sleep from `start` to `end`, better or worse by `points`; rMSSD goes along."""
    score = row.payload.get("score")
    row = Row(row.payload, start, end)
    if not score:
        return row
    value = min(TOP_RECOVERY, max(BOTTOM_RECOVERY, score["recovery_score"] + points))
    return rescored(
        row, {"recovery_score": value, "hrv_rmssd_milli": float32(score["hrv_rmssd_milli"] * (1 + points / 200))}
    )


def strained(row: Row, factor: float) -> Row:
    """A cycle or workout with its strain and energy times `factor`."""
    score = row.payload.get("score")
    if not score:
        return row
    strain = min(MAX_STRAIN, score["strain"] * factor)
    return rescored(row, {"strain": float32(strain), "kilojoule": float32(score["kilojoule"] * (1 + (factor - 1) / 2))})


def worked_out(row: Row, start: datetime, end: datetime) -> Row:
    """A workout from `start` to `end`: zones, energy, distance and load scaled with its length."""
    score = row.payload.get("score")
    if not score or row.end is None:
        return moved(row, start, end)
    scale = (end - start) / (row.end - row.start)
    changed: Payload = {
        "strain": float32(MAX_STRAIN * (1 - exp(-strain_load(score["strain"]) * scale))),
        "kilojoule": float32(score["kilojoule"] * scale),
        "zone_durations": {key: round(value * scale) for key, value in score["zone_durations"].items()},
    }
    if score.get("distance_meter") is not None:
        changed["distance_meter"] = float32(score["distance_meter"] * scale)
    return rescored(moved(row, start, end), changed)


def swallowed(row: Row, other: Row) -> Row:
    """A cycle that takes the next one, `other`, into itself."""
    grown = moved(row, row.start, other.end)
    mine, theirs = row.payload.get("score"), other.payload.get("score")
    steps = [cycle.payload.get("step_count") for cycle in (row, other)]
    if None not in steps:
        grown = replace(grown, payload={**grown.payload, "step_count": sum(steps)})
    if not mine or not theirs:
        return grown
    load = strain_load(mine["strain"]) + strain_load(theirs["strain"])
    return rescored(
        grown,
        {
            "strain": float32(MAX_STRAIN * (1 - exp(-load))),
            "kilojoule": float32(mine["kilojoule"] + theirs["kilojoule"]),
            "average_heart_rate": round((mine["average_heart_rate"] + theirs["average_heart_rate"]) / 2),
            "max_heart_rate": max(mine["max_heart_rate"], theirs["max_heart_rate"]),
        },
    )
