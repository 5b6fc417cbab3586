"""The catalogue of metrics and the policy by which sources are merged: one row per metric.

What a metric is called, its unit, who tells it and under which name, how long a word of it is fresh and who is believed
are read from here; no code elsewhere asks which metric it has in hand. Adding one is a row here and a line in
docs/reference/metrics.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

from circadia.domain.readings import SOURCES, Source
from circadia.errors import Invalid

How = Literal["choose", "mean"]
"""Whether one reading stands for the metric, or the mean of those that are independent of each other."""
Kind = Literal["float", "int", "instant"]
Unit = Literal[
    "0..100",
    "0..21",
    "%",
    "count",
    "s",
    "h",
    "instant",
    "bpm",
    "rpm",
    "ms",
    "kcal",
    "kg",
    "m",
    "kg/m2",
    "°C",
    "mL/kg/min",
    "mg/dL",
    "mmHg",
]
"""`h` counts hours of a day and is no duration: durations are seconds throughout."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the words on one metric become one: whom to believe first, up to which age, choosing or combining."""

    sources: tuple[Source, ...]
    fresh_for: timedelta
    how: How = "choose"

    def as_json(self) -> dict[str, Any]:
        """The form that `parse_policy` reads."""
        return {"sources": list(self.sources), "fresh_for_s": int(self.fresh_for.total_seconds()), "how": self.how}


