"""The first sync: the whole history, in the fewest requests, ends in a store that equals WHOOP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from circadia.domain.catalog import COLLECTIONS, SCOPES
from circadia.errors import ScopeMissing
from circadia.simulator.world import Quirks
from circadia.storage import days, members
from tests.conftest import NewStage

NAMES = [each.name for each in COLLECTIONS]


@pytest.mark.parametrize("seed", range(4))
async def test_the_store_equals_the_world(stage: NewStage, seed: int) -> None:
    here = await stage(days=400, seed=seed)
    backfill = await here.backfill()
    singles = await here.sync("profile", "body_measurement")
    assert backfill.state == singles.state == "succeeded"
    assert await here.differences() == []


async def test_a_plain_world_without_nulls(stage: NewStage) -> None:
    here = await stage(days=60, quirks=Quirks.none())
    await here.backfill()
    await here.sync("profile", "body_measurement")
    assert await here.differences() == []


async def test_one_walk_and_at_most_one_closing_look_per_type(stage: NewStage) -> None:
    here = await stage(days=400)
    report = await here.backfill()
    for name in NAMES:
        extra = here.asked(name) - here.floor(name)
        assert 0 <= extra <= 1, name
        assert report.outcomes[name].requests == here.asked(name)
    here.simulator.traffic.reset()
    await here.backfill()
    assert [here.asked(name) for name in NAMES] == [0, 0, 0, 0], "a history that is here is not asked for again"


async def test_the_newest_days_are_readable_after_the_first_pages(stage: NewStage) -> None:
    here = await stage(days=400)
    for name in NAMES:
        here.fault("status", path=f"/developer{_path(name)}", after=1, count=None, status=500)
    report = await here.backfill()
    assert set(report.errors) == set(NAMES)
    newest = await days.newest(here.db, "alice")
    assert newest is not None
    for back in range(15):
        text = await days.document(here.db, "alice", newest - timedelta(days=back))
        assert '"history_arriving"' not in text
    oldest = await days.document(here.db, "alice", newest - timedelta(days=300))
    assert '"history_arriving"' in oldest


async def test_an_empty_member(stage: NewStage) -> None:
    here = await stage()
    here.simulator.state.hidden.add(here.account)
    report = await here.backfill()
    assert report.state == "succeeded"
    assert {name: each.requests for name, each in report.outcomes.items()} == dict.fromkeys(NAMES, 1)
    for name in NAMES:
        state = await here.state(name)
        assert state.history_done_at == here.clock()
        assert state.floor_at is None
    assert await days.newest(here.db, "alice") is None


async def test_an_empty_collection_may_be_a_404(stage: NewStage) -> None:
    here = await stage()
    here.simulator.switch(empty_collection=404)
    here.simulator.state.hidden.add(here.account)
    assert (await here.backfill()).state == "succeeded"


@pytest.mark.parametrize("last_page", ["null", "absent", "empty"])
async def test_every_way_to_say_that_there_is_no_next_page(stage: NewStage, last_page: str) -> None:
    here = await stage()
    here.simulator.switch(last_page=last_page)
    await here.backfill()
    await here.sync("profile", "body_measurement")
    assert await here.differences() == []


async def test_as_of_says_when_the_walk_began(stage: NewStage) -> None:
    here = await stage()
    began_at = here.clock()
    await here.backfill()
    member = await members.find(here.db, "alice")
    assert member is not None
    assert member.as_of == began_at


async def test_a_scope_that_was_not_granted_disables_its_type(stage: NewStage) -> None:
    kept = [each for each in SCOPES if each != "read:sleep"]
    here = await stage(asked={"sim_scope": "&sim_scope=".join(kept)})
    assert here.grant.scopes == frozenset(kept)
    report = await here.backfill()
    await here.sync("profile", "body_measurement", "sleep")
    assert set(report.outcomes) == {"cycle", "recovery", "workout"}
    assert here.asked("sleep") == 0
    assert await here.differences() == []
    newest = await days.newest(here.db, "alice")
    assert newest is not None
    assert '"scope_missing"' in await days.document(here.db, "alice", newest - timedelta(days=3))


async def test_a_scope_that_whoop_refuses_parks_its_type_for_a_day(stage: NewStage) -> None:
    here = await stage()
    here.fault("status", path="/developer/v2/recovery", count=None, status=403, body="text")
    report = await here.backfill()
    assert isinstance(report.errors["recovery"], ScopeMissing)
    assert report.state == "partial"
    state = await here.state("recovery")
    assert state.due_at == here.clock() + timedelta(days=1)
    assert state.error is not None
    assert state.error["kind"] == "scope_missing"


def _path(name: str) -> str:
    return next(each.path for each in COLLECTIONS if each.name == name)
