"""The bodies: each as it is pinned, and what has to be true of all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from circadia.api import gateway_examples as examples
from circadia.api.answers import Answer
from circadia.domain import merge
from circadia.domain.merge import own
from circadia.domain.metrics import BY_NAME, Policy
from circadia.gateway.told import Gap, Told
from circadia.gateway.unified import Unified
from circadia.gateway.views import health, health_metrics, native, overview
from circadia.gateway.views.words import speakers
from tests.api.test_openapi import missing_in
from tests.gateway import demo, goldens
from tests.gateway.demo import NOW, TODAY, YESTERDAY, Json, unified


@pytest.mark.parametrize("name", goldens.BODIES)
def test_every_body_is_as_it_is_pinned(name: str) -> None:
    assert goldens.body(name) == goldens.golden(name)


def test_nothing_else_is_pinned() -> None:
    assert {each.stem for each in goldens.PLACE.glob("*.json")} == set(goldens.BODIES)


def _leaves(value: Any) -> Iterator[Any]:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else None
    if parts is None:
        yield value
        return
    for each in parts:
        yield from _leaves(each)


@pytest.mark.parametrize("name", goldens.BODIES)
def test_every_number_is_finite_and_every_instant_in_utc_or_sahhas_own(name: str) -> None:
    for leaf in _leaves(goldens.BODIES[name]()):
        if isinstance(leaf, float):
            assert math.isfinite(leaf)
        if isinstance(leaf, datetime):
            assert leaf.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("example", "name"),
    [
        (examples.HEALTH, "health"),
        (examples.HEALTH_SOURCES, "health_sources"),
        (examples.HEALTH_CONNECT, "health_connect"),
        (examples.OVERVIEW, "overview"),
        (examples.SOURCES, "sources"),
        (examples.CONNECT, "connect"),
        (examples.WHOOP_HEALTH, "whoop_health"),
        (examples.DETAILED, "detailed"),
        (examples.UNIFIED, "days"),
        ([examples.SCORE_ROW], "sahha_scores"),
        ([examples.BIOMARKER_ROW], "sahha_biomarkers"),
        ([examples.ARCHETYPE_ROW], "sahha_archetypes"),
        *((example, f"health_metrics_{name}") for name, example in examples.HEALTH_METRICS.items()),
    ],
)
def test_the_examples_of_the_description_have_the_names_of_the_real_bodies(example: Any, name: str) -> None:
    real = goldens.golden(name)
    if name == "days":
        real = real | {"days": [each for each in real["days"] if "readiness_score" in each["metrics"]]}
        example = example | {"days": [example["days"][0] | {"missing": []}]}
    assert missing_in(example, real) == []
    assert isinstance(example, list) or set(example) == set(real)


# What whose word is


def test_sahhas_objects_stay_as_sahha_made_them() -> None:
    data = health.health(unified(demo.sahha(), demo.whoop()), 2)["data"]["sources"]["sahha"]
    assert data["scores"] == demo.SCORES
    assert data["biomarkers"] == demo.BIOMARKERS
    assert data["sleep"] is demo.SCORES[1]
    assert data["sleep"]["score"] == 0.84


def test_a_sahha_only_user_sees_the_same_whatever_whoop_does() -> None:
    """But for what is said of WHOOP itself."""
    bodies = []
    for told in (demo.WHOOP_UNCONNECTED, demo.WHOOP_AWAY, demo.WHOOP_LATE):
        data = health.health(unified(demo.sahha(), told), 2)["data"]
        bodies.append((data["sources"]["sahha"], {**data["combined"], "completeness": None}))
    assert bodies[0] == bodies[1] == bodies[2]


def test_sahhas_trouble_does_not_hide_whoop() -> None:
    data = health.health(unified(demo.SAHHA_AWAY, demo.whoop()), 2)["data"]
    assert data["sources"]["sahha"] == {
        "available": False,
        "error": "Sahha answered 500",
        "state": "unavailable",
    }
    assert data["sources"]["whoop"]["recovery"]["latest"]["recovery_score"] == 71
    assert data["combined"]["recovery_readiness"] == 71
    assert data["errors"] == ["Sahha: Sahha answered 500"]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("not_connected", {"reason": "not_connected"}),
        ("not_configured", {"reason": "not_configured"}),
        ("needs_reconnect", {"reason": "needs_reconnect"}),
        ("timeout", {"error": "timeout", "state": "timeout"}),
        ("circuit_open", {"error": "circuit open", "state": "circuit_open"}),
        ("unavailable", {"error": "unavailable", "state": "unavailable"}),
        ("rate_limited", {"error": "rate limited", "state": "rate_limited"}),
    ],
)
def test_how_things_stand_is_a_reason_and_trouble_an_error(state: Any, told: Json) -> None:
    whoop = replace(demo.WHOOP_UNCONNECTED, state=state)
    data = health.health(unified(demo.sahha(), whoop), 2)["data"]
    assert data["sources"]["whoop"] == {"available": False, **told}
    assert bool(data["errors"]) == ("error" in told)


def test_nothing_is_claimed_of_a_connection_that_nobody_knows_of() -> None:
    """Neither that there is one nor that there is none; it costs nothing and nothing is advised."""
    alone, unheard = (unified(demo.sahha(), told) for told in (demo.WHOOP_UNCONNECTED, demo.WHOOP_UNHEARD))
    body = native.days(unheard)
    assert body["sources"]["whoop"]["connected"] is None
    assert body["sources"]["whoop"]["state"] == "circuit_open"
    assert unheard.errors
    for told in (native.days(alone), body):
        assert [each["completeness"] for each in told["days"]] == [0.25, 0.875]
    assert health.sources("demo", demo.sahha(), demo.WHOOP_UNHEARD)["recommendations"] == []
    assert health.sources("demo", demo.SAHHA_UNHEARD, demo.whoop())["recommendations"] == []
    assert health.sources("demo", demo.SAHHA_UNHEARD, demo.WHOOP_UNHEARD)["recommendations"] == []
    nobody = health.sources("demo", demo.SAHHA_UNHEARD, demo.WHOOP_UNCONNECTED)["recommendations"]
    assert nobody == [health.CONNECT_WHOOP]
    known = health.sources("demo", demo.SAHHA_AWAY, demo.WHOOP_UNCONNECTED)["recommendations"]
    assert known == [health.CONNECT_WHOOP, health.BASIC]
    assert health.sources("demo", demo.sahha(), demo.WHOOP_AWAY)["recommendations"] == [health.COMPREHENSIVE]


def test_what_is_shown_of_a_source_in_trouble_shows_that_it_is_connected() -> None:
    late = replace(demo.whoop(), state="timeout")
    assert late.linked is None
    assert late.connected is True


def _before_waking(sahha: Told, whoop: Told) -> Unified:
    """The same a day later, when nothing of that date has been told."""
    later = timedelta(days=1)
    both = unified(sahha, whoop, TODAY, TODAY + later)
    gaps = (Gap(TODAY + later, "sahha", "scores", "not_recorded"), Gap(TODAY + later, "sahha", "biomarkers", "timeout"))
    return replace(both, today=TODAY + later, sahha=replace(sahha, gaps=gaps))


def test_a_date_that_has_not_begun_for_the_user_lacks_nothing() -> None:
    both = _before_waking(demo.sahha(), demo.whoop())
    over, running = native.days(both)["days"]
    assert (over["completeness"], running["completeness"]) == (0.929, None)
    assert [each["reason"] for each in running["missing"]] == ["timeout"]
    assert both.untold(TODAY + timedelta(days=1)) == []
    assert health.health(both, 2)["data"]["combined"]["completeness"] == 0.929
    past = replace(both, today=TODAY + timedelta(days=2))
    assert native.days(past)["days"][1]["completeness"] == 0
    assert len(native.days(past)["days"][1]["missing"]) == 2
    assert health.health(past, 2)["data"]["combined"]["completeness"] == 0.464


def test_figures_have_one_decimal_and_shares_three() -> None:
    days = unified(demo.sahha(), demo.whoop())
    combined = health.health(days, 2)["data"]["combined"]
    assert combined["overall_score"] == 67.3
    assert combined["completeness"] == 0.536
    assert combined["data_completeness"] == 100
    today = unified(demo.sahha(), demo.whoop(), TODAY)
    assert overview.overview(today, "today")["completeness"] == native.days(today)["days"][0]["completeness"] == 0.929
    nobody = health.health(unified(demo.SAHHA_UNKNOWN, demo.WHOOP_UNCONNECTED), 2)["data"]["combined"]
    assert nobody["completeness"] is None


def test_connected_without_data_is_available_with_null_parts() -> None:
    told = replace(demo.whoop(), observations=(), body=dict.fromkeys(demo.WHOOP_BODY), gaps=())
    data = health.health(unified(demo.sahha(), told), 2)["data"]["sources"]["whoop"]
    assert (data["available"], data["recovery"], data["sleep"], data["workouts"]) == (True, None, None, None)


def test_zero_is_a_value() -> None:
    """Sahha's sleep score of the 18th is 0."""
    body = overview.overview(unified(demo.sahha(), demo.WHOOP_UNCONNECTED, YESTERDAY, YESTERDAY), "yesterday")
    assert body["sleep_score"] == 0
    assert body["readiness_score"] is None
    older = health_metrics.view("sleep", unified(demo.sahha(), demo.WHOOP_UNCONNECTED, YESTERDAY, YESTERDAY), "p")
    assert older is not None
    assert older["last_night"]["score"] == {"value": 0, "source": "sahha"}