@dataclass(frozen=True, slots=True)
class Metric:
    """What Circadia knows of one metric.

    policy  how it is merged unless the user has a policy of their own; its sources are all that tell it
    sahha   where Sahha tells it: `score/<type>`, or `<category>/<type>` of a biomarker of a day, or with `/weekly` of a
            week; of several the first one there counts
    whoop   where the WHOOP service tells it: part and field; of several the first one there counts
    core    the sources of which it is expected every day of somebody who wears the strap or carries the phone
    """

    name: str
    unit: Unit
    about: str
    policy: Policy
    sahha: str = ""
    whoop: str = ""
    core: tuple[Source, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Who tells it, the one that is believed first before the others."""
        return self.policy.sources

    @property
    def kind(self) -> Kind:
        """What its values are; what is counted or lasts is whole."""
        return "instant" if self.unit == "instant" else "int" if self.unit in ("count", "s", "h") else "float"

    @property
    def numeric(self) -> bool:
        """Whether a mean of it has a meaning."""
        return self.kind != "instant"


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

_SAHHA: tuple[Source, ...] = ("sahha",)
_WHOOP: tuple[Source, ...] = ("whoop",)
_BOTH = _WHOOP + _SAHHA

# A night is told once, at waking; the next one may come half a day later than usual.
_NIGHT, _NIGHT_SAHHA, _NIGHT_WHOOP = (Policy(each, 36 * _HOUR) for each in (_BOTH, _SAHHA, _WHOOP))
# What grows all day is old after some hours.
_GROWING, _GROWING_SAHHA = (Policy(each, 6 * _HOUR) for each in (_SAHHA + _WHOOP, _SAHHA))
# A cycle may run through a day and more.
_CYCLE = Policy(_WHOOP, _DAY)
# Weighed now and then.
_RARE = Policy(_SAHHA, 30 * _DAY)

METRICS: tuple[Metric, ...] = (
    Metric(
        "readiness_score",
        "0..100",
        "How ready the body is: WHOOP's recovery, Sahha's readiness",
        _NIGHT,
        sahha="score/readiness",
        whoop="recovery.recovery_score",
        core=_BOTH,
    ),
    Metric(
        "sleep_score",
        "0..100",
        "How good the night was: WHOOP's sleep performance, Sahha's sleep score",
        _NIGHT,
        sahha="score/sleep",
        whoop="sleep.sleep_score",
        core=_BOTH,
    ),
    Metric("activity_score", "0..100", "How active the day was", _NIGHT_SAHHA, sahha="score/activity", core=_SAHHA),
    Metric(
        "mental_wellbeing_score",
        "0..100",
        "Mental wellbeing, from habits of sleep and movement",
        _NIGHT_SAHHA,
        sahha="score/mental_wellbeing",
        core=_SAHHA,
    ),
    Metric("wellbeing_score", "0..100", "Activity and sleep together", _NIGHT_SAHHA, sahha="score/wellbeing"),
    Metric("strain", "0..21", "Cardiovascular load of the cycle", _CYCLE, whoop="cycles.strain", core=_WHOOP),
    Metric(
        "hrv_rmssd_ms",
        "ms",
        "Heart rate variability as RMSSD; never compared with SDNN",
        _NIGHT,
        sahha="vitals/heart_rate_variability_rmssd",
        whoop="recovery.hrv_rmssd",
        core=_WHOOP,
    ),
    Metric(
        "hrv_sdnn_ms", "ms", "Heart rate variability as SDNN", _NIGHT_SAHHA, sahha="vitals/heart_rate_variability_sdnn"
    ),
    Metric(
        "resting_heart_rate_bpm",
        "bpm",
        "Heart rate at rest",
        _NIGHT,
        sahha="vitals/heart_rate_resting",
        whoop="recovery.resting_heart_rate",
        core=_WHOOP,
    ),
    Metric("sleeping_heart_rate_bpm", "bpm", "Mean heart rate asleep", _NIGHT_SAHHA, sahha="vitals/heart_rate_sleep"),
    Metric(
        "respiratory_rate_rpm",
        "rpm",
        "Breaths a minute, asleep where known",
        _NIGHT,
        sahha="vitals/respiratory_rate_sleep vitals/respiratory_rate",
        whoop="sleep.respiratory_rate recovery.respiratory_rate",
        core=_WHOOP,
    ),
    Metric(
        "spo2_pct",
        "%",
        "Oxygen saturation of the blood, asleep where known",
        _NIGHT,
        sahha="vitals/oxygen_saturation_sleep vitals/oxygen_saturation",
        whoop="recovery.spo2_percentage",
    ),
    Metric(
        "skin_temp_celsius",
        "°C",
        "Skin temperature asleep",
        _NIGHT,
        sahha="vitals/skin_temperature_sleep",
        whoop="recovery.skin_temp_celsius",
    ),
    Metric(
        "sleep_duration_s",
        "s",
        "Time asleep in the main sleep",
        _NIGHT,
        sahha="sleep/sleep_duration",
        whoop="sleep.duration_seconds",
        core=_BOTH,
    ),
    Metric("in_bed_s", "s", "Time in bed", _NIGHT, sahha="sleep/sleep_in_bed_duration", whoop="sleep.in_bed_seconds"),
    Metric(
        "sleep_efficiency_pct",
        "%",
        "Share of the time in bed asleep",
        _NIGHT,
        sahha="sleep/sleep_efficiency",
        whoop="sleep.efficiency_percentage",
        core=_WHOOP,
    ),
    Metric(
        "deep_sleep_s",
        "s",
        "Deep (slow wave) sleep",
        _NIGHT,
        sahha="sleep/sleep_deep_duration",
        whoop="sleep.sleep_stages.deep_sleep_minutes",
    ),
    Metric(
        "rem_sleep_s",
        "s",
        "REM sleep",
        _NIGHT,
        sahha="sleep/sleep_rem_duration",
        whoop="sleep.sleep_stages.rem_sleep_minutes",
    ),
    Metric(
        "light_sleep_s",
        "s",
        "Light sleep",
        _NIGHT,
        sahha="sleep/sleep_light_duration",
        whoop="sleep.sleep_stages.light_sleep_minutes",
    ),
    Metric(
        "awake_s",
        "s",
        "Time awake in bed",
        _NIGHT,
        sahha="sleep/sleep_awake_duration",
        whoop="sleep.sleep_stages.awake_minutes",
    ),
    Metric(
        "sleep_start_at", "instant", "Falling asleep", _NIGHT, sahha="sleep/sleep_start_time", whoop="sleep.start_time"
    ),
    Metric("sleep_mid_at", "instant", "Middle of the sleep", _NIGHT_SAHHA, sahha="sleep/sleep_mid_time"),
    Metric(
        "sleep_end_at",
        "instant",
        "Waking, which dates the night",
        _NIGHT,
        sahha="sleep/sleep_end_time",
        whoop="sleep.end_time",
    ),
    Metric("sleep_latency_s", "s", "Time to fall asleep", _NIGHT_SAHHA, sahha="sleep/sleep_latency"),
    Metric(
        "sleep_interruptions",
        "count",
        "How often the sleep was interrupted",
        _NIGHT_SAHHA,
        sahha="sleep/sleep_interruptions",
    ),
    Metric(
        "sleep_debt_s",
        "s",
        "Sleep missed in the week that ends with this night",
        _NIGHT_SAHHA,
        sahha="sleep/sleep_debt/weekly",
    ),
    Metric(
        "sleep_regularity_pct",
        "%",
        "How alike the nights of the week were",
        _NIGHT_SAHHA,
        sahha="sleep/sleep_regularity/weekly",
    ),
    Metric(
        "sleep_consistency_pct",
        "%",
        "How alike the times of the last nights were, by WHOOP's own formula",
        _NIGHT_WHOOP,
        whoop="sleep.consistency_percentage",
    ),
    Metric("naps", "count", "Naps beside the main sleep", _NIGHT_WHOOP, whoop="sleep.naps"),
    Metric("steps", "count", "Steps", _GROWING, sahha="activity/steps", whoop="cycles.step_count", core=_SAHHA),
    Metric("floors_climbed", "count", "Floors climbed", _GROWING_SAHHA, sahha="activity/floors_climbed"),
    Metric(
        "active_energy_kcal",
        "kcal",
        "Energy burned by moving",
        _GROWING_SAHHA,
        sahha="activity/active_energy_burned",
        core=_SAHHA,
    ),
    Metric(
        "total_energy_kcal",
        "kcal",
        "All energy burned; WHOOP's is of the cycle",
        _GROWING,
        sahha="activity/total_energy_burned",
        whoop="cycles.calories",
        core=_WHOOP,
    ),
    Metric("resting_energy_kcal", "kcal", "Energy burned at rest", _GROWING_SAHHA, sahha="body/resting_energy_burned"),
    Metric("active_duration_s", "s", "Time in motion", _GROWING_SAHHA, sahha="activity/active_duration", core=_SAHHA),
    Metric(
        "low_intensity_s",
        "s",
        "Motion of low intensity",
        _GROWING_SAHHA,
        sahha="activity/activity_low_intensity_duration",
    ),
    Metric(
        "mid_intensity_s",
        "s",
        "Motion of middle intensity",
        _GROWING_SAHHA,
        sahha="activity/activity_mid_intensity_duration",
    ),
    Metric(
        "high_intensity_s",
        "s",
        "Motion of high intensity",
        _GROWING_SAHHA,
        sahha="activity/activity_high_intensity_duration",
    ),
    Metric("sedentary_s", "s", "Time without motion", _GROWING_SAHHA, sahha="activity/activity_sedentary_duration"),
    Metric(
        "active_hours", "h", "Hours of the day in which there was motion", _GROWING_SAHHA, sahha="activity/active_hours"
    ),
    Metric("average_heart_rate_bpm", "bpm", "Mean heart rate of the cycle", _CYCLE, whoop="cycles.average_heart_rate"),
    Metric("max_heart_rate_bpm", "bpm", "Highest heart rate of the cycle", _CYCLE, whoop="cycles.max_heart_rate"),
    Metric("vo2_max", "mL/kg/min", "Most oxygen the body can take up", _RARE, sahha="vitals/vo2_max"),
    Metric("weight_kg", "kg", "Weight", _RARE, sahha="body/weight"),
    Metric("height_m", "m", "Height", _RARE, sahha="body/height"),
    Metric("body_mass_index", "kg/m2", "Weight by height squared", _RARE, sahha="body/body_mass_index"),
    Metric("body_fat_pct", "%", "Share of fat in the weight", _RARE, sahha="body/body_fat"),
    Metric("fat_mass_kg", "kg", "Weight of fat", _RARE, sahha="body/fat_mass"),
    Metric("lean_mass_kg", "kg", "Weight without fat", _RARE, sahha="body/lean_mass"),
    Metric("waist_m", "m", "Waist circumference", _RARE, sahha="body/waist_circumference"),
    Metric("blood_glucose_mg_dl", "mg/dL", "Glucose in the blood", _NIGHT_SAHHA, sahha="vitals/blood_glucose"),
    Metric("systolic_mmhg", "mmHg", "Blood pressure, systolic", _NIGHT_SAHHA, sahha="vitals/blood_pressure_systolic"),
    Metric(
        "diastolic_mmhg", "mmHg", "Blood pressure, diastolic", _NIGHT_SAHHA, sahha="vitals/blood_pressure_diastolic"
    ),
    Metric("basal_temp_celsius", "°C", "Basal body temperature", _NIGHT_SAHHA, sahha="vitals/body_temperature_basal"),
)

BY_NAME = {each.name: each for each in METRICS}


def policy_for(metric: Metric, overrides: Mapping[str, Policy]) -> Policy:
    """How a metric is merged for somebody with these overrides, by name of the metric."""
    return overrides.get(metric.name, metric.policy)


def parse_policy(name: str, given: Mapping[str, Any]) -> Policy:
    """An override of the metric `name` from its JSON: `sources` an order, `fresh_for_s` seconds, `how`; what is left
    out stays as the catalogue has it. A source that is not named comes after those that are: an order leaves nobody
    out. Invalid, kind `invalid_policy`, says what is wrong."""
    metric = BY_NAME.get(name)
    if metric is None:
        raise _invalid(f"there is no metric {name!r}")
    unknown = set(given) - {"sources", "fresh_for_s", "how"}
    if unknown or not given:
        raise _invalid(
            f"{name}: a policy has sources, fresh_for_s or how, not {', '.join(sorted(unknown)) or 'nothing'}"
        )
    return Policy(
        _order(metric, given.get("sources", metric.sources)),
        _age(name, given["fresh_for_s"]) if "fresh_for_s" in given else metric.policy.fresh_for,
        _how(metric, given.get("how", metric.policy.how)),
    )


def _order(metric: Metric, given: Any) -> tuple[Source, ...]:
    if not isinstance(given, list | tuple) or not given or len({*map(str, given)}) != len(given):
        raise _invalid(f"{metric.name}: sources is a list of different sources, the first one believed first")
    for each in given:
        if each not in SOURCES:
            raise _invalid(f"{metric.name}: {each!r} is no source; there are {' and '.join(SOURCES)}")
        if each not in metric.sources:
            raise _invalid(f"{metric.name}: {each} does not tell it, only {' and '.join(metric.sources)}")
    return (*given, *(each for each in metric.sources if each not in given))


def _age(name: str, given: Any) -> timedelta:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 < given <= _LONGEST_S:
        raise _invalid(f"{name}: fresh_for_s is a whole number of seconds from 1 to {_LONGEST_S}")
    return timedelta(seconds=given)


def _how(metric: Metric, given: Any) -> How:
    if given not in get_args(How):
        raise _invalid(f"{metric.name}: how is choose or mean")
    if given == "mean" and not (metric.numeric and len(metric.sources) > 1):
        raise _invalid(f"{metric.name}: a mean needs numbers of several sources")
    chosen: How = given
    return chosen


def _invalid(message: str) -> Invalid:
    return Invalid(message, kind="invalid_policy")


_LONGEST_S = 366 * 24 * 3600
