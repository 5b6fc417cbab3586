"""The figures of a day that are worth following: one row each, read by the database's values, the API, Grafana, the
dashboard and the MCP server alike.

A figure is WHOOP's own, taken from the day document as it stands, or derived from such by the formula that `about`
gives. Its name ends in its unit; shares are 0..100, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["%", "ms", "bpm", "rpm", "°C", "s", "min", "0..21", "kJ", "count", "zone min"]
Polarity = Literal["up", "down", "near", "none"]
"""Which way is good: up, down, near one's own normal, or neither."""
Part = Literal["recovery", "sleep", "cycle", "workouts"]
"""The part of the day document that tells it, and whose state says whether it is settled."""
Group = Literal["recovery", "sleep", "strain"]
Colour = Literal["recovery", "hrv", "heart", "breath", "oxygen", "temperature", "sleep", "strain", "energy", "neutral"]
"""A name of the palette, which each face fills for dark and light."""


@dataclass(frozen=True, slots=True)
class DayMetric:
    """A figure of a day.

    precision   digits after the point that mean something, in the unit it is shown in
    minimum     days with a value below which nothing is said of a stretch
    derived     made by us from WHOOP's figures, not told by WHOOP
    """

    name: str
    label: str
    unit: Unit
    precision: int
    polarity: Polarity
    colour: Colour
    group: Group
    part: Part
    about: str
    minimum: int = 14
    derived: bool = False


