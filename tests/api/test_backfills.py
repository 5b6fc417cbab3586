"""A member's history, steered over the API."""

from __future__ import annotations

from circadia.storage import runs
from tests.api.conftest import Api
from tests.api.table import problem

BACKFILL = "/api/v1/whoop/backfill/alice"


async def test_hold_back_and_let_go_on(alice: Api) -> None:
    answer = await alice.http.post(BACKFILL, json={"action": "pause"})
    assert (answer.status_code, answer.json()["paused"]) == (202, True)
    status = (await alice.http.get("/api/v1/whoop/sync-status/alice")).json()
    problem(await alice.http.post(BACKFILL), 409, "paused")
    answer = await alice.http.post(BACKFILL, json={"action": "resume"})
    told = answer.json()
    assert (answer.status_code, told["paused"]) == (202, False)
    run = await alice.run(told["status_url"])
    assert (run["state"], run["kind"], run["paused"]) == ("succeeded", "backfill", False)
    assert status["backfill"] is not None


async def test_nothing_to_hold_back(alice: Api) -> None:
    """It only says that nothing is under way; the next history waits."""
    started = (await alice.http.post(BACKFILL, json={"action": "start"})).json()
    assert (await alice.run(started["status_url"]))["state"] == "succeeded"
    told = (await alice.http.post(BACKFILL, json={"action": "pause"})).json()
    assert told == {"paused": True, "run_id": None, "status_url": None, "events_url": None}


async def test_what_is_not_known_is_refused(alice: Api) -> None:
    problem(await alice.http.post(BACKFILL, json={"action": "stop"}), 422, "invalid_request")
    problem(await alice.http.post("/api/v1/whoop/backfill/nobody"), 409, "not_connected")
    assert await runs.newest(alice.runtime.db, 999, "backfill") is None
