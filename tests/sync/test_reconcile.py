"""Deep comparison: changes too old for a sync are found page by page, whatever happens to the walk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import httpx2
import pytest

from circadia.domain.catalog import BY_NAME, COLLECTIONS, PAGE_LIMIT
from circadia.domain.lanes import Lane
from circadia.domain.windows import RECENT
from circadia.storage import holds, records, walks
from circadia.storage.records import Received
from circadia.sync.outcome import Outcome, Report
from circadia.sync.progress import Progress, Stopping
from tests.conftest import NewStage
from tests.simulated import Stage

NAMES = [each.name for each in COLLECTIONS]
WORKOUTS = "/developer/v2/activity/workout"


async def settled(stage: NewStage, **details: int) -> Stage:
    """A member whose history is here."""
    here = await stage(**{"days": 260} | details)  # type: ignore[arg-type]
    await here.backfill()
    await here.sync()
    here.clock.advance(600)
    here.simulator.traffic.reset()
    return here


async def reconcile(
    here: Stage,
    *names: str,
    full: bool = False,
    allow_deletes: bool = False,
    lane: Lane = "reconcile",
    asked_at: datetime | None = None,
    progress: Progress | None = None,
) -> Report:
    return await here.runtime.engine.reconcile(
        here.grant,
        [BY_NAME[name] for name in names] or COLLECTIONS,
        lane=lane,
        full=full,
        allow_deletes=allow_deletes,
        asked_at=asked_at,
        progress=progress,
    )


def around(here: Stage, name: str, days_ago: float, fits: Callable[[dict[str, Any]], bool] = bool) -> list[str]:
    """The keys of a type's records, the nearest to a time first."""
    truth = here.simulator.truth(here.account)
    sleeps = {each["id"]: each["start"] for each in truth["sleep"]}
    at = here.clock() - timedelta(days=days_ago)

    def distance(record: dict[str, Any]) -> timedelta:
        return abs(datetime.fromisoformat(record.get("start") or sleeps[record["sleep_id"]]) - at)

    found = sorted((each for each in truth[name] if fits(each)), key=distance)
    return [str(each[BY_NAME[name].key]) for each in found]


def scored(record: dict[str, Any]) -> bool:
    return bool(record["score_state"] == "SCORED")


def main_sleep(record: dict[str, Any]) -> bool:
    return scored(record) and not record["nap"]


def change_everything(here: Stage, days_ago: float) -> None:
    """One of each kind of change around a time."""
    here.mutate("edit_sleep", around(here, "sleep", days_ago, main_sleep)[0])
    here.mutate("delete_sleep", around(here, "sleep", days_ago, main_sleep)[2])
    here.mutate("delete_recovery", around(here, "recovery", days_ago, scored)[3])
    here.mutate("edit_workout", around(here, "workout", days_ago, scored)[0])
    here.mutate("delete_workout", around(here, "workout", days_ago, scored)[1])
    here.mutate("touch_without_updated_at", around(here, "cycle", days_ago, scored)[4])
    for target in around(here, "cycle", days_ago, scored)[5:]:
        try:
            here.mutate("merge_cycles", target)
        except ValueError:  # the cycle before it is not there any more
            continue
        break


@pytest.mark.parametrize(("days_ago", "full"), [(30, False), (80, False), (200, True)])
async def test_what_a_sync_cannot_see_is_healed(stage: NewStage, days_ago: int, full: bool) -> None:
    here = await settled(stage)
    change_everything(here, days_ago)
    await here.sync()
    assert await here.differences() != [], "the sync has seen it, so this shows nothing"
    report = await reconcile(here, full=full)
    assert report.state == "succeeded"
    assert await here.differences() == []
    kept = walks.compared(here.db, here.grant.member_id, "all")
    assert set(await kept) == (set(NAMES) if full else set())
    recent = await walks.compared(here.db, here.grant.member_id, "recent")
    assert recent == dict.fromkeys(NAMES, here.clock())


@pytest.mark.parametrize(
    ("name", "taken", "given"),
    [("sleep", "delete_sleep", "undelete_sleep"), ("workout", "delete_workout", "restore_workout")],
)
async def test_what_comes_back_long_after_is_found(stage: NewStage, name: str, taken: str, given: str) -> None:
    here = await settled(stage)
    target = around(here, name, 60, main_sleep if name == "sleep" else scored)[0]
    here.mutate(taken, target)
    await reconcile(here)
    assert await here.differences() == []
    here.clock.advance(3600)
    here.mutate(given, target)
    await here.sync()
    assert await here.differences() != []
    await reconcile(here)
    assert await here.differences() == []


