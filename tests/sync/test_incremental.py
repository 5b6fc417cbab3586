"""Syncs after the first: whatever WHOOP changed, one sync later the store equals it again."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from circadia.clients.whoop.auth import MemberAuth
from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.domain.windows import OVERLAP, Window
from circadia.simulator.mutations import ACTIONS
from circadia.sync import pages
from tests.conftest import NewStage
from tests.simulated import Stage

NAMES = [each.name for each in COLLECTIONS]
NEEDS_A_LOSS = {"undelete_sleep": "delete_sleep", "restore_workout": "delete_workout"}


async def settled(stage: NewStage, **details: int) -> Stage:
    """A member whose history is here."""
    here = await stage(**details)  # type: ignore[arg-type]
    await here.backfill()
    await here.sync()
    here.simulator.traffic.reset()
    return here


@pytest.mark.parametrize("action", sorted(ACTIONS))
async def test_one_change_is_there_after_one_sync(stage: NewStage, action: str) -> None:
    here = await settled(stage, days=40, seed=1)
    here.clock.advance(3600)
    if action in NEEDS_A_LOSS:
        here.mutate(NEEDS_A_LOSS[action])
        assert (await here.sync()).state == "succeeded"
        assert await here.differences() == []
        here.clock.advance(3600)
    here.mutate(action)
    assert await here.differences() != [], "the change cannot be seen, so this shows nothing"
    assert (await here.sync()).state == "succeeded"
    assert await here.differences() == []


@pytest.mark.parametrize("seed", range(3))
async def test_a_day_of_everything_and_one_sync(stage: NewStage, seed: int) -> None:
    here = await settled(stage, days=60, seed=seed)
    rng = Random(seed)
    for _hour in range(24):
        here.clock.advance(3600)
        for action in rng.sample(sorted(ACTIONS), 1):
            try:
                here.mutate(action)
            except ValueError:  # nothing of the kind to change at this moment
                continue
    assert (await here.sync()).state == "succeeded"
    assert await here.differences() == []


async def test_a_recovery_that_went_alone_is_missed_as_far_back_as_any_other_record(stage: NewStage) -> None:
    here = await settled(stage, days=40)
    here.clock.advance(60)
    for days_ago in (1, 8, 13):
        recoveries = {each["sleep_id"]: each for each in here.simulator.truth(here.account)["recovery"]}
        since = (here.clock() - timedelta(days=days_ago + 1)).isoformat()
        until = (here.clock() - timedelta(days=days_ago)).isoformat()
        sleep_id = next(
            each["id"]
            for each in here.simulator.truth(here.account)["sleep"]
            if since < each["start"] < until
            and each["id"] in recoveries
            and recoveries[each["id"]]["score_state"] == "SCORED"
        )
        here.mutate("delete_recovery", str(recoveries[sleep_id]["cycle_id"]))
    await here.sync()
    assert await here.differences() == []


async def test_scores_arrive_through_a_day_and_a_half(stage: NewStage) -> None:
    here = await settled(stage, days=40, seed=0)
    states = set()
    for _step in range(36):
        here.clock.advance(3600)
        await here.sync(*NAMES)
        assert await here.differences() == []
        states |= {each["score_state"] for name in NAMES for each in here.simulator.truth(here.account)[name][:4]}
    assert "PENDING_SCORE" in states, "nothing was ever pending, so this shows nothing"


async def test_a_late_score_of_a_time_before_the_window_is_fetched(stage: NewStage) -> None:
    """A strap that was away for weeks brings records of long ago, and their scores come after them."""
    here = await settled(stage, days=60)
    old = [each for each in here.simulator.truth(here.account)["sleep"] if each["score_state"] == "SCORED"][40:45]
    await here.db.execute(
        """UPDATE sleeps SET score_state = 'PENDING_SCORE', created_at = %s, updated_at = updated_at - interval '1 day',
               raw = raw - 'score' WHERE id = ANY (%s::uuid[])""",
        (here.clock() - timedelta(hours=1), [each["id"] for each in old]),
    )
    here.clock.advance(900)
    report = await here.sync()
    assert report.outcomes["sleep"].requests == here.asked("sleep") == 2
    assert report.outcomes["sleep"].written == len(old)
    assert await here.differences() == []


async def test_a_sync_of_everything_costs_one_request_per_type(stage: NewStage) -> None:
    here = await settled(stage, days=60, seed=2)
    here.clock.advance(900)
    report = await here.sync()
    for name in NAMES:
        since = here.clock() - timedelta(days=18)
        window = [each for each in here.simulator.truth(here.account)[name] if each["created_at"] > since.isoformat()]
        assert here.asked(name) <= -(-len(window) // 25)
        assert report.outcomes[name].requests == here.asked(name)
    assert report.outcomes["sleep"].written == 0
    assert report.outcomes["sleep"].unchanged == report.outcomes["sleep"].fetched > 0


async def test_an_answer_that_began_before_a_deletion_cannot_undo_it(stage: NewStage) -> None:
    """A page that was asked for, then the deletion learned elsewhere, then the page stored."""
    here = await settled(stage, days=30)
    window = Window(here.clock() - OVERLAP, here.clock())
    auth = MemberAuth(here.runtime.tokens, here.grant.member_id)
    asked = here.runtime.client.pages("/v2/activity/workout", auth, window, "person")
    page = await anext(asked)
    here.clock.advance(60)
    here.mutate("delete_workout")
    await here.sync()
    assert await here.differences() == []
    late = await pages.store(here.db, BY_NAME["workout"], here.grant, page)
    assert late.written.inserted == late.written.updated == 0
    assert await here.differences() == []


async def test_the_cursor_moves_and_the_next_date_is_set(stage: NewStage) -> None:
    here = await settled(stage, days=30)
    here.clock.advance(7200)
    await here.sync("workout")
    state = await here.state("workout")
    assert state.cursor_at == state.last_success_at == state.success_began_at == here.clock()
    assert state.due_at == here.clock() + timedelta(minutes=15)
    assert state.failures == 0
    assert state.error is None