def test_the_merge_example_of_the_documents() -> None:
    older = health_metrics.view("sleep", unified(demo.sahha(), demo.whoop(), TODAY), "today")
    assert older is not None
    night = older["last_night"] | {"data_sources": older["data_sources"]}
    wanted = {
        "date": TODAY,
        "duration_hours": 7.5,
        "efficiency_percentage": 92,
        "deep_sleep_hours": 1.8,
        "sleep_score": 85,
        "data_sources": ["sahha", "whoop"],
    }
    assert {name: night[name] for name in wanted} == wanted


def test_the_overview_keeps_sahhas_own_scores_as_integers() -> None:
    with_whoop = overview.overview(unified(demo.sahha(), demo.whoop(), TODAY), "today")
    alone = overview.overview(unified(demo.sahha(), demo.WHOOP_UNCONNECTED, TODAY), "today")
    for name in ("readiness_score", "activity_score", "sleep_score", "mental_wellbeing_score", "wellbeing_score"):
        assert isinstance(with_whoop[name], int), name
        assert with_whoop[name] == alone[name], name
    assert with_whoop["whoop_data"]["recovery"] == with_whoop["whoop_summary"]


def test_a_mean_does_not_pass_for_a_sources_own_word() -> None:
    told = (*demo.sahha().observations, *demo.whoop().observations)
    mean = {"readiness_score": Policy(("whoop", "sahha"), timedelta(days=2), "mean")}
    day = merge.merged(told, now=NOW, overrides=mean, expected={"sahha", "whoop"})[TODAY]
    assert day["readiness_score"].reading.value == 74.5
    for source, value in (("sahha", 78), ("whoop", 71)):
        found = own(day, "readiness_score", source)  # type: ignore[arg-type]
        assert found is not None
        assert found.value == value
    assert speakers(day) == ["sahha", "whoop"]