async def test_it_costs_a_request_for_each_page_and_one_for_each_missing_record(stage: NewStage) -> None:
    here = await settled(stage)
    gone = around(here, "workout", 50)[:3]
    for each in gone:
        here.mutate("delete_workout", each)
    report = await reconcile(here)
    since = (here.clock() - RECENT).isoformat()
    for name in NAMES:
        truth = here.simulator.truth(here.account)
        sleeps = {each["id"]: each["start"] for each in truth["sleep"]}
        recent = sum((each.get("start") or sleeps[each["sleep_id"]]) > since for each in truth[name])
        pages = here.asked(name)
        assert pages <= ceil(recent / (PAGE_LIMIT - 1)) + 1, name
        assert report.outcomes[name].requests == pages + (len(gone) if name == "workout" else 0)
        assert report.outcomes[name].written == 0
    assert report.outcomes["workout"].deleted == len(gone)


async def test_records_older_than_the_oldest_at_whoop_are_compared_too(stage: NewStage) -> None:
    here = await settled(stage, days=120)
    for each in here.simulator.truth(here.account)["workout"][-4:]:
        here.mutate("delete_workout", each["id"])
    assert (await reconcile(here, "workout", full=True)).outcomes["workout"].deleted == 4
    await here.sync()
    assert await here.differences() == []


class Stops:
    """Ends a walk after a number of pages, each time it is taken up."""

    def __init__(self, here: Stage, pages: int) -> None:
        self._here = here
        self._pages = self._left = pages
        self.stops = 0

    async def __call__(self, _name: str, _outcome: Outcome, _reached: datetime | None) -> None:
        self._left -= 1
        if self._left == 0:
            self._left = self._pages
            self.stops += 1
            self._here.clock.advance(60)
            raise Stopping


@pytest.mark.parametrize("pages", [1, 4])
async def test_a_walk_that_is_stopped_at_every_page_goes_on_from_it(stage: NewStage, pages: int) -> None:
    here = await settled(stage)
    for days_ago in (30, 200):
        change_everything(here, days_ago)
    here.simulator.traffic.reset()
    asked_at, stops = here.clock(), Stops(here, pages)
    while True:
        try:
            report = await reconcile(here, full=True, asked_at=asked_at, progress=stops)
            break
        except Stopping:
            continue
    assert stops.stops >= 20 / pages
    assert report.errors == {}
    assert await here.differences() == []
    for name in NAMES:
        floor = ceil(here.floor(name) * PAGE_LIMIT / (PAGE_LIMIT - 1)) + 1
        assert here.asked(name) <= floor, "nothing is asked for twice"


async def test_a_person_s_walk_begins_anew_and_the_schedule_s_goes_on(stage: NewStage) -> None:
    here = await settled(stage)
    with pytest.raises(Stopping):
        await reconcile(here, "workout", progress=Stops(here, 2))
    before = await walks.load(here.db, here.grant.member_id, "workout")
    assert before is not None
    with pytest.raises(Stopping):
        await reconcile(here, "workout", progress=Stops(here, 1))
    after = await walks.load(here.db, here.grant.member_id, "workout")
    assert after is not None
    assert after.end == before.end
    assert after.to is not None
    assert before.to is not None
    assert after.to < before.to
    asked_at = here.clock()
    with pytest.raises(Stopping):
        await reconcile(here, "workout", lane="person", asked_at=asked_at, progress=Stops(here, 1))
    anew = await walks.load(here.db, here.grant.member_id, "workout")
    assert anew is not None
    assert anew.end >= asked_at


def on_page(here: Stage, name: str, number: int, act: Callable[[], object]) -> None:
    """Do something just before the request for the n-th page of a type, once."""
    path, asked = f"/developer{BY_NAME[name].path}", 0

    def before(request: httpx2.Request) -> None:
        nonlocal asked
        if request.url.path == path:
            asked += 1
            if asked == number:
                act()

    here.wire.before = before


