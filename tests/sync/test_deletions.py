"""What a whole listing no longer holds, and the brake before believing it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest

from circadia.domain.catalog import BY_NAME
from circadia.storage import holds, records
from tests.conftest import NewStage
from tests.simulated import Stage

WORKOUTS = "/developer/v2/activity/workout"


async def settled(stage: NewStage) -> Stage:
    here = await stage(days=60)
    await here.backfill()
    await here.sync()
    here.clock.advance(600)
    here.simulator.traffic.reset()
    return here


async def live(here: Stage, table: str) -> int:
    found = await here.db.row(f"SELECT count(*) FROM {table} WHERE deleted_at IS NULL")
    assert found is not None
    return int(found[0])


def hides(here: Stage, name: str, hidden: int) -> list[str]:
    """Have the listings of a type leave out what are its newest records now, though each is there for who asks for it.
    Returns their ids."""
    keys = [each["id"] for each in here.simulator.truth(here.account)[name][:hidden]]
    path = f"/developer{BY_NAME[name].path}"

    def rewrite(request: httpx2.Request, body: bytes) -> bytes:
        if request.url.path != path:
            return body
        page = orjson.loads(body)
        return orjson.dumps(page | {"records": [each for each in page["records"] if each["id"] not in keys]})

    here.wire.rewrite = rewrite
    return keys


@pytest.mark.parametrize("name", ["cycle", "sleep", "recovery", "workout"])
async def test_an_empty_listing_deletes_nothing(stage: NewStage, name: str) -> None:
    here = await settled(stage)
    here.simulator.state.hidden.add(here.account)
    report = await here.sync(name)
    assert report.outcomes[name].deleted == 0
    assert report.outcomes[name].held_deletions > 0
    assert (await here.state(name)).held_deletions == report.outcomes[name].held_deletions
    here.simulator.state.hidden.clear()
    here.clock.advance(600)
    await here.sync()
    assert await here.differences() == []
    assert await holds.all_of(here.db) == []


@pytest.mark.parametrize("name", ["sleep", "recovery"])
async def test_an_outage_of_days_is_over_with_the_first_sync_after_it(stage: NewStage, name: str) -> None:
    """Records that were held at its beginning have left the window of a sync by then."""
    here = await settled(stage)
    here.simulator.state.hidden.add(here.account)
    await here.sync(name)
    here.clock.advance(5 * 86_400)
    held = (await here.sync(name)).outcomes[name].held_deletions
    (hold,) = await holds.all_of(here.db)
    assert (hold.missing, hold.type) == ((await here.state(name)).held_deletions, name)
    assert hold.missing >= held > 5
    assert hold.to_at - hold.from_at < timedelta(days=15)
    here.simulator.state.hidden.clear()
    here.clock.advance(600)
    here.simulator.traffic.reset()
    await here.sync()
    assert here.asked(name) <= 2
    assert await holds.all_of(here.db) == []
    assert await here.differences() == []


async def test_what_is_held_is_not_asked_for_again_and_again(stage: NewStage) -> None:
    """Neither while it stays missing, nor when so much of it has left the window that the rest could be believed."""
    here = await settled(stage)
    hides(here, "workout", 9)
    await here.sync("workout")
    here.simulator.traffic.reset()
    for _day in range(12):
        here.clock.advance(86_400)
        outcome = (await here.sync("workout")).outcomes["workout"]
        assert (outcome.deleted, outcome.requests) == (0, here.asked("workout"))
        here.simulator.traffic.reset()
    assert (await here.state("workout")).held_deletions == 9


async def test_a_hold_is_over_when_its_last_record_is_accounted_for(stage: NewStage) -> None:
    here = await settled(stage)
    held = hides(here, "workout", 9)
    await here.sync("workout")
    member_id, workout = here.grant.member_id, BY_NAME["workout"]
    async with here.db.begin() as connection:
        learned_at = here.clock() + timedelta(seconds=1)
        keys = [UUID(each) for each in held]
        assert await records.bury(connection, workout, member_id, keys[:3], learned_at=learned_at) == 3
        assert len(await holds.account(connection, workout, member_id, keys[3:5])) == 4
    assert (await here.state("workout")).held_deletions == 4
    async with here.db.begin() as connection:
        assert await holds.account(connection, workout, member_id, []) == set(held[5:])
        assert await holds.account(connection, workout, member_id, keys) == frozenset()
    assert await holds.all_of(here.db) == []


@pytest.mark.parametrize("outage", [True, False])
async def test_an_empty_listing_of_a_few_is_believed_only_if_whoop_lists_anything(
    stage: NewStage, outage: bool
) -> None:
    here = await settled(stage)
    window = (here.clock() - timedelta(days=14)).isoformat()
    recent = [each["id"] for each in here.simulator.truth(here.account)["workout"] if each["start"] > window]
    for each in recent[2:]:
        here.mutate("delete_workout", each)
        here.clock.advance(60)
        await here.sync("workout")
    for each in recent[:2]:
        here.mutate("delete_workout", each)
    here.clock.advance(60)
    if outage:
        here.simulator.state.hidden.add(here.account)
    outcome = (await here.sync("workout")).outcomes["workout"]
    assert (outcome.deleted, outcome.held_deletions) == ((0, 2) if outage else (2, 0))
    assert outcome.requests == 2 if outage else 4, "the listing, whether there is any at all, and each missing one"


async def test_more_missing_than_a_person_would_delete_is_not_believed(stage: NewStage) -> None:
    here = await settled(stage)
    before = await live(here, "workouts")
    hides(here, "workout", 9)
    report = await here.sync("workout")
    assert report.outcomes["workout"].held_deletions == 9
    assert report.outcomes["workout"].deleted == 0
    assert await live(here, "workouts") == before


async def test_a_record_that_is_only_left_out_is_asked_for_and_kept(stage: NewStage) -> None:
    here = await settled(stage)
    hides(here, "workout", 2)
    report = await here.sync("workout")
    assert report.outcomes["workout"].deleted == report.outcomes["workout"].held_deletions == 0
    assert report.outcomes["workout"].requests == 1 + 2
    assert await here.differences() == []


async def test_a_tombstone_keeps_its_raw_and_leaves_its_day(stage: NewStage) -> None:
    here = await settled(stage)
    gone = here.simulator.truth(here.account)["workout"][0]
    here.mutate("delete_workout", gone["id"])
    report = await here.sync("workout")
    assert report.outcomes["workout"].deleted == 1
    row = await here.db.row("SELECT raw, deleted_at, day FROM workouts WHERE id = %s", (gone["id"],))
    assert row == (gone, here.clock(), None)
    assert await here.differences() == []


async def test_a_sleep_takes_its_recovery_along_and_brings_it_back(stage: NewStage) -> None:
    here = await settled(stage)
    recovery = here.simulator.truth(here.account)["recovery"][2]
    here.mutate("delete_sleep", recovery["sleep_id"])
    report = await here.sync("sleep")
    assert report.outcomes["sleep"].deleted == 2
    await here.sync("cycle")
    assert await here.differences() == []
    here.clock.advance(600)
    here.mutate("undelete_sleep", recovery["sleep_id"])
    await here.sync()
    assert await here.differences() == []


async def test_a_listing_with_a_reject_is_not_complete_enough_to_delete_by(stage: NewStage) -> None:
    here = await settled(stage)
    gone: dict[str, Any] = here.simulator.truth(here.account)["workout"][0]
    here.mutate("delete_workout", gone["id"])

    def rewrite(request: httpx2.Request, body: bytes) -> bytes:
        return body.replace(b'"SCORED"', b'"ODD"', 1) if request.url.path == WORKOUTS else body

    here.wire.rewrite = rewrite
    report = await here.sync("workout")
    assert report.outcomes["workout"].rejected == 1
    assert report.outcomes["workout"].deleted == 0
    here.wire.rewrite = lambda _request, body: body
    here.clock.advance(600)
    assert (await here.sync("workout")).outcomes["workout"].deleted == 1


async def test_records_beyond_the_window_are_not_judged(stage: NewStage) -> None:
    here = await settled(stage)
    old = here.simulator.truth(here.account)["workout"][-1]
    assert old["start"] < (here.clock() - timedelta(days=20)).isoformat()
    here.mutate("delete_workout", old["id"])
    assert (await here.sync("workout")).outcomes["workout"].deleted == 0