def test_workouts_alone_are_whoops_data() -> None:
    body = overview.overview(unified(demo.sahha(), demo.whoop(), YESTERDAY, YESTERDAY), "yesterday")
    assert body["whoop_data"]["recovery"] is None
    assert [each["sport_name"] for each in body["whoop_data"]["workouts"]] == ["running"]
    assert body["whoop_summary"] is None
    assert body["data_sources"] == ["sahha", "whoop"]


def test_an_older_body_tells_of_trouble_while_there_is_some() -> None:
    fine = health_metrics.view("recovery", unified(demo.sahha(), demo.whoop(), TODAY), "today")
    in_part = health_metrics.view("recovery", unified(demo.SAHHA_UNHEARD, demo.whoop(), TODAY), "today")
    assert fine is not None
    assert in_part is not None
    assert "errors" not in fine
    assert (in_part["biomarkers"], in_part["errors"]) == ([], ["Sahha: Sahha answered 500"])
    assert health_metrics.view("scores", unified(demo.SAHHA_UNHEARD, demo.whoop(), TODAY), "today") is None


@pytest.mark.parametrize("name", health_metrics.VIEWS)
def test_an_older_body_of_a_date_without_anything_is_none(name: str) -> None:
    nobody = unified(demo.SAHHA_UNKNOWN, demo.WHOOP_UNCONNECTED, TODAY)
    assert health_metrics.view(name, nobody, "today") is None


def test_the_native_body_leaves_no_reading_out() -> None:
    both = unified(demo.sahha(), demo.whoop())
    body = native.days(both)
    shown = [
        (day["date"], name, each["source"], each["value"])
        for day in body["days"]
        for name, metric in day["metrics"].items()
        for each in (metric, *metric["lost"])
    ]
    told = (*demo.sahha().observations, *demo.whoop().observations)
    assert len(shown) == len(told) > 30
    assert {each[:3] for each in shown} == {(each.day, each.metric, each.source) for each in told}
    for day in body["days"]:
        for name, metric in day["metrics"].items():
            assert metric["unit"] == BY_NAME[name].unit
            assert metric["why"]


def test_what_is_not_finite_is_null_in_json() -> None:
    assert orjson.loads(bytes(Answer({"value": math.inf}).body)) == {"value": None}
