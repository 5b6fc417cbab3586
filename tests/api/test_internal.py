"""The shapes that other back ends ask for: every documented field, from stored data, for each way to name the time."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

from tests.api.conftest import Api, Json, Serve
from tests.api.table import problem

KINDS = ("recovery", "sleep", "workouts", "cycles")
DOCUMENTED: dict[str, set[str]] = {
    "recovery": {
        "user_id",
        "date",
        "recovery_score",
        "hrv_rmssd",
        "resting_heart_rate",
        "skin_temp_celsius",
        "respiratory_rate",
        "recorded_at",
        "latest",
        "data",
    },
    "sleep": {
        "user_id",
        "date",
        "sleep_score",
        "duration_seconds",
        "efficiency_percentage",
        "start_time",
        "end_time",
        "sleep_stages",
        "latest",
        "data",
    },
    "workouts": {"user_id", "date", "workouts", "latest", "data"},
    "cycles": {"user_id", "date", "cycles", "latest", "data"},
}
WORKOUT = {
    "workout_id",
    "sport_name",
    "start_time",
    "end_time",
    "duration_seconds",
    "strain",
    "average_heart_rate",
    "max_heart_rate",
    "calories",
}
NO_QUERY: dict[str, str] = {}
STAGES = {"light_sleep_minutes", "rem_sleep_minutes", "deep_sleep_minutes", "awake_minutes"}


def path(kind: str, user_id: str = "alice") -> str:
    return f"/internal/data/{kind}/{user_id}"


async def days(api: Api, first: str, last: str) -> dict[str, Json]:
    found = await api.get("/api/v1/whoop/days/alice", **{"from": first, "to": last})
    return {each["date"]: each for each in found["days"]}


async def test_the_documented_fields(alice: Api) -> None:
    for kind in KINDS:
        told = await alice.get(path(kind))
        assert DOCUMENTED[kind] <= set(told)
        assert told["user_id"] == "alice"
        assert (told["from"], told["to"]) == ("2026-11-14", "2026-11-20")
        assert {name: told[name] for name in told["latest"] if name in told} == told["latest"]
        dates = [each["date"] for each in told["data"]]
        assert dates == sorted(dates, reverse=True)
        assert all("2026-11-14" <= each <= "2026-11-20" for each in dates)
        assert told["as_of"] == "2026-11-20T12:00:00.000Z"


async def test_a_recovery_is_the_day_s(alice: Api) -> None:
    told, documents = await alice.get(path("recovery"), days=14), await days(alice, "2026-11-07", "2026-11-20")
    assert [each["date"] for each in told["data"]] == [
        day for day in sorted(documents, reverse=True) if documents[day]["recovery"]
    ]
    for row in told["data"]:
        day = documents[row["date"]]
        assert row["recovery_score"] == day["recovery"]["score"]
        assert row["hrv_rmssd"] == day["recovery"]["hrv"]
        assert row["resting_heart_rate"] == day["recovery"]["rhr"]
        assert row["skin_temp_celsius"] == day["recovery"]["skin_temp_celsius"]
        assert row["respiratory_rate"] == day["sleep"]["respiratory_rate_rpm"]
        assert row["recorded_at"] == day["sleep"]["end_at"]


async def test_a_sleep_is_the_day_s_in_seconds_and_minutes(alice: Api) -> None:
    told, documents = await alice.get(path("sleep")), await days(alice, "2026-11-14", "2026-11-20")
    for row in told["data"]:
        sleep = documents[row["date"]]["sleep"]
        assert row["sleep_score"] == sleep["performance"]
        assert row["duration_seconds"] == round(sleep["asleep_ms"] / 1000)
        assert row["efficiency_percentage"] == sleep["efficiency_pct"]
        assert (row["start_time"], row["end_time"]) == (sleep["start_at"], sleep["end_at"])
        assert set(row["sleep_stages"]) == STAGES
        assert row["sleep_stages"]["deep_sleep_minutes"] == round(sleep["stages"]["deep_ms"] / 60_000)


async def test_workouts_and_cycles_are_the_days(alice: Api) -> None:
    documents = await days(alice, "2026-11-01", "2026-11-20")
    workouts = await alice.get(path("workouts"), days=20)
    assert workouts["workouts"] == workouts["data"]
    assert all(set(each) >= WORKOUT for each in workouts["workouts"])
    assert [each["workout_id"] for each in workouts["data"]] == [
        each["id"] for day in sorted(documents, reverse=True) for each in reversed(documents[day]["workouts"])
    ]
    first = workouts["data"][0]
    there = next(each for each in documents[first["date"]]["workouts"] if each["id"] == first["workout_id"])
    assert first["duration_seconds"] == round(there["duration_ms"] / 1000)
    assert (first["strain"], first["calories"]) == (there["strain"], there["calories"])
    cycles = await alice.get(path("cycles"), days=20)
    assert [each["cycle_id"] for each in cycles["data"]] == [
        documents[day]["cycle"]["id"] for day in sorted(documents, reverse=True) if documents[day]["cycle"]
    ]


async def test_everything_at_once(alice: Api) -> None:
    told = await alice.get(path("all"), days=3)
    for kind in KINDS:
        alone = await alice.http.get(path(kind), params={"days": 3})
        assert told[kind] == (alone.json() if alone.status_code == 200 else None)
    assert told["profile"] == await alice.get(path("profile"))


async def test_the_profile(alice: Api) -> None:
    truth = alice.simulator.truth(alice.account)
    told = await alice.get(path("profile"))
    assert told["user_id"] == "alice"
    assert told["whoop_user_id"] == alice.account
    for name in ("email", "first_name", "last_name"):
        assert told[name] == truth["profile"][name]
    for name in ("height_meter", "weight_kilogram", "max_heart_rate"):
        assert told[name] == truth["body"][name]


async def test_ways_to_name_the_time(alice: Api) -> None:
    for query, first, last in [
        (NO_QUERY, "2026-11-14", "2026-11-20"),
        ({"days": "1"}, "2026-11-20", "2026-11-20"),
        ({"days": "30"}, "2026-10-22", "2026-11-20"),
        ({"date": "yesterday"}, "2026-11-19", "2026-11-19"),
        ({"date": "2026-11-10"}, "2026-11-10", "2026-11-10"),
    ]:
        told = await alice.get(path("all"), **query)
        assert (told["from"], told["to"]) == (first, last)


async def test_today_is_the_member_s(alice: Api) -> None:
    """At -05:00 the 21st begins five hours after it does in UTC."""
    alice.clock.advance(12 * 3600 + 1800)
    assert (await alice.get(path("all"), date="today"))["to"] == "2026-11-20"
    alice.clock.advance(5 * 3600)
    assert (await alice.get(path("all"), date="today"))["to"] == "2026-11-21"


async def test_both_parameters(alice: Api) -> None:
    for kind in [*KINDS, "all"]:
        problem(await alice.http.get(path(kind), params={"days": 3, "date": "today"}), 400, "both_parameters")


async def test_a_bad_question(alice: Api) -> None:
    for query, kind in [
        ({"days": "0"}, "invalid_request"),
        ({"days": "31"}, "invalid_request"),
        ({"days": "week"}, "invalid_request"),
        ({"wait_ms": "-1"}, "invalid_request"),
        ({"wait_ms": "10001"}, "invalid_request"),
        ({"date": "tomorrow"}, "invalid_date"),
        ({"date": "2026-02-30"}, "invalid_date"),
        ({"date": "2026-12-24"}, "future_date"),
    ]:
        problem(await alice.http.get(path("sleep"), params=query), 422, kind)


async def test_nothing_found(alice: Api) -> None:
    for kind in KINDS:
        problem(await alice.http.get(path(kind), params={"date": "2020-01-01"}), 404, "no_data")
    told = await alice.get(path("all"), date="2020-01-01")
    assert [told[kind] for kind in KINDS] == [None] * 4
    assert told["profile"] is not None


async def test_the_latest_is_the_newest_that_has_a_score(serve: Serve) -> None:
    """A night that is still being scored is in the list, and does not hide the last score."""
    api = await serve(days=200, seed=7)
    await api.connected()
    for _step in range(48):
        api.clock.advance(600)
        if api.simulator.truth(api.account)["sleep"][0]["score_state"] == "PENDING_SCORE":
            break
    await api.sync()
    told = await api.get(path("sleep"))
    assert told["data"][0]["score_state"] == "PENDING_SCORE"
    assert told["data"][0]["sleep_score"] is None
    assert told["latest"]["score_state"] == "SCORED"
    assert told["sleep_score"] == told["latest"]["sleep_score"] is not None


async def test_stored_data_at_once_and_whoop_only_when_told_to_wait(alice: Api) -> None:
    alice.clock.advance(3600)
    for kind in (*KINDS, "all", "profile"):
        await alice.get(path(kind))
    assert alice.requests() == 0
    told = await alice.get(path("cycles"), wait_ms=10_000)
    assert told["as_of"] == alice.clock().strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert alice.requests() == 4


async def test_a_wait_is_as_long_as_was_said(alice: Api) -> None:
    alice.clock.advance(3600)
    alice.wire.hold()
    async with asyncio.timeout(10):
        told = await alice.get(path("cycles"), wait_ms=100)
    assert told["as_of"] == "2026-11-20T12:00:00.000Z"
    alice.wire.let_go()
    await alice.history()
    assert (await alice.get(path("cycles")))["as_of"] == alice.clock().strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def test_more_than_one_cycle_on_a_date_is_more_than_one_row(serve: Serve) -> None:
    api = await serve(days=400, seed=2)
    await api.connected()
    first = (api.clock().date() - timedelta(days=400)).isoformat()
    documents = await days(api, first, api.clock().date().isoformat())
    double = next(day for day, document in documents.items() if document["other_cycles"])
    told = await api.get(path("cycles"), date=double)
    assert len(told["cycles"]) == 2
    assert told["cycle_id"] == documents[double]["cycle"]["id"]
    assert date.fromisoformat(told["date"]).isoformat() == double


async def test_how_things_stand_beside_the_data(alice: Api) -> None:
    documents = await days(alice, "2026-11-14", "2026-11-20")
    missing = [{"date": day, **each} for day in sorted(documents, reverse=True) for each in documents[day]["missing"]]
    assert missing
    told = await alice.get(path("all"))
    assert (told["today"], told["timezone_offset"], told["connection"]) == ("2026-11-20", "-05:00", "connected")
    assert told["missing"] == missing
    parts = {"recovery": "recovery", "sleep": "sleep", "cycles": "cycle", "workouts": None}
    for kind, part in parts.items():
        alone = await alice.get(path(kind))
        assert (alone["today"], alone["connection"]) == ("2026-11-20", "connected")
        assert alone["missing"] == [each for each in missing if each["part"] == part]


async def test_what_is_missing_is_of_days_that_have_begun(alice: Api) -> None:
    told = await alice.get(path("all"), **{"from": "2026-11-20", "to": "2026-11-21"})
    assert {each["date"] for each in told["missing"]} <= {"2026-11-20"}


async def test_a_404_says_how_things_stand(alice: Api) -> None:
    for user_id, connection, offset, reason in [
        ("alice", "connected", "-05:00", "no_data"),
        ("nobody", "not_connected", None, "not_connected"),
    ]:
        for kind in KINDS:
            answer = await alice.http.get(path(kind, user_id), params={"date": "2020-01-01"})
            told = problem(answer, 404, "no_data")
            assert (told["today"], told["connection"], told["timezone_offset"]) == ("2026-11-20", connection, offset)
            assert {each["reason"] for each in told["missing"]} == (set() if kind == "workouts" else {reason})
    told = problem(await alice.http.get(path("all", "nobody")), 404, "no_data")
    assert len(told["missing"]) == 3 * 7


async def test_a_range_by_its_ends(alice: Api) -> None:
    told = await alice.get(path("all"), **{"from": "2026-11-12", "to": "2026-11-15"})
    assert (told["from"], told["to"]) == ("2026-11-12", "2026-11-15")
    alone = await alice.get(path("sleep"), **{"from": "2026-11-12", "to": "2026-11-15"})
    assert told["sleep"] == alone
    assert {each["date"] for each in alone["data"]} <= {f"2026-11-{day}" for day in range(12, 16)}
    whole = await alice.get(path("all"), **{"from": "2025-10-18", "to": "2026-11-21"})
    assert len(whole["sleep"]["data"]) > 20
    ahead = await alice.get(path("all"), **{"from": "2026-11-15", "to": "2026-11-22"})
    assert ahead["to"] == "2026-11-21", "a caller's clock may be ahead of ours"
    for query, status, kind in [
        ({"from": "2025-10-17", "to": "2026-11-21"}, 422, "invalid_range"),
        ({"from": "2026-11-15", "to": "2026-11-12"}, 422, "invalid_range"),
        ({"from": "2026-11-15"}, 422, "invalid_range"),
        ({"to": "2026-11-15"}, 422, "invalid_range"),
        ({"from": "yesterday", "to": "2026-11-15"}, 422, "invalid_date"),
        ({"from": "2026-11-15", "to": "2026-11-23"}, 422, "future_date"),
        ({"from": "2026-11-15", "to": "2026-11-16", "days": "3"}, 400, "both_parameters"),
        ({"from": "2026-11-15", "to": "2026-11-16", "date": "today"}, 400, "both_parameters"),
        ({"to": "2026-11-16", "date": "today"}, 400, "both_parameters"),
    ]:
        problem(await alice.http.get(path("all"), params=query), status, kind)
