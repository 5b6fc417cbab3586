"""A simulated member's WHOOP data export, as the app would send it: four CSVs in a zip, newest row first, local times
to the second in the cycle's own offset, rounded values, kcal, no ids.

Rows are written from WHOOP's JSON (`/_sim/truth`) by the format's description; nothing of the reader is used.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Json = dict[str, Any]
QUESTIONS = ("Have any alcoholic drinks?", "Read (non-screened device) while in bed?")
_TABLE: Json = json.loads(
    (Path(__file__).parent / "fixtures" / "whoop" / "export-headers.json").read_text(encoding="utf-8")
)
_FILES = {
    "cycles": "physiological_cycles.csv",
    "sleeps": "sleeps.csv",
    "workouts": "workouts.csv",
    "journal": "journal_entries.csv",
}
_ACTIVITIES = {"de": {"Running": "Laufen", "Walking": "Gehen", "Weightlifting": "Gewichtheben", "Cycling": "Radfahren"}}
_KILOJOULES = 4.184


def export_of(truth: Json, path: Path, *, journal: bool = True, language: str = "en") -> Path:
    """Write the export of a member whose records are `truth` to the zip `path`."""
    rows = {
        "cycles": [_cycle(each, truth) for each in truth["cycle"]],
        "sleeps": [_sleep(each, _cycle_of(each, truth)) for each in truth["sleep"]],
        "workouts": [_workout(each, _covering(each, truth), language) for each in truth["workout"]],
        "journal": [row for each in truth["cycle"] for row in _journal(each)] if journal else [],
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, listed in rows.items():
            archive.writestr(f"{path.stem}/{_FILES[kind]}", _csv(kind, listed, language))
    return path


def answer(cycle: Json, question: str) -> bool:
    """What the member answered; some made-up rule that differs from day to day."""
    start: str = cycle["start"]
    return (sum(start.encode()) + len(question)) % 3 == 0


def main_sleep(cycle: Json, truth: Json) -> Json | None:
    """The longest sleep of a cycle that is no nap."""
    nights = [each for each in truth["sleep"] if each["cycle_id"] == cycle["id"] and not each["nap"]]
    return max(nights, key=lambda each: _at(each["end"]) - _at(each["start"]), default=None)


def _csv(kind: str, listed: Sequence[Mapping[str, Any]], language: str) -> str:
    headers = _TABLE["languages"][language]
    names, titles = list(_TABLE["canonical"][kind]), list(headers[kind])
    if kind == "workouts" and "workouts_optional_tail" in headers:
        names += _TABLE["canonical"]["workouts_optional_tail"]
        titles += headers["workouts_optional_tail"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows([_cell(row.get(name)) for name in names] for row in listed)
    return text.getvalue()


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _local(instant: str | None, cycle: Json) -> str | None:
    if instant is None:
        return None
    offset = cycle["timezone_offset"]
    ahead = timedelta(0)
    if offset != "Z":
        ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:])) * (-1 if offset[0] == "-" else 1)
    return f"{_at(instant) + ahead:%Y-%m-%d %H:%M:%S}"


def _within(cycle: Json) -> Json:
    return {
        "cycle_start": _local(cycle["start"], cycle),
        "cycle_end": _local(cycle["end"], cycle),
        "cycle_timezone": f"UTC{cycle['timezone_offset']}",
    }


def _cycle(cycle: Json, truth: Json) -> Json:
    score = cycle.get("score") or {}
    sleep = main_sleep(cycle, truth)
    recovery: Json = next((each for each in truth["recovery"] if each["cycle_id"] == cycle["id"]), {})
    body = recovery.get("score") or {}
    return _within(cycle) | {
        "recovery_pct": _round(body.get("recovery_score")),
        "rhr_bpm": _round(body.get("resting_heart_rate")),
        "hrv_ms": _round(body.get("hrv_rmssd_milli")),
        "skin_temp_c": _round(body.get("skin_temp_celsius"), 2),
        "spo2_pct": _round(body.get("spo2_percentage"), 2),
        "day_strain": _round(score.get("strain"), 1),
        "energy_kcal": _kcal(score, None),
        "max_hr": score.get("max_heart_rate"),
        "avg_hr": score.get("average_heart_rate"),
        **(_night(sleep, cycle) if sleep else {}),
    }


def _sleep(sleep: Json, cycle: Json) -> Json:
    return _within(cycle) | _night(sleep, cycle) | {"nap": sleep["nap"]}


def _night(sleep: Json, cycle: Json) -> Json:
    score = sleep.get("score") or {}
    stages, need = score.get("stage_summary") or {}, score.get("sleep_needed") or {}
    asleep: list[Any] = [stages.get(f"total_{name}_sleep_time_milli") for name in ("light", "slow_wave", "rem")]
    return {
        "sleep_onset": _local(sleep["start"], cycle),
        "wake_onset": _local(sleep["end"], cycle),
        "sleep_performance_pct": _round(score.get("sleep_performance_percentage")),
        "resp_rate": _round(score.get("respiratory_rate"), 1),
        "asleep_min": _minutes(sum(asleep)) if stages else None,
        "in_bed_min": _minutes(stages.get("total_in_bed_time_milli")),
        "light_min": _minutes(asleep[0]),
        "deep_min": _minutes(asleep[1]),
        "rem_min": _minutes(asleep[2]),
        "awake_min": _minutes(stages.get("total_awake_time_milli")),
        "sleep_need_min": _minutes(sum(need.values())) if need else None,
        "sleep_debt_min": _minutes(need.get("need_from_sleep_debt_milli")),
        "sleep_efficiency_pct": _round(score.get("sleep_efficiency_percentage")),
        "sleep_consistency_pct": _round(score.get("sleep_consistency_percentage")),
    }


def _workout(workout: Json, cycle: Json, language: str) -> Json:
    score = workout.get("score") or {}
    length = (_at(workout["end"]) - _at(workout["start"])) / timedelta(milliseconds=1)
    zones = score.get("zone_durations") or {}
    shares = {
        f"zone{n}_pct": round(100 * zones[f"zone_{name}_milli"] / length)
        for n, name in enumerate(("one", "two", "three", "four", "five"), start=1)
        if zones and length
    }
    name = workout["sport_name"].replace("-", " ").replace("_", " ").title()
    return (
        _within(cycle)
        | {
            "workout_start": _local(workout["start"], cycle),
            "workout_end": _local(workout["end"], cycle),
            "duration_min": int(length // 60_000),
            "activity_name": _ACTIVITIES.get(language, {}).get(name, name),
            "activity_strain": _round(score.get("strain"), 1),
            "energy_kcal": _kcal(score, 1),
            "max_hr": score.get("max_heart_rate"),
            "avg_hr": score.get("average_heart_rate"),
            "gps_enabled": score.get("distance_meter") is not None,
            "distance_m": _round(score.get("distance_meter"), 2),
            "altitude_gain_m": _round(score.get("altitude_gain_meter"), 2),
            "altitude_change_m": _round(score.get("altitude_change_meter"), 2),
        }
        | shares
    )


def _journal(cycle: Json) -> list[Json]:
    return [
        _within(cycle) | {"question": each, "answered_yes": answer(cycle, each), "notes": 'two, "large"\nones'}
        for each in QUESTIONS
    ]


def _cycle_of(sleep: Json, truth: Json) -> Json:
    own: Json | None = next((each for each in truth["cycle"] if each["id"] == sleep["cycle_id"]), None)
    return own or _covering(sleep, truth)


def _covering(record: Json, truth: Json) -> Json:
    """The cycle a record falls in; for one in a gap between cycles, a cycle of its own length."""
    start = _at(record["start"])
    for each in truth["cycle"]:
        if _at(each["start"]) <= start and (each["end"] is None or start < _at(each["end"])):
            found: Json = each
            return found
    return record


def _round(value: float | None, digits: int | None = None) -> float | int | None:
    return None if value is None else round(value, digits)


def _minutes(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else round(milliseconds / 60_000)


def _kcal(score: Json, digits: int | None) -> float | int | None:
    return _round(score["kilojoule"] / _KILOJOULES, digits) if score else None
