"""Coverage, doctor and the installation's status over HTTP."""

from __future__ import annotations

from datetime import date

from circadia.domain.catalog import COLLECTIONS
from tests.api.conftest import Api, Serve
from tests.api.table import problem

COVERAGE, DOCTOR, STATUS = (f"/api/v1/whoop/{each}" for each in ("coverage/alice", "doctor/alice", "status"))


async def test_the_proof_of_a_history(alice: Api) -> None:
    told = await alice.get(COVERAGE)
    truth = alice.simulator.truth(alice.account)
    assert (told["user_id"], told["complete"], told["reasons"]) == ("alice", True, [])
    assert {name: each["got"] for name, each in told["types"].items()} == {
        each.name: len(truth[each.name]) for each in COLLECTIONS
    }
    (run_id,) = await alice.db.rows("SELECT id FROM runs WHERE kind = 'backfill'")
    outcome = (await alice.get(f"/api/v1/whoop/runs/{run_id[0]}"))["outcome"]["coverage"]
    assert outcome["complete"] is True
    assert {name: each["months"] for name, each in outcome["types"].items()} == {
        name: each["months"] for name, each in told["types"].items()
    }
    assert (await alice.get("/api/v1/whoop/sync-status/alice"))["backfill"]["coverage_complete"] is True


async def test_of_nobody_there_is_no_proof_and_a_reason(api: Api) -> None:
    told = await api.get(COVERAGE)
    assert (told["complete"], told["types"]) == (False, {})
    assert told["reasons"][0]["remedy"]


async def test_the_doctor_finds_nothing_and_then_a_lost_grant(alice: Api) -> None:
    told = await alice.get(DOCTOR, days=14)
    assert told["fine"], told["findings"]
    assert told["evidence"]["days"]["days"] == 14
    assert date.fromisoformat(told["evidence"]["days"]["to"]) >= alice.clock().date()
    alice.simulator.revoke(alice.account)
    alice.clock.advance(7200)
    await alice.sync()
    told = await alice.get(DOCTOR)
    assert not told["fine"]
    (worst, *_) = told["findings"]
    assert (worst["kind"], worst["severity"]) == ("needs_reconnect", "error")
    assert worst["remedy"]


async def test_the_doctor_looks_back_ninety_days_at_most(api: Api) -> None:
    for days in ("0", "91", "a"):
        problem(await api.http.get(DOCTOR, params={"days": days}), 422, "invalid_request")
    assert (await api.get(DOCTOR))["findings"][0]["kind"] == "not_connected"


async def test_the_installation_at_a_glance(serve: Serve) -> None:
    api = await serve(members=2, SYNC_PLAN="adaptive")
    accounts = api.simulator.state.world.user_ids
    await api.connected("alice", accounts[0])
    await api.connected("bob", accounts[1])
    told = await api.get(STATUS, limit=1)
    assert told["totals"]["by_standing"] == {"ok": 2}
    assert len(told["members"]) == 1
    assert told["workers"]["alive"] is True
    assert told["plan"]["plan"] == "adaptive"
    assert told["budgets"][0]["app"] == api.runtime.app
    api.simulator.revoke(accounts[1])
    api.clock.advance(7200)
    await api.sync("bob")
    told = await api.get(STATUS)
    assert next((each["user_id"], each["standing"]) for each in told["members"]) == ("bob", "needs_reconnect")
    problem(await api.http.get(STATUS, params={"limit": 1001}), 422, "invalid_request")


async def test_only_an_admin_sees_everybody(api: Api) -> None:
    for scope in ("read", "write"):
        answer = await api.anonymous.get(STATUS, headers=await api.key(scope))
        problem(answer, 403, "scope_too_small")
    assert (await api.anonymous.get(STATUS, headers=await api.key("admin"))).status_code == 200
