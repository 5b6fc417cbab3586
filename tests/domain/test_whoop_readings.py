"""What WHOOP's words come to, from the views that the WHOOP service itself makes of day documents."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from circadia.api import examples
from circadia.domain.metrics import METRICS
from circadia.domain.readings import Observation
from circadia.domain.whoop_readings import observations
from circadia.served import VIEWS

Day = dict[str, Any]
AS_OF = "2026-11-19T18:30:00.000Z"


def body(*days: Day, **frame: Any) -> dict[str, Any]:
    """The service's answer for some day documents, newest first."""
    parts = {name: [row for day in days for row in view(day)] for name, view in VIEWS.items()}
    told = {name: {"as_of": AS_OF, **frame, "data": rows} if rows else None for name, rows in parts.items()}
    return {**told, "profile": examples.PROFILE}


def changed(**parts: dict[str, Any] | None) -> Day:
    """The example day with some members of its parts changed, or without a part."""
    day = deepcopy(examples.DAY)
    for name, members in parts.items():
        day[name] = {**day[name], **members} if members is not None else None
    return day


def of(*days: Day, **frame: Any) -> dict[str, Observation]:
    return {each.metric: each for each in observations(body(*days, **frame))}


def test_a_day_is_told_in_the_units_of_the_catalogue() -> None:
    found = of(examples.DAY)
    local = {"start": "2026-11-18T23:12:41.120-05:00", "end": "2026-11-19T07:03:05.480-05:00"}
    assert {name: each.value for name, each in found.items()} == {
        "readiness_score": 71.0,
        "hrv_rmssd_ms": 64.2,
        "resting_heart_rate_bpm": 54.0,
        "spo2_pct": 96.1,
        "skin_temp_celsius": 33.6,
        "respiratory_rate_rpm": 15.4,
        "sleep_score": 88.0,
        "sleep_duration_s": 25920,
        "in_bed_s": 28224,
        "sleep_efficiency_pct": 91.8,
        "sleep_consistency_pct": 74.0,
        "light_sleep_s": 237 * 60,
        "deep_sleep_s": 90 * 60,
        "rem_sleep_s": 105 * 60,
        "awake_s": 38 * 60,
        "sleep_start_at": datetime.fromisoformat(local["start"]),
        "sleep_end_at": datetime.fromisoformat(local["end"]),
        "naps": 0,
        "strain": 8.4,
        "total_energy_kcal": 1750.0,
        "average_heart_rate_bpm": 71.0,
        "max_heart_rate_bpm": 148.0,
        "steps": 6204,
    }
    assert {*found} == {metric.name for metric in METRICS if metric.whoop}
    assert {(each.day, each.source, each.via) for each in found.values()} == {(date(2026, 11, 19), "whoop", ())}
    assert {each.observed_at.utcoffset() for each in found.values()} == {timedelta(hours=-5)}


def test_it_is_observed_at_waking_or_as_of_when_the_cycle_runs() -> None:
    found = of(examples.DAY)
    woken = datetime.fromisoformat("2026-11-19T12:03:05.480Z")
    assert {found[name].observed_at for name in ("readiness_score", "sleep_score")} == {woken}
    assert found["strain"].observed_at == datetime.fromisoformat(AS_OF)
    began = datetime.fromisoformat("2026-11-19T04:12:41.120Z")
    for as_of in (None, "2026-11-01T00:00:00.000Z"):
        assert of(examples.DAY, as_of=as_of)["strain"].observed_at == began
    ended = of(changed(cycle={"end_at": "2026-11-20T05:00:00.000Z", "open": False}))["strain"]
    assert (ended.observed_at, ended.unsettled) == (datetime.fromisoformat("2026-11-20T05:00:00Z"), None)


