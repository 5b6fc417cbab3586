"""From WHOOP's webhooks to the store: bursts, duplicates, swaps, losses and latecomers, and what they cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from circadia.clients.whoop.auth import MemberAuth
from circadia.clients.whoop.client import Page
from circadia.domain.catalog import BY_NAME
from circadia.domain.windows import history
from circadia.storage import deliveries
from circadia.storage.postgres import Connection, Database
from circadia.sync import events, pages
from tests import simulated
from tests.sync.told import NOBODY_S, PATHS, Open, Scene


async def test_an_edited_sleep_costs_three_requests(scene: Open) -> None:
    here = await scene()
    here.mutate("edit_sleep", here.main_sleep(1)["id"])
    assert await here.arrive() == 2
    assert await here.states() == ["waiting", "waiting"]
    report = await here.answer()
    assert report is not None
    assert report.state == "succeeded"
    assert here.requests() == {PATHS["sleep"]: 1, PATHS["recovery"]: 1, PATHS["cycle"]: 1}
    assert await here.states() == ["settled", "settled"]
    assert await here.differences() == []


async def test_a_burst_is_one_run_and_a_stream_does_not_wait_for_its_end(scene: Open) -> None:
    here = await scene()
    first, second = here.main_sleep(1)["id"], here.main_sleep(2)["id"]
    here.mutate("edit_sleep", first)
    await here.arrive()
    here.clock.advance(1.5)
    here.mutate("edit_sleep", second)
    await here.arrive()
    assert await here.ripe(1.0) == [], "the last came a second ago"
    (wanted,) = await here.ripe(1.0)
    assert wanted.types == ("cycle", "sleep", "recovery")
    assert await here.ripe(10.0) == [], "it has been handed out"
    for number in range(8):
        await here.post("workout.updated", here.workout(1)["id"], f"stream-{number}")
        if found := await here.ripe(1.0):
            break
    assert [each.types for each in found] == [("workout",)]
    assert number == 4


async def test_one_that_was_handed_out_and_never_run_is_handed_out_again(scene: Open) -> None:
    here = await scene()
    here.mutate("retype_workout", here.workout(1)["id"])
    await here.arrive()
    assert len(await here.ripe()) == 1
    assert await here.ripe(60.0) == []
    assert len(await here.ripe(120.0)) == 1
    assert await here.answer(60.0) is None
    assert await here.answer(300.0) is not None
    assert await here.states() == ["settled"]


class Erasing(Database):
    """The database, with somebody who erases a member right before the next transaction."""

    victim: int

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        await self.execute("DELETE FROM members WHERE id = %s", (self.victim,))
        async with super().begin() as connection:
            yield connection


async def test_one_who_is_erased_meanwhile_keeps_nobody_waiting(scene: Open) -> None:
    here = await scene(members=2)
    bob = await simulated.connect(here.runtime, here.simulator, "bob", here.simulator.state.world.user_ids[1])
    here.mutate("delete_workout", here.workout(1)["id"])
    await here.arrive()
    when = here.clock()
    await here.runtime.intake.take(
        deliveries.Delivery("bob-s", "sleep.updated", NOBODY_S, bob.grant.whoop_user_id, when)
    )
    here.clock.advance(5)
    erasing = Erasing(here.db.url, size=2)
    erasing.victim = here.grant.member_id
    await erasing.open()
    try:
        assert [each.member_id for each in await events.ripe(erasing, here.clock())] == [bob.grant.member_id]
    finally:
        await erasing.close()


async def test_duplicates_and_forgeries_change_nothing(scene: Open) -> None:
    here = await scene()
    here.fault("webhook_duplicate", count=1)
    here.fault("webhook_forge", count=1)
    here.mutate("edit_sleep", here.main_sleep(1)["id"])
    await here.arrive()
    assert here.simulator.forged == [401]
    assert len(await here.told()) == 2
    await here.answer()
    assert sum(here.requests().values()) == 3
    assert await here.differences() == []


async def test_a_connection_knows_when_webhooks_came(scene: Open) -> None:
    here = await scene()
    when = here.clock()
    here.mutate("retype_workout")
    await here.arrive()
    assert await here.db.row("SELECT pushed_at FROM connections") == (None,)
    await here.ripe()
    assert await here.db.row("SELECT pushed_at FROM connections") == (when,)


async def test_an_old_sleep_is_looked_at_where_it_lies(scene: Open) -> None:
    """Sixty days back: its page, its recovery's and its cycle's, and not the newest ones."""
    here = await scene(days=120)
    here.mutate("edit_sleep", here.main_sleep(60)["id"])
    await here.arrive()
    report = await here.answer()
    assert report is not None
    assert here.requests() == {PATHS["sleep"]: 1, PATHS["recovery"]: 1, PATHS["cycle"]: 1}
    assert await here.states() == ["settled", "settled"]
    assert await here.differences() == []


async def test_many_old_ones_share_their_pages(scene: Open) -> None:
    here = await scene(days=120)
    for days_ago in (60, 58, 56, 54, 52, 50):
        here.mutate("edit_sleep", here.main_sleep(days_ago)["id"])
    await here.arrive()
    await here.answer()
    assert here.requests() == {PATHS["sleep"]: 1, PATHS["recovery"]: 1, PATHS["cycle"]: 1}
    assert await here.differences() == []


async def test_old_and_new_together(scene: Open) -> None:
    here = await scene(days=120)
    here.mutate("retype_workout", here.workout(60)["id"])
    here.mutate("retype_workout", here.workout(1)["id"])
    await here.arrive()
    await here.answer()
    assert here.requests() == {PATHS["workout"]: 2}
    assert await here.differences() == []


@pytest.mark.parametrize("days_ago", [2, 60])
async def test_a_deleted_workout_is_gone_before_anybody_is_asked(scene: Open, days_ago: int) -> None:
    here = await scene(days=120)
    target = here.workout(days_ago)["id"]
    here.mutate("delete_workout", target)
    await here.arrive()
    await here.ripe()
    found = await here.db.row("SELECT deleted_at IS NOT NULL FROM workouts WHERE id = %s", (target,))
    assert found == (True,)
    assert here.requests() == {}
    await here.sync("workout")
    assert await here.states() == ["settled"]
    assert await here.differences() == []


async def test_many_deletions_that_webhooks_tell_of_meet_no_brake(scene: Open) -> None:
    here = await scene()
    for _ in range(8):
        here.mutate("delete_workout")
    await here.arrive()
    await here.sync("workout")
    assert (await here.state("workout")).held_deletions == 0
    assert await here.differences() == []


async def test_a_deleted_sleep_takes_its_recovery_along_and_costs_three_requests(scene: Open) -> None:
    here = await scene()
    here.mutate("delete_sleep", here.main_sleep(1)["id"])
    assert await here.arrive() == 2
    await here.answer()
    assert sum(here.requests().values()) == 3
    assert await here.states() == ["settled", "settled"]
    assert await here.differences() == []


async def test_a_recovery_is_called_by_its_sleep(scene: Open) -> None:
    """Deleted alone while its sleep stays, then, by the sleep's id, asked for by its cycle."""
    here = await scene()
    sleep = here.main_sleep(1)
    here.mutate("delete_recovery", str(sleep["cycle_id"]))
    assert await here.arrive() == 1
    await here.ripe()
    found = await here.db.row("SELECT deleted_at IS NOT NULL FROM recoveries WHERE sleep_id = %s", (sleep["id"],))
    assert found == (True,)
    await here.sync()
    assert await here.differences() == []


