"""Where copies stand: of one member, and of the installation with the worst first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from circadia.runtime import installation
from circadia.storage import budget
from circadia.sync.installation import Installation
from circadia.sync.overview import installation_status
from circadia.sync.status import sync_status
from tests.conftest import NewStage
from tests.simulated import Stage


async def stands(here: Stage, user_id: str = "alice") -> dict[str, Any]:
    return await sync_status(here.db, user_id, here.clock(), installation(here.runtime.settings))


async def overview(here: Stage, limit: int = 50, known: Installation | None = None) -> dict[str, Any]:
    return await installation_status(here.db, here.clock(), known or installation(here.runtime.settings), limit)


async def invented(here: Stage, count: int) -> None:
    """More members, connected and up to date; every tenth has had a failing type, every hundredth a lost grant."""
    now, error = here.clock(), {"kind": "upstream_down", "message": "WHOOP does not answer", "remedy": None}
    await here.db.execute(
        """WITH member AS (
               INSERT INTO members (user_id, created_at, as_of)
               SELECT 'user-' || n, %(now)s, %(now)s - n * interval '1 second' FROM generate_series(1, %(count)s) n
               RETURNING id, substr(user_id, 6)::integer AS n
           ), granted AS (
               INSERT INTO connections (member_id, whoop_user_id, state, scopes, connected_at, changed_at)
               SELECT id, 1000000 + n, CASE WHEN n %% 100 = 0 THEN 'needs_reconnect' ELSE 'connected' END,
                      ARRAY['offline', 'read:sleep', 'read:cycles'], %(now)s, %(now)s FROM member
           )
           INSERT INTO sync_states (member_id, type, history_done_at, success_began_at, last_success_at, due_at,
                                    failures, error)
           SELECT id, t.type, %(now)s, %(now)s - n * interval '1 second', %(now)s, %(now)s + interval '1 hour',
                  (n %% 10 = 0)::integer,
                  CASE WHEN n %% 10 = 0 THEN %(error)s::jsonb END
           FROM member, unnest(ARRAY['sleep', 'cycle']) t (type)""",
        {"now": now, "count": count, "error": Jsonb(error)},
    )


async def test_of_a_member_everything_is_told(stage: NewStage) -> None:
    here = await stage()
    await here.backfill()
    await here.sync()
    truth = here.simulator.truth(here.account)
    told = await stands(here)
    for name, each in told["types"].items():
        assert (each["state"], each["failures"], each["error"]) == ("ok", 0, None)
        if isinstance(truth.get(name), list):
            assert each["total_records"] == len(truth[name])
            assert each["history"]["complete"]
    newest = max(each["start"] for each in truth["sleep"])
    assert told["types"]["sleep"]["newest_record_at"].isoformat()[:19] == newest[:19]


async def test_what_came_from_an_export_has_a_freshness_too(stage: NewStage) -> None:
    here = await stage(days=40)
    await here.backfill()
    await here.db.execute("DELETE FROM connections")
    await here.db.execute("DELETE FROM sync_states")
    told = await stands(here)
    assert {each["state"] for each in told["types"].values()} == {"not_connected"}
    assert told["types"]["cycle"]["last_success_at"] is None
    assert told["types"]["cycle"]["newest_record_at"] > here.clock() - timedelta(days=2)
    (line,) = (await overview(here))["members"]
    assert line["standing"] == "not_connected"
    assert line["newest_day"] >= (here.clock() - timedelta(days=1)).date()


async def test_a_backfill_says_when_it_will_be_through(stage: NewStage) -> None:
    here = await stage(days=400, settings={"RATE_LIMIT_PER_MINUTE": "100", "RATE_LIMIT_PER_DAY": "10000"})
    await here.sync()
    assert (await stands(here))["backfill"]["eta_at"] is None, "nobody knows how far the history goes"
    await half_way(here)
    alone = (await stands(here))["backfill"]
    assert 0 < alone["progress_pct"] < 100
    wait = alone["eta_at"] - here.clock()
    assert timedelta(minutes=alone["pages_left"] / 80) <= wait <= timedelta(minutes=alone["pages_left"] / 75)

    await invented(here, 3)
    for member in await here.db.rows("SELECT id FROM members WHERE user_id <> 'alice'"):
        await here.runtime.jobs.request(member[0], "backfill", "backfill")
    shared = (await stands(here))["backfill"]
    assert shared["pages_left"] == alone["pages_left"]
    assert 3.9 * wait <= shared["eta_at"] - here.clock() <= 4.1 * wait

    await budget.pause(here.db, here.runtime.app, 600, here.clock())
    assert (await stands(here))["backfill"]["eta_at"] == shared["eta_at"] + timedelta(minutes=10)

    await here.runtime.jobs.steer_backfill(here.grant.member_id, "pause")
    held = (await stands(here))["backfill"]
    assert (held["paused"], held["eta_at"]) == (True, None)


async def half_way(here: Stage) -> None:
    """Cycles have arrived whole, the others as far as a sync brings them."""
    began = here.clock() - timedelta(days=400)
    await here.db.execute(
        "UPDATE sync_states SET history_done_at = %s, floor_at = %s WHERE type = 'cycle'", (here.clock(), began)
    )


async def test_the_speed_that_was_seen_counts(stage: NewStage) -> None:
    here = await stage(days=400)
    await here.sync()
    await half_way(here)
    (left,) = [(await stands(here))["backfill"]["pages_left"]]
    here.clock.advance(600)
    await here.db.execute(
        """UPDATE runs SET state = 'running', started_at = %s, progress = '{"sleep": {"requests": 20}}'
           WHERE kind = 'backfill'""",
        (here.clock() - timedelta(minutes=10),),
    )
    told = (await stands(here))["backfill"]
    assert told["eta_at"] - here.clock() == timedelta(minutes=told["pages_left"] / 2)
    assert abs(told["pages_left"] - left) <= 1


async def test_many_members_are_told_worst_first_and_counted(stage: NewStage) -> None:
    here = await stage(days=30)
    await here.backfill()
    await here.sync()
    await invented(here, 500)
    told = await overview(here, limit=60)
    assert [each["standing"] for each in told["members"]] == ["needs_reconnect"] * 5 + ["failing"] * 45 + ["ok"] * 10
    assert told["totals"]["members"] == 501
    assert told["totals"]["by_standing"] == {"needs_reconnect": 5, "failing": 45, "ok": 451}
    failing = told["members"][5]
    assert failing["user_id"] == "user-490"
    assert failing["error"]["message"] == "WHOOP does not answer"
    assert failing["as_of"] == here.clock() - timedelta(seconds=490)
    assert 240 <= told["totals"]["age_median_s"] <= 260
    assert 470 <= told["totals"]["age_p95_s"] <= 490
    assert (await overview(here, limit=0))["members"] == []


async def test_what_waits_and_what_is_open(stage: NewStage) -> None:
    here = await stage(days=30)
    waiting = await overview(here)
    assert waiting["runs"]["backfill"]["queued"] == 1
    assert waiting["members"][0]["running"] == ["backfill"]
    await here.backfill()
    await here.sync()
    here.clock.advance(2 * 86_400)
    member, account = here.grant.member_id, here.account
    for number, (state, owner) in enumerate([("waiting", account), ("parked", account), ("unknown", 5)]):
        await here.db.execute(
            """INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state)
               VALUES ('whoop', %s, 'sleep.updated', '-', %s, %s, %s)""",
            (str(number), owner, here.clock(), state),
        )
    await here.db.execute(
        "INSERT INTO holds (member_id, type, keys, from_at, to_at, live, held_at) "
        "VALUES (%s, 'sleep', '{a,b}', %s, %s, 9, %s)",
        (member, here.clock(), here.clock(), here.clock()),
    )
    await here.db.execute(
        "INSERT INTO notices (kind, member_id, message, raised_at) VALUES ('deletions_held', %s, 'look', %s)",
        (member, here.clock()),
    )
    told = await overview(here)
    (line,) = told["members"]
    assert (line["standing"], line["held_deletions"]) == ("deletions_held", 2)
    assert (line["deliveries_waiting"], line["deliveries_parked"]) == (1, 1)
    assert (told["due"]["members"], told["due"]["oldest_at"] < here.clock()) == (1, True)
    assert told["due"]["types"] >= 4
    assert {each: told["webhooks"][each] for each in ("waiting", "parked", "unknown")} == {
        "waiting": 1,
        "parked": 1,
        "unknown": 1,
    }
    assert told["webhooks"]["last_seen_at"] == here.clock()
    assert [(each["type"], each["missing"]) for each in told["holds"]] == [("sleep", 2)]
    assert [each["message"] for each in told["notices"]] == ["look"]
    assert (told["plan"]["plan"], told["plan"]["members"]) == ("adaptive", 1)
    assert told["workers"]["alive"] is False
    await here.db.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert (await overview(here))["workers"]["alive"] is True
    await here.db.execute("DELETE FROM holds")
    assert (await overview(here))["members"][0]["standing"] == "webhooks_parked"
    await here.db.execute("DELETE FROM deliveries")
    assert (await overview(here))["members"][0]["standing"] == "stale"


async def test_the_budget_of_an_app_that_is_not_configured_here(stage: NewStage) -> None:
    here = await stage(days=30)
    await here.backfill()
    (told,) = (await overview(here))["budgets"]
    assert (told["app"], told["minute"]["limit"], told["day"]["limit"]) == (here.runtime.app, 6000, 1_000_000)
    lane = told["lanes"]["backfill"]
    assert lane["taken"] == lane["taken_last_minute"] > 0
    assert sum(each["taken"] for each in told["lanes"].values()) == told["day"]["used"]

    elsewhere = Installation(
        None, 90, 9000, here.runtime.settings.sync_plan, "http://127.0.0.1/webhooks/whoop", reachable=False
    )
    found = await overview(here, known=elsewhere)
    assert found["plan"] is None
    (foreign,) = found["budgets"]
    assert foreign == told | {"minute": told["minute"] | {"limit": None}, "day": told["day"] | {"limit": None}}
