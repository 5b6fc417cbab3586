"""A record that cannot be stored costs no other record, and is tried again by a version that can."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from circadia.clients.whoop.client import instant
from circadia.runtime import retry_rejects
from circadia.storage import rejects
from tests.conftest import NewStage
from tests.simulated import Stage

WORKOUTS = "/developer/v2/activity/workout"
Spoil = Callable[[dict[str, Any]], object]

SPOILT: dict[str, tuple[Spoil, str]] = {
    "no start": (lambda record: record.pop("start"), "start: Field required"),
    "unknown state": (lambda record: record.update(score_state="ODD"), "score_state: "),
    "a lone surrogate": (lambda record: record.update(sport_name="\ud83d"), "no valid Unicode"),
    "a NUL": (lambda record: record.update(note={"deep": ["a\x00b"]}), "a NUL character"),
    "a NUL as a key": (lambda record: record.update({"a\x00": 1}), "a NUL character"),
    "another member": (lambda record: record.update(user_id=4711), "user_id: it belongs to another"),
    "ends before it starts": (lambda record: record.update(end="2001-01-01T00:00:00.000Z"), "ends before it starts"),
    "an offset of Mars": (lambda record: record.update(timezone_offset="+24:40"), "timezone_offset: "),
    "year 9999": (lambda record: record.update(end="9999-01-01T00:00:00.000Z"), "1970..2200"),
    "a number beyond 64 bits": (lambda record: record.update(sport_id=2**80), "sport_id: "),
}


def spoil(here: Stage, how: Spoil, place: int = 3) -> None:
    """Change one record of the newest page of workouts on its way."""

    def rewrite(request: httpx2.Request, body: bytes) -> bytes:
        if request.url.path != WORKOUTS or request.url.params["end"] < instant(here.clock() - timedelta(hours=1)):
            return body
        page = json.loads(body)
        how(page["records"][place])
        return json.dumps(page).encode()

    here.wire.rewrite = rewrite


@pytest.mark.parametrize("case", sorted(SPOILT))
async def test_one_bad_record_is_kept_aside_and_the_rest_stored(stage: NewStage, case: str) -> None:
    how, told = SPOILT[case]
    here = await stage(days=40)
    spoil(here, how)
    report = await here.backfill()
    assert report.state == "succeeded"
    assert report.outcomes["workout"].rejected >= 1
    assert (await here.state("workout")).history_done_at is not None
    kept = await here.db.rows("SELECT type, error, raw::text FROM rejects")
    assert kept, "nothing was kept"
    for type_, error, raw in kept:
        assert type_ == "workout"
        assert told in error
        assert "score" in json.loads(raw)
    assert await rejects.counts(here.db, here.grant.member_id) == {"workout": len(kept)}
    here.wire.rewrite = lambda _request, body: body
    here.clock.advance(60)
    await here.sync()
    assert await here.differences() == []


async def test_a_page_that_is_no_json_is_no_page(stage: NewStage) -> None:
    here = await stage(days=40)
    spoil(here, lambda record: record.update(score=float("inf")))
    report = await here.backfill()
    assert report.errors["workout"].kind == "unexpected_reply"


async def test_the_same_reject_again_only_moves_its_last_sighting(stage: NewStage) -> None:
    here = await stage(days=10)
    spoil(here, SPOILT["unknown state"][0], place=0)
    await here.backfill()
    first = here.clock()
    here.clock.advance(3600)
    await here.sync("workout")
    rows = await here.db.rows("SELECT first_seen_at, last_seen_at FROM rejects")
    assert (first, here.clock()) in rows


async def test_an_upgrade_reads_rejects_again(stage: NewStage) -> None:
    """The record parses now: a version that was stricter had put it aside."""
    here = await stage(days=40)
    await here.backfill()
    await here.sync()
    spoil(here, SPOILT["another member"][0])
    await here.db.execute("DELETE FROM workouts")
    here.clock.advance(60)
    await here.sync("workout")
    good = here.simulator.truth(here.account)["workout"][3]
    body = here.simulator.truth(here.account)["body"]
    await here.db.execute("UPDATE rejects SET raw = %s, version = '0.0.1'", (json.dumps(good),))
    assert await retry_rejects(here.runtime) == 1
    assert await here.db.row("SELECT raw FROM workouts WHERE id = %s", (good["id"],)) == (good,)
    assert await rejects.counts(here.db, here.grant.member_id) == {}
    assert body is None or await here.db.row("SELECT raw FROM body_measurements") == (body,)


async def test_what_an_upgrade_cannot_read_either_is_not_tried_for_ever(stage: NewStage) -> None:
    here = await stage(days=40)
    spoil(here, SPOILT["no start"][0])
    await here.sync("workout")
    await here.db.execute("UPDATE rejects SET version = '0.0.1'")
    assert await retry_rejects(here.runtime) == 0
    assert await rejects.from_other_versions(here.db, "0.0.1") != []
    assert await retry_rejects(here.runtime) == 0
    assert await rejects.counts(here.db, here.grant.member_id) == {"workout": 1}


async def test_a_singleton_that_cannot_be_read(stage: NewStage) -> None:
    here = await stage(days=10)
    profile = b'{"user_id": %d, "email": "a@example.org"}' % here.account
    here.wire.rewrite = lambda request, body: profile if request.url.path.endswith("/basic") else body
    report = await here.sync("profile")
    assert report.outcomes["profile"].rejected == 1
    complete = json.dumps(json.loads(profile) | {"first_name": "A", "last_name": "B"})
    await here.db.execute("UPDATE rejects SET raw = %s, version = '0.0.1'", (complete,))
    assert await retry_rejects(here.runtime) == 1
    assert await here.db.row("SELECT first_name FROM profiles") == ("A",)