@pytest.mark.parametrize("days_ago", [1, 40])
async def test_deleted_and_found_again_with_the_webhooks_swapped(scene: Open, days_ago: int) -> None:
    here = await scene(days=90)
    target = here.main_sleep(days_ago)["id"]
    here.mutate("delete_sleep", target)
    here.fault("webhook_delay", seconds=30, count=2)
    assert await here.arrive() == 0
    here.clock.advance(10)
    here.mutate("undelete_sleep", target)
    assert await here.arrive() == 2
    await here.answer()
    assert await here.differences() == []
    here.clock.advance(20)
    assert await here.arrive() == 2, "the deletion, late"
    await here.answer()
    assert await here.differences() == []
    for minutes in (1, 5):
        assert set(await here.states()) == {"settled", "waiting"}, "it is listed, so WHOOP is asked again"
        await here.answer(60.0 * minutes)
    assert set(await here.states()) == {"settled"}
    assert await here.differences() == []


async def test_deleted_and_found_again_in_one_burst(scene: Open) -> None:
    here = await scene()
    target = here.main_sleep(1)["id"]
    here.mutate("delete_sleep", target)
    here.clock.advance(0.5)
    here.mutate("undelete_sleep", target)
    await here.arrive()
    await here.answer()
    assert await here.differences() == []


