"""The routes of older callers, as those callers read them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Serve
from tests.api.gateway_stage import Both, both
from tests.api.test_openapi import missing_in
from tests.gateway.goldens import golden

METRICS = "/api/v1/health-metrics"
SAHHA = "/api/v1/sahha"
NAMES = ("overview", "activity", "sleep", "recovery", "scores", "biomarkers")


@pytest.fixture
async def stage(serve: Serve) -> Both:
    return await both(serve, connected=False)


async def test_what_callers_read_is_there(stage: Both) -> None:
    asked: dict[str, Any] = {"profile_id": "alice", "period": "2026-11-19"}
    told = {name: await stage.ask(f"{METRICS}/{name}", **asked) for name in NAMES}
    scores = {each["type"]: each["score"] for each in told["scores"]["scores"]}
    overview, activity, sleep = told["overview"], told["activity"], told["sleep"]
    assert overview["sleep_last_night"]["score"]["value"] == scores["sleep"]
    assert overview["readiness_score"]["value"] == scores["readiness"]
    assert overview["mental_wellbeing"]["value"] == scores["mental_wellbeing"]
    assert all(0 <= each <= 1 for each in scores.values())
    steps = _value(activity["biomarkers"], "steps")
    assert activity["today"]["steps"] == int(steps)
    assert activity["today"]["calories_burned"] == float(_value(activity["biomarkers"], "active_energy_burned"))
    assert sleep["last_night"]["duration_hours"] == round(int(_value(sleep["biomarkers"], "sleep_duration")) / 60, 2)
    assert 50 < sleep["last_night"]["efficiency"] <= 100
    assert sleep["last_night"]["score"]["value"] == scores["sleep"]
    resting = _value(told["recovery"]["biomarkers"], "heart_rate_resting")
    assert told["recovery"]["heart_rate_resting"]["value"] == float(resting)
    assert {each["category"] for each in told["biomarkers"]["biomarkers"]} >= {"activity", "sleep", "vitals"}
    for name in NAMES:
        assert set(told[name]) == set(golden(f"health_metrics_{name}")), name


def _value(rows: list[dict[str, Any]], type_: str) -> str:
    (found,) = [each["data"]["value"] for each in rows if each["type"] == type_]
    return str(found)


async def test_periods_as_callers_write_them(stage: Both) -> None:
    told = [
        await stage.ask(f"{METRICS}/scores", profile_id="alice", period=period)
        for period in ("yesterday", "2026-11-19", "11/19/2026")
    ]
    assert told[0]["scores"] == told[1]["scores"] == told[2]["scores"] != []
    assert {each["date"] for each in told} == {"2026-11-19"}


async def test_404_means_no_data(stage: Both) -> None:
    for name in NAMES:
        assert set(await stage.ask(f"{METRICS}/{name}", 404, profile_id="nobody")) == {"detail"}
    for name in ("scores", "biomarkers", "archetypes"):
        assert set(await stage.ask(f"{SAHHA}/{name}", 404, user_id="nobody")) == {"detail"}


async def test_rows_as_callers_read_them(stage: Both) -> None:
    range_: dict[str, Any] = {"user_id": "alice", "start_date": "2026-11-17", "end_date": "2026-11-19"}
    scores = await stage.ask(f"{SAHHA}/scores", **range_)
    biomarkers = await stage.ask(f"{SAHHA}/biomarkers", limit=1000, **range_)
    archetypes = await stage.ask(f"{SAHHA}/archetypes", user_id="alice", limit=100)
    for name, rows in (("scores", scores), ("biomarkers", biomarkers), ("archetypes", archetypes)):
        assert missing_in(golden(f"sahha_{name}")[:1], rows) == [], name
        assert {each["profile_id"] for each in rows} == {"alice"}
    truth = stage.sahha.truth("alice")
    wanted = {each["id"] for each in truth["scores"] if "2026-11-17" <= each["scoreDateTime"][:10] <= "2026-11-19"}
    assert {each["id"] for each in scores} == wanted
    days = [each["score_date_time"] for each in scores]
    assert days == sorted(days, reverse=True)
    assert [each["data"]["score"] for each in scores] == [each["score"] for each in scores]
    assert all(isinstance(each["data"]["value"], str) for each in biomarkers)


async def test_limit_keeps_the_newest(stage: Both) -> None:
    scores = await stage.ask(f"{SAHHA}/scores", user_id="alice", limit=2)
    assert len(scores) == 2
    assert scores == (await stage.ask(f"{SAHHA}/scores", user_id="alice"))[:2]


async def test_another_external_id_is_followed(stage: Both) -> None:
    said = {"sahha_id": "bob", "whoop_id": None}
    assert (await stage.api.http.put("/api/v1/identities/carol", json=said)).status_code == 200
    rows = await stage.ask(f"{SAHHA}/scores", user_id="carol", limit=3)
    assert {each["profile_id"] for each in rows} == {"carol"}
    assert {each["id"] for each in rows} <= {each["id"] for each in stage.sahha.truth("bob")["scores"]}
    assert (await stage.ask(f"{METRICS}/overview", profile_id="carol", period="yesterday"))["profile_id"] == "carol"


async def test_bad_questions_have_a_detail(stage: Both) -> None:
    questions: list[tuple[str, dict[str, Any]]] = [
        (f"{METRICS}/overview", {}),
        (f"{METRICS}/overview", {"profile_id": "-x"}),
        (f"{METRICS}/overview", {"profile_id": "alice", "period": "someday"}),
        (f"{SAHHA}/scores", {}),
        (f"{SAHHA}/scores", {"user_id": "alice", "start_date": "11/19/2026"}),
        (f"{SAHHA}/scores", {"user_id": "alice", "start_date": "2026-11-19", "end_date": "2026-11-18"}),
        (f"{SAHHA}/scores", {"user_id": "alice", "start_date": "2020-01-01"}),
        (f"{SAHHA}/scores", {"user_id": "alice", "limit": 0}),
    ]
    for path, query in questions:
        assert set(await stage.ask(path, 422, **query)) == {"detail"}, query


async def test_trouble_is_not_taken_for_no_data(stage: Both) -> None:
    """A caller reads 404 as empty; what is not known is not empty."""
    stage.sahha_is_down()
    for path, query in (
        (f"{METRICS}/overview", {"profile_id": "bob"}),
        (f"{SAHHA}/scores", {"user_id": "bob"}),
        (f"{SAHHA}/archetypes", {"user_id": "bob"}),
    ):
        assert "Sahha does not answer" in (await stage.ask(path, 503, **query))["detail"]


async def test_older_bodies_of_one_who_has_both(serve: Serve) -> None:
    stage = await both(serve)
    sleep = await stage.ask(f"{METRICS}/sleep", profile_id="alice", period="yesterday")
    (row,) = (await stage.ask("/internal/data/sleep/alice", date="2026-11-19"))["data"]
    assert sleep["last_night"]["efficiency"] == row["efficiency_percentage"]
    assert sleep["last_night"]["score"] == {"value": round(row["sleep_score"] / 100, 2), "source": "whoop"}
    assert sleep["data_sources"] == ["sahha", "whoop"]
    stage.sahha_is_down()
    later = await stage.ask(f"{METRICS}/overview", profile_id="alice", period="2026-11-12")
    assert later["readiness_score"]["source"] == "whoop"
