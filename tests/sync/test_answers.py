"""What becomes of webhooks that the next pages do not answer: asked for, tried again, parked, kept, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx2
import orjson
import psycopg

from circadia.domain.catalog import BY_NAME
from circadia.storage import deliveries
from circadia.sync import events
from tests import simulated
from tests.simulated import US
from tests.sync.following import refuse_rows
from tests.sync.told import NOBODY_S, PATHS, Open


async def test_a_recovery_whose_sleep_is_not_here_is_found_by_asking_for_both(scene: Open) -> None:
    here = await scene(days=120)
    sleep = here.main_sleep(60)["id"]
    await here.db.execute("DELETE FROM recoveries WHERE sleep_id = %s", (sleep,))
    await here.db.execute("DELETE FROM sleeps WHERE id = %s", (sleep,))
    await here.post("recovery.updated", sleep, "one")
    await here.answer()
    asked = [path for path in here.requests() if "{" in path]
    assert len(asked) == 2, asked
    assert await here.states() == ["settled"]
    assert await here.differences() == []


async def test_a_new_record_of_long_ago_is_asked_for_by_itself(scene: Open) -> None:
    here = await scene(days=120)
    target = here.workout(60)["id"]
    await here.db.execute("DELETE FROM workouts WHERE id = %s", (target,))
    for number in range(3):
        await here.post("workout.updated", target, f"one-{number}")
    await here.answer()
    assert sum(here.requests().values()) == 2, "the newest page, and the record, once"
    assert await here.states() == ["settled"] * 3
    assert await here.differences() == []


async def test_what_cannot_be_read_yet_is_asked_for_again_and_then_is_gone(scene: Open) -> None:
    here = await scene()
    await here.post("workout.updated", NOBODY_S, "one")
    await here.answer()
    for tries, minutes in enumerate((1, 5, 15, 60), start=1):
        (told,) = await here.told()
        assert (told.state, told.attempts) == ("waiting", tries)
        assert await here.ripe(60.0 * minutes - 10) == []
        await here.sync("workout")
        assert (await here.told())[0].attempts == tries, "another's run does not count"
        assert await here.answer(10.0) is not None
    assert await here.states() == ["settled"]


async def test_an_event_may_come_before_its_record(scene: Open) -> None:
    here = await scene()
    target = here.workout(1)["id"]
    await here.db.execute("DELETE FROM workouts WHERE id = %s", (target,))
    here.mutate("delete_workout", target)
    await here.post("workout.updated", target, "early")
    await here.answer()
    assert await here.states() == ["waiting"]
    here.fault("webhook_drop", count=1)
    here.mutate("restore_workout", target)
    await here.answer(60.0)
    assert await here.states() == ["settled"]
    await here.sync("cycle")
    assert await here.differences() == []


async def test_one_without_its_score_is_asked_for_again(scene: Open) -> None:
    here = await scene()
    target = here.workout(1)["id"]

    def unscored(request: httpx2.Request, body: bytes) -> bytes:
        if request.url.path != PATHS["workout"]:
            return body
        page = orjson.loads(body)
        for each in page["records"]:
            if each["id"] == target:
                each |= {"score_state": "PENDING_SCORE", "score": None}
        return orjson.dumps(page)

    here.wire.rewrite = unscored
    await here.post("workout.updated", target, "one")
    await here.answer()
    assert await here.states() == ["waiting"]
    here.wire.rewrite = lambda _request, body: body
    assert await here.ripe(14 * 60.0) == []
    await here.answer(60.0)
    assert await here.states() == ["settled"]
    await here.sync("cycle")
    assert await here.differences() == []


async def test_while_whoop_is_down_it_is_tried_ever_more_rarely_and_then_parked(scene: Open) -> None:
    here = await scene()
    here.mutate("retype_workout")
    await here.arrive()
    here.fault("status", path="/developer", status=503, count=None)
    await here.answer()
    tries = 1
    while (await here.states()) == ["waiting"]:
        tries += await here.answer(60.0) is not None
    assert tries == 8
    (told,) = await here.told()
    assert told.state == "parked"
    assert told.error == "WHOOP answered 503"
    assert timedelta(hours=20) < here.clock() - told.received_at < timedelta(hours=24)
    here.simulator.state.faults.clear()
    async with here.db.begin() as connection:
        assert await deliveries.replay(connection, told.id, here.clock()) == "waiting"
    await here.answer()
    assert await here.states() == ["settled"]


async def test_waiting_for_the_budget_is_no_failure(scene: Open) -> None:
    here = await scene()
    here.mutate("retype_workout")
    await here.arrive()
    here.fault("rate_limited", path="/developer", count=1)
    await here.answer()
    (told,) = await here.told()
    assert (told.state, told.attempts) == ("waiting", 0)
    await here.answer(600.0)
    assert await here.states() == ["settled"]


async def test_after_one_found_no_budget_the_others_do_not_ask(scene: Open) -> None:
    here = await scene()
    for number in range(3):
        await here.post("workout.updated", NOBODY_S[:-1] + str(number), f"one-{number}")
    here.fault("rate_limited", path=f"{PATHS['workout']}/", count=None)
    await here.answer()
    assert sum(here.requests().values()) == 2, "the newest page, and one record"
    assert [(each.state, each.attempts) for each in await here.told()] == [("waiting", 0)] * 3


async def test_a_bug_parks_them_some_day(scene: Open) -> None:
    """An error that nobody has a name for: the database refuses the rows."""
    here = await scene()
    await refuse_rows(here.db, "workouts")
    here.mutate("retype_workout")
    await here.arrive()
    tries = 0
    while (await here.states()) == ["waiting"]:
        try:
            await here.answer(600.0)
        except psycopg.errors.RaiseException:
            tries += 1
    assert tries == 8
    (told,) = await here.told()
    assert told.error == "an unexpected error; the log has its trace"


async def test_of_a_lost_grant_they_wait_until_it_is_given_again(scene: Open) -> None:
    here = await scene()
    here.mutate("retype_workout")
    await here.arrive()
    here.simulator.revoke(here.account)
    await here.answer()
    assert (await here.runtime.connections.status("alice"))["state"] == "needs_reconnect"
    assert await here.ripe(10 * 24 * 3600.0) == []
    assert (await here.told())[0].attempts == 0
    await simulated.connect(here.runtime, here.simulator, "alice", here.account)
    assert await here.answer() is None
    await here.answer(60.0)
    assert await here.states() == ["settled"]


async def test_what_the_grant_does_not_open_is_parked_with_the_remedy(scene: Open) -> None:
    here = await scene(connected=False, asked={"sim_scope": "offline&sim_scope=read:profile&sim_scope=read:sleep"})
    await here.post("workout.updated", here.workout(1)["id"], "one")
    await here.answer()
    (told,) = await here.told()
    assert told.state == "parked"
    assert told.error is not None
    assert "read:workout" in told.error


async def test_an_unreadable_record_is_parked(scene: Open) -> None:
    here = await scene()
    target = here.workout(1)["id"]

    def broken(request: httpx2.Request, body: bytes) -> bytes:
        page = orjson.loads(body)
        for each in page.get("records", []):
            if each.get("id") == target:
                each |= {"start": "soon"}
        return orjson.dumps(page)

    here.wire.rewrite = broken
    here.mutate("retype_workout", target)
    await here.arrive()
    await here.answer()
    (told,) = await here.told()
    assert (told.state, told.error and told.error[:30]) == ("parked", "WHOOP's record cannot be read:")


async def test_an_id_of_the_first_api_version_is_parked_with_the_remedy(scene: Open) -> None:
    here = await scene()
    await here.post("workout.updated", "1234567", "one")
    await here.answer()
    (told,) = await here.told()
    assert told.state == "parked"
    assert "v2" in (told.error or "")


async def test_a_run_answers_only_what_it_brought_whole(scene: Open) -> None:
    here = await scene()
    here.mutate("edit_sleep", here.main_sleep(1)["id"])
    await here.arrive()
    here.clock.advance(1)
    await here.sync("sleep")
    assert sorted(await here.states()) == ["settled", "waiting"], "the recovery has not been asked for"
    await here.sync("recovery")
    assert "waiting" in await here.states(), "the cycle, of which no webhook tells, is not here yet"
    await here.sync("sleep", "recovery", "cycle")
    assert await here.states() == ["settled", "settled"]
    assert await here.ripe() == []


async def test_of_somebody_unknown_they_are_kept_until_the_account_is_connected(scene: Open) -> None:
    here = await scene(members=2)
    other = here.simulator.state.world.user_ids[1]
    target = here.simulator.truth(other)["workout"][0]["id"]
    when = here.clock()
    for number in range(2):
        one = deliveries.Delivery(f"early-{number}", "workout.updated", target, other, when)
        await here.runtime.intake.take(one)
    assert await here.states() == ["unknown", "unknown"]
    assert await here.ripe(24 * 3600.0) == []
    finished = await simulated.connect(here.runtime, here.simulator, "bob", other)
    assert await here.states() == ["waiting", "waiting"]
    (wanted,) = await here.ripe(60.0)
    assert wanted.member_id == finished.grant.member_id
    await here.runtime.engine.sync(finished.grant, [BY_NAME["workout"]], "webhook")
    assert await here.states() == ["settled", "settled"]


async def test_one_that_came_in_while_its_account_was_being_connected(scene: Open) -> None:
    here = await scene()
    await here.post("workout.updated", here.workout(1)["id"], "one")
    await here.db.execute("UPDATE deliveries SET state = 'unknown', next_try_at = NULL")
    await events.tidy(here.db, here.clock())
    assert len(await here.ripe(0.0)) == 1


async def test_a_disconnected_member_s_are_kept_like_a_stranger_s(scene: Open) -> None:
    here = await scene()
    target = here.workout(1)["id"]
    await here.post("workout.updated", target, "before")
    await here.runtime.connections.disconnect("alice", "keep", by=US)
    await here.post("workout.updated", target, "after")
    await events.tidy(here.db, here.clock())
    assert await here.states() == ["unknown", "unknown"]
    await simulated.connect(here.runtime, here.simulator, "alice", here.account)
    assert await here.states() == ["waiting", "waiting"]


async def test_each_kind_is_forgotten_in_its_time(scene: Open) -> None:
    here = await scene()
    for number, state in enumerate(("settled", "unknown", "parked", "waiting")):
        await here.post("workout.updated", NOBODY_S, f"{state}-{number}")
        await here.db.execute("UPDATE deliveries SET state = %s WHERE trace_id = %s", (state, f"{state}-{number}"))
    await here.db.execute("UPDATE deliveries SET whoop_user_id = 1 WHERE state = 'unknown'")
    left = []
    for days in (6, 2, 21, 2, 58, 2, 300):
        here.clock.advance(days * 24 * 3600)
        await events.tidy(here.db, here.clock())
        left.append(await here.states())
    settled, unknown, parked, waiting = (each for each in ("settled", "unknown", "parked", "waiting"))
    assert left == [
        [settled, unknown, parked, waiting],
        [settled, parked, waiting],
        [settled, parked, waiting],
        [parked, waiting],
        [parked, waiting],
        [waiting],
        [waiting],
    ]


async def test_what_nobody_s_grant_can_answer_does_not_wait_for_ever(scene: Open) -> None:
    """Of a member who never reconnects, and of one who was being erased when it came in."""
    here = await scene()
    target = here.workout(1)["id"]
    await here.post("workout.updated", target, "lost")
    await here.post("workout.updated", target, "erased")
    await here.db.execute("UPDATE deliveries SET whoop_user_id = 1 WHERE trace_id = 'erased'")
    await here.db.execute("UPDATE connections SET state = 'needs_reconnect'")
    await events.tidy(here.db, here.clock())
    assert await here.states() == ["waiting", "waiting"]
    here.clock.advance(25 * 3600)
    await events.tidy(here.db, here.clock())
    assert await here.states() == ["unknown", "unknown"]
    await simulated.connect(here.runtime, here.simulator, "alice", here.account)
    assert await here.states() == ["waiting", "unknown"]
    here.clock.advance(7 * 24 * 3600)
    await events.tidy(here.db, here.clock())
    assert await here.states() == ["waiting"]


async def test_a_record_whose_request_failed_is_asked_for_again_for_the_next_delivery(scene: Open) -> None:
    here = await scene()
    target = here.workout(1)["id"]
    await here.db.execute("DELETE FROM workouts WHERE id = %s", (target,))
    here.wire.rewrite = _without(target)
    for number in range(2):
        await here.post("workout.updated", target, f"one-{number}")
    here.fault("status", path=f"/developer/v2/activity/workout/{target}", status=400, count=1)
    await here.answer()
    assert await here.states() == ["waiting", "settled"], "the failure of the first is not the second's answer"


def _without(target: str) -> Callable[[httpx2.Request, bytes], bytes]:
    """Pages that leave a record out."""

    def rewrite(request: httpx2.Request, body: bytes) -> bytes:
        page = orjson.loads(body)
        if "records" in page:
            page["records"] = [each for each in page["records"] if each.get("id") != target]
        return orjson.dumps(page)

    return rewrite
