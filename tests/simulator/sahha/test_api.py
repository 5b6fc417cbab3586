"""Sahha's REST API as its reference tells it: who may ask, in which words, and what an answer looks like."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from .conftest import ID, TOKEN, Server

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "sahha"
WEEK = {"startDateTime": "2026-09-24", "endDateTime": "2026-09-30"}


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text())


def like(told: Any, model: Any) -> bool:
    """Whether an answer has the keys and kinds of an example; of a list's examples any will do."""
    match model:
        case dict():
            assert told.keys() == model.keys(), (told, model)
            return all(like(told[key], model[key]) for key in model)
        case list():
            return isinstance(told, list) and (not model or all(any_like(each, model) for each in told))
        case float() | int() if not isinstance(model, bool):
            return told is None or (isinstance(told, float | int) and not isinstance(told, bool))
        case None:
            return True
        case _:
            return told is None or isinstance(told, type(model))


def any_like(told: Any, models: list[Any]) -> bool:
    return any(
        not (isinstance(model, dict) and isinstance(told, dict) and model.keys() != told.keys()) and like(told, model)
        for model in models
    )


async def test_account_token(server: Server) -> None:
    answer = await server.sign_in()
    assert like(answer.json(), example("account_token"))
    assert server.token.count(".") == 2
    assert (await server.sign_in(client_secret="a guess")).status_code == 401
    assert (await server.sign_in(client_id="another")).status_code == 401
    assert (await server.http.post(TOKEN, json={"clientId": ID})).status_code == 400
    assert (await server.http.post(TOKEN, content=b"no JSON")).status_code == 400
    assert (await server.http.get(TOKEN)).status_code == 405
    server.sim.switch(token_type=False)
    assert (await server.sign_in()).json().keys() == {"accountToken", "expiresIn"}


async def test_a_token_dies_after_its_life(server: Server) -> None:
    server.sim.switch(account_token_seconds=60)
    assert (await server.sign_in()).json()["expiresIn"] == 60
    server.clock.advance(59)
    assert (await server.ask("profile/score/anna")).status_code == 200
    server.clock.advance(1)
    refused = await server.ask("profile/score/anna")
    assert refused.status_code == 401
    assert refused.json()["statusCode"] == 401
    await server.sign_in()
    assert (await server.ask("profile/score/anna")).status_code == 200


@pytest.mark.parametrize("scheme", ["account", "Account", "ACCOUNT"])
async def test_the_scheme_word_has_no_case(server: Server, scheme: str) -> None:
    assert (await server.ask("profile/score/anna", scheme=scheme)).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "profile", ""])
async def test_other_schemes_open_nothing(server: Server, scheme: str) -> None:
    assert (await server.ask("profile/score/anna", scheme=scheme)).status_code == 401
    server.sim.switch(bearer=500)
    assert (await server.ask("profile/score/anna", scheme=scheme)).status_code == (500 if scheme == "Bearer" else 401)


async def test_each_token_has_its_paths(server: Server) -> None:
    mine = (await server.post("profile/token", externalId="anna")).json()["profileToken"]
    assert (await server.ask("profile/score")).status_code == 401
    assert (await server.ask("profile/score/anna", scheme="profile", token=mine)).status_code == 401
    own = await server.ask("profile/score", WEEK, scheme="profile", token=mine)
    assert own.json() == await server.told("profile/score/anna", WEEK)
    assert (await server.ask("profile", scheme="profile", token=mine)).json()["externalId"] == "anna"
    assert (await server.post("profile/token", externalId="nobody")).status_code == 404


async def test_refresh_gives_a_new_pair_once(server: Server) -> None:
    first = (await server.post("profile/token", externalId="anna")).json()["refreshToken"]
    again = await server.post("profile/refreshToken", refreshToken=first)
    assert again.json().keys() == {"profileToken", "refreshToken", "expiresIn", "tokenType"}
    assert (await server.post("profile/refreshToken", refreshToken=first)).status_code == 401


