"""Biomarkers of a day, as text with a type that says how to read it, in windows that settle some hours after their end.

Types, units and windows are those of recorded answers; where only a name is published, the likeliest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from circadia.simulator.sahha.items import Item
from circadia.simulator.sahha.profiles import Day, Profile
from circadia.simulator.sahha.senses import KCAL_PER_KG, Night, Vitals, Walk
from circadia.simulator.sahha.switches import Switches
from circadia.simulator.sahha.windows import (
    LAST_SECOND,
    SETTLES_AFTER,
    Window,
    day_window,
    short_text,
    sleep_window,
    text,
    week_window,
)

CATEGORIES = (
    "activity", "body", "characteristic", "reproductive", "sleep", "vitals", "nutrition",
)  # fmt: skip
Subject = TypeVar("Subject")
Measured = float | datetime


@dataclass(frozen=True, slots=True)
class _Type(Generic[Subject]):
    """A biomarker of something sensed. `worn` ones need a device on the body; `asleep` ones have the sleep window."""

    category: str
    name: str
    unit: str
    of: Callable[[Subject], Measured]
    aggregation: Literal["total", "average", "none"] = "total"
    digits: int = 0
    worn: bool = False
    asleep: bool = True


_WALK: tuple[_Type[Walk], ...] = (
    _Type("activity", "steps", "count", lambda walk: walk.steps),
    _Type("activity", "floors_climbed", "count", lambda walk: walk.floors),
    _Type("activity", "active_hours", "hour", lambda walk: walk.active_hours),
    _Type("activity", "active_duration", "minute", lambda walk: walk.active),
    _Type("activity", "activity_low_intensity_duration", "minute", lambda walk: walk.low),
    _Type("activity", "activity_mid_intensity_duration", "minute", lambda walk: walk.mid, worn=True),
    _Type("activity", "activity_high_intensity_duration", "minute", lambda walk: walk.high, worn=True),
    _Type("activity", "activity_sedentary_duration", "minute", lambda walk: walk.sedentary),
    _Type("activity", "active_energy_burned", "kcal", lambda walk: walk.active_kcal),
    _Type("activity", "total_energy_burned", "kcal", lambda walk: walk.total_kcal),
)
_NIGHT: tuple[_Type[Night], ...] = (
    _Type("sleep", "sleep_start_time", "datetime", lambda night: night.start, "none"),
    _Type("sleep", "sleep_mid_time", "datetime", lambda night: night.middle, "none"),
    _Type("sleep", "sleep_end_time", "datetime", lambda night: night.end, "none"),
    _Type("sleep", "sleep_duration", "minute", lambda night: night.asleep),
    _Type("sleep", "sleep_in_bed_duration", "minute", lambda night: night.in_bed),
    _Type("sleep", "sleep_interruptions", "count", lambda night: night.interruptions, worn=True),
    _Type("sleep", "sleep_latency", "minute", lambda night: night.latency, "average", worn=True),
    _Type("sleep", "sleep_awake_duration", "minute", lambda night: night.awake, worn=True),
    _Type("sleep", "sleep_light_duration", "minute", lambda night: night.light, worn=True),
    _Type("sleep", "sleep_rem_duration", "minute", lambda night: night.rem, worn=True),
    _Type("sleep", "sleep_deep_duration", "minute", lambda night: night.deep, worn=True),
)
_VITALS: tuple[_Type[Vitals], ...] = (
    _Type("vitals", "heart_rate_resting", "bpm", lambda told: told.resting_bpm, "average", 1, asleep=False),
    _Type("vitals", "heart_rate_sleep", "bpm", lambda told: told.sleep_bpm, "average", 1),
    _Type("vitals", "heart_rate_variability_sdnn", "ms", lambda told: told.sdnn_ms, "average", 1, asleep=False),
    _Type("vitals", "heart_rate_variability_rmssd", "ms", lambda told: told.rmssd_ms, "average", 1, asleep=False),
    _Type("vitals", "respiratory_rate_sleep", "bpm", lambda told: told.breaths_per_min, "average", 1),
    _Type("vitals", "oxygen_saturation_sleep", "percentage", lambda told: told.spo2_pct, "average", 1),
    _Type("vitals", "skin_temperature_sleep", "degC", lambda told: told.skin_c, "average", 1),
    _Type("vitals", "vo2_max", "mL/kg/min", lambda told: told.vo2_max, "average", 1, asleep=False),
)
_REGULARITY: _Type[float] = _Type("sleep", "sleep_regularity", "percentage", float, "average", 3)
_DEBT: _Type[float] = _Type("sleep", "sleep_debt", "hour", float, "total", 3)
_WEIGHT: _Type[float] = _Type("body", "weight", "kg", float, "none", 1)
_HEIGHT: _Type[float] = _Type("body", "height", "m", float, "none", 2)
_INDEX: _Type[float] = _Type("body", "body_mass_index", "kg/m2", float, "none", 1)
_RESTING: _Type[float] = _Type("body", "resting_energy_burned", "kcal", float, "total", 1)


def biomarkers(profile: Profile, day: Day, switches: Switches, now: datetime) -> Iterator[Item]:
    """All biomarkers of a day that exist at `now`."""
    printer = _Printer(profile, day, switches, now)
    worn = profile.device != "phone"
    if (walk := day.walk) is not None:
        for each in _WALK:
            if worn or not each.worn:
                yield printer.item(each, walk, day_window(day.date, day.zone), walk.changed_at)
        yield from _body(printer, profile, day, walk)
    if (night := day.night) is not None:
        asleep = sleep_window(day.date, day.zone)
        for kind in _NIGHT:
            if worn or not kind.worn:
                yield printer.item(kind, night, asleep, night.seen_at)
        if worn:
            yield printer.item(_efficiency(switches), night, asleep, night.seen_at)
        yield from _weekly(printer, day, night)
        if night.vitals is not None:
            for vital in _VITALS:
                window = asleep if vital.asleep else day_window(day.date, day.zone)
                yield printer.item(vital, night.vitals, window, night.seen_at)


def _efficiency(switches: Switches) -> _Type[Night]:
    whole, digits = (1, 3) if switches.efficiency == "fraction" else (100, 1)
    return _Type(
        "sleep", "sleep_efficiency", "percentage", lambda night: whole * night.asleep / night.in_bed, "average", digits
    )


def _weekly(printer: _Printer, day: Day, night: Night) -> Iterator[Item]:
    """What looks back over seven nights."""
    window = week_window(day.date, day.zone)
    if day.regularity is not None and day.debt_h is not None:
        yield printer.item(_REGULARITY, day.regularity, window, night.seen_at, weekly=True)
        yield printer.item(_DEBT, day.debt_h, window, night.seen_at, weekly=True)


def _body(printer: _Printer, profile: Profile, day: Day, walk: Walk) -> Iterator[Item]:
    """What a scale says, and the energy of a day at rest."""
    person = profile.person
    if person is None or day.weight_kg is None:
        return
    window = day_window(day.date, day.zone)
    height = person.height_m
    for kind, value in (
        (_WEIGHT, day.weight_kg),
        (_HEIGHT, height),
        (_INDEX, day.weight_kg / height**2),
        (_RESTING, KCAL_PER_KG * day.weight_kg),
    ):
        yield printer.item(kind, value, window, walk.changed_at)


class _Printer:
    """Writes the objects of one day."""

    def __init__(self, profile: Profile, day: Day, switches: Switches, now: datetime) -> None:
        self._profile = profile
        self._day = day
        self._fresh_ids = switches.settled_ids == "fresh"
        self._now = now

    def item(
        self, kind: _Type[Subject], subject: Subject, window: Window, changed_at: datetime, *, weekly: bool = False
    ) -> Item:
        """A biomarker of `subject` over a window; a weekly one never settles."""
        start, end = window
        settles = end + LAST_SECOND + SETTLES_AFTER
        settled = not weekly and settles <= self._now
        periodicity = "weekly" if weekly else "daily" if settled else "intraday"
        value = kind.of(subject)
        zone = self._day.zone
        if isinstance(value, datetime):
            told, value_type = short_text(value, zone), "datetime"
        else:
            told, value_type = f"{round(value, kind.digits):g}", "double" if kind.digits else "integer"
            if not kind.digits:
                told = str(round(value))
        generation = periodicity if self._fresh_ids else ""
        payload = {
            "id": self._profile.id_of(kind.name, start.date(), end.date(), generation),
            "category": kind.category,
            "type": kind.name,
            "periodicity": periodicity,
            "aggregation": kind.aggregation,
            "value": told,
            "unit": kind.unit,
            "valueType": value_type,
            "startDateTime": text(start, zone),
            "endDateTime": text(end, zone),
        }
        return Item(
            "biomarker", kind.name, self._day.date, max(settles, changed_at) if settled else changed_at, payload
        )