def test_what_may_change_is_unsettled() -> None:
    found = of(examples.DAY)
    assert {name for name, each in found.items() if each.unsettled == "open"} == {
        "strain",
        "total_energy_kcal",
        "average_heart_rate_bpm",
        "max_heart_rate_bpm",
        "steps",
    }
    learning = of(changed(recovery={"calibrating": True}))
    assert {name for name, each in learning.items() if each.unsettled == "calibrating"} == {
        "readiness_score",
        "hrv_rmssd_ms",
        "resting_heart_rate_bpm",
        "spo2_pct",
        "skin_temp_celsius",
    }


def test_of_what_waits_for_its_score_only_the_rest_is_told() -> None:
    nothing = dict.fromkeys(("performance", "asleep_ms", "in_bed_ms", "efficiency_pct", "consistency_pct", "stages"))
    pending = changed(
        sleep={"state": "PENDING_SCORE", "respiratory_rate_rpm": None, **nothing},
        recovery={"state": "PENDING_SCORE", **dict.fromkeys(("score", "hrv", "rhr", "spo2_pct", "skin_temp_celsius"))},
    )
    found = of(pending)
    assert {name for name, each in found.items() if each.unsettled == "pending"} == {
        "sleep_start_at",
        "sleep_end_at",
        "naps",
    }
    assert "readiness_score" not in found


@pytest.mark.parametrize(("member", "part"), [("recovery", "recovery"), ("sleep", "sleep"), ("cycle", "cycles")])
def test_what_is_unscorable_is_not_told(member: str, part: str) -> None:
    without = observations(body(examples.DAY) | {part: None})
    assert 0 < len(without) < len(of(examples.DAY))
    assert observations(body(changed(**{member: {"state": "UNSCORABLE"}}))) == without


def test_of_two_cycles_on_a_date_the_first_leads() -> None:
    other = {"cycle": {**examples.DAY["cycle"], "id": 2, "strain": 3.0, "steps": 100}, "recovery": None, "sleep": None}
    day = {**changed(cycle={"steps": None}), "other_cycles": [other]}
    found = of(day)
    assert found["strain"].value == 8.4
    assert "steps" not in found


def test_naps_are_counted_and_none_is_zero() -> None:
    assert of({**examples.DAY, "naps": [examples.DAY["sleep"]] * 2})["naps"].value == 2


def test_days_keep_their_own_offsets() -> None:
    before = changed(sleep={"timezone_offset": "+05:30"}) | {"date": "2026-11-18"}
    found = observations(body(examples.DAY, before))
    offsets = {(each.day.day, each.observed_at.utcoffset()) for each in found}
    assert offsets == {(19, timedelta(hours=-5)), (18, timedelta(hours=5, minutes=30))}


@pytest.mark.parametrize(("said", "hours"), [("+02:00", 2), ("Z", 0), (None, 0), ("nonsense", 0)])
def test_a_date_without_a_sleep_takes_the_offset_of_the_answer(said: str | None, hours: int) -> None:
    found = of(changed(sleep=None), timezone_offset=said)
    assert found["strain"].observed_at.utcoffset() == timedelta(hours=hours)


def test_an_answer_without_data_says_nothing() -> None:
    assert observations({}) == ()
    assert observations({"recovery": None, "sleep": None, "cycles": None}) == ()
    assert observations({"recovery": {"data": []}, "sleep": {}, "profile": {"weight_kilogram": 70.0}}) == ()


@pytest.mark.parametrize(
    "row",
    [
        {"date": None},
        {"date": "yesterday"},
        {"recovery_score": "71"},
        {"recovery_score": True},
        {"recovery_score": float("inf")},
        {"recorded_at": "soon"},
        {"recorded_at": None},
    ],
)
def test_what_another_service_says_wrongly_is_not_told(row: dict[str, Any]) -> None:
    fine = {"date": "2026-11-19", "score_state": "SCORED", "recovery_score": 71, "recorded_at": AS_OF}
    assert len(observations({"recovery": {"data": [fine]}})) == 1
    assert observations({"recovery": {"data": [fine | row]}}) == ()