async def test_register_takes_an_id_once_and_begins_empty(server: Server) -> None:
    async def register(external_id: str) -> int:
        return (await server.post("profile/register", externalId=external_id)).status_code

    assert (await server.ask("account/profile/new one")).status_code == 404
    answers = [await register("new one"), await register("new one"), await register("anna"), await register("")]
    assert answers == [201, 400, 400, 400]
    assert await server.told("profile/score/new one") == []
    assert (await server.ask("account/profile/new one")).json()["dataSources"] == []
    server.sim.switch(empty=204)
    empty = await server.ask("profile/biomarker/new one", {"categories": "sleep"})
    assert (empty.status_code, empty.content) == (204, b"")
    assert (await server.ask("profile/integration/new one")).status_code == 204


async def test_profile_and_search(server: Server) -> None:
    profile = await server.told("account/profile/carl")
    assert like(profile, example("profile"))
    assert [each["sourceName"] for each in profile["dataSources"]] == ["com.apple.health", "com.whoop.iphone"]
    assert [each["integrationType"] for each in await server.told("profile/integration/carl")] == ["whoop"]
    page = await server.told("account/profile/search", {"searchParameter": "", "currentPage": 2, "pageSize": 3})
    assert like(page["items"], example("profiles"))
    assert [each["isSampleProfile"] for each in page["items"]] == [True]
    assert (page["totalPages"], page["totalCount"]) == (2, 4)
    beyond = await server.told("account/profile/search", {"currentPage": 3, "pageSize": 3})
    assert beyond["items"] == []


@pytest.mark.parametrize("path", ["account/profile/nobody", "profile/score/nobody", "profile/archetype/anna", "none"])
async def test_what_there_is_not(server: Server, path: str) -> None:
    assert (await server.ask(path)).status_code == 404


async def test_every_answer_looks_like_the_documented_one(server: Server) -> None:
    assert like(await server.told("profile/score/anna", WEEK), example("scores"))
    assert like(await server.told("profile/score/bert", WEEK), example("scores.phone_only"))
    for category, name in (("activity", "activity"), ("sleep", "sleep"), ("vitals", "wearable")):
        told = await server.biomarkers("anna", "2026-09-24", "2026-09-30", category)
        assert told
        assert like(told, example(f"biomarkers.{name}"))
        known = {each["type"]: each for each in example(f"biomarkers.{name}")}
        for each in told:
            model = known.get(each["type"], each)
            fixed = ("category", "aggregation", "unit", "valueType")
            assert {key: each[key] for key in fixed} == {key: model[key] for key in fixed}
    assert like(await server.told("profile/archetypes/anna", WEEK), example("archetypes"))
    month = {"startDateTime": "2026-08-31", "endDateTime": "2026-09-30"}
    assert await server.told("profile/insight/trend/anna", month)
    assert like(await server.told("profile/insight/trend/anna", month), example("trends"))
    compared = await server.told("profile/insight/comparison/anna", WEEK | {"category": "biomarker"})
    assert {point["type"] for each in compared for point in each["data"]} == {"global", "demographic", "baseline"}
    assert all(like(each | {"data": []}, example("comparisons")[0] | {"data": []}) for each in compared)


async def test_a_day_without_a_night_has_a_readiness_without_a_value(server: Server) -> None:
    days = {"startDateTime": "2026-06-10", "endDateTime": "2026-10-01", "types": "readiness"}
    every = [each for name in ("anna", "bert", "carl") for each in await server.told(f"profile/score/{name}", days)]
    assert any(each["score"] is not None for each in every)
    assert all(like(each, example("scores.null")[0]) for each in every if each["score"] is None)


@pytest.mark.parametrize(
    "encoded",
    [
        [("types", "sleep"), ("types", "activity")],
        [("types", "sleep,activity")],
        [("types[0]", "sleep"), ("types[1]", "activity")],
        [("types[]", "sleep"), ("types[]", "activity")],
    ],
)
async def test_lists_may_be_written_in_every_way(server: Server, encoded: list[tuple[str, str]]) -> None:
    told = await server.told("profile/score/anna", [*encoded, *WEEK.items()])
    assert {each["type"] for each in told} == {"sleep", "activity"}


