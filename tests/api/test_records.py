"""Records page by page and counted, against the world's truth and plain arithmetic."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from circadia.domain.catalog import BY_NAME
from tests.api.conftest import Api, Json, Serve
from tests.api.table import problem

TYPES = ("cycle", "recovery", "sleep", "workout")
RECORDS = "/api/v1/whoop/records/alice"


async def walk(api: Api, type_: str, **query: Any) -> list[Json]:
    """All pages from the newest record on."""
    found: list[Json] = []
    cursor = None
    while True:
        page = await api.get(f"{RECORDS}/{type_}", **query, **({"cursor": cursor} if cursor else {}))
        assert len(page["records"]) <= int(query.get("limit", 25))
        found += page["records"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def at(type_: str, record: Json) -> datetime:
    return datetime.fromisoformat(record["start" if BY_NAME[type_].timed else "created_at"])


def leaves(payload: Json) -> dict[str, Any]:
    found: Json = {}
    for name, value in payload.items():
        found |= leaves(value) if isinstance(value, dict) else {name: value}
    return found


async def test_all_of_them_once_newest_first(alice: Api) -> None:
    for type_ in TYPES:
        truth = {str(each[BY_NAME[type_].key]): each for each in alice.simulator.truth(alice.account)[type_]}
        for limit in (1, 7, 25, 100):
            found = await walk(alice, type_, limit=limit)
            assert [str(each[BY_NAME[type_].key]) for each in found] == [
                key for key, _ in sorted(truth.items(), key=lambda pair: (at(type_, pair[1]), pair[0]), reverse=True)
            ]
        for record in found:
            there = leaves(truth[str(record[BY_NAME[type_].key])])
            assert record["source"] == "api"
            assert record["day"] is None or len(record["day"]) == 10
            for name in BY_NAME[type_].columns:
                if isinstance(record[name], str) and record[name].endswith("+00:00"):
                    assert datetime.fromisoformat(record[name]) == datetime.fromisoformat(there[name]), name
                else:
                    assert record[name] == there.get(name), name


async def test_a_page_has_25_unless_asked(serve: Serve) -> None:
    api = await serve(days=60)
    await api.connected()
    page = await api.get(f"{RECORDS}/cycle")
    assert len(page["records"]) == 25
    assert page["next_cursor"]


async def test_raw_is_whoop_s_json_as_it_came(alice: Api) -> None:
    truth = {each["id"]: each for each in alice.simulator.truth(alice.account)["workout"]}
    plain, raw = await walk(alice, "workout"), await walk(alice, "workout", raw="true")
    assert {each["id"]: each["raw"] for each in raw} == truth
    assert [{name: value for name, value in each.items() if name != "raw"} for each in raw] == plain


async def test_start_is_included_and_end_is_not(alice: Api) -> None:
    for type_ in TYPES:
        everything = await walk(alice, type_)
        newest, oldest = everything[3], everything[-4]
        found = await walk(
            alice, type_, start=at(type_, oldest).isoformat(), end=at(type_, newest).isoformat(), limit=5
        )
        assert found == everything[4:-3]
        assert await walk(alice, type_, start="2026-11-21T00:00:00Z") == []


async def test_a_walk_survives_what_arrives_meanwhile(alice: Api) -> None:
    """Newer records come in and a record goes between two pages: nothing is told twice, nothing skipped."""
    before = await walk(alice, "cycle")
    first = await alice.get(f"{RECORDS}/cycle", limit=10)
    alice.clock.advance(30 * 3600)
    await alice.sync()
    await alice.db.execute(
        "UPDATE cycles SET deleted_at = now() WHERE id = ANY (%s)", ([before[9]["id"], before[12]["id"]],)
    )
    rest = await walk(alice, "cycle", cursor=first["next_cursor"])
    assert [each["id"] for each in rest] == [each["id"] for each in before[10:] if each["id"] != before[12]["id"]]
    newest = alice.simulator.truth(alice.account)["cycle"][0]["id"]
    assert newest != before[0]["id"], "nothing came in, so this shows less than it says"
    assert (await alice.get(f"{RECORDS}/cycle"))["records"][0]["id"] == newest


async def test_deleted_records_are_not_shown(alice: Api) -> None:
    alice.clock.advance(60)
    alice.simulator.mutate(alice.account, "delete_workout")
    await alice.sync()
    found = {each["id"] for each in await walk(alice, "workout")}
    assert found == {each["id"] for each in alice.simulator.truth(alice.account)["workout"]}
    counted = (await alice.get("/api/v1/whoop/statistics/alice"))["types"]["workout"]["count"]
    assert counted == len(found)


async def test_a_cursor_from_elsewhere(alice: Api) -> None:
    for cursor in [
        "x",
        "%%%",
        "bm90IGpzb24",
        "W10",
        "WzEsMl0",
        "WyIyMDI2LTExLTIwIiwgIjEiXQ",
        "e30",
        "AAAA",
        "\u00e9",
        "WyJ4IiwieSJd",
    ]:
        problem(await alice.http.get(f"{RECORDS}/sleep", params={"cursor": cursor}), 422, "invalid_cursor")


async def test_a_cursor_of_another_type_is_harmless(alice: Api) -> None:
    cursor = (await alice.get(f"{RECORDS}/sleep", limit=1))["next_cursor"]
    assert await alice.get(f"{RECORDS}/cycle", cursor=cursor)


async def test_a_bad_question(alice: Api) -> None:
    for query in [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"start": "2026-11-20T00:00:00"},
        {"end": "yesterday"},
        {"raw": "maybe"},
    ]:
        found = problem(await alice.http.get(f"{RECORDS}/sleep", params=query), 422, "invalid_request")
        assert next(iter(query)) in found["detail"]


async def test_the_ends_of_time(alice: Api) -> None:
    for instant in ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e3", "-99999999999"]:
        answer = await alice.http.get(f"{RECORDS}/sleep", params={"start": instant, "end": instant})
        assert answer.status_code in (200, 422), answer.text


async def test_members_see_their_own(serve: Serve) -> None:
    api = await serve(members=2)
    await api.connected()
    await api.connected("bob", api.simulator.state.world.user_ids[1])
    for user, account in (("alice", api.account), ("bob", api.simulator.state.world.user_ids[1])):
        found = await api.get(f"/api/v1/whoop/records/{user}/cycle", limit=100)
        assert {each["id"] for each in found["records"]} == {
            each["id"] for each in api.simulator.truth(account)["cycle"]
        }


async def test_statistics_against_arithmetic(serve: Serve) -> None:
    api = await serve(days=200)
    await api.connected()
    told = await api.get("/api/v1/whoop/statistics/alice")
    truth = api.simulator.truth(api.account)
    assert told["user_id"] == "alice"
    assert set(told["types"]) == set(TYPES)
    for type_ in TYPES:
        here, records = told["types"][type_], truth[type_]
        assert here["count"] == len(records)
        times = sorted(at(type_, each) for each in records)
        assert [datetime.fromisoformat(here[each]) for each in ("first", "last")] == [times[0], times[-1]]
        assert here["states"] == Counter(each["score_state"] for each in records)
        assert here["fields"], type_
        for name, spread in here["fields"].items():
            values = np.array([v for each in records if (v := leaves(each).get(name)) is not None], dtype=float)
            assert spread["n"] == len(values), name
            if len(values):
                assert (spread["min"], spread["max"]) == (values.min(), values.max()), name
                assert spread["mean"] == pytest.approx(values.mean(), rel=1e-9), name
            else:
                assert (spread["min"], spread["mean"], spread["max"]) == (None, None, None)
    assert told["types"]["recovery"]["fields"]["hrv_rmssd_milli"]["n"] > 150
