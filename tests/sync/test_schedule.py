"""The schedule on the database: who is due, how much is released, when work comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from circadia.clients.governor import Limits
from circadia.domain.catalog import BY_NAME, CATALOG, COLLECTIONS, SCOPES
from circadia.domain.demand import Stretch
from circadia.domain.plans import parse_plan
from circadia.domain.preferences import Preferences
from circadia.simulator.clock import StandingClock
from circadia.simulator.world import Quirks
from circadia.storage import preferences, runs, sync_states
from circadia.storage import schedule as stored
from circadia.storage.postgres import Database
from circadia.sync.schedule import RECENT, WHOLE, Schedule
from circadia.sync.wanted import Wanted
from tests.conftest import NewStage
from tests.simulated import CLIENT
from tests.sync.following import refuse_rows

LIMITS = Limits(per_minute=90, per_day=9000)
APP = "app-one"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def schedule(db: Database, clock: StandingClock, plan: str = "adaptive", limits: Limits = LIMITS) -> Schedule:
    return Schedule(db, parse_plan(plan), limits, APP, clock)


async def populate(
    db: Database, now: datetime, count: int, *, pushed_at: datetime | None = None, scopes: Sequence[str] = SCOPES
) -> list[int]:
    """Connected members whose types are due a minute apart, the first member's for the longest; their tokens hold."""
    details = {"now": now, "scopes": list(scopes), "pushed": pushed_at, "types": [each.name for each in CATALOG]}
    await db.execute(
        "INSERT INTO members (user_id, created_at) SELECT 'user-' || n, %s FROM generate_series(1, %s) n", (now, count)
    )
    await db.execute(
        """INSERT INTO connections (member_id, whoop_user_id, state, scopes, connected_at, changed_at, pushed_at)
           SELECT id, id + 1000000, 'connected', %(scopes)s, %(now)s, %(now)s, %(pushed)s FROM members""",
        details,
    )
    await db.execute(
        """INSERT INTO sync_states
               (member_id, type, cursor_at, history_done_at, compared_recent_at, compared_all_at, due_at)
           SELECT m.id, t.name, %(now)s, %(now)s, %(now)s, %(now)s,
                  %(now)s - make_interval(mins => (rank() OVER (PARTITION BY t.name ORDER BY m.id DESC))::integer - 1)
           FROM members m, unnest(%(types)s::text[]) t (name)""",
        details,
    )
    await db.execute(
        """INSERT INTO tokens (member_id, access_token, obtained_at, expires_at, version)
           SELECT id, 'sealed', %(now)s, %(now)s + interval '1 day', 1 FROM members""",
        details,
    )
    return [each[0] for each in await db.rows("SELECT id FROM members ORDER BY id")]


def names(wanted: Sequence[Wanted]) -> list[tuple[int, tuple[str, ...]]]:
    return [(each.member_id, tuple(sorted(each.types or ()))) for each in wanted]


async def test_the_longest_waiting_are_released_first_and_no_more_than_a_part_of_a_minute(
    db: Database, clock: StandingClock
) -> None:
    ids = await populate(db, clock(), 40)
    wanted = await schedule(db, clock).due(clock())
    assert [each.member_id for each in wanted] == ids[: len(wanted)]
    assert all((each.kind, each.lane) == ("sync", "scheduled") for each in wanted)
    assert sum(len(each.types or ()) for each in wanted) == 7
    assert sorted(wanted[0].types or ()) == sorted(each.name for each in CATALOG)


async def test_what_is_released_is_not_released_again(db: Database, clock: StandingClock) -> None:
    ids = await populate(db, clock(), 4)
    plan = schedule(db, clock)
    first = await plan.due(clock())
    assert [each.member_id for each in first] == ids[:2]
    run = await runs.create(db, ids[0], "sync", "scheduled", ["sleep"], clock())
    assert names(await plan.due(clock())) == [(ids[1], tuple(sorted(each.name for each in CATALOG)))]
    await runs.create(db, ids[1], "sync", "webhook", ["cycle", "recovery"], clock())
    (left,) = await plan.due(clock())
    assert (left.member_id, len(left.types or ())) == (ids[2], 7 - 1 - 2)
    await runs.finish(db, run, "succeeded", clock(), attempt=0)
    assert ids[0] in [each.member_id for each in await plan.due(clock())]


