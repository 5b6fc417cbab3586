"""From a row of an export to records.

An export has no ids, no sub-second times and rounded values. Ids are derived from UTC start times, so that the same
event has the same id in every file and every export; a cycle's is negative, which WHOOP's own never are. Facts of
the format (local times in the row's own offset, `cal` meaning kcal, zones in percent of the duration) are those of
WHOOP's support article on exports and of exports of real members.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from circadia.clients.whoop.export_headers import columns_of
from circadia.clients.whoop.export_rows import LOCAL_TIME, ExportRow
from circadia.domain.records import Cycle, Record, Recovery, Sleep, Workout, offset_of
from circadia.domain.sports import slug_of, sport_id_of

KILOJOULES_PER_KCAL = 4.184
EXPORT_NAMESPACE = UUID("6f0a6d8e-52c1-5b0e-9b5e-0c7a4f3d21b4")
"""Namespace of the ids of imported sleeps and workouts. Changing it would make every import new."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_OFFSET = re.compile(r"(?:UTC)?(?:(Z?)|([+-][0-9]{2}):?([0-9]{2}))", re.IGNORECASE)
_YEARS = range(2000, 2200)
_PERCENT, _HEART, _MINUTES = (0.0, 100.0), (0.0, 300.0), (0.0, 100_000.0)
_LIMITS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("recovery_pct", "spo2_pct", "sleep_performance_pct", "resp_rate"), _PERCENT),
    **dict.fromkeys(("sleep_efficiency_pct", "sleep_consistency_pct"), _PERCENT),
    **dict.fromkeys(("zone1_pct", "zone2_pct", "zone3_pct", "zone4_pct", "zone5_pct"), _PERCENT),
    **dict.fromkeys(("rhr_bpm", "max_hr", "avg_hr"), _HEART),
    **dict.fromkeys(("asleep_min", "in_bed_min", "light_min", "deep_min", "rem_min", "awake_min"), _MINUTES),
    **dict.fromkeys(("sleep_need_min", "sleep_debt_min", "duration_min"), _MINUTES),
    **dict.fromkeys(("day_strain", "activity_strain"), (0.0, 21.0)),
    "hrv_ms": (0.0, 1_000.0),
    "skin_temp_c": (-20.0, 60.0),
    "energy_kcal": (0.0, 100_000.0),
    "distance_m": (0.0, 10_000_000.0),
    "altitude_gain_m": (0.0, 1_000_000.0),
    "altitude_change_m": (-1_000_000.0, 1_000_000.0),
}
"""What each numeric column can hold: far beyond a body's range, well inside of a column's."""

_RECOVERY_COLUMNS = (
    *("cycle_start", "cycle_timezone", "recovery_pct", "rhr_bpm", "hrv_ms", "skin_temp_c", "spo2_pct"),
    *("sleep_onset", "wake_onset"),
)
_ZONES = ("zone_one_milli", "zone_two_milli", "zone_three_milli", "zone_four_milli", "zone_five_milli")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A member's answer to one question about a cycle. `cycle_start` is UTC, `timezone_offset` as `-05:00` or `Z`."""

    cycle_start: datetime
    timezone_offset: str
    question: str
    answered_yes: bool
    notes: str | None
    row: ExportRow


@dataclass(frozen=True, slots=True)
class Imported:
    """A record out of an export: its type's name in the catalogue, the record, and its text as `{"export": {...}}`."""

    type: str
    record: Record
    raw: dict[str, Any]
    row: ExportRow


