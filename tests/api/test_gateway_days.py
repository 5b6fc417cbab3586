"""The native route: readings, sources, losers, ETag."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Serve
from tests.api.gateway_stage import both
from tests.api.table import problem
from tests.api.test_openapi import missing_in
from tests.gateway.goldens import golden

PATH = "/api/v1/unified/alice/days"
WEEK: dict[str, Any] = {"from": "2026-11-14", "to": "2026-11-20"}


async def test_every_date_with_readings_of_both(serve: Serve) -> None:
    stage = await both(serve)
    body = await stage.ask(PATH, **WEEK)
    assert missing_in({**golden("days"), "days": [], "errors": []}, body) == []
    assert [each["date"] for each in body["days"]] == [f"2026-11-{n}" for n in range(14, 21)]
    assert {name: each["state"] for name, each in body["sources"].items()} == {"sahha": "ok", "whoop": "ok"}
    day = body["days"][-2]
    readiness = day["metrics"]["readiness_score"]
    assert (readiness["source"], [each["source"] for each in readiness["lost"]]) == ("whoop", ["sahha"])
    assert readiness["lost"][0]["why"]
    assert 0.5 < day["completeness"] <= 1
    assert all(each["why"] for each in day["metrics"].values())


async def test_a_second_look_is_304_until_something_changes(serve: Serve) -> None:
    stage = await both(serve)
    http = stage.api.http
    first = await http.get(PATH, params=WEEK)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    stage.api.clock.advance(20)
    again = await http.get(PATH, params=WEEK, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    aged = await http.get(PATH, params=WEEK)
    assert aged.content != first.content
    assert aged.headers["etag"] == tag
    stage.api.clock.advance(11 * 60)
    later = await http.get(PATH, params=WEEK, headers={"If-None-Match": tag})
    assert later.status_code == 200
    assert later.headers["etag"] != tag


async def test_why_something_is_missing(serve: Serve) -> None:
    stage = await both(serve)
    long_ago: dict[str, Any] = {"from": "2026-10-01", "to": "2026-10-02"}
    body = await stage.ask(PATH, **long_ago)
    reasons = {(each["source"], each["part"], each["reason"]) for day in body["days"] for each in day["missing"]}
    assert any(source == "whoop" for source, _, _ in reasons)
    assert all(day["metrics"] == {} for day in body["days"])


async def test_a_user_without_any_source_has_empty_days(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    body = await stage.ask("/api/v1/unified/nobody/days", **WEEK)
    assert len(body["days"]) == 7
    assert {each["state"] for each in body["sources"].values()} == {"not_connected"}
    assert {each["completeness"] for each in body["days"]} == {None}


async def test_bad_ranges_are_problems(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    for query, kind in (
        ({}, "invalid_request"),
        ({"from": "2026-11-14"}, "invalid_request"),
        ({"from": "2026-11-14", "to": "2026-11-13"}, "invalid_range"),
        ({"from": "2026-08-20", "to": "2026-11-20"}, "invalid_range"),
        ({"from": "2026-11-14", "to": "2026-11-22"}, "future_date"),
        ({"from": "11/14/2026", "to": "2026-11-15"}, "invalid_date"),
    ):
        problem(await stage.api.http.get(PATH, params=query), 422, kind)
    problem(await stage.api.anonymous.get(PATH, params=WEEK), 401, "no_key")
    problem(await stage.api.http.get("/api/v1/unified/sources/days", params=WEEK), 422, "invalid_user_id")
    longest: dict[str, Any] = {"from": "2026-08-21", "to": "2026-11-20"}
    assert len((await stage.ask("/api/v1/unified/bob/days", **longest))["days"]) == 92