async def test_only_what_can_be_asked_for_is_due(db: Database, clock: StandingClock) -> None:
    ids = await populate(db, clock(), 3, scopes=["offline", "read:sleep", "read:workout"])
    await db.execute("UPDATE connections SET state = 'needs_reconnect' WHERE member_id = %s", (ids[0],))
    await db.execute("UPDATE sync_states SET due_at = due_at + interval '1 day' WHERE member_id = %s", (ids[1],))
    assert names(await schedule(db, clock).due(clock())) == [(ids[2], ("sleep", "workout"))]


async def test_around_the_full_hour_nobody_is_asked_for_whose_token_would_be_renewed(
    db: Database, clock: StandingClock
) -> None:
    ids = await populate(db, clock(), 2)
    await db.execute("UPDATE tokens SET expires_at = %s WHERE member_id = %s", (clock(), ids[0]))
    plan = schedule(db, clock)
    clock.advance(57 * 60)
    for _ in range(8):
        assert [each.member_id for each in await plan.due(clock())] == [ids[1]]
        clock.advance(60)
    assert [each.member_id for each in await plan.due(clock())] == ids


async def spend(db: Database, at: datetime, lane: str, bucket: str, taken: int) -> None:
    await db.execute(
        "INSERT INTO budget_usage (app, bucket, at, lane, taken, refused) VALUES (%s, %s, %s, %s, %s, 0)",
        (APP, bucket, at, lane, taken),
    )


@pytest.mark.parametrize(
    ("lane", "bucket", "taken", "released"),
    [
        ("webhook", "second", 60, 7),
        ("webhook", "second", 76, 5),
        ("webhook", "second", 81, 0),
        ("webhook", "minute", 8814, 6),
        ("webhook", "minute", 8820, 0),
        ("scheduled", "minute", 7195, 5),
        ("scheduled", "minute", 7200, 0),
    ],
)
async def test_no_more_is_released_than_the_minute_and_the_day_can_carry(
    db: Database, clock: StandingClock, lane: str, bucket: str, taken: int, released: int
) -> None:
    await populate(db, clock(), 40)
    await spend(db, clock(), lane, bucket, taken)
    wanted = await schedule(db, clock).due(clock())
    assert sum(len(each.types or ()) for each in wanted) == released


async def test_nothing_is_released_while_whoop_wants_a_pause_nor_by_the_manual_plan(
    db: Database, clock: StandingClock
) -> None:
    await populate(db, clock(), 3)
    assert await schedule(db, clock, "manual").due(clock()) == []
    await db.execute("INSERT INTO budget (app, paused_until) VALUES (%s, %s)", (APP, clock() + MINUTE))
    assert await schedule(db, clock).due(clock()) == []
    clock.advance(61)
    assert await schedule(db, clock).due(clock()) != []


async def later(db: Database, clock: StandingClock) -> None:
    await db.execute("UPDATE sync_states SET due_at = %s", (clock() + 1000 * DAY,))


async def test_who_wants_to_be_asked_for_is_left_out(db: Database, clock: StandingClock) -> None:
    (first, second) = await populate(db, clock(), 2)
    await db.execute(
        "UPDATE sync_states SET due_at = due_at - interval '1 hour', compared_recent_at = %s", (clock() - 2 * RECENT,)
    )
    settings = Preferences(sync="on_request")
    await preferences.put(db, "user-1", settings, clock())
    await preferences.put(db, "somebody-without-data", settings, clock())
    assert {each.member_id for each in await stored.due(db, CATALOG, clock(), 100, quiet=False)} == {second}
    compared = await stored.longest_uncompared(db, COLLECTIONS, "compared_recent_at", clock(), clock(), 100)
    assert {each.member_id for each in compared} == {second}
    assert [each.members for each in await stored.groups(db, clock())] == [1]
    late = await sync_states.behind(db, CATALOG, clock() + DAY, clock())
    assert [each.member_id for each in late] == [second]
    await preferences.put(db, "user-1", Preferences(), clock())
    assert {each.member_id for each in await stored.due(db, CATALOG, clock(), 100, quiet=False)} == {first, second}


