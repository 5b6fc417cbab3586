"""Who goes first when the budget is short, and that it is never exceeded, in virtual time on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, pairwise
from math import floor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circadia.clients.governor import Governor, Limits
from circadia.domain.lanes import LANES, Lane
from circadia.errors import RateLimited
from circadia.runtime import StoredBudget
from circadia.storage.postgres import Database
from tests.simulated import EPOCH
from tests.virtual import VirtualTime

LONG = timedelta(hours=1)
APPS = count()


@dataclass
class Scene:
    """Some processes with one budget; `served` is who got a unit, in order."""

    db: Database
    limits: Limits
    time: VirtualTime = field(default_factory=lambda: VirtualTime(EPOCH))
    app: str = field(default_factory=lambda: f"app-{next(APPS)}")
    served: list[tuple[datetime, Lane, int]] = field(default_factory=list)

    def process(self) -> Governor:
        """A governor of its own."""
        return Governor(
            StoredBudget(self.db, self.app, self.limits, self.time), self.limits, self.time, self.time.sleep
        )

    async def ask(
        self, lane: Lane, member_id: int, units: int = 1, after_s: float = 0.0, patience: timedelta | None = LONG
    ) -> None:
        """Ask for units one after another, as a walk over pages does, and again later when put off."""
        held = self.process()
        await self.time.sleep(after_s)
        while units:
            try:
                await held.take(lane, member_id, patience)
            except RateLimited as error:
                await self.time.sleep((error.until - self.time()).total_seconds())
            else:
                self.served.append((self.time(), lane, member_id))
                units -= 1


async def test_the_first_unit_that_opens_goes_to_the_first_lane(db: Database) -> None:
    """With one unit a minute no share keeps the lanes apart: only the order does."""
    scene = Scene(db, Limits(1, 1000))
    lanes = list(LANES)
    late = {lane: 10.0 - lanes.index(lane) for lane in lanes}  # the last lane is there first
    await scene.time.run(
        scene.ask("backfill", 9), *(scene.ask(lane, number, after_s=late[lane]) for number, lane in enumerate(lanes))
    )
    assert [lane for _, lane, _ in scene.served[1:]] == lanes
    apart = [(later[0] - earlier[0]).total_seconds() for earlier, later in pairwise(scene.served)]
    assert all(62 <= each < 65 for each in apart), apart


async def test_a_lower_lane_goes_when_there_is_a_unit_left_for_all_who_wait_before_it(db: Database) -> None:
    scene = Scene(db, Limits(40, 1000))
    await scene.process().refused({"Retry-After": "10"})
    await scene.time.run(*(scene.ask(lane, number) for number, lane in enumerate([*LANES] * 3)))
    assert {at for at, _, _ in scene.served} == {EPOCH + timedelta(seconds=10)}


@pytest.mark.parametrize("lane", list(LANES))
async def test_a_member_with_many_requests_does_not_push_out_the_others(db: Database, lane: Lane) -> None:
    scene = Scene(db, Limits(6, 10_000))
    await scene.time.run(
        *(scene.ask(lane, 1, after_s=0.001 * number) for number in range(100)),
        *(scene.ask(lane, member_id, units=6, after_s=1.0) for member_id in (2, 3, 4)),
    )
    for member_id in (2, 3, 4):
        at = [EPOCH, *(at for at, _, who in scene.served if who == member_id)]
        assert len(at) == 1 + 6
        assert max((later - earlier).total_seconds() for earlier, later in pairwise(at)) <= 63 + 5
    assert len(scene.served) == 100 + 18


async def test_unit_by_unit_the_members_go_in_turn(db: Database) -> None:
    scene = Scene(db, Limits(1, 10_000))
    await scene.time.run(
        *(scene.ask("webhook", 1, after_s=0.001 * number) for number in range(20)),
        *(scene.ask("webhook", member_id, units=3, after_s=1.0 + member_id) for member_id in (2, 3)),
    )
    assert [member_id for _, _, member_id in scene.served] == [1, *(2, 3, 1) * 3, *[1] * 16]


async def test_who_was_served_longest_ago_goes_first(db: Database) -> None:
    scene = Scene(db, Limits(3, 1000))
    await scene.time.run(
        *(scene.ask("person", member_id, after_s=float(member_id)) for member_id in (1, 2, 3)),
        *(scene.ask("person", member_id, after_s=30.0 - member_id) for member_id in (1, 2, 3, 4)),
    )
    assert [member_id for _, _, member_id in scene.served[3:]] == [4, 1, 2, 3]


async def test_a_waiter_that_died_holds_nobody_up_for_long(db: Database) -> None:
    scene = Scene(db, Limits(1, 1000))
    held = scene.process()
    await held.take("person", 1)
    dead = await StoredBudget(db, scene.app, scene.limits, scene.time).take("person", 2, 100.0, None)
    assert dead.ticket is not None
    assert dead.wait_s is not None
    scene.time.at += timedelta(seconds=dead.wait_s + 2)
    with pytest.raises(RateLimited) as caught:
        await held.take("backfill", 3, timedelta(0))
    assert caught.value.until - scene.time() < timedelta(seconds=1), "it is somebody else's turn"
    scene.time.at += timedelta(seconds=0.01)
    await held.take("backfill", 3, timedelta(0))


async def test_what_is_over_is_forgotten(db: Database) -> None:
    scene = Scene(db, Limits(5, 1000))
    await scene.time.run(*(scene.ask("person", member_id, units=3) for member_id in range(10)))
    await scene.time.run(scene.ask("person", 1, after_s=9 * 86_400))
    left = [await db.rows(f"SELECT 1 FROM {table}") for table in ("budget_waits", "budget_turns", "budget_usage")]
    assert [len(each) for each in left] == [0, 1, 2]


@st.composite
def demands(draw: st.DrawFn) -> list[tuple[Lane, int, int, float, bool]]:
    """Who asks for how much, from when on, and whether patiently."""
    one = st.tuples(
        st.sampled_from(list(LANES)),
        st.integers(0, 3),
        st.integers(1, 12),
        st.floats(0, 150, allow_nan=False).map(lambda each: round(each, 3)),
        st.booleans(),
    )
    return draw(st.lists(one, min_size=1, max_size=7))


def most_within(instants: list[datetime], window: timedelta) -> int:
    """The most of these in any half-open window of this length."""
    return max((sum(end - window < each <= end for each in instants) for end in instants), default=0)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 12), st.integers(8, 60), demands())
async def test_never_more_than_the_limit_in_any_window(
    db: Database, per_minute: int, per_day: int, asked: list[tuple[Lane, int, int, float, bool]]
) -> None:
    """Whatever lanes and members ask in whatever order; and no lane takes a unit of the reserve above it. A request
    that is up to two seconds longer on its way than another breaks no window either."""
    scene = Scene(db, Limits(per_minute, per_day))
    await scene.time.run(
        *(
            scene.ask(lane, member_id, units, after_s, LONG if patient else None)
            for lane, member_id, units, after_s, patient in asked
        )
    )
    assert len(scene.served) == sum(units for _, _, units, _, _ in asked)
    everything = [at for at, _, _ in scene.served]
    for window, limit in ((timedelta(seconds=62), per_minute), (timedelta(hours=24, seconds=2), per_day)):
        assert most_within(everything, window) <= limit
        for number, (at, lane, _) in enumerate(scene.served):
            before = sum(at - window < each <= at for each in everything[:number])
            share = LANES[lane].share if window < timedelta(hours=1) else LANES[lane].day_share
            assert before < max(floor(limit * share), 1)