@pytest.mark.parametrize("number", [2, 3, 4])
async def test_a_page_that_shifts_in_mid_walk_hides_nothing(stage: NewStage, number: int) -> None:
    """A record read before is deleted just before the next page is asked for, and the first record of that page is one
    that is missing here: by WHOOP's page token it would slip onto the page that was read."""
    here = await settled(stage)
    listed = here.simulator.truth(here.account)["workout"]
    boundary = listed[(PAGE_LIMIT - 1) * (number - 1) + 1]
    here.mutate("delete_workout", boundary["id"])
    await reconcile(here, "workout", full=True)
    here.clock.advance(3600)
    here.mutate("restore_workout", boundary["id"])

    def delete() -> None:
        here.clock.advance(1)
        here.mutate("delete_workout", listed[3]["id"])

    on_page(here, "workout", number, delete)
    await reconcile(here, "workout", full=True)
    here.clock.advance(60)
    await here.sync()
    assert await here.differences() == []


async def test_records_that_arrive_in_mid_walk_cost_nothing(stage: NewStage) -> None:
    here = await settled(stage)
    on_page(here, "sleep", 3, lambda: here.clock.advance(26 * 3600))
    report = await reconcile(here, "sleep", full=True)
    assert report.outcomes["sleep"].deleted == 0
    await here.sync()
    assert await here.differences() == []


async def live(here: Stage, table: str) -> int:
    found = await here.db.row(f"SELECT count(*) FROM {table} WHERE deleted_at IS NULL")
    assert found is not None
    return int(found[0])


async def bulk(here: Stage, name: str, days_ago: int, count: int) -> None:
    for each in around(here, name, days_ago)[:count]:
        here.mutate(f"delete_{name}", each)


async def test_the_brake_weighs_the_whole_walk_and_not_its_pages(stage: NewStage) -> None:
    here = await settled(stage)
    before = await live(here, "workouts")
    await bulk(here, "workout", 45, 20)
    report = await reconcile(here, "workout")
    assert report.errors == {}, "most of a page, and little of ninety days"
    assert report.outcomes["workout"].deleted == 20
    assert await live(here, "workouts") == before - 20
    assert await here.differences() == []


async def test_more_than_a_person_would_delete_is_held_until_the_owner_allows_it(stage: NewStage) -> None:
    here = await settled(stage)
    before = await live(here, "workouts")
    await bulk(here, "workout", 45, 60)
    here.mutate("edit_sleep", around(here, "sleep", 60, main_sleep)[0])
    here.simulator.traffic.reset()
    report = await reconcile(here)
    assert report.state == "partial"
    assert set(report.errors) == {"workout"}
    assert report.errors["workout"].kind == "deletions_held"
    assert "60 of" in report.errors["workout"].message
    assert "--allow-deletes" in str(report.errors["workout"].remedy)
    assert report.outcomes["workout"].held_deletions == 60
    assert report.outcomes["workout"].requests == here.asked("workout"), "none was asked for"
    assert await live(here, "workouts") == before
    assert (await here.state("workout")).held_deletions == 60
    assert [each.missing for each in await holds.all_of(here.db)] == [60]

    here.clock.advance(3600)
    here.simulator.traffic.reset()
    outcome = (await here.sync("workout")).outcomes["workout"]
    assert (outcome.requests, outcome.deleted) == (here.asked("workout"), 0)
    assert (await here.state("workout")).held_deletions == 60, "a sync neither releases nor asks"

    report = await reconcile(here, allow_deletes=True)
    assert report.state == "succeeded"
    assert report.outcomes["workout"].deleted == 60
    assert await holds.all_of(here.db) == []
    assert await here.differences() == []


async def test_what_a_sync_holds_the_owner_can_allow(stage: NewStage) -> None:
    here = await settled(stage)
    recent = [each["id"] for each in here.simulator.truth(here.account)["workout"][:12]]
    for each in recent:
        here.mutate("delete_workout", each)
    held = (await here.sync("workout")).outcomes["workout"].held_deletions
    assert held > 5
    report = await reconcile(here, "workout", allow_deletes=True)
    assert report.outcomes["workout"].deleted == 12
    assert (await here.state("workout")).held_deletions == 0
    assert await here.differences() == []


async def test_what_was_held_longer_ago_is_within_the_owner_s_reach(stage: NewStage) -> None:
    here = await settled(stage)
    gone = around(here, "workout", 200)[:130]
    for each in gone:
        here.mutate("delete_workout", each)
    assert set((await reconcile(here, "workout", full=True)).errors) == {"workout"}
    assert set((await reconcile(here, "workout")).errors) == {"workout"}, "its last months tell nothing of it"
    report = await reconcile(here, "workout", allow_deletes=True)
    assert report.outcomes["workout"].deleted == 130
    await here.sync()
    assert await here.differences() == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("full", [False, True])