async def test_deep_comparisons_come_when_nothing_else_is_due(db: Database, clock: StandingClock) -> None:
    ids = await populate(db, clock(), 3)
    await later(db, clock)
    plan = schedule(db, clock)
    assert await plan.due(clock()) == []
    clock.advance(30 * 60)  # clear of the full hour, around which nothing begins that is not due
    seen = []
    for _ in range(30):
        clock.advance(DAY.total_seconds() / 2)
        for each in await plan.due(clock()):
            assert (each.kind, each.lane, each.options) == ("reconcile", "reconcile", {"full": False})
            seen.append((each.member_id, each.types))
            await db.execute(
                "UPDATE sync_states SET compared_recent_at = %s WHERE member_id = %s AND type = ANY (%s)",
                (clock(), each.member_id, list(each.types or ())),
            )
    days = 15
    collections = {each.name for each in COLLECTIONS}
    assert {(member, name) for member, types in seen for name in types or ()} == {
        (member, name) for member in ids for name in collections
    }
    assert sum(len(types or ()) for _, types in seen) <= len(ids) * len(collections) * (days / RECENT.days + 1)
    await db.execute("UPDATE sync_states SET due_at = %s WHERE member_id = %s", (clock(), ids[0]))
    assert [each.kind for each in await plan.due(clock())] == ["sync"]


async def test_everything_is_compared_each_quarter_and_never_what_is_busy_or_failing(
    db: Database, clock: StandingClock
) -> None:
    ids = await populate(db, clock(), 3)
    await later(db, clock)
    clock.advance((WHOLE * 1.6 + 30 * MINUTE).total_seconds())
    await db.execute("UPDATE sync_states SET compared_recent_at = %s", (clock(),))
    await runs.create(db, ids[0], "backfill", "backfill", [], clock())
    await db.execute("UPDATE sync_states SET failures = 1 WHERE member_id = %s", (ids[1],))
    plan = schedule(db, clock)
    (wanted,) = await plan.due(clock())
    assert (wanted.member_id, wanted.kind, wanted.options) == (ids[2], "reconcile", {"full": True})
    assert set(wanted.types or ()) == {each.name for each in COLLECTIONS}
    await db.execute("UPDATE sync_states SET failures = 0")
    await runs.create(db, wanted.member_id, "reconcile", "reconcile", list(wanted.types or ()), clock())
    assert await plan.due(clock()) == [], "one at a time"


async def test_deep_comparisons_take_only_what_the_schedule_leaves(db: Database, clock: StandingClock) -> None:
    await populate(db, clock(), 2500)
    await later(db, clock)
    clock.advance((WHOLE * 1.6 + 30 * MINUTE).total_seconds())
    plan = schedule(db, clock)
    assert (await plan.planned(clock())).planned == pytest.approx(7200)
    assert await plan.due(clock()) == []


async def test_the_figures_behind_the_schedule(db: Database, clock: StandingClock) -> None:
    await populate(db, clock(), 300, pushed_at=clock() - HOUR)
    await db.execute("UPDATE connections SET pushed_at = NULL WHERE member_id %% 3 = 0")
    await spend(db, clock() - HOUR, "webhook", "minute", 800)
    found = await schedule(db, clock).planned(clock())
    assert (found.plan, found.members, found.pushed) == ("adaptive", 300, 200)
    assert found.allowed == 7200
    assert found.wanted > 30_000
    assert found.planned <= found.allowed
    assert found.stretch.cadence > 4
    assert found.stretch.compared == 1
    assert 1500 < found.fit < 2500


async def test_an_interval_is_stretched_only_when_the_budget_would_break(db: Database, clock: StandingClock) -> None:
    await populate(db, clock(), 10)
    assert (await schedule(db, clock, "interval:15m").planned(clock())).stretch == Stretch()
    found = await schedule(db, clock, "interval:5m").planned(clock())
    assert found.stretch.cadence == pytest.approx(10 * 6 * 288 / 7200)
    assert found.planned == pytest.approx(7200)


async def test_a_view_of_the_demand_is_a_minute_old_at_most(db: Database, clock: StandingClock) -> None:
    plan = schedule(db, clock)
    assert await plan.stretch() == Stretch()
    await populate(db, clock(), 2500)
    assert await plan.stretch() == Stretch()
    clock.advance(60)
    assert (await plan.stretch()).compared > 1


