"""The rule of the day a second time, in plain Python over WHOOP's own JSON, sharing no code with the SQL.

The day is the physiological day, labelled by the local date of waking: the end of the main sleep in that sleep's
own offset; a cycle without one takes the local date of its start + 12 h. Recovery, naps and workouts go to the day of
their cycle; what no cycle covers goes to its own local date. Of two cycles on a date the one with the longer main sleep
leads. Absent values stay absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Json = dict[str, Any]
SCOPES = frozenset({"read:recovery", "read:sleep", "read:cycles"})

_REMEDIES = {
    "pending_score": "WHOOP is still scoring it; it is asked again by itself until the score is there.",
    "unscorable": "WHOOP could not score it, usually because the strap was not worn or had too little data. "
    "Nothing to do.",
    "scope_missing": "The member did not allow this kind of data. Connect WHOOP again and leave it ticked.",
    "not_recorded": "WHOOP had none at the last sync. If the strap was worn, open the WHOOP app so that it uploads, "
    "then refresh.",
}


def days_of(truth: Json, scopes: frozenset[str] = SCOPES) -> dict[date, Json]:
    """The stored part of every day document that `truth` gives, by date."""
    return _Reading(truth, scopes).days()


class _Reading:
    def __init__(self, truth: Json, scopes: frozenset[str]) -> None:
        self._scopes = scopes
        self._cycles: list[Json] = truth["cycle"]
        self._sleeps: list[Json] = truth["sleep"]
        self._recoveries: list[Json] = truth["recovery"]
        self._workouts: list[Json] = truth["workout"]
        self._main = {each["id"]: self._main_sleep(each["id"]) for each in self._cycles}
        self._day_of_cycle = {each["id"]: self._label(each) for each in self._cycles}
        self._day_of_sleep = {each["id"]: self._sleep_day(each) for each in self._sleeps}
        self._newest_first = sorted(self._cycles, key=lambda each: (_at(each["start"]), each["id"]), reverse=True)

    def days(self) -> dict[date, Json]:
        cycles: dict[date, list[Json]] = defaultdict(list)
        sleeps: dict[date, list[Json]] = defaultdict(list)
        workouts: dict[date, list[Json]] = defaultdict(list)
        for each in self._cycles:
            cycles[self._day_of_cycle[each["id"]]].append(each)
        for each in self._sleeps:
            sleeps[self._day_of_sleep[each["id"]]].append(each)
        for each in self._workouts:
            cycle = self._covering(_at(each["start"]))
            workouts[self._day_of_cycle[cycle["id"]] if cycle else _local(each["start"], each)].append(each)
        return {
            day: self._document(cycles[day], sleeps[day], workouts[day])
            for day in sorted({*cycles, *sleeps, *workouts})
        }

    def _main_sleep(self, cycle_id: int) -> Json | None:
        nights = [each for each in self._sleeps if each.get("cycle_id") == cycle_id and not each["nap"]]
        return _longest(nights)

    def _label(self, cycle: Json) -> date:
        main = self._main[cycle["id"]]
        return _local(main["end"], main) if main else _local(cycle["start"], cycle, timedelta(hours=12))

    def _sleep_day(self, sleep: Json) -> date:
        if sleep.get("cycle_id") in self._day_of_cycle:
            return self._day_of_cycle[sleep["cycle_id"]]
        cycle = self._covering(_at(sleep["start"]))
        return self._day_of_cycle[cycle["id"]] if cycle else _local(sleep["end"], sleep)

    def _covering(self, instant: datetime) -> Json | None:
        covering = [
            each
            for each in self._cycles
            if _at(each["start"]) <= instant and (each.get("end") is None or _at(each["end"]) > instant)
        ]
        return max(covering, key=lambda each: (_at(each["start"]), each["id"]), default=None)

    def _document(self, cycles: Sequence[Json], sleeps: Sequence[Json], workouts: Sequence[Json]) -> Json:
        parts = [self._part(each, self._main[each["id"]]) for each in self._ranked(cycles)]
        if not cycles and (lone := _longest([each for each in sleeps if not each["nap"]])):
            parts = [self._part(None, lone)]
        shown = {part["sleep"]["id"] for part in parts if part["sleep"]}
        others = [each for each in _in_order(sleeps) if each["id"] not in shown]
        cycle, sleep, recovery = (parts[0][name] if parts else None for name in ("cycle", "sleep", "recovery"))
        leading = cycle or sleep
        return {
            "state": _day_state(cycle, sleep, recovery),
            "timezone_offset": leading["timezone_offset"] if leading else None,
            "recovery": recovery and _recovery(recovery),
            "sleep": sleep and _sleep(sleep),
            "cycle": cycle and _cycle(cycle),
            "naps": [_sleep(each) for each in others if each["nap"]],
            "other_sleeps": [_sleep(each) for each in others if not each["nap"]],
            "workouts": [_workout(each) for each in _in_order(workouts)],
            "other_cycles": [
                {
                    "cycle": part["cycle"] and _cycle(part["cycle"]),
                    "recovery": part["recovery"] and _recovery(part["recovery"]),
                    "sleep": part["sleep"] and _sleep(part["sleep"]),
                }
                for part in parts[1:]
            ],
            "journal": [],
            "missing": [
                gap
                for name, part, scope in (
                    ("recovery", recovery, "read:recovery"),
                    ("sleep", sleep, "read:sleep"),
                    ("cycle", cycle, "read:cycles"),
                )
                if (gap := self._gap(name, part, scope))
            ],
        }

    def _ranked(self, cycles: Sequence[Json]) -> list[Json]:
        def place(cycle: Json) -> tuple[timedelta, datetime, int]:
            main = self._main[cycle["id"]]
            return _length(main) if main else timedelta(-1), _at(cycle["start"]), cycle["id"]

        return sorted(cycles, key=place, reverse=True)

    def _part(self, cycle: Json | None, sleep: Json | None) -> Json:
        found = [
            each
            for each in self._recoveries
            if (each["cycle_id"] == cycle["id"] if cycle else sleep is not None and each["sleep_id"] == sleep["id"])
        ]
        return {
            "cycle": cycle,
            "sleep": sleep,
            "recovery": max(found, key=lambda r: _at(r["updated_at"]), default=None),
        }

    def _gap(self, part: str, record: Json | None, scope: str) -> Json | None:
        if record is None:
            reason = "not_recorded" if scope in self._scopes else "scope_missing"
        elif record["score_state"] == "SCORED":
            return None
        else:
            reason = {"PENDING_SCORE": "pending_score", "UNSCORABLE": "unscorable"}[record["score_state"]]
        return {"part": part, "reason": reason, "remedy": _REMEDIES[reason]}


def _day_state(cycle: Json | None, sleep: Json | None, recovery: Json | None) -> str:
    if cycle and cycle.get("end") is None:
        return "open"
    pending = any(each and each["score_state"] == "PENDING_SCORE" for each in (cycle, sleep, recovery))
    return "pending" if pending else "complete"


def _cycle(record: Json) -> Json:
    score = record.get("score") or {}
    return {
        "id": record["id"],
        "state": record["score_state"],
        "source": "api",
        "start_at": _iso(record["start"]),
        "end_at": _iso(record.get("end")),
        "timezone_offset": record["timezone_offset"],
        "open": record.get("end") is None,
        "strain": score.get("strain"),
        "kilojoule": score.get("kilojoule"),
        "calories": _calories(score.get("kilojoule")),
        "average_hr_bpm": score.get("average_heart_rate"),
        "max_hr_bpm": score.get("max_heart_rate"),
        "steps": record.get("step_count"),
        "updated_at": _iso(record["updated_at"]),
    }


def _sleep(record: Json) -> Json:
    score = record.get("score") or {}
    stages, need = score.get("stage_summary") or {}, score.get("sleep_needed") or {}
    asleep = _sum(
        stages, "total_light_sleep_time_milli", "total_slow_wave_sleep_time_milli", "total_rem_sleep_time_milli"
    )
    needs = (
        "baseline_milli",
        "need_from_sleep_debt_milli",
        "need_from_recent_strain_milli",
        "need_from_recent_nap_milli",
    )
    return {
        "id": record["id"],
        "cycle_id": record.get("cycle_id"),
        "state": record["score_state"],
        "source": "api",
        "start_at": _iso(record["start"]),
        "end_at": _iso(record["end"]),
        "timezone_offset": record["timezone_offset"],
        "nap": record["nap"],
        "duration": None if asleep is None else "{}h {}m".format(*divmod(_half_up(Decimal(asleep) / 60_000), 60)),
        "asleep_ms": asleep,
        "in_bed_ms": stages.get("total_in_bed_time_milli"),
        "performance": score.get("sleep_performance_percentage"),
        "efficiency_pct": score.get("sleep_efficiency_percentage"),
        "consistency_pct": score.get("sleep_consistency_percentage"),
        "respiratory_rate_rpm": score.get("respiratory_rate"),
        "sleep_cycles": stages.get("sleep_cycle_count"),
        "disturbances": stages.get("disturbance_count"),
        "stages": (
            stages
            and {
                "light_ms": stages["total_light_sleep_time_milli"],
                "deep_ms": stages["total_slow_wave_sleep_time_milli"],
                "rem_ms": stages["total_rem_sleep_time_milli"],
                "awake_ms": stages["total_awake_time_milli"],
                "no_data_ms": stages["total_no_data_time_milli"],
            }
        )
        or None,
        "need": (
            need
            and {
                "total_ms": _sum(need, *needs),
                **dict(zip(("baseline_ms", "debt_ms", "strain_ms", "nap_ms"), map(need.get, needs), strict=True)),
            }
        )
        or None,
        "updated_at": _iso(record["updated_at"]),
    }


def _recovery(record: Json) -> Json:
    score = record.get("score") or {}
    value = score.get("recovery_score")
    return {
        "cycle_id": record["cycle_id"],
        "sleep_id": record["sleep_id"],
        "state": record["score_state"],
        "source": "api",
        "score": value,
        "band": None if value is None else "green" if value >= 66.5 else "yellow" if value >= 33.5 else "red",
        "hrv": score.get("hrv_rmssd_milli"),
        "rhr": score.get("resting_heart_rate"),
        "spo2_pct": score.get("spo2_percentage"),
        "skin_temp_celsius": score.get("skin_temp_celsius"),
        "calibrating": score.get("user_calibrating"),
        "updated_at": _iso(record["updated_at"]),
    }


def _workout(record: Json) -> Json:
    score = record.get("score") or {}
    zones = score.get("zone_durations") or {}
    names = ("zero", "one", "two", "three", "four", "five")
    return {
        "id": record["id"],
        "state": record["score_state"],
        "source": "api",
        "sport": record["sport_name"],
        "sport_id": record.get("sport_id"),
        "start_at": _iso(record["start"]),
        "end_at": _iso(record["end"]),
        "timezone_offset": record["timezone_offset"],
        "duration_ms": _length(record) // timedelta(milliseconds=1),
        "strain": score.get("strain"),
        "kilojoule": score.get("kilojoule"),
        "calories": _calories(score.get("kilojoule")),
        "average_hr_bpm": score.get("average_heart_rate"),
        "max_hr_bpm": score.get("max_heart_rate"),
        "recorded_pct": score.get("percent_recorded"),
        "distance_m": score.get("distance_meter"),
        "altitude_gain_m": score.get("altitude_gain_meter"),
        "altitude_change_m": score.get("altitude_change_meter"),
        "zones_ms": [zones.get(f"zone_{name}_milli") for name in names] if zones else None,
        "updated_at": _iso(record["updated_at"]),
    }


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _length(record: Json) -> timedelta:
    return _at(record["end"]) - _at(record["start"])


def _longest(records: Sequence[Json]) -> Json | None:
    return min(records, key=lambda each: (-_length(each), _at(each["start"]), each["id"]), default=None)


def _in_order(records: Iterable[Json]) -> list[Json]:
    return sorted(records, key=lambda each: (_at(each["start"]), each["id"]))


def _local(instant: str, record: Json, later: timedelta = timedelta(0)) -> date:
    code = record["timezone_offset"]
    sign, hours, minutes = (1, 0, 0) if code == "Z" else (-1 if code[0] == "-" else 1, int(code[1:3]), int(code[4:]))
    return (_at(instant) + later + sign * timedelta(hours=hours, minutes=minutes)).date()


def _iso(text: str | None) -> str | None:
    """UTC with milliseconds and Z, as the documents write instants; WHOOP's own form already."""
    return None if text is None else _at(text).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def _calories(kilojoule: float | None) -> int | None:
    return None if kilojoule is None else _half_up(Decimal(f"{kilojoule / 4.184:.15g}"))


def _sum(values: Json, *names: str) -> int | None:
    found = [values.get(name) for name in names]
    return None if None in found else sum(filter(None, found))