async def test_an_empty_listing_empties_nothing(stage: NewStage, name: str, full: bool) -> None:
    here = await settled(stage, days=100)
    here.simulator.state.hidden.add(here.account)
    report = await reconcile(here, name, full=full)
    outcome = report.outcomes[name]
    assert (outcome.deleted, outcome.requests) == (0, 1)
    assert outcome.held_deletions == len(here.simulator.truth(here.account)[name])
    assert set(report.errors) == {name}
    here.simulator.state.hidden.clear()
    here.clock.advance(3600)
    report = await reconcile(here, name, full=True)
    assert report.errors == {}
    assert await holds.all_of(here.db) == []
    await here.sync()
    assert await here.differences() == []


async def test_an_empty_listing_is_no_evidence_against_a_few_records_either(stage: NewStage) -> None:
    here = await settled(stage, days=60)
    listed = here.simulator.truth(here.account)["workout"]
    for each in listed[3:]:
        here.mutate("delete_workout", each["id"])
    await reconcile(here, "workout", full=True, allow_deletes=True)
    here.simulator.state.hidden.add(here.account)
    here.clock.advance(60)
    outcome = (await reconcile(here, "workout", full=True)).outcomes["workout"]
    assert (outcome.deleted, outcome.held_deletions) == (0, 3)
    assert outcome.requests == 2, "the listing, and whether there is any at all"


async def test_an_outage_that_begins_in_mid_walk_deletes_nothing(stage: NewStage) -> None:
    here = await settled(stage)
    on_page(here, "cycle", 4, lambda: here.simulator.state.hidden.add(here.account))
    report = await reconcile(here, "cycle", full=True)
    assert report.outcomes["cycle"].deleted == 0
    assert report.outcomes["cycle"].held_deletions > 100
    here.simulator.state.hidden.clear()
    here.clock.advance(60)
    assert (await reconcile(here, "cycle", full=True)).errors == {}
    await here.sync()
    assert await here.differences() == []


async def test_a_walk_whose_asking_was_cut_short_asks_for_the_rest(stage: NewStage) -> None:
    here = await settled(stage)
    await bulk(here, "workout", 45, 15)
    here.fault("status", path=f"{WORKOUTS}/", after=6, count=4, status=503)
    report = await reconcile(here, "workout")
    assert set(report.errors) == {"workout"}
    walk = await walks.load(here.db, here.grant.member_id, "workout")
    assert walk is not None
    assert walk.to is None
    pages = here.asked("workout")
    state = await here.state("workout")
    assert (state.failures, state.error) == (0, None), "the type's own syncs have not failed"
    report = await reconcile(here, "workout")
    assert report.errors == {}
    assert here.asked("workout") == pages, "no page is read again"
    assert await here.differences() == []


async def test_an_unreadable_record_is_no_deleted_one(stage: NewStage) -> None:
    here = await settled(stage)

    def rewrite(request: httpx2.Request, body: bytes) -> bytes:
        return body.replace(b'"SCORED"', b'"ODD"', 1) if request.url.path == WORKOUTS else body

    here.wire.rewrite = rewrite
    outcome = (await reconcile(here, "workout", full=True)).outcomes["workout"]
    assert outcome.rejected > 0
    assert outcome.deleted == 0
    assert outcome.requests == here.asked("workout")


async def test_rows_of_an_export_are_no_records_of_the_api(stage: NewStage) -> None:
    here = await settled(stage, days=100)
    workout = BY_NAME["workout"]
    raw = here.simulator.truth(here.account)["workout"][40] | {"id": "00000000-0000-4000-8000-000000000001"}
    imported = Received(workout.model.model_validate(raw), raw)
    async with here.db.begin() as connection:
        await records.upsert(
            connection, workout, here.grant.member_id, [imported], fetched_at=here.clock(), source="export"
        )
    here.clock.advance(60)
    report = await reconcile(here, "workout", full=True, allow_deletes=True)
    assert report.outcomes["workout"].deleted == 0
    assert report.outcomes["workout"].requests == here.asked("workout")
    assert await here.db.row("SELECT deleted_at FROM workouts WHERE id = %s", (raw["id"],)) == (None,)


async def test_a_type_that_never_arrived_is_left_to_the_backfill(stage: NewStage) -> None:
    here = await stage(days=60)
    assert (await reconcile(here)).outcomes == {}
    await here.sync("workout")
    here.simulator.traffic.reset()
    report = await reconcile(here, full=True)
    assert set(report.outcomes) == {"workout"}
    assert here.asked("workout") <= 2, "below the floor lies the backfill's"