def whole_tables(plan: dict[str, Any]) -> Iterator[str]:
    """The tables that a plan reads from end to end."""
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for each in plan.get("Plans", []):
        yield from whole_tables(each)


@pytest.mark.parametrize("column", ["compared_recent_at", "compared_all_at"])
async def test_the_questions_of_every_few_seconds_use_an_index(
    db: Database, clock: StandingClock, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await populate(db, clock(), 5000)
    await db.execute("UPDATE sync_states SET due_at = due_at + interval '30 days'")
    for table in ("sync_states", "runs", "tokens", "connections"):
        await db.execute(f"ANALYZE {table}")
    scanned: list[set[str]] = []
    rows = db.rows

    async def explained(statement: str, parameters: Any = ()) -> Any:
        (plan,) = await rows(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        scanned.append(set(whole_tables(plan[0][0]["Plan"])))
        return await rows(statement, parameters)

    monkeypatch.setattr(db, "rows", explained)
    await stored.due(db, CATALOG, clock(), 14, quiet=True)
    await stored.longest_uncompared(db, COLLECTIONS, column, clock() - DAY, clock(), 40)
    assert len(scanned) == 2
    for tables in scanned:
        assert "sync_states" not in tables


async def test_a_sleep_sync_learns_when_the_member_wakes(stage: NewStage) -> None:
    here = await stage(days=40, quirks=Quirks.none())
    await here.backfill()
    truth = [each for each in here.simulator.truth(here.account)["sleep"] if not each["nap"]]
    ends = [datetime.fromisoformat(each["end"]) for each in truth]
    offset = {each["timezone_offset"] for each in truth}
    assert offset == {"-05:00"}
    minutes = sorted(
        (at - 5 * HOUR).hour * 60 + (at - 5 * HOUR).minute for at in ends if at > here.clock() - timedelta(days=28)
    )
    found = await here.db.row("SELECT wakes_at_min FROM members")
    assert found is not None
    middle = len(minutes) // 2
    assert minutes[middle - 1] <= found[0] <= minutes[middle]


async def test_records_without_a_score_bring_the_type_back_soon(stage: NewStage) -> None:
    here = await stage(days=40, settings={"SYNC_PLAN": "adaptive"})
    await here.backfill()
    await here.db.execute("UPDATE members SET wakes_at_min = NULL")
    truth = here.simulator.truth(here.account)["workout"]
    recent = [each for each in truth if each["created_at"] > (here.clock() - timedelta(hours=72)).isoformat()]
    await here.db.execute("UPDATE connections SET pushed_at = %s", (here.clock(),))
    await here.sync("workout")
    state = await here.state("workout")
    pending = sum(each["score_state"] == "PENDING_SCORE" for each in recent)
    assert await here.db.row("SELECT pending FROM sync_states WHERE type = 'workout'") == (pending,)
    assert state.due_at == here.clock() + (HOUR if pending else BY_NAME["workout"].every_with_push)


async def test_a_member_that_found_no_budget_has_not_failed(stage: NewStage) -> None:
    here = await stage(days=20)
    await here.backfill()
    here.fault("rate_limited", retry_after=600)
    report = await here.sync("sleep")
    assert report.errors["sleep"].kind == "rate_limited"
    state = await here.state("sleep")
    assert (state.failures, state.error) == (0, None)
    until = report.errors["sleep"].until  # type: ignore[attr-defined]
    assert until <= state.due_at <= until + MINUTE


async def test_a_failing_type_backs_off(stage: NewStage) -> None:
    here = await stage(days=20)
    await here.backfill()
    waits = []
    for _ in range(4):
        here.fault("status", status=500, count=4)
        await here.sync("sleep")
        state = await here.state("sleep")
        assert state.due_at is not None
        waits.append(state.due_at - here.clock())
        here.clock.advance(1)
    assert waits == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    await here.sync("sleep")
    assert (await here.state("sleep")).failures == 0


async def test_the_day_s_plan_goes_by_webhooks_once_they_arrive(stage: NewStage) -> None:
    here = await stage(days=20)
    await here.backfill()
    await here.sync("workout")
    assert (await here.state("workout")).due_at == here.clock() + BY_NAME["workout"].every
    await here.db.execute("UPDATE connections SET pushed_at = %s", (here.clock() - DAY,))
    await here.sync("workout")
    assert (await here.state("workout")).due_at == here.clock() + BY_NAME["workout"].every_with_push
    await here.db.execute("UPDATE connections SET pushed_at = %s", (here.clock() - 3 * DAY,))
    await here.sync("workout")
    assert (await here.state("workout")).due_at == here.clock() + BY_NAME["workout"].every
    assert CLIENT.client_id == APP
    assert (await sync_states.load(here.db, here.grant.member_id, "workout")).failures == 0


async def test_what_another_plan_put_off_for_ever_comes_back(db: Database, clock: StandingClock) -> None:
    await populate(db, clock(), 4)
    await db.execute("UPDATE sync_states SET due_at = '9999-01-01'")
    await schedule(db, clock, "manual").pull_in()
    assert await db.row("SELECT count(*) FROM sync_states WHERE due_at < '9000-01-01'") == (0,)
    await schedule(db, clock).pull_in()
    found = await db.rows(
        "SELECT DISTINCT due_at FROM sync_states WHERE type <> ALL (%s)", (["profile", "body_measurement"],)
    )
    assert all(clock() <= each[0] <= clock() + 5 * DAY for each in found)
    assert len(found) > 1  # not all of them at once


async def test_what_is_due_by_the_plan_stays_where_it_is(db: Database, clock: StandingClock) -> None:
    await populate(db, clock(), 4)
    before = await db.rows("SELECT member_id, type, due_at FROM sync_states ORDER BY 1, 2")
    await schedule(db, clock).pull_in()
    assert await db.rows("SELECT member_id, type, due_at FROM sync_states ORDER BY 1, 2") == before


async def test_histories_held_back_take_nobody_s_budget(db: Database, clock: StandingClock) -> None:
    ids = await populate(db, clock(), 5)
    names = [each.name for each in COLLECTIONS]
    for each in ids[:4]:
        async with db.begin() as connection:
            await runs.add(connection, each, "backfill", "webhook", names, {}, clock())
    assert await stored.outstanding(db, ["webhook"]) == 16
    await db.execute("UPDATE members SET paused_at = %s WHERE id = ANY (%s)", (clock(), ids[:4]))
    assert await stored.outstanding(db, ["webhook"]) == 0


async def test_what_a_bug_ends_comes_back_later_too(stage: NewStage) -> None:
    """An error that nobody has a name for: the database refuses the rows."""
    here = await stage(days=20)
    await here.backfill()
    await refuse_rows(here.db, "workouts")
    engine, workout = here.runtime.engine, [BY_NAME["workout"]]
    waits = []
    for _ in range(3):
        here.mutate("retype_workout")
        with pytest.raises(psycopg.errors.RaiseException):
            await engine.sync(here.grant, workout, "scheduled")
        state = await here.state("workout")
        assert state.error is not None
        assert state.error["kind"] == "internal"
        assert state.due_at is not None
        waits.append(state.due_at - here.clock())
        here.clock.advance(1)
    assert waits == [MINUTE, 2 * MINUTE, 4 * MINUTE]
    with pytest.raises(psycopg.errors.RaiseException):
        await engine.reconcile(here.grant, workout, lane="reconcile")
    rests = await here.db.row("SELECT walk ? 'rests_until' FROM sync_states WHERE type = 'workout'")
    assert rests == (True,)
    assert (await here.state("workout")).failures == 3, "a comparison keeps nothing new away"


async def test_when_whoop_does_not_answer_the_other_types_do_not_ask(stage: NewStage) -> None:
    here = await stage(days=20)
    await here.backfill()
    asked: list[str] = []

    def away(request: httpx2.Request) -> None:
        asked.append(request.url.path)
        raise httpx2.ConnectError("away", request=request)

    here.wire.before = away
    report = await here.sync("cycle", "sleep", "workout")
    assert len(set(asked)) == 1
    assert {each.kind for each in report.errors.values()} == {"upstream_down"}
    assert [(await here.state(each)).failures for each in ("cycle", "sleep", "workout")] == [1, 1, 1]