DAY_METRICS: tuple[DayMetric, ...] = (
    DayMetric("recovery_score", "Recovery", "%", 0, "up", "recovery", "recovery", "recovery", "WHOOP's recovery score"),
    DayMetric(
        "hrv_rmssd_ms",
        "HRV",
        "ms",
        0,
        "up",
        "hrv",
        "recovery",
        "recovery",
        "Heart rate variability in sleep, as RMSSD; compared on its logarithm",
    ),
    DayMetric(
        "resting_heart_rate_bpm", "Resting heart rate", "bpm", 0, "down", "heart", "recovery", "recovery", "In sleep"
    ),
    DayMetric(
        "respiratory_rate_rpm", "Respiratory rate", "rpm", 1, "near", "breath", "recovery", "sleep", "Breaths in sleep"
    ),
    DayMetric("spo2_pct", "Blood oxygen", "%", 1, "near", "oxygen", "recovery", "recovery", "SpO2 in sleep"),
    DayMetric(
        "skin_temp_celsius", "Skin temperature", "°C", 1, "near", "temperature", "recovery", "recovery", "In sleep"
    ),
    DayMetric(
        "sleep_performance_pct",
        "Sleep performance",
        "%",
        0,
        "up",
        "sleep",
        "sleep",
        "sleep",
        "WHOOP's own: sleep got against sleep needed",
    ),
    DayMetric("sleep_duration_s", "Asleep", "s", 0, "up", "sleep", "sleep", "sleep", "Light, deep and REM sleep"),
    DayMetric("in_bed_s", "In bed", "s", 0, "none", "sleep", "sleep", "sleep", "From lying down to rising"),
    DayMetric("light_sleep_s", "Light sleep", "s", 0, "none", "sleep", "sleep", "sleep", "Of the main sleep"),
    DayMetric(
        "deep_sleep_s", "Deep sleep", "s", 0, "up", "sleep", "sleep", "sleep", "Slow wave sleep of the main sleep"
    ),
    DayMetric("rem_sleep_s", "REM sleep", "s", 0, "up", "sleep", "sleep", "sleep", "Of the main sleep"),
    DayMetric("awake_s", "Awake", "s", 0, "down", "sleep", "sleep", "sleep", "Awake in bed during the main sleep"),
    DayMetric(
        "sleep_efficiency_pct", "Sleep efficiency", "%", 0, "up", "sleep", "sleep", "sleep", "Asleep in share of in bed"
    ),
    DayMetric(
        "sleep_consistency_pct",
        "Sleep consistency",
        "%",
        0,
        "up",
        "sleep",
        "sleep",
        "sleep",
        "WHOOP's own: bed and wake times against those of the days before",
    ),
    DayMetric("disturbances", "Disturbances", "count", 0, "down", "sleep", "sleep", "sleep", "Of the main sleep"),
    DayMetric("sleep_cycles", "Sleep cycles", "count", 0, "none", "sleep", "sleep", "sleep", "Of the main sleep"),
    DayMetric("nap_s", "Naps", "s", 0, "none", "sleep", "sleep", "sleep", "Asleep in all naps of the day; 0 without"),
    DayMetric(
        "sleep_need_s",
        "Sleep need",
        "s",
        0,
        "none",
        "sleep",
        "sleep",
        "sleep",
        "WHOOP's own: the sum of its four parts",
    ),
    DayMetric("need_baseline_s", "Need: baseline", "s", 0, "none", "sleep", "sleep", "sleep", "WHOOP's own"),
    DayMetric("need_debt_s", "Need: debt", "s", 0, "down", "sleep", "sleep", "sleep", "WHOOP's own sleep debt"),
    DayMetric("need_strain_s", "Need: strain", "s", 0, "none", "sleep", "sleep", "sleep", "WHOOP's own"),
    DayMetric("need_nap_s", "Need: naps", "s", 0, "none", "sleep", "sleep", "sleep", "WHOOP's own; 0 or below"),
    DayMetric(
        "sleep_deficit_s",
        "Sleep deficit",
        "s",
        0,
        "down",
        "sleep",
        "sleep",
        "sleep",
        "max(0, baseline need - asleep - naps): our own, and never added to WHOOP's debt",
        derived=True,
    ),
    DayMetric(
        "bed_time_min",
        "Bed time",
        "min",
        0,
        "none",
        "sleep",
        "sleep",
        "sleep",
        "Minutes of the clock from midnight where the member was, -720 to 719: below 0 is the evening before",
    ),
    DayMetric(
        "wake_time_min",
        "Wake time",
        "min",
        0,
        "none",
        "sleep",
        "sleep",
        "sleep",
        "Minutes of the clock from midnight where the member was, 0 to 1439",
    ),
    DayMetric("strain", "Day strain", "0..21", 1, "none", "strain", "strain", "cycle", "WHOOP's strain of the cycle"),
    DayMetric("energy_kj", "Energy", "kJ", 0, "none", "energy", "strain", "cycle", "Burnt during the cycle"),
    DayMetric(
        "average_heart_rate_bpm", "Average heart rate", "bpm", 0, "none", "heart", "strain", "cycle", "Of the cycle"
    ),
    DayMetric("max_heart_rate_bpm", "Highest heart rate", "bpm", 0, "none", "heart", "strain", "cycle", "Of the cycle"),
    DayMetric("steps", "Steps", "count", 0, "up", "neutral", "strain", "cycle", "Of the cycle, from straps that count"),
    DayMetric("workouts", "Workouts", "count", 0, "none", "strain", "strain", "workouts", "Begun on the day"),
    DayMetric(
        "workout_s", "Time in workouts", "s", 0, "none", "strain", "strain", "workouts", "Sum of their durations"
    ),
    *(
        DayMetric(
            f"zone_{zone}_s",
            f"Zone {zone}",
            "s",
            0,
            "none",
            "strain",
            "strain",
            "workouts",
            f"Time in heart rate zone {zone} in the day's scored workouts",
        )
        for zone in range(6)
    ),
    DayMetric(
        "zone_load",
        "Zone load",
        "zone min",
        0,
        "none",
        "strain",
        "strain",
        "workouts",
        "Minutes in zones 1 to 5, each times the number of its zone (Edwards 1993)",
        derived=True,
    ),
)
BY_NAME = {each.name: each for each in DAY_METRICS}
STORED = tuple(each for each in DAY_METRICS if not each.derived)
"""Those that the table `day_values` is given, in the order of its columns; it computes the derived ones."""
