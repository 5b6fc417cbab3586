"""WHOOP's v2 JSON objects, built from what the simulated body did."""

from __future__ import annotations

from datetime import datetime, timedelta
from struct import pack, unpack
from typing import Any

from circadia.simulator.physiology import KJ_PER_KCAL, Day, Night, Vitals
from circadia.simulator.sessions import Session
from circadia.simulator.timeline import Payload

MINUTE_MS = 60_000


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and `Z`, from an aware UTC datetime."""
    return instant.isoformat(timespec="milliseconds")[:-6] + "Z"


def float32(value: float) -> float:
    """The nearest 32-bit float, with as few digits as still name it: WHOOP's floats look so."""
    raw = pack("f", value)
    near = unpack("f", raw)[0]
    for digits in (7, 8):
        short = float(f"{near:.{digits}g}")
        if pack("f", short) == raw:
            return short
    return float(f"{near:.9g}")


def head(user_id: int, created: datetime, offset: str | None, state: str) -> Payload:
    """The fields that all records share; recoveries have no offset."""
    text = instant_text(created)
    shared = {"user_id": user_id, "created_at": text, "updated_at": text, "score_state": state}
    return shared if offset is None else {**shared, "timezone_offset": offset}


def cycle_score(day: Day) -> Payload:
    return {
        "strain": float32(day.strain),
        "kilojoule": float32(day.energy_kcal * KJ_PER_KCAL),
        "average_heart_rate": day.average_bpm,
        "max_heart_rate": day.max_bpm,
    }


def sleep_score(night: Night, in_bed_ms: int) -> Payload:
    """Stages in whole milliseconds that add up to `in_bed_ms`, need, and the optional percentages."""
    scale = in_bed_ms / (night.in_bed * MINUTE_MS)
    awake, no_data, deep, rem = (
        round(minutes * MINUTE_MS * scale) for minutes in (night.awake, night.no_data, night.deep, night.rem)
    )
    light = in_bed_ms - awake - no_data - deep - rem
    asleep = light + deep + rem
    return {
        "stage_summary": {
            "total_in_bed_time_milli": in_bed_ms,
            "total_awake_time_milli": awake,
            "total_no_data_time_milli": no_data,
            "total_light_sleep_time_milli": light,
            "total_slow_wave_sleep_time_milli": deep,
            "total_rem_sleep_time_milli": rem,
            "sleep_cycle_count": asleep // (97 * MINUTE_MS),
            "disturbance_count": night.disturbances,
        },
        "sleep_needed": {
            "baseline_milli": round(night.baseline_need * MINUTE_MS),
            "need_from_sleep_debt_milli": round(night.debt_need * MINUTE_MS),
            "need_from_recent_strain_milli": round(night.strain_need * MINUTE_MS),
            "need_from_recent_nap_milli": -round(night.nap_credit * MINUTE_MS),
        },
        "respiratory_rate": round(night.breaths_per_min * 1024 / 60) * 60 / 1024,
        "sleep_performance_percentage": _rounded(night.performance_pct),
        "sleep_consistency_percentage": _rounded(night.consistency_pct),
        "sleep_efficiency_percentage": float32(100 * asleep / in_bed_ms),
    }


def recovery_score(vitals: Vitals, *, calibrating: bool, strap_40: bool) -> Payload:
    return {
        "user_calibrating": calibrating,
        "recovery_score": float(vitals.recovery_pct),
        "resting_heart_rate": float(vitals.resting_bpm),
        "hrv_rmssd_milli": float32(vitals.rmssd_ms),
        "spo2_percentage": float32(vitals.spo2_pct) if strap_40 else None,
        "skin_temp_celsius": float32(vitals.skin_c) if strap_40 else None,
    }


def workout_score(session: Session) -> Payload:
    """Zone times in whole ms that add up to the recorded part of the session."""
    recorded_ms = (session.end - session.start) / timedelta(milliseconds=1) * session.recorded_pct / 100
    zones = [round(recorded_ms * share) for share in session.zone_shares]
    names = ("zero", "one", "two", "three", "four", "five")
    return {
        "strain": float32(session.strain),
        "average_heart_rate": session.average_bpm,
        "max_heart_rate": session.max_bpm,
        "kilojoule": float32(session.energy_kcal * KJ_PER_KCAL),
        "percent_recorded": float32(session.recorded_pct),
        "distance_meter": _float32_or_none(session.distance_m),
        "altitude_gain_meter": _float32_or_none(session.climb_m),
        "altitude_change_meter": _float32_or_none(session.altitude_change_m),
        "zone_durations": {f"zone_{name}_milli": ms for name, ms in zip(names, zones, strict=True)},
    }


def without_nulls(payload: Payload) -> Payload:
    """The same object with null members left out, at every depth."""
    return {
        key: without_nulls(value) if isinstance(value, dict) else value
        for key, value in payload.items()
        if value is not None
    }


def need_ms(score: dict[str, Any]) -> int:
    """Sleep needed: the plain sum of WHOOP's four parts, in ms."""
    return sum(score["sleep_needed"].values())


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else float(round(percent))


def _float32_or_none(value: float | None) -> float | None:
    return None if value is None else float32(value)