class Unreadable(Exception):
    """A cell that says nothing: its canonical column, and what is wrong as the end of a sentence."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(column, why)
        self.column = column
        self.why = why


def cycle_id_of(start: datetime) -> int:
    """The id of an imported cycle that starts at `start`: its epoch seconds, negative."""
    return -int(start.timestamp())


def activity_id_of(kind: str, start: datetime, activity: str = "") -> UUID:
    """The id of an imported sleep (`activity` empty) or workout (`activity` its slug) that starts at `start`."""
    instant = start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return uuid5(EXPORT_NAMESPACE, "|".join(part for part in (kind, instant, activity) if part))


def read_row(row: ExportRow) -> tuple[Imported | JournalEntry, ...]:
    """The records of a row: a cycle with its recovery and main sleep, a sleep, a workout or a journal entry.

    Raises Unreadable, and then the row gives nothing.
    """
    cells = _Cells(row.raw)
    match row.kind:
        case "cycles":
            return tuple(Imported(name, record, _raw(row, cells, name), row) for name, record in _day(cells))
        case "sleeps":
            sleep = _sleep(cells, nap=cells.flag("nap"))
            return (Imported("sleep", sleep, _raw(row, cells, "sleep"), row),)
        case "workouts":
            return (Imported("workout", _workout(cells), _raw(row, cells, "workout"), row),)
        case _:
            return (_journal(cells, row),)


def _raw(row: ExportRow, cells: _Cells, name: str) -> dict[str, Any]:
    # The text of a main sleep is the same whichever of the two files it comes from: else each import would look like
    # an edit of the other file's.
    if row.kind == "cycles" and name == "sleep":
        return {"export": cells.texts(columns_of("sleeps")) | {"nap": "false"}}
    if row.kind == "sleeps":
        return {"export": cells.texts(columns_of("sleeps"))}
    if name == "recovery":
        return {"export": cells.texts(_RECOVERY_COLUMNS)}
    return {"export": dict(row.raw)}


class _Cells:
    """A row's cells, read as what they are. Every reading raises Unreadable with the column it failed at."""

    def __init__(self, raw: Mapping[str, str]) -> None:
        self._raw = raw
        self.offset = self._offset()
        self._ahead = offset_of(self.offset)
        self._numbers = {name: self._number(name) for name in _LIMITS if name in raw}

    def text(self, name: str) -> str:
        return self._raw.get(name, "").strip()

    def texts(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self._raw[name] for name in names if name in self._raw}

    def number(self, name: str) -> float | None:
        return self._numbers.get(name)

    def whole(self, name: str) -> int | None:
        number = self.number(name)
        return None if number is None else round(number)

    def milliseconds(self, name: str) -> int | None:
        minutes = self.number(name)
        return None if minutes is None else round(minutes * 60_000)

    def kilojoules(self, name: str) -> float | None:
        kilocalories = self.number(name)
        return None if kilocalories is None else round(kilocalories * KILOJOULES_PER_KCAL, 3)

    def flag(self, name: str) -> bool:
        text = self.text(name).casefold()
        if text not in ("true", "false"):
            raise Unreadable(name, "is neither true nor false")
        return text == "true"

    def instant(self, name: str) -> datetime:
        """The UTC instant of a local time."""
        text = self.text(name)
        if not text:
            raise Unreadable(name, "is empty")
        if LOCAL_TIME.fullmatch(text) is None:
            raise Unreadable(name, "is not a time like 2025-11-02 23:05:40")
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            raise Unreadable(name, "is a time that no calendar has") from None
        if local.year not in _YEARS:
            raise Unreadable(name, f"lies outside of the years {_YEARS[0]} to {_YEARS[-1]}")
        return local.replace(tzinfo=UTC) - self._ahead

    def end(self, name: str, start: datetime) -> datetime:
        """The UTC instant of a local time that may not lie before `start`."""
        end = self.instant(name)
        if end < start:
            raise Unreadable(name, "lies before the start")
        return end

    def _offset(self) -> str:
        name = "cycle_timezone"
        found = _OFFSET.fullmatch(self.text(name))
        if found is None or not self.text(name):
            raise Unreadable(name, "is not an offset like UTC-05:00 or UTCZ")
        if found[2] is None:
            return "Z"
        text = f"{found[2]}:{found[3]}"
        try:
            return text if offset_of(text) != timedelta(0) else "Z"
        except ValueError:
            raise Unreadable(name, "is an offset that no clock shows") from None

    def _number(self, name: str) -> float | None:
        text = self.text(name)
        if not text:
            return None
        if _NUMBER.fullmatch(text) is None:
            raise Unreadable(name, "is not a number")
        low, high = _LIMITS[name]
        if not low <= float(text) <= high:
            raise Unreadable(name, f"lies outside of {low:g} to {high:g}")
        return float(text)


def _stamps(at: datetime, *, scored: bool) -> dict[str, Any]:
    # An export does not say when a record was made or changed; its own end is the earliest it can have been.
    return {"created_at": at, "updated_at": at, "score_state": "SCORED" if scored else "UNSCORABLE"}


def _day(cells: _Cells) -> Iterator[tuple[str, Record]]:
    yield "cycle", _cycle(cells)
    asleep = bool(cells.text("sleep_onset") or cells.text("wake_onset"))
    if asleep:
        yield "sleep", _sleep(cells, nap=False)
    if cells.number("recovery_pct") is not None:
        yield "recovery", _recovery(cells, asleep=asleep)


