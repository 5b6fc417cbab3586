"""Syncs on request, how they are followed, where the copy stands, and an export that is uploaded."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from circadia.clients.whoop.export_headers import Kind
from circadia.domain.catalog import CATALOG, SCOPES
from circadia.storage import runs
from tests import export_files as exports
from tests.api.conftest import LONGEST_WAIT_S, Api, Json, Serve
from tests.api.table import problem

SYNC = "/api/v1/whoop/sync/alice"
NAMES = [each.name for each in CATALOG]
KINDS: dict[str, Kind] = {"cycle": "cycles", "sleep": "sleeps", "workout": "workouts", "journal": "journal"}


def events_of(text: str) -> list[Json]:
    """Server-sent events as a browser would read them."""
    found = []
    for block in text.split("\n\n"):
        event: Json = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            if name:
                event[name] = value.removeprefix(" ")
        if event:
            found.append(event)
    return found


async def test_a_sync_is_a_run_to_follow(alice: Api) -> None:
    alice.clock.advance(3600)
    answer = await alice.http.post(SYNC)
    assert answer.status_code == 202
    told = answer.json()
    UUID(told["run_id"])
    assert told["status_url"] == f"/api/v1/whoop/runs/{told['run_id']}"
    assert told["events_url"] == f"{told['status_url']}/events"
    run = await alice.run(told["status_url"])
    assert (run["state"], run["kind"], run["user_id"], run["error"]) == ("succeeded", "sync", "alice", None)
    assert sorted(run["types"]) == sorted(NAMES)
    for name in NAMES:
        assert run["outcome"]["types"][name]["requests"] >= 1
    assert datetime.fromisoformat(run["started_at"]) <= datetime.fromisoformat(run["finished_at"])


async def test_only_the_types_that_were_asked_for(alice: Api) -> None:
    alice.clock.advance(3600)
    run = await alice.sync(types=["workout", "profile"])
    assert run["types"] == ["workout", "profile"]
    paths = {seen.path for seen in alice.simulator.traffic.counts if seen.path.startswith("/developer")}
    assert paths == {"/developer/v2/activity/workout", "/developer/v2/user/profile/basic"}


async def test_an_unknown_type(alice: Api) -> None:
    found = problem(await alice.http.post(SYNC, json={"types": ["sleep", "steps"]}), 422, "unknown_type")
    assert "steps" in found["detail"]
    assert all(name in found["detail"] for name in NAMES)


async def test_who_is_not_connected_cannot_be_synced(alice: Api) -> None:
    found = problem(await alice.http.post("/api/v1/whoop/sync/nobody"), 409, "not_connected")
    assert "/internal/auth/connect" in found["remedy"]
    alice.simulator.revoke(alice.account)
    alice.clock.advance(7200)
    assert (await alice.sync())["state"] == "failed"
    problem(await alice.http.post(SYNC), 409, "needs_reconnect")


async def test_a_run_that_waits_is_widened_instead_of_doubled(serve: Serve) -> None:
    api = await serve(worker=False)
    await api.connect()
    first = (await api.http.post(SYNC, json={"types": ["sleep"]})).json()
    second = (await api.http.post(SYNC, json={"types": ["workout"]})).json()
    assert first["run_id"] == second["run_id"]
    run = await api.get(first["status_url"])
    assert (run["state"], run["types"]) == ("queued", ["sleep", "workout"])


async def test_a_sync_that_fails_says_why(alice: Api) -> None:
    alice.simulator.fault("status", path="/developer/v2/recovery", status=500, count=None)
    alice.clock.advance(3600)
    run = await alice.sync()
    assert run["state"] == "partial"
    status = await alice.get("/api/v1/whoop/sync-status/alice")
    assert status["types"]["recovery"]["state"] == "failing"
    error = status["types"]["recovery"]["error"]
    assert error["kind"] == "upstream_down"
    assert {"kind", "message", "remedy", "at"} <= set(error)
    assert status["types"]["sleep"]["state"] == "ok"
    assert status["types"]["sleep"]["error"] is None


async def test_events_tell_of_the_run_until_its_end(alice: Api) -> None:
    alice.clock.advance(3600)
    alice.wire.hold()
    told = (await alice.http.post(SYNC)).json()
    following = asyncio.create_task(alice.http.get(told["events_url"]))
    async with asyncio.timeout(LONGEST_WAIT_S):
        while (await alice.get(told["status_url"]))["state"] != "running":
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.4)
    alice.wire.let_go()
    answer = await following
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert [each["event"] for each in events] == ["run"] * (len(events) - 1) + ["end"]
    assert len({each["id"] for each in events}) == len(events)
    bodies = [orjson.loads(each["data"]) for each in events]
    assert "running" in [each["state"] for each in bodies]
    assert bodies[-1] == await alice.get(told["status_url"])


async def test_events_of_a_run_that_is_over_end_at_once(alice: Api) -> None:
    run = await alice.sync()
    events = events_of((await alice.http.get(f"/api/v1/whoop/runs/{run['run_id']}/events")).text)
    assert [each["event"] for each in events] == ["end"]
    assert orjson.loads(events[0]["data"]) == run


async def test_who_comes_back_is_told_what_changed_since(serve: Serve) -> None:
    """To whichever process: an event's id is the state of the run."""
    first = await serve(worker=False)
    await first.connect()
    told = (await first.http.post(SYNC)).json()
    queued, end = await events_while_it_fails(first, told)
    await first.db.execute("UPDATE runs SET state = 'queued', finished_at = NULL WHERE id = %s", (told["run_id"],))
    second = await serve(worker=False, simulator=first.simulator)
    assert await events_while_it_fails(second, told, queued["id"]) == [end]
    done = await second.http.get(told["events_url"], headers={"Last-Event-ID": end["id"]})
    assert (done.status_code, done.content) == (204, b"")
    again = await second.http.get(told["events_url"], headers={"Last-Event-ID": queued["id"]})
    assert events_of(again.text) == [end]