async def fetched(here: Scene, name: str) -> Page:
    """The newest page of a type, on its way to the store."""
    type_, auth = BY_NAME[name], MemberAuth(here.runtime.tokens, here.grant.member_id)
    async for page in here.runtime.client.pages(type_.path, auth, history(None, here.clock()), "person"):
        return page
    raise AssertionError("a walk has at least one page")


@pytest.mark.parametrize("seen", [True, False])
async def test_an_answer_that_began_before_a_deletion_cannot_undo_it(scene: Open, seen: bool) -> None:
    """A page is on its way while the webhooks of a deletion come in and are worked on."""
    here = await scene()
    target = here.main_sleep(1)["id"]
    if not seen:
        await here.db.execute("DELETE FROM sleeps WHERE id = %s", (target,))
        await here.db.execute("DELETE FROM recoveries WHERE sleep_id = %s", (target,))
    on_their_way = {name: await fetched(here, name) for name in ("sleep", "recovery")}
    here.clock.advance(1)
    here.mutate("delete_sleep", target)
    await here.arrive()
    await here.answer()
    for name, page in on_their_way.items():
        await pages.store(here.db, BY_NAME[name], here.grant, page)
    await here.sync("workout")
    assert await here.states() == ["settled", "settled"]
    assert await here.differences() == []


async def test_one_that_began_later_can(scene: Open) -> None:
    here = await scene()
    target = here.main_sleep(1)["id"]
    here.mutate("delete_sleep", target)
    await here.arrive()
    await here.answer()
    here.clock.advance(1)
    here.mutate("undelete_sleep", target)
    on_their_way = {name: await fetched(here, name) for name in ("sleep", "recovery")}
    for name, page in on_their_way.items():
        await pages.store(here.db, BY_NAME[name], here.grant, page)
    await here.sync("cycle")
    assert await here.differences() == []


async def test_two_weeks_of_webhooks_alone_keep_the_store_in_step(scene: Open) -> None:
    """Lost, doubled, swapped and late ones among them; the scheduled sync comes once at the end."""
    here = await scene()
    for kind in ("webhook_drop", "webhook_duplicate", "webhook_reorder", "webhook_delay"):
        here.fault(kind, probability=0.1, seconds=1800, count=None)
    actions = ("edit_sleep", "delete_sleep", "undelete_sleep", "retype_workout", "delete_workout", "restore_workout")
    for hour in range(14 * 24):
        here.clock.advance(3590)
        if hour % 9 == 0:
            with suppress(ValueError):
                here.mutate(actions[hour // 9 % len(actions)])
        await here.arrive()
        await here.answer(10.0)
    here.simulator.state.faults.clear()
    await here.arrive()
    await here.sync()
    assert await here.differences() == []
    assert set(await here.states()) <= {"settled", "waiting"}
