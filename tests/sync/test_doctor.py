"""Why is data missing: each cause is provoked, at the simulated WHOOP or around us, and named with a remedy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from circadia.domain.catalog import BY_NAME
from circadia.domain.preferences import Preferences
from circadia.runtime import installation
from circadia.storage import budget, preferences
from circadia.sync.doctor import examine
from tests.conftest import NewStage
from tests.simulated import US, Stage

HOUR, DAY = 3600, 86_400


async def examined(here: Stage, days: int = 30, user_id: str = "alice") -> dict[str, Any]:
    """The examination, with a worker alive unless a test has said otherwise."""
    return await examine(here.db, user_id, here.clock(), installation(here.runtime.settings), days)


async def findings(here: Stage, days: int = 30) -> dict[str, dict[str, Any]]:
    """What was found, by kind; a kind of several types keeps its first."""
    told = await examined(here, days)
    for each in told["findings"]:
        assert each["message"], each
        assert each["remedy"], each
    return {each["kind"]: each for each in reversed(told["findings"])}


@pytest.fixture
async def alice(stage: NewStage) -> Stage:
    """A member whose history of two months is here, with somebody at work."""
    here = await stage()
    await here.db.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    await here.backfill()
    await here.sync()
    return here


async def test_nothing_is_wrong_and_the_evidence_says_why(alice: Stage) -> None:
    told = await examined(alice)
    assert told["fine"]
    assert {each["severity"] for each in told["findings"]} <= {"info"}
    seen = told["evidence"]
    assert seen["connection"]["state"] == "connected"
    assert seen["token"]["renewable"]
    assert seen["token"]["expires_at"] > alice.clock()
    assert seen["workers"]["alive"]
    assert seen["history"]["complete"]
    assert seen["types"]["sleep"]["total_records"] == len(alice.simulator.truth(alice.account)["sleep"])
    assert seen["types"]["sleep"]["last_success_at"] == alice.clock()
    assert seen["plan"] == "adaptive"
    assert seen["days"]["days"] == 30


async def test_nobody_and_who_only_imported(alice: Stage) -> None:
    told = await examined(alice, user_id="nobody")
    assert (told["fine"], [each["kind"] for each in told["findings"]]) == (False, ["not_connected"])
    assert "circadia connect nobody" in told["findings"][0]["remedy"]
    await alice.runtime.connections.disconnect("alice", "keep", by=US)
    found = (await findings(alice))["not_connected"]
    newest = max(each["created_at"] for each in alice.simulator.truth(alice.account)["recovery"])
    assert f"what is stored goes to {newest[:10]}" in found["message"]


async def test_a_revoked_grant(alice: Stage) -> None:
    alice.simulator.revoke(alice.account)
    alice.clock.advance(2 * HOUR)
    await alice.sync()
    found = (await findings(alice))["needs_reconnect"]
    assert found["severity"] == "error"
    assert "circadia connect alice" in found["remedy"]
    assert not (await examined(alice))["fine"]


async def test_a_scope_that_was_not_allowed(stage: NewStage) -> None:
    scopes = ["offline", *(each.scope for each in BY_NAME.values() if each.name != "recovery")]
    here = await stage(asked={"sim_scope": "&sim_scope=".join(scopes)})
    await here.backfill()
    found = (await findings(here))["scope_missing"]
    assert found["type"] == "recovery"
    assert "leave it ticked" in found["remedy"]
    assert "no_record" not in {kind for kind, each in (await findings(here)).items() if each["type"] == "recovery"}


async def test_a_grant_without_a_refresh_token(stage: NewStage) -> None:
    scopes = [each.scope for each in BY_NAME.values()]
    here = await stage(asked={"sim_scope": "&sim_scope=".join(scopes)})
    found = (await findings(here))["token_not_renewable"]
    assert "`offline`" in found["remedy"]


async def test_a_type_that_fails(alice: Stage) -> None:
    alice.fault("status", path=f"/developer{BY_NAME['workout'].path}", status=418, body="empty", count=None)
    alice.clock.advance(HOUR)
    await alice.sync("workout")
    found = (await findings(alice))["sync_failing"]
    assert (found["type"], found["severity"]) == ("workout", "error")
    assert "418" in found["message"]
    assert "report it" in found["remedy"]


async def test_nobody_works_and_work_is_overdue(alice: Stage) -> None:
    assert "no_worker" not in await findings(alice)
    await alice.db.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    alice.clock.advance(2 * DAY)
    found = await findings(alice)
    assert "circadia worker" in found["no_worker"]["remedy"]
    assert "circadia sync alice" in found["overdue"]["remedy"]
    assert found["token_expired"]["severity"] == "warning"


async def test_webhooks_that_never_come_while_asking_finds_news(alice: Stage) -> None:
    assert "webhooks_absent" not in await findings(alice)
    for _ in range(3):
        alice.clock.advance(DAY / 2)
        await alice.sync()
    found = (await findings(alice))["webhooks_absent"]
    assert "WHOOP has sent no webhook yet" in found["message"]
    assert "set PUBLIC_URL to a public https address" in found["remedy"]
    assert "/webhooks/whoop" in found["remedy"]
    await push(alice, 4711, "sleep.updated")
    await push(alice, alice.account, "sleep.updated", ago=timedelta(hours=30))
    assert "WHOOP sends webhooks, but none about alice since" in (await findings(alice))["webhooks_absent"]["message"]
    await push(alice, alice.account, "sleep.updated")
    assert "webhooks_absent" not in await findings(alice)
    assert (await examined(alice))["evidence"]["types"]["sleep"]["last_webhook_at"] == alice.clock()


async def push(here: Stage, account: int, type_: str, state: str = "settled", ago: timedelta = timedelta(0)) -> None:
    """A webhook that came in."""
    await here.db.execute(
        """INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state, error)
           VALUES ('whoop', gen_random_uuid()::text, %s, gen_random_uuid()::text, %s, %s, %s, %s)""",
        (type_, account, here.clock() - ago, state, "WHOOP has no such record" if state == "parked" else None),
    )


async def test_webhooks_that_wait_or_were_given_up(alice: Stage) -> None:
    await push(alice, alice.account, "sleep.updated", "parked")
    await push(alice, alice.account, "workout.updated", "waiting", timedelta(hours=1))
    found = await findings(alice)
    assert "WHOOP has no such record" in found["delivery_parked"]["message"]
    assert "circadia deliveries replay" in found["delivery_parked"]["remedy"]
    assert "circadia sync alice" in found["webhooks_waiting"]["remedy"]


async def test_a_budget_that_is_paused_or_used_up(alice: Stage) -> None:
    app = alice.runtime.app
    await budget.pause(alice.db, app, 1800, alice.clock())
    assert "RATE_LIMIT_PER_MINUTE" in (await findings(alice))["budget_paused"]["remedy"]
    alice.clock.advance(HOUR)
    await alice.db.execute(
        "INSERT INTO budget_usage (app, bucket, at, lane, taken, refused) "
        "VALUES (%s, 'minute', %s, 'backfill', 990000, 0)",
        (app, alice.clock()),
    )
    found = await findings(alice)
    assert "budget_paused" not in found
    assert "of 1000000 requests" in found["budget_exhausted"]["message"]
    assert "SYNC_PLAN" in found["budget_exhausted"]["remedy"]


async def test_a_manual_plan(stage: NewStage) -> None:
    here = await stage(settings={"SYNC_PLAN": "manual"})
    await here.backfill()
    assert (await findings(here))["plan_manual"]["severity"] == "info"
    here.clock.advance(2 * DAY)
    found = (await findings(here))["plan_manual"]
    assert found["severity"] == "warning"
    assert "SYNC_PLAN=adaptive" in found["remedy"]


async def test_a_member_who_wants_to_be_asked_for(stage: NewStage) -> None:
    here = await stage()
    await here.backfill()
    here.clock.advance(6 * HOUR)
    assert {"overdue"} & (await findings(here)).keys()
    await preferences.put(here.db, "alice", Preferences(sync="on_request"), here.clock())
    found = await findings(here)
    assert "overdue" not in found
    assert found["sync_on_request"]["severity"] == "info"
    here.clock.advance(2 * DAY)
    assert (await findings(here))["sync_on_request"]["severity"] == "warning"


async def test_a_history_that_is_coming_held_back_or_failed(stage: NewStage) -> None:
    here = await stage(days=120)
    assert (await findings(here))["history_unfinished"]["severity"] == "info"
    await here.sync()
    found = await findings(here, 90)
    assert "has reached" in found["history_unfinished"]["message"]
    assert found["history_arriving"]["days"]
    await here.runtime.jobs.steer_backfill(here.grant.member_id, "pause")
    assert "circadia backfill alice --resume" in (await findings(here))["history_paused"]["remedy"]
    await here.runtime.jobs.steer_backfill(here.grant.member_id, "resume")
    await here.db.execute(
        "UPDATE runs SET state = 'partial', finished_at = %s WHERE kind = 'backfill'", (here.clock(),)
    )
    assert "circadia backfill alice" in (await findings(here))["history_failed"]["remedy"]


async def test_records_that_cannot_be_read(alice: Stage) -> None:
    def spoil(request: Any, body: bytes) -> bytes:
        return body.replace(b'"nap":', b'"nope":', 1) if request.url.path.endswith("/activity/sleep") else body

    alice.clock.advance(DAY)
    alice.wire.rewrite = spoil
    await alice.sync()
    found = await findings(alice)
    assert found["rejects"]["type"] == "sleep"
    assert "nap: Field required" in found["rejects"]["message"]
    assert "update Circadia" in found["rejects"]["remedy"]
    assert (await examined(alice))["fine"] is False
    lacking = [each for each in (await examined(alice))["findings"] if each["kind"] == "rejected"]
    for each in lacking:
        assert each["type"] == "sleep"
        assert each["days"][-1][1] == alice.clock().date()


async def test_deletions_that_were_held_back(alice: Stage) -> None:
    def empty(request: Any, body: bytes) -> bytes:
        return b'{"records":[]}' if request.url.path.endswith("/activity/workout") else body

    alice.clock.advance(HOUR)
    alice.wire.rewrite = empty
    await alice.sync("workout")
    found = (await findings(alice))["deletions_held"]
    assert (found["type"], found["severity"]) == ("workout", "error")
    assert "circadia reconcile alice --allow-deletes" in found["remedy"]


async def test_a_score_that_is_awaited_and_one_that_never_came(alice: Stage) -> None:
    (day,) = await alice.db.rows("SELECT max(day) FROM recoveries WHERE score_state = 'SCORED'")
    await pending(alice, "recoveries", day[0])
    found = (await findings(alice))["pending_score"]
    assert (found["type"], found["severity"]) == ("recovery", "info")
    assert str(day[0]) in found["message"]
    assert "asked again by itself" in found["remedy"]
    await pending(alice, "recoveries", day[0] - timedelta(days=6))
    assert (await findings(alice))["pending_score"]["severity"] == "warning"


async def pending(here: Stage, table: str, day: Any) -> None:
    """A record whose score is taken away, its day settled again."""
    await here.db.execute(f"UPDATE {table} SET score_state = 'PENDING_SCORE' WHERE day = %s", (day,))
    await here.db.execute("INSERT INTO day_changes (member_id, day) VALUES (%s, %s)", (here.grant.member_id, day))


async def test_days_that_lack_something_and_why(alice: Stage) -> None:
    before = await examined(alice, 30)
    days = alice.db.rows("SELECT day FROM sleeps WHERE NOT nap GROUP BY day ORDER BY day DESC OFFSET 3 LIMIT 1")
    ((day,),) = await days
    (victim,) = await alice.db.rows("SELECT id FROM sleeps WHERE day = %s AND NOT nap LIMIT 1", (day,))
    alice.mutate("delete_sleep", str(victim[0]))
    alice.clock.advance(HOUR)
    await alice.sync()
    after = await examined(alice, 30)
    deleted = {each["type"]: each for each in after["findings"] if each["kind"] == "deleted"}
    assert "sleep" in deleted
    assert "deleted at WHOOP" in deleted["sleep"]["message"]
    assert [first for first, _last in deleted["sleep"]["days"]] == [day]
    assert after["evidence"]["days"]["complete"] <= before["evidence"]["days"]["complete"]


async def test_what_arrived_and_is_lost(alice: Stage) -> None:
    await alice.db.execute("DELETE FROM workouts WHERE id = (SELECT min(id::text)::uuid FROM workouts)")
    found = (await findings(alice))["records_lost"]
    assert (found["type"], found["severity"]) == ("workout", "error")