async def events_while_it_fails(api: Api, told: Json, last_event_id: str | None = None) -> list[Json]:
    """What is told of a queued run while somebody else writes down its failure."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    following = asyncio.create_task(api.http.get(told["events_url"], headers=headers))
    await asyncio.sleep(0.4)
    await api.db.execute(
        "UPDATE runs SET state = 'failed', finished_at = %s WHERE id = %s", (api.clock(), told["run_id"])
    )
    async with asyncio.timeout(LONGEST_WAIT_S):
        return events_of((await following).text)


async def test_a_run_is_kept_for_thirty_days(alice: Api) -> None:
    run = await alice.sync()
    url = f"/api/v1/whoop/runs/{run['run_id']}"
    ended_at = datetime.fromisoformat(run["finished_at"])
    await runs.forget_before(alice.db, ended_at)
    assert (await alice.get(url))["state"] == "succeeded"
    await runs.forget_before(alice.db, ended_at + timedelta(seconds=1))
    problem(await alice.http.get(url), 404, "unknown_run")
    problem(await alice.http.get(f"{url}/events"), 404, "unknown_run")


async def test_events_of_a_run_that_another_process_carries_out(serve: Serve) -> None:
    """The one that tells has no worker; the one that works is another application on the same database."""
    teller = await serve(worker=False)
    await teller.connect()
    told = (await teller.http.post(SYNC)).json()
    following = asyncio.create_task(teller.http.get(told["events_url"]))
    await asyncio.sleep(0.1)
    await serve(simulator=teller.simulator)
    async with asyncio.timeout(LONGEST_WAIT_S):
        events = events_of((await following).text)
    assert [orjson.loads(each["data"])["state"] for each in (events[0], events[-1])] == ["queued", "succeeded"]


async def test_events_end_when_the_member_is_erased(serve: Serve) -> None:
    api = await serve(worker=False)
    await api.connect()
    told = (await api.http.post(SYNC)).json()
    following = asyncio.create_task(api.http.get(told["events_url"]))
    await asyncio.sleep(0.1)
    await api.http.delete("/internal/auth/connection/alice?data=erase")
    async with asyncio.timeout(LONGEST_WAIT_S):
        answer = await following
    assert [each["event"] for each in events_of(answer.text)] == ["run"]
    problem(await api.http.get(told["status_url"]), 404, "unknown_run")


async def test_where_the_copy_stands(serve: Serve) -> None:
    alice = await serve(SYNC_PLAN="adaptive")
    await alice.connected()
    await alice.sync()
    status = await alice.get("/api/v1/whoop/sync-status/alice")
    truth = alice.simulator.truth(alice.account)
    assert status["user_id"] == "alice"
    assert status["connection"] == {"state": "connected", "reason": None, "scopes": sorted(SCOPES)}
    assert datetime.fromisoformat(status["as_of"]) == alice.clock()
    assert set(status["types"]) == set(NAMES)
    for name, told in status["types"].items():
        assert told["state"] == "ok"
        for moment in ("last_sync_at", "last_success_at"):
            assert datetime.fromisoformat(told[moment]) == alice.clock(), (name, moment)
        assert datetime.fromisoformat(told["due_at"]) > alice.clock()
        assert set(told["last_outcome"]) >= {"fetched", "written", "unchanged", "deleted", "rejected"}
        assert told["error"] is None
        assert (told["rejects"], told["held_deletions"]) == (0, 0)
        if name in truth and isinstance(truth[name], list):
            assert told["total_records"] == len(truth[name])
            assert told["pending"] == sum(each["score_state"] == "PENDING_SCORE" for each in truth[name])
            assert datetime.fromisoformat(told["cursor"]) == alice.clock()
            assert told["history"]["complete"] is True
    assert status["backfill"]["state"] == "succeeded"
    assert status["backfill"]["progress_pct"] == 100.0
    assert status["backfill"]["eta_at"] is None


async def test_of_somebody_unknown_nothing_stands(api: Api) -> None:
    status = await api.get("/api/v1/whoop/sync-status/nobody")
    assert status["connection"]["state"] == "not_connected"
    assert (status["types"], status["backfill"], status["as_of"]) == ({}, None, None)


async def test_the_status_of_a_lost_grant_and_of_a_missing_scope(serve: Serve) -> None:
    api = await serve(members=2)
    kept = [each for each in SCOPES if each != "read:workout"]
    await api.connected(sim_scope="&sim_scope=".join(kept))
    told = (await api.get("/api/v1/whoop/sync-status/alice"))["types"]["workout"]
    assert told["state"] == "scope_missing"
    assert told["error"]["kind"] == "scope_missing"
    assert told["error"]["remedy"]
    api.simulator.revoke(api.account)
    api.clock.advance(7200)
    await api.sync()
    status = await api.get("/api/v1/whoop/sync-status/alice")
    assert status["connection"]["state"] == "needs_reconnect"
    assert status["connection"]["reason"]
    assert status["types"]["sleep"]["state"] == "parked"


async def test_a_backfill_under_way_tells_its_progress_and_its_end(serve: Serve) -> None:
    api = await serve(days=120)
    sleeps = count(1)
    api.wire.hold(lambda request: request.url.path.endswith("/sleep") and next(sleeps) > 3)
    await api.connect()
    async with asyncio.timeout(LONGEST_WAIT_S):
        while True:
            told = (await api.get("/api/v1/whoop/sync-status/alice"))["backfill"]
            if told["progress_pct"] is not None and told["types"]["cycle"]["fetched"] >= 100:
                break
            await asyncio.sleep(0.05)
            api.clock.advance(1)
    assert told["state"] == "running"
    assert 0 < told["progress_pct"] < 100
    assert datetime.fromisoformat(told["eta_at"]) >= api.clock()
    assert set(told["types"]) == {"cycle", "sleep", "recovery", "workout"}
    assert told["pages_left"] > 0


async def upload(api: Api, content: Any, user_id: str = "carol") -> Json:
    """An upload's run, at its end."""
    answer = await api.http.post(f"/api/v1/whoop/import/{user_id}", content=content)
    assert answer.status_code == 202, answer.text
    return await api.run(answer.json()["status_url"])


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads wait."""
    directory = tmp_path / "uploads"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


async def test_an_export_is_uploaded_and_read_back(api: Api, uploads: Path, tmp_path: Path) -> None:
    body = exports.zipped(tmp_path / "export.zip", exports.whole("my_whoop_data/")).read_bytes()
    run = await upload(api, body)
    assert (run["state"], run["kind"], run["user_id"]) == ("succeeded", "import", "carol")
    for name, kind in KINDS.items():
        counts = run["outcome"]["types"][name]
        assert counts["read"] == counts["written"] == len(exports.rows_of(kind)) - 1, name
    found = await api.get("/api/v1/whoop/records/carol/cycle", limit=100)
    assert {each["source"] for each in found["records"]} == {"export"}
    document = await api.day("carol")
    assert document["connection"] == "not_connected"
    assert document["recovery"]["score"] is not None
    again = await upload(api, body)
    assert {each["written"] for each in again["outcome"]["types"].values()} == {0}
    assert list(uploads.iterdir()) == []


async def test_an_upload_is_streamed_to_where_nobody_else_reads(api: Api, uploads: Path, tmp_path: Path) -> None:
    body = exports.zipped(tmp_path / "export.zip", exports.whole()).read_bytes()
    modes: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]
            modes.extend(each.stat().st_mode & 0o777 for each in uploads.iterdir())

    assert (await upload(api, chunks()))["state"] == "succeeded"
    assert set(modes) == {0o600}


async def test_a_single_file_of_an_export(api: Api, uploads: Path) -> None:
    run = await upload(api, exports.sample("sleeps").encode())
    assert run["state"] == "succeeded"
    assert run["outcome"]["types"]["sleep"]["written"] > 0


async def test_a_file_that_is_no_export(api: Api, uploads: Path) -> None:
    for body in [b"hello", b"PK\x03\x04 broken", b"\x00" * 100, b"a,b\n1,2\n"]:
        run = await upload(api, body)
        assert run["state"] == "failed"
        assert run["error"]["kind"]
        assert run["error"]["message"]
        assert list(uploads.iterdir()) == []


async def test_a_broken_row_is_named_and_the_rest_is_there(api: Api, uploads: Path) -> None:
    text = exports.sample("workouts").splitlines()
    text[2] = text[2].replace(text[2].split(",")[0], "not a time", 1)
    run = await upload(api, "\n".join(text).encode())
    assert run["state"] == "partial"
    assert run["outcome"]["problem_count"] == 1
    assert run["outcome"]["problems"][0]["line"] == 3
    assert run["outcome"]["types"]["workout"]["written"] == len(text) - 2


async def test_nothing_and_too_much_are_refused_before_anything_is_kept(api: Api, uploads: Path) -> None:
    path = "/api/v1/whoop/import/carol"
    problem(await api.http.post(path, content=b""), 422, "empty_body")
    headers = {"Content-Length": str(512 * 1024 * 1024 + 1)}
    problem(await api.http.post(path, content=b"x", headers=headers), 413, "body_too_large")
    assert await api.db.row("SELECT count(*) FROM members") == (0,)
    assert list(uploads.iterdir()) == []


async def test_an_upload_that_cannot_be_queued_is_not_kept(api: Api, uploads: Path) -> None:
    await api.db.execute("ALTER TABLE runs RENAME TO runs_away")
    problem(await api.http.post("/api/v1/whoop/import/carol", content=b"x"), 500, "internal")
    assert list(uploads.iterdir()) == []


async def test_a_user_s_files_are_taken_one_after_the_other(api: Api, uploads: Path) -> None:
    path = "/api/v1/whoop/import/carol"

    async def slowly() -> AsyncIterator[bytes]:
        yield b"no "
        problem(await api.http.post(path, content=b"x"), 409, "import_running")
        assert (await api.http.post("/api/v1/whoop/import/dora", content=b"x")).status_code == 202
        yield b"export"

    assert (await upload(api, slowly()))["state"] == "failed"
    problem(await api.http.post(path, content=b""), 422, "empty_body")
    assert (await upload(api, b"again"))["state"] == "failed"


async def test_a_reconciliation_is_a_run_to_follow(alice: Api) -> None:
    old = alice.simulator.truth(alice.account)["workout"][-1]
    alice.clock.advance(3600)
    alice.simulator.mutate(alice.account, "delete_workout", old["id"])
    answer = await alice.http.post("/api/v1/whoop/reconcile/alice", json={"full": True})
    assert answer.status_code == 202
    run = await alice.run(answer.json()["status_url"])
    assert (run["state"], run["kind"]) == ("succeeded", "reconcile")
    assert run["outcome"]["types"]["workout"]["deleted"] == 1
    problem(await alice.http.post("/api/v1/whoop/reconcile/nobody"), 409, "not_connected")
    problem(await alice.http.post("/api/v1/whoop/reconcile/alice", json={"all": True}), 422, "invalid_request")


async def test_held_deletions_go_with_the_owner_s_word(alice: Api) -> None:
    alice.clock.advance(3600)
    for each in alice.simulator.truth(alice.account)["workout"]:
        alice.simulator.mutate(alice.account, "delete_workout", each["id"])
    answer = await alice.http.post("/api/v1/whoop/reconcile/alice")
    run = await alice.run(answer.json()["status_url"])
    assert run["state"] == "partial"
    assert set(run["outcome"]["errors"]) == {"workout"}
    assert run["outcome"]["errors"]["workout"]["kind"] == "deletions_held"
    status = (await alice.http.get("/api/v1/whoop/sync-status/alice")).json()
    assert status["types"]["workout"]["held_deletions"] == status["types"]["workout"]["total_records"] > 0
    answer = await alice.http.post("/api/v1/whoop/reconcile/alice", json={"allow_deletes": True})
    assert (await alice.run(answer.json()["status_url"]))["state"] == "succeeded"
    status = (await alice.http.get("/api/v1/whoop/sync-status/alice")).json()
    assert status["types"]["workout"]["held_deletions"] == status["types"]["workout"]["total_records"] == 0
