"""The routes of older callers, as those callers read them."""

from __future__ import annotations

from typing import Any

import httpx2
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
        (f"{METRICS}/overview", {"profile_id": "alice", "period": "0001-01-02"}),
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


async def rows_of(stage: Both, name: str = "scores", **query: Any) -> httpx2.Response:
    return await stage.api.http.get(f"{SAHHA}/{name}", params={"user_id": "alice"} | query)


@pytest.mark.parametrize("name", ["scores", "biomarkers", "archetypes"])
async def test_a_part_of_the_range_is_never_told_as_the_whole(stage: Both, name: str) -> None:
    newest = (await rows_of(stage, name, start_date="2026-11-15")).json()
    stage.sahha_is_down()
    stage.api.clock.advance(7 * 3600)
    answer = await rows_of(stage, name, start_date="2026-10-15")
    assert (answer.status_code, set(answer.json()), answer.headers["retry-after"]) == (503, {"detail"}, "2")
    assert "not all of the range was ever fetched" in answer.json()["detail"]
    stale = await rows_of(stage, name, start_date="2026-10-15", limit=1)
    assert (stale.status_code, stale.json()) == (200, newest[:1]), "the newest one is known for certain"
    stage.sahha_is_up()
    stage.api.clock.advance(30)
    whole = await rows_of(stage, name, start_date="2026-10-15")
    assert (whole.status_code, len(whole.json()) >= len(newest)) == (200, True)
    assert not {"warning", "x-circadia-as-of"} & set(whole.headers)


@pytest.mark.parametrize("name", ["scores", "biomarkers", "archetypes"])
async def test_what_was_fetched_once_is_told_with_its_age(stage: Both, name: str) -> None:
    fresh = await rows_of(stage, name)
    assert not {"warning", "x-circadia-as-of"} & set(fresh.headers)
    stage.sahha_is_down()
    stage.api.clock.advance(7 * 3600)
    stale = await rows_of(stage, name)
    assert (stale.status_code, stale.json()) == (200, fresh.json())
    assert stale.headers["warning"] == '110 - "Response is Stale"'
    assert stale.headers["x-circadia-as-of"] == "2026-11-20T12:00:00.000Z"
    assert (await rows_of(stage, name, end_date="2026-11-21")).status_code == 200, "a date that has not begun there"
    stage.api.clock.advance(48 * 3600)
    assert (await rows_of(stage, name)).status_code == 503, "a date has begun since"


async def test_a_slow_sahha_leaves_time_for_what_is_stored(stage: Both) -> None:
    stage.api.wire.hold(lambda request: request.url.host == "sahha.example")
    answer = await rows_of(stage)
    assert answer.status_code == 503
    assert "has not answered in time" in answer.json()["detail"]


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
    assert [each.partition(":")[0] for each in later["errors"]] == ["Sahha"]
    for name in ("scores", "biomarkers"):
        await stage.ask(f"{METRICS}/{name}", 503, profile_id="alice", period="2026-11-02")
    said = {"sahha_id": None, "whoop_id": "alice"}
    assert (await stage.api.http.put("/api/v1/identities/dave", json=said)).status_code == 200
    alone: dict[str, Any] = {"profile_id": "dave", "period": "yesterday"}
    assert (await stage.ask(f"{METRICS}/overview", **alone))["data_sources"] == ["whoop"]
    for name in ("scores", "biomarkers"):
        told = await stage.ask(f"{METRICS}/{name}", 404, **alone)
        assert told == {"detail": f"Sahha has no {name} of this date"}


async def test_trouble_at_the_whoop_service_is_never_told_as_no_data(serve: Serve) -> None:
    elsewhere: dict[str, Any] = {
        "WHOOP_SERVICE_URL": "http://whoop-service.example",
        "WHOOP_SERVICE_API_KEY": "key-of-the-service",
    }
    stage = await both(serve, connected=False, **elsewhere)
    stage.api.wire.others["whoop-service.example"] = httpx2.MockTransport(lambda _request: httpx2.Response(500))
    for name in NAMES:
        asked: dict[str, Any] = {"profile_id": "carol", "period": "2026-11-19"}
        await stage.ask(f"{METRICS}/{name}", 404 if name in ("scores", "biomarkers") else 503, **asked)


async def test_what_sahha_alone_knows_is_passed_on(stage: Both) -> None:
    for name, keys in (
        ("trends", {"category", "name", "data", "trendStartDateTime"}),
        ("comparisons", {"category", "name", "data", "startDateTime"}),
    ):
        told = await stage.ask(f"{SAHHA}/{name}", user_id="alice")
        assert told
        assert all(set(each) >= keys for each in told), name
        await stage.ask(f"{SAHHA}/{name}", 404, user_id="nobody")
        await stage.ask(f"{SAHHA}/{name}", 422, user_id="alice", start_date="2026-09-01", end_date="2026-11-01")
    await stage.ask(f"{SAHHA}/integrations", 404, user_id="alice")
    stage.sahha_is_down()
    for name in ("trends", "comparisons", "integrations"):
        assert "Sahha" in (await stage.ask(f"{SAHHA}/{name}", 503, user_id="alice"))["detail"]
