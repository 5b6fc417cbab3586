"""Day documents over HTTP, against what the simulated WHOOP holds and against SQL."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from circadia.domain.catalog import SCOPES
from tests.api.conftest import Api, Json, Serve
from tests.api.table import problem
from tests.day_oracle import days_of

DAY = "/api/v1/whoop/daily-data/alice"
DAYS = "/api/v1/whoop/days/alice"


async def every_day(api: Api, first: date, last: date) -> list[Json]:
    found = await api.get(DAYS, **{"from": first.isoformat(), "to": last.isoformat()})
    assert (found["user_id"], found["from"], found["to"]) == ("alice", first.isoformat(), last.isoformat())
    days: list[Json] = found["days"]
    return days


def why(document: Json) -> dict[str, str]:
    assert all(each["remedy"] for each in document["missing"])
    return {each["part"]: each["reason"] for each in document["missing"]}


async def test_the_keys_the_existing_app_reads(alice: Api) -> None:
    truth = alice.simulator.truth(alice.account)
    cycle = next(each for each in truth["cycle"][3:] if each["score_state"] == "SCORED")
    sleep = next(each for each in truth["sleep"] if each["cycle_id"] == cycle["id"] and not each["nap"])
    recovery = next(each for each in truth["recovery"] if each["cycle_id"] == cycle["id"])
    found = await alice.db.row("SELECT day FROM cycles WHERE id = %s", (cycle["id"],))
    assert found is not None
    document = await alice.day("alice", found[0].isoformat())
    stages = sleep["score"]["stage_summary"]
    asleep = sum(stages[f"total_{each}_sleep_time_milli"] for each in ("light", "slow_wave", "rem"))
    minutes = round(asleep / 60_000)
    assert document["recovery"]["score"] == recovery["score"]["recovery_score"]
    assert document["recovery"]["hrv"] == recovery["score"]["hrv_rmssd_milli"]
    assert document["recovery"]["rhr"] == recovery["score"]["resting_heart_rate"]
    assert document["sleep"]["duration"] == f"{minutes // 60}h {minutes % 60}m"
    assert document["sleep"]["performance"] == sleep["score"]["sleep_performance_percentage"]
    assert document["cycle"]["strain"] == cycle["score"]["strain"]
    assert document["cycle"]["calories"] == round(cycle["score"]["kilojoule"] / 4.184)
    assert document["missing"] == []
    assert document["user_id"] == "alice"
    assert document["as_of"] == "2026-11-20T12:00:00.000Z"


@pytest.mark.parametrize("seed", [1, 4])
async def test_every_date_equals_the_oracle_and_the_sql(serve: Serve, seed: int, database_url: str) -> None:
    """A world with DST changes, travel, naps, missed nights and two cycles on a date; SQL in another time zone."""
    api = await serve(days=250, seed=seed)
    await api.connected()
    expected = days_of(api.simulator.truth(api.account), frozenset(SCOPES))
    first, last = min(expected) - timedelta(days=2), api.clock().date()
    served = {date.fromisoformat(each["date"]): each for each in await every_day(api, first, last)}
    assert list(served) == [first + timedelta(days=each) for each in range((last - first).days + 1)]
    for day, document in served.items():
        if day in expected:
            assert {name: document[name] for name in expected[day]} == expected[day]
        else:
            assert document["state"] == "empty"
            assert set(why(document).values()) == {"no_data"}
    offsets = {each["timezone_offset"] for each in served.values()} - {None}
    assert len(offsets) > 1, "nobody travelled, so this shows less than it says"
    async with await psycopg.AsyncConnection.connect(
        database_url, options="-c timezone=Asia/Kathmandu -c datestyle=German"
    ) as other:
        for day in (first, *sorted(expected)[:: len(expected) // 10]):
            cursor = await other.execute("SELECT reporting.daily_summary('alice', %s)", (day,))
            assert await cursor.fetchone() == (await api.day("alice", day.isoformat()),)


async def test_two_cycles_on_a_date_and_naps_and_other_sleeps_are_all_shown(serve: Serve) -> None:
    api = await serve(days=400, seed=2)
    await api.connected()
    truth = api.simulator.truth(api.account)
    documents = await every_day(api, api.clock().date() - timedelta(days=402), api.clock().date())
    doubles = [each for each in documents if each["other_cycles"]]
    assert doubles, "no date has two cycles, so this shows nothing"
    shown_cycles = [each["cycle"]["id"] for each in documents if each["cycle"]]
    shown_cycles += [other["cycle"]["id"] for each in doubles for other in each["other_cycles"]]
    assert sorted(shown_cycles) == sorted(each["id"] for each in truth["cycle"])
    sleeps = [each["sleep"] for each in documents if each["sleep"]]
    sleeps += [other["sleep"] for each in doubles for other in each["other_cycles"] if other["sleep"]]
    sleeps += [sleep for each in documents for sleep in (*each["naps"], *each["other_sleeps"])]
    assert sorted(each["id"] for each in sleeps) == sorted(each["id"] for each in truth["sleep"])
    assert any(each["naps"] for each in documents)
    workouts = [each["id"] for document in documents for each in document["workouts"]]
    assert sorted(workouts) == sorted(each["id"] for each in truth["workout"])


async def test_without_a_date_it_is_the_day_of_the_newest_cycle(alice: Api) -> None:
    newest = alice.simulator.truth(alice.account)["cycle"][0]
    document = await alice.day("alice")
    assert document["cycle"]["id"] == newest["id"]
    assert document["state"] == "open"
    assert document["cycle"]["open"] is True
    assert document["cycle"]["end_at"] is None


async def test_nobody_is_known(api: Api) -> None:
    document = await api.day("nobody")
    assert document["date"] == "2026-11-20"
    assert document["connection"] == "not_connected"
    assert document["as_of"] is None
    assert [document[each] for each in ("recovery", "sleep", "cycle")] == [None, None, None]
    assert [document[each] for each in ("naps", "workouts", "other_sleeps", "other_cycles", "journal")] == [[]] * 5
    assert why(document) == dict.fromkeys(("recovery", "sleep", "cycle"), "not_connected")


async def test_an_old_date_without_anything(alice: Api) -> None:
    document = await alice.day("alice", "2020-02-29")
    assert document["state"] == "empty"
    assert set(why(document).values()) == {"no_data"}
    assert alice.requests() == 0


async def test_a_lost_grant_keeps_the_data_and_says_what_to_do(alice: Api) -> None:
    before = await alice.day("alice", "2026-11-18")
    alice.simulator.revoke(alice.account)
    alice.clock.advance(3600)
    assert (await alice.sync())["state"] == "failed"
    document = await alice.day("alice", "2026-11-18")
    assert document == before | {"connection": "needs_reconnect"}
    assert set(why(await alice.day("alice", "2026-11-21")).values()) == {"needs_reconnect"}


async def test_a_user_who_disconnected(alice: Api) -> None:
    before = await alice.day("alice", "2026-11-18")
    assert (await alice.http.delete("/internal/auth/connection/alice")).status_code == 200
    assert await alice.day("alice", "2026-11-18") == before | {"connection": "not_connected"}
    assert set(why(await alice.day("alice", "2020-01-01")).values()) == {"not_connected"}


async def test_a_scope_that_was_not_given(serve: Serve) -> None:
    api = await serve()
    kept = [each for each in SCOPES if each != "read:sleep"]
    await api.connected(sim_scope="&sim_scope=".join(kept))
    document = await api.day("alice", "2026-11-18")
    assert document["sleep"] is None
    assert why(document)["sleep"] == "scope_missing"
    assert why(await api.day("alice", "2020-01-01"))["sleep"] == "scope_missing"


async def test_scores_that_are_pending_or_will_never_come(serve: Serve) -> None:
    api = await serve(days=200, seed=1)
    await api.connected()
    states = {"PENDING_SCORE": "pending_score", "UNSCORABLE": "unscorable"}
    documents = await every_day(api, api.clock().date() - timedelta(days=200), api.clock().date())
    seen = set()
    for document in documents:
        for part in ("recovery", "sleep", "cycle"):
            reason = why(document).get(part)
            if document[part] is None:
                assert reason == ("no_data" if document["state"] == "empty" else "not_recorded")
            else:
                assert reason == states.get(document[part]["state"])
            seen.add(reason)
    assert {"unscorable", "not_recorded", None} <= seen


async def test_a_score_that_is_still_pending(serve: Serve) -> None:
    api = await serve(days=200, seed=7)
    await api.connected()

    def newest() -> Json:
        found: Json = api.simulator.truth(api.account)["sleep"][0]
        return found

    for _step in range(48):
        api.clock.advance(600)
        if newest()["score_state"] == "PENDING_SCORE":
            break
    assert newest()["score_state"] == "PENDING_SCORE", "nothing is ever pending, so this shows nothing"
    await api.sync()
    document = await api.day("alice")
    assert document["sleep"]["id"] == newest()["id"]
    assert document["sleep"]["duration"] is None
    assert document["sleep"]["performance"] is None
    assert why(document)["sleep"] == "pending_score"


async def test_the_same_day_is_the_same_bytes(alice: Api) -> None:
    """However often it was read before: the database changes its plan after some executions."""
    for day in ("2020-01-01", "2026-11-18"):
        seen = {(await alice.http.get(DAY, params={"date": day})).content for _ in range(12)}
        assert len(seen) == 1, day


async def test_the_history_arriving(serve: Serve) -> None:
    api = await serve(days=200, worker=False)
    assert (await api.connect()).status_code == 200
    grants = await api.db.row("SELECT member_id FROM connections")
    assert grants is not None
    assert set(why(await api.day("alice", "2026-08-01")).values()) == {"history_arriving"}


async def test_a_bad_date(api: Api) -> None:
    for text in [
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        "20261120",
        "2026-W47-1",
        "2026-11-2",
        "",
        "1969-12-31",
        "2026-11-20T00:00",
        "٢٠٢٦-11-20",
        "9999-99-99",
        "2200-01-01",
    ]:
        problem(await api.http.get(DAY, params={"date": text}), 422, "invalid_date")


async def test_a_future_date_is_one_that_has_begun_nowhere(api: Api) -> None:
    assert (await api.http.get(DAY, params={"date": "2026-11-21"})).status_code == 200
    problem(await api.http.get(DAY, params={"date": "2026-11-22"}), 422, "future_date")
    api.clock.advance(12 * 3600 - 1)
    problem(await api.http.get(DAY, params={"date": "2026-11-22"}), 422, "future_date")
    api.clock.advance(11 * 3600)
    assert (await api.http.get(DAY, params={"date": "2026-11-22"})).status_code == 200


async def test_an_etag_saves_the_body_until_something_changes(alice: Api) -> None:
    first = await alice.http.get(DAY, params={"date": "2026-11-18"})
    tag = first.headers["etag"]
    for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await alice.http.get(DAY, params={"date": "2026-11-18"}, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b""), given
        assert again.headers["etag"] == tag
    other = await alice.http.get(DAY, params={"date": "2026-11-18"}, headers={"If-None-Match": '"other"'})
    assert other.content == first.content
    await alice.db.execute("UPDATE recoveries SET recovery_score = 1 WHERE day = '2026-11-18'")
    await alice.db.execute(
        "INSERT INTO day_changes (member_id, from_at, to_at) SELECT id, '-infinity', 'infinity' FROM members"
    )
    changed = await alice.http.get(DAY, params={"date": "2026-11-18"}, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert changed.json()["recovery"]["score"] == 1


async def test_a_bad_range(api: Api) -> None:
    for first, last, kind in [
        ("2026-11-02", "2026-11-01", "invalid_range"),
        ("1990-01-01", "2026-11-01", "invalid_range"),
        ("2026-11-02", "2027-11-01", "future_date"),
        ("2026-11-02", "tomorrow", "invalid_date"),
        ("", "2026-11-01", "invalid_date"),
    ]:
        found = problem(await api.http.get(DAYS, params={"from": first, "to": last}), 422, kind)
        assert found["detail"]


async def test_a_range_of_one_date_is_that_day(alice: Api) -> None:
    assert await every_day(alice, date(2026, 11, 18), date(2026, 11, 18)) == [await alice.day("alice", "2026-11-18")]


async def test_a_range_of_an_unknown_user_has_every_date(api: Api) -> None:
    days = await every_day(api, date(2024, 2, 28), date(2024, 3, 1))
    assert [each["date"] for each in days] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert all(each["state"] == "empty" for each in days)


async def test_ten_years_stream(serve: Serve) -> None:
    """What is held at any moment does not grow with the range; the stored days are multiplied to fill ten years."""
    api = await serve(days=30)
    await api.connected()
    await api.db.execute(
        "INSERT INTO days (member_id, day, document) SELECT d.member_id, g::date, d.document FROM days d "
        "CROSS JOIN generate_series('2015-01-01'::date, '2025-12-31'::date, '1 day') g WHERE d.day = '2026-11-18'"
    )

    async def peak(years: int) -> tuple[int, int]:
        received: list[int] = []
        scope: Json = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": DAYS,
            "raw_path": DAYS.encode(),
            "query_string": f"from=2015-01-01&to={2014 + years}-12-31".encode(),
            "headers": [(b"x-api-key", b"bootstrap-key-of-these-tests")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "scheme": "http",
            "root_path": "",
        }

        async def send(message: Any) -> None:
            received.append(len(message.get("body", b"")))

        async def receive() -> Json:
            await asyncio.Event().wait()
            raise AssertionError

        tracemalloc.start()
        await api.app(scope, receive, send)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held, sum(received)

    await peak(1)
    (short, small), (long, large) = await peak(1), await peak(10)
    assert large > 9 * small
    assert long < 1.5 * short