def _cycle(cells: _Cells) -> Cycle:
    start = cells.instant("cycle_start")
    end = cells.end("cycle_end", start) if cells.text("cycle_end") else None
    strain = cells.number("day_strain")
    score = {
        "strain": strain,
        "kilojoule": cells.kilojoules("energy_kcal"),
        "average_heart_rate": cells.whole("avg_hr"),
        "max_heart_rate": cells.whole("max_hr"),
    }
    return Cycle.model_validate(
        _stamps(end or start, scored=strain is not None)
        | {"id": cycle_id_of(start), "start": start, "end": end, "timezone_offset": cells.offset, "score": score}
    )


def _recovery(cells: _Cells, *, asleep: bool) -> Recovery:
    cycle_start = cells.instant("cycle_start")
    # A file without sleep columns still tells the sleep: a cycle starts when its main sleep does.
    onset = cells.instant("sleep_onset") if asleep else cycle_start
    score = {
        "recovery_score": cells.number("recovery_pct"),
        "resting_heart_rate": cells.number("rhr_bpm"),
        "hrv_rmssd_milli": cells.number("hrv_ms"),
        "spo2_percentage": cells.number("spo2_pct"),
        "skin_temp_celsius": cells.number("skin_temp_c"),
    }
    return Recovery.model_validate(
        _stamps(cells.instant("wake_onset") if asleep else cycle_start, scored=True)
        | {"cycle_id": cycle_id_of(cycle_start), "sleep_id": activity_id_of("sleep", onset), "score": score}
    )


def _sleep(cells: _Cells, *, nap: bool) -> Sleep:
    start = cells.instant("sleep_onset")
    end = cells.end("wake_onset", start)
    stages = {
        "total_in_bed_time_milli": cells.milliseconds("in_bed_min"),
        "total_awake_time_milli": cells.milliseconds("awake_min"),
        "total_light_sleep_time_milli": cells.milliseconds("light_min"),
        "total_slow_wave_sleep_time_milli": cells.milliseconds("deep_min"),
        "total_rem_sleep_time_milli": cells.milliseconds("rem_min"),
    }
    measures = {
        "respiratory_rate": cells.number("resp_rate"),
        "sleep_performance_percentage": cells.number("sleep_performance_pct"),
        "sleep_consistency_percentage": cells.number("sleep_consistency_pct"),
        "sleep_efficiency_percentage": cells.number("sleep_efficiency_pct"),
    }
    need = {"need_from_sleep_debt_milli": cells.milliseconds("sleep_debt_min")}
    scored = any(value is not None for value in (*stages.values(), *measures.values()))
    return Sleep.model_validate(
        _stamps(end, scored=scored)
        | {
            "id": activity_id_of("sleep", start),
            "cycle_id": cycle_id_of(cells.instant("cycle_start")),
            "start": start,
            "end": end,
            "timezone_offset": cells.offset,
            "nap": nap,
            "score": measures | {"stage_summary": stages, "sleep_needed": need},
        }
    )


def _workout(cells: _Cells) -> Workout:
    cells.instant("cycle_start")
    start = cells.instant("workout_start")
    end = cells.end("workout_end", start)
    sport = slug_of(cells.text("activity_name"))
    strain = cells.number("activity_strain")
    score = {
        "strain": strain,
        "average_heart_rate": cells.whole("avg_hr"),
        "max_heart_rate": cells.whole("max_hr"),
        "kilojoule": cells.kilojoules("energy_kcal"),
        "distance_meter": cells.number("distance_m"),
        "altitude_gain_meter": cells.number("altitude_gain_m"),
        "altitude_change_meter": cells.number("altitude_change_m"),
        "zone_durations": _zones(cells, end - start),
    }
    return Workout.model_validate(
        _stamps(end, scored=strain is not None)
        | {
            "id": activity_id_of("workout", start, sport),
            "start": start,
            "end": end,
            "timezone_offset": cells.offset,
            "sport_name": sport,
            "sport_id": sport_id_of(sport),
            "score": score,
        }
    )


def _zones(cells: _Cells, duration: timedelta) -> dict[str, int | None]:
    """Milliseconds in zones one to five. Zone zero is not in an export: it stays unknown."""
    shares = (cells.number(f"zone{n}_pct") for n in range(1, 6))
    length = duration / timedelta(milliseconds=1)
    return {
        zone: None if share is None else round(length * share / 100) for zone, share in zip(_ZONES, shares, strict=True)
    }


def _journal(cells: _Cells, row: ExportRow) -> JournalEntry:
    question = cells.text("question")
    if not question:
        raise Unreadable("question", "is empty")
    return JournalEntry(
        cycle_start=cells.instant("cycle_start"),
        timezone_offset=cells.offset,
        question=question,
        answered_yes=cells.flag("answered_yes"),
        notes=cells.text("notes") or None,
        row=row,
    )
