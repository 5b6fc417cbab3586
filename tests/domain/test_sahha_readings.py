"""What Sahha's words come to: units, scales, the date of waking, what is provisional, and what came by way of WHOOP."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from circadia.domain.metrics import METRICS
from circadia.domain.readings import Observation, Value
from circadia.domain.sahha import Biomarker, Score
from circadia.domain.sahha_readings import Heard, observations

DAY = date(2026, 3, 10)
ZONE = "+10:00"
LATER = datetime.fromisoformat("2026-04-01T00:00:00+00:00")
WHOOP = ("com.apple.health", "com.whoop.iphone")


def biomarker(
    type_: str,
    value: str | float,
    unit: str | None,
    *,
    day: date = DAY,
    category: str = "activity",
    zone: str = ZONE,
    received: datetime = LATER,
    **more: Any,
) -> Heard:
    """A biomarker of a calendar day, or of the sleep window that ends on it when it is told per night."""
    night = category == "sleep" or type_.endswith("_sleep")
    start, end = f"{day}T00:00:00{zone}", f"{day}T23:59:59{zone}"
    if night:
        start, end = f"{day - timedelta(days=1)}T18:00:00{zone}", f"{day}T17:59:59{zone}"
    kind = "datetime" if unit == "datetime" else "double"
    fields = {"id": UUID(int=0), "category": category, "type": type_, "value": value, "unit": unit, "valueType": kind}
    return Biomarker.model_validate(fields | {"startDateTime": start, "endDateTime": end} | more), received


def sleep(type_: str, value: str | float, unit: str = "minute", **more: Any) -> Heard:
    return biomarker(type_, value, unit, category="sleep", **more)


def woke(at: str, **more: Any) -> Heard:
    return sleep("sleep_end_time", at, "datetime", **more)


def score(
    type_: str, value: float | None, *, day: date = DAY, zone: str = ZONE, received: datetime = LATER
) -> tuple[Score, datetime]:
    fields = {"id": UUID(int=0), "type": type_, "score": value, "scoreDateTime": f"{day}T00:00:00{zone}"}
    return Score.model_validate(fields), received


def of(*said: Heard, scores: list[tuple[Score, datetime]] | None = None, **more: Any) -> dict[str, Observation]:
    """By metric; there is one date only."""
    found = observations(scores or [], said, **more)
    assert len({each.day for each in found}) <= 1
    return {each.metric: each for each in found}


def by_day(*said: Heard, scores: list[tuple[Score, datetime]] | None = None) -> dict[tuple[int, str], Value]:
    return {(each.day.day, each.metric): each.value for each in observations(scores or [], said)}


@pytest.mark.parametrize(
    ("said", "metric", "value"),
    [
        (biomarker("steps", "8106", "count"), "steps", 8106),
        (biomarker("steps", "0", "count"), "steps", 0),
        (biomarker("steps", 8106, "count", valueType="integer"), "steps", 8106),
        (biomarker("active_duration", "265", "minute"), "active_duration_s", 15900),
        (biomarker("active_hours", "13", "hour"), "active_hours", 13),
        (biomarker("active_energy_burned", "356.4", "kcal"), "active_energy_kcal", 356.4),
        (sleep("sleep_duration", "7.5", "hour"), "sleep_duration_s", 27000),
        (sleep("sleep_duration", "27000", "second"), "sleep_duration_s", 27000),
        (sleep("sleep_debt", "0.438", "hour", periodicity="weekly"), "sleep_debt_s", 1577),
        (sleep("sleep_regularity", "0.972", "percentage", periodicity="weekly"), "sleep_regularity_pct", 97.2),
        (sleep("sleep_efficiency", "0.57", "percentage"), "sleep_efficiency_pct", 57.0),
        (sleep("sleep_efficiency", "92", "percentage"), "sleep_efficiency_pct", 92.0),
        (sleep("sleep_efficiency", "1", "percentage"), "sleep_efficiency_pct", 100.0),
        (sleep("sleep_efficiency", "0", "percentage"), "sleep_efficiency_pct", 0.0),
        (biomarker("respiratory_rate", "14.6", "bpm", category="vitals"), "respiratory_rate_rpm", 14.6),
        (biomarker("skin_temperature_sleep", "33.6", "degC", category="vitals"), "skin_temp_celsius", 33.6),
    ],
)
def test_values_come_in_the_unit_of_the_catalogue(said: Heard, metric: str, value: float) -> None:
    found = of(said)
    assert {name: each.value for name, each in found.items()} == {metric: value}
    assert isinstance(found[metric].value, type(value))


@pytest.mark.parametrize(
    "said",
    [
        biomarker("steps", "8106", "furlong"),
        biomarker("steps", "8106", "hour"),
        biomarker("steps", "many", "count"),
        biomarker("steps", "NaN", "count"),
        biomarker("steps", "1e999999", "count"),
        biomarker("steps", "8106", "count", valueType="glyph"),
        biomarker("steps", "2026-03-10T06:00+10:00", "count", valueType="datetime"),
        biomarker("steps", "56000", "count", periodicity="weekly"),
        biomarker("steps", "8106", "count", periodicity="hourly"),
        biomarker("steps", "8106", None),
        sleep("sleep_efficiency", "108", "percentage"),
        sleep("sleep_efficiency", "-1", "percentage"),
        sleep("sleep_debt", "0.4", "hour"),
        sleep("sleep_end_time", "half past six", "datetime"),
        sleep("sleep_end_time", "412", "minute"),
        biomarker("heart_rate_ultradian", "57", "bpm", category="vitals"),
    ],
)
def test_what_cannot_be_read_for_certain_is_no_reading(said: Heard) -> None:
    assert of(said) == {}


def test_scores_are_of_a_hundred_and_null_is_none() -> None:
    said = [score("readiness", 0.57), score("sleep", 0.0), score("wellbeing", None), score("nutrition", 0.5)]
    assert {name: each.value for name, each in of(scores=said).items()} == {"readiness_score": 57.0, "sleep_score": 0.0}


def test_every_metric_that_sahha_tells_can_be_told() -> None:
    units = {"s": "minute", "%": "percentage", "°C": "degC", "rpm": "bpm", "instant": "datetime", "h": "hour"}
    said, scores = [], []
    for metric in METRICS:
        for place in metric.sahha.split()[:1]:
            category, type_, *span = place.split("/")
            if category == "score":
                scores.append(score(type_, 0.5))
                continue
            value = "2026-03-10T06:00+10:00" if metric.unit == "instant" else "0.5"
            unit = units.get(metric.unit, metric.unit)
            said.append(biomarker(type_, value, unit, category=category, periodicity=(span or ["daily"])[0]))
    assert {*of(*said, scores=scores)} == {metric.name for metric in METRICS if metric.sahha}


# --- the date of waking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "ended", "day"),
    [
        (10, "2026-03-10T06:10+10:00", 10),  # the usual night
        (10, "2026-03-10T02:30+10:00", 10),  # ends before three: still the date of waking
        (10, "2026-03-10T17:00+10:00", 10),  # somebody who works at night
        (11, "2026-03-10T20:30+10:00", 10),  # asleep in the afternoon, over the cut: the window names the next date
        (10, "2026-03-11T00:30+10:00", 11),  # and the same in a window of its beginning
        (10, "2026-03-10T06:10", 10),  # no offset: the window's
        (10, "2026-03-09T20:10Z", 10),  # UTC: the window's offset
        (10, "2026-03-10T06:10:00.123-05:00", 10),  # woke in another time zone than the window was cut in
        (10, "2026-03-14T06:10+10:00", 10),  # not of this window
    ],
)
def test_a_night_belongs_to_the_date_of_waking(label: int, ended: str, day: int) -> None:
    labelled = DAY.replace(day=label)
    said = [
        woke(ended, day=labelled),
        sleep("sleep_duration", 412, day=labelled),
        sleep("sleep_debt", 1, "hour", day=labelled, periodicity="weekly"),
        biomarker("respiratory_rate_sleep", 14, "bpm", category="vitals", day=labelled),
    ]
    of_night = {"sleep_score", "sleep_end_at", "sleep_duration_s", "sleep_debt_s", "respiratory_rate_rpm"}
    found = by_day(*said, scores=[score("sleep", 0.8, day=labelled)])
    assert {*found} == {(day, metric) for metric in of_night}


@pytest.mark.parametrize(
    ("said", "local"),
    [
        ("2026-03-10T06:10", "2026-03-10T06:10:00+10:00"),
        ("2026-03-09T20:10:00.500Z", "2026-03-10T06:10:00.500000+10:00"),
        ("2026-03-10T02:10+06:00", "2026-03-10T02:10:00+06:00"),
    ],
)
def test_an_instant_is_told_as_it_was_where_the_person_was(said: str, local: str) -> None:
    value = of(woke(said))["sleep_end_at"].value
    assert isinstance(value, datetime)
    assert value.isoformat() == local


def test_without_a_waking_the_window_says_the_date() -> None:
    assert {*by_day(sleep("sleep_duration", 412), scores=[score("sleep", 0.8)])} == {
        (10, "sleep_duration_s"),
        (10, "sleep_score"),
    }


def test_what_is_not_told_per_night_keeps_its_date() -> None:
    evening = [
        woke("2026-03-10T20:30+10:00", day=DAY.replace(day=11)),
        biomarker("steps", 5, "count", day=date(2026, 3, 11)),
    ]
    found = by_day(*evening, scores=[score("readiness", 0.7, day=date(2026, 3, 11))])
    assert {*found} == {(10, "sleep_end_at"), (11, "steps"), (11, "readiness_score")}


def test_of_two_windows_on_a_date_the_longer_sleep_leads() -> None:
    night = [woke("2026-03-10T06:00+10:00"), sleep("sleep_duration", 412), sleep("sleep_latency", 9)]
    nap_day = date(2026, 3, 11)
    nap = [
        woke("2026-03-10T20:30+10:00", day=nap_day),
        sleep("sleep_duration", 45, day=nap_day),
        sleep("sleep_interruptions", 2, day=nap_day),
    ]
    scores = [score("sleep", 0.8), score("sleep", 0.1, day=nap_day)]
    for said in ([*night, *nap], [*nap, *night]):
        found = by_day(*said, scores=scores)
        assert {name: value for (_, name), value in found.items() if name != "sleep_end_at"} == {
            "sleep_duration_s": 412 * 60,
            "sleep_latency_s": 540,
            "sleep_score": 80.0,
        }
        assert {day for day, _ in found} == {10}
    longer = [woke("2026-03-10T06:00+10:00"), sleep("sleep_duration", 30), nap[0], nap[1]]
    assert by_day(*longer)[10, "sleep_duration_s"] == 45 * 60


def test_a_night_without_sleep_is_told_as_zero() -> None:
    assert by_day(sleep("sleep_duration", 0)) == {(10, "sleep_duration_s"): 0}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-04-05T00:00:00+11:00", "2026-04-05T23:59:59+10:00"),  # 25 hours
        ("2026-10-04T00:00:00+10:00", "2026-10-04T23:59:59+11:00"),  # 23 hours
    ],
)
def test_days_of_other_lengths_keep_their_date(start: str, end: str) -> None:
    received = datetime.fromisoformat("2026-12-01T00:00:00+00:00")
    said = biomarker("steps", 5, "count", received=received, startDateTime=start, endDateTime=end)
    found = of(said)["steps"]
    assert (found.day, found.observed_at) == (date.fromisoformat(end[:10]), datetime.fromisoformat(end))


def test_days_of_a_traveller_are_those_of_where_they_were() -> None:
    tokyo = biomarker("steps", 1, "count", zone="+09:00")
    hawaii = biomarker("steps", 2, "count", zone="-10:00", day=date(2026, 3, 11))
    assert by_day(tokyo, hawaii) == {(10, "steps"): 1, (11, "steps"): 2}


# --- when, how certain, by which way --------------------------------------------------------------------------------


def test_it_is_observed_at_waking_or_the_end_unless_it_was_heard_before() -> None:
    morning = datetime.fromisoformat("2026-03-09T22:00:00+00:00")
    said = [
        woke("2026-03-10T06:10+10:00", received=morning),
        sleep("sleep_duration", 400, received=morning),
        biomarker("steps", 5, "count", received=morning, periodicity="intraday"),
        biomarker("vo2_max", 46, "mL/kg/min", category="vitals"),
    ]
    found = of(*said, scores=[score("readiness", 0.5, received=morning), score("activity", 0.5)])
    woken = datetime.fromisoformat("2026-03-10T06:10:00+10:00")
    assert {name: each.observed_at for name, each in found.items()} == {
        "sleep_end_at": woken,
        "sleep_duration_s": woken,
        "steps": morning,
        "vo2_max": datetime.fromisoformat("2026-03-10T23:59:59+10:00"),
        "readiness_score": morning,
        "activity_score": datetime.fromisoformat("2026-03-11T00:00:00+10:00"),
    }
    assert {each.observed_at.utcoffset() for each in found.values()} == {timedelta(hours=10)}
    assert isinstance(found["sleep_end_at"].value, datetime)


def test_what_goes_on_is_unsettled() -> None:
    noon, evening = (datetime.fromisoformat(f"2026-03-10T{hour}:00:00+10:00") for hour in (12, 19))
    assert of(biomarker("steps", 5, "count", periodicity="intraday"))["steps"].unsettled == "intraday"
    assert of(biomarker("steps", 5, "count"))["steps"].unsettled is None

    def unsettled(received: datetime) -> set[str]:
        types = ("activity", "sleep", "readiness", "mental_wellbeing", "wellbeing")
        found = of(scores=[score(each, 0.5, received=received) for each in types])
        return {name for name, each in found.items() if each.unsettled == "intraday"}

    assert unsettled(noon) == {"activity_score", "sleep_score"}
    assert unsettled(evening) == {"activity_score"}
    assert unsettled(LATER) == set()


def test_a_night_without_stages_is_estimated() -> None:
    phone = [woke("2026-03-10T06:10+10:00"), sleep("sleep_duration", 412)]
    assert {each.estimated for each in of(*phone).values()} == {True}
    assert {each.estimated for each in of(*phone, sleep("sleep_rem_duration", 93)).values()} == {False}
    others = of(*phone, biomarker("heart_rate_sleep", 52, "bpm", category="vitals"), biomarker("steps", 5, "count"))
    assert {name for name, each in others.items() if not each.estimated} == {"sleeping_heart_rate_bpm", "steps"}


def test_values_of_a_profile_with_whoop_came_by_way_of_it() -> None:
    said = [
        sleep("sleep_duration", 412),
        biomarker("heart_rate_resting", 57, "bpm", category="vitals"),
        biomarker("weight", 70, "kg", category="body"),
        biomarker("steps", 5, "count"),
        biomarker("total_energy_burned", 2000, "kcal"),
    ]
    scores = [score("readiness", 0.5), score("activity", 0.5)]
    marked = {name for name, each in of(*said, scores=scores, sources=WHOOP).items() if each.via == ("whoop",)}
    assert marked == {"sleep_duration_s", "resting_heart_rate_bpm", "weight_kg", "total_energy_kcal", "readiness_score"}
    assert {each.via for each in of(*said, scores=scores, sources=WHOOP[:1]).values()} == {()}


def test_a_record_that_names_its_sources_is_judged_by_them() -> None:
    steps = biomarker("steps", 5, "count", dataSources=["WHOOP"])
    pulse = biomarker("heart_rate_resting", 57, "bpm", category="vitals", dataSources=["com.apple.health"])
    found = of(steps, pulse, sources=WHOOP)
    assert (found["steps"].via, found["resting_heart_rate_bpm"].via) == (("whoop",), ())


# --- one word per date and metric -----------------------------------------------------------------------------------


def test_the_preferred_place_and_then_the_later_word_counts_in_any_order() -> None:
    hour = timedelta(hours=1)
    said = [
        biomarker("respiratory_rate", "16", "bpm", category="vitals", received=LATER + hour),
        biomarker("respiratory_rate_sleep", "14.6", "bpm", category="vitals"),
        biomarker("steps", "100", "count", received=LATER - hour),
        biomarker("steps", "300", "count", received=LATER),
        biomarker("steps", "200", "count", received=LATER, periodicity="intraday"),
    ]
    for seed in range(5):
        random.Random(seed).shuffle(said)
        found = of(*said)
        assert (found["respiratory_rate_rpm"].value, found["steps"].value) == (14.6, 300)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00", "1969-12-31T23:00:00", "2200-01-01T00:00:00", "9999-12-31T23:59:59-14:00"]
)
@pytest.mark.parametrize("type_", ["sleep_start_time", "sleep_end_time"])
def test_an_instant_that_is_out_of_bounds_gives_none(type_: str, at: str) -> None:
    for text in (at, f"{at[:19]}Z"):
        found = of(sleep(type_, text, "datetime", zone="+12:00"), sleep("sleep_duration", 400))
        assert {name: each.day for name, each in found.items()} == {"sleep_duration_s": DAY}


def test_a_number_of_more_than_64_bits_gives_none() -> None:
    for text in ("18446744073709551616", "9223372036854775808", "-9223372036854775808", "1e300"):
        assert of(biomarker("steps", text, "count")) == {}
    assert of(biomarker("steps", "9223372036854774784", "count"))["steps"].value == 9223372036854774784
