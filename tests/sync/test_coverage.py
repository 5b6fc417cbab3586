"""The proof of a backfill: everything that arrived is counted once and accounted for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.sync.coverage import proof
from tests.conftest import NewStage
from tests.simulated import Stage


async def proven(stage: Stage) -> dict[str, Any]:
    return await proof(stage.db, stage.user_id)


def counted(truth: list[dict[str, Any]], at: str) -> dict[str, int]:
    """Records by the month of an instant."""
    found: dict[str, int] = {}
    for each in truth:
        month = each[at][:7]
        found[month] = found.get(month, 0) + 1
    return found


async def test_a_whole_history_is_proven_month_by_month(stage: NewStage) -> None:
    here = await stage(days=100)
    truth = here.simulator.truth(here.account)
    await here.backfill()
    told = await proven(here)
    assert (told["complete"], told["reasons"]) == (True, [])
    for type_ in COLLECTIONS:
        of_type = told["types"][type_.name]
        assert of_type["got"] == of_type["stored"] == len(truth[type_.name])
        assert (of_type["deleted"], of_type["rejected"], of_type["lost"], of_type["others"]) == (0, 0, 0, 0)
        at = "start" if type_.timed else "created_at"
        assert {each["month"]: each["got"] for each in of_type["months"]} == counted(truth[type_.name], at)


async def test_a_page_fetched_again_counts_once(stage: NewStage) -> None:
    here = await stage(days=60)
    await here.backfill()
    before = await proven(here)
    # the walk begins anew, as it does when its last page was stored but its floor is unknown
    await here.db.execute("UPDATE sync_states SET floor_at = NULL, history_done_at = NULL")
    unfinished = await proven(here)
    assert not unfinished["complete"]
    assert {each["kind"] for each in unfinished["reasons"]} == {"history_unfinished"}
    await here.backfill()
    after = await proven(here)
    for name, each in after["types"].items():
        # how far a recovery reaches is told by its sleep or its cycle, whichever has arrived
        assert each | {"reached_at": None} == before["types"][name] | {"reached_at": None}


async def test_gaps_are_days_between_the_first_and_the_last_record(stage: NewStage) -> None:
    here = await stage(days=60)
    await here.backfill()
    before = (await proven(here))["types"]["cycle"]
    (first,) = await here.db.rows("SELECT min(day) FROM cycles")
    days = [first[0] + timedelta(days=each) for each in (20, 21, 25)]
    await here.db.execute("DELETE FROM cycles WHERE day = ANY (%s)", (days,))
    after = (await proven(here))["types"]["cycle"]
    assert after["gap_days"] == before["gap_days"] + 3
    ranges = [each for month in after["months"] for each in month["gaps"]["ranges"]]
    covered = {
        date.fromisoformat(start) + timedelta(days=each)
        for start, end in ranges
        for each in range((date.fromisoformat(end) - date.fromisoformat(start)).days + 1)
    }
    assert covered >= set(days)
    for month in after["months"]:
        assert all(start[:7] == end[:7] == month["month"] for start, end in month["gaps"]["ranges"])
    assert "gaps" not in (await proven(here))["types"]["workout"]["months"][0]


async def test_what_arrived_and_is_nowhere_spoils_the_proof(stage: NewStage) -> None:
    here = await stage(days=40)
    await here.backfill()
    (gone,) = await here.db.rows(
        "DELETE FROM workouts WHERE id = (SELECT min(id::text)::uuid FROM workouts) RETURNING id"
    )
    told = await proven(here)
    (reason,) = told["reasons"]
    assert not told["complete"]
    assert (reason["kind"], reason["type"]) == ("records_lost", "workout")
    assert str(gone[0]) in reason["message"]
    assert "circadia reconcile alice --full" in reason["remedy"]
    assert told["types"]["workout"]["lost"] == 1


async def test_deleted_rejected_and_later_records_are_told_apart(stage: NewStage) -> None:
    here = await stage(days=40)
    broken: list[str] = []

    def spoil(request: Any, body: bytes) -> bytes:
        if request.url.path.endswith("/activity/workout"):
            broken.append(request.url.path)
            return body.replace(b'"sport_name":', b'"sport_nome":', 1)
        return body

    here.wire.rewrite = spoil
    await here.backfill()
    here.wire.rewrite = lambda _request, body: body
    assert broken
    told = await proven(here)
    pages = here.floor("workout")
    assert told["complete"]
    assert told["types"]["workout"]["rejected"] == pages
    assert told["types"]["workout"]["got"] == len(here.simulator.truth(here.account)["workout"])
    assert told["types"]["workout"]["stored"] == told["types"]["workout"]["got"] - pages

    here.mutate("delete_sleep")
    here.clock.advance(86_400)
    await here.sync()
    told = await proven(here)
    assert told["complete"]
    assert told["types"]["sleep"]["deleted"] == 1
    assert told["types"]["sleep"]["others"] >= 1
    assert told["types"]["recovery"]["deleted"] == 1
    assert told["types"]["workout"]["rejected"] == pages


async def test_a_type_that_is_not_allowed_is_not_part_of_it(stage: NewStage) -> None:
    scopes = [each.scope for each in BY_NAME.values() if each.name != "workout"]
    here = await stage(days=30, asked={"sim_scope": "&sim_scope=".join(["offline", *scopes])})
    await here.backfill()
    told = await proven(here)
    assert told["complete"]
    assert set(told["types"]) == {"cycle", "sleep", "recovery"}


async def test_of_nobody_nothing_is_proven(stage: NewStage) -> None:
    here = await stage(days=30)
    told = await proof(here.db, "nobody")
    assert (told["complete"], told["types"]) == (False, {})
    assert [each["kind"] for each in told["reasons"]] == ["no_history"]