@pytest.mark.parametrize(
    "written",
    [
        "2026-09-28",
        "2026-09-28T00:00:00",
        "2026-09-28T03:04:05.123456",
        "2026-09-28T12:00:00Z",
        "2026-09-28T00:00:00-04:00",
        "2026-09-28T00:00:00.00-04:00",
        "2026-09-28T05:00:00+01:00",
        "2026-09-29T02:00:00Z",
    ],
)
async def test_dates_may_be_written_in_every_way(server: Server, written: str) -> None:
    day = {"startDateTime": "2026-09-28", "endDateTime": "2026-09-28", "types": "sleep"}
    expected = await server.told("profile/score/anna", day)
    assert [each["scoreDateTime"] for each in expected] == ["2026-09-28T00:00:00-04:00"]
    assert await server.told("profile/score/anna", day | {"startDateTime": written, "endDateTime": written}) == expected


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("profile/biomarker/anna", WEEK),
        ("profile/score/anna", {"startDateTime": "yesterday"}),
        ("profile/score/anna", {"startDateTime": "2026-09-28T00:00:00 10:00"}),
        ("profile/score/anna", {"startDateTime": "2026-09-29", "endDateTime": "2026-09-28"}),
        ("account/profile/search", {"currentPage": "first"}),
    ],
)
async def test_what_is_not_right_is_told(server: Server, path: str, query: dict[str, str]) -> None:
    refused = await server.ask(path, query)
    assert refused.status_code == 400
    assert like(refused.json(), next(each["body"] for each in example("errors") if each["status"] == 400))
    assert refused.json()["errors"][0]["errors"]
    server.sim.switch(plain_400=True)
    assert (await server.ask(path, query)).text == "Bad Request"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("profile/score/anna", {"types": "mood"}),
        ("profile/biomarker/anna", {"categories": "heart"}),
        ("profile/biomarker/anna", {"categories": "sleep", "types": "steps"}),
        ("profile/archetypes/anna", {"name": "chronotype"}),
        ("profile/archetypes/anna", {"periodicity": "daily"}),
        ("profile/insight/trend/anna", {"name": "mood"}),
    ],
)
async def test_unknown_words_find_nothing(server: Server, path: str, query: dict[str, str]) -> None:
    assert await server.told(path, WEEK | query) == []


async def test_a_range_is_of_local_days_and_whole(server: Server) -> None:
    week = await server.biomarkers("anna", "2026-09-24", "2026-09-30")
    ends = [datetime.fromisoformat(each["endDateTime"]) for each in week]
    assert {end.date() for end in ends} == {date(2026, 9, 24) + timedelta(days=back) for back in range(7)}
    assert {
        (end - datetime.fromisoformat(each["startDateTime"])).days for end, each in zip(ends, week, strict=True)
    } == {0, 7}
    assert [end.date() for end in ends] == sorted((end.date() for end in ends), reverse=True)
    one = await server.biomarkers("anna", "2026-09-27", "2026-09-27")
    assert one == [each for each, end in zip(week, ends, strict=True) if end.date() == date(2026, 9, 27)]
    assert one
    far = await server.biomarkers("anna", "0001-01-01", "9999-12-31")
    assert [each for each in far if each in week] == week


async def test_without_dates_a_listing_is_of_the_last_fortnight(server: Server) -> None:
    told = await server.told("profile/score/anna", {"types": "sleep"})
    days = [each["scoreDateTime"][:10] for each in told]
    assert len(days) == len(set(days)) > 10
    assert (min(days) >= "2026-09-18", max(days)) == (True, "2026-09-30")


async def test_ids_are_version_5_and_one_of_a_kind(server: Server) -> None:
    told = await server.biomarkers("anna", "2026-09-01", "2026-09-30", "sleep,activity,vitals,body")
    told += await server.biomarkers("bert", "2026-09-01", "2026-09-30", "sleep,activity,vitals,body")
    told += await server.told("profile/score/anna", WEEK)
    ids = [UUID(each["id"]) for each in told]
    assert ({each.version for each in ids}, len(set(ids))) == ({5}, len(ids))


async def test_an_external_id_may_hold_anything(server: Server) -> None:
    for external_id in ("a/b", "ä ?&#", "100%"):
        server.sim.state.add(external_id, server.sim.state.world.user_ids[0])
        escaped = "".join(f"%{byte:02X}" for byte in external_id.encode())
        assert (await server.told(f"account/profile/{escaped}"))["externalId"] == external_id


async def test_a_sample_profile_has_two_weeks(server: Server) -> None:
    days = {"startDateTime": "2026-06-01", "endDateTime": "2026-10-01", "types": "activity"}
    told = await server.told("profile/score/SampleProfile-1", days)
    assert 12 <= len(told) <= 15
    assert len(await server.told("profile/score/anna", days)) > 100
