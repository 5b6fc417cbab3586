"""Whatever WHOOP answers in the middle of a walk: what is here stays, the cursor waits, the next sync makes it good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from circadia.domain.catalog import COLLECTIONS
from circadia.errors import CircadiaError, GrantLost, RateLimited, UnexpectedReply, UpstreamDown
from tests.conftest import NewStage
from tests.simulated import Stage

SLEEPS = "/developer/v2/activity/sleep"
PASSING: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "body": "html"},
    {"kind": "status", "status": 503, "body": "text"},
    {"kind": "status", "status": 504, "body": "empty"},
    {"kind": "truncate"},
    {"kind": "invalid_json"},
    {"kind": "html_200"},
    {"kind": "disconnect"},
    {"kind": "early_401"},
    {"kind": "lose_response"},
]
LASTING: list[tuple[dict[str, Any], type[CircadiaError]]] = [
    ({"kind": "status", "status": 500}, UpstreamDown),
    ({"kind": "status", "status": 418, "body": "text"}, UnexpectedReply),
    ({"kind": "truncate"}, UnexpectedReply),
    ({"kind": "invalid_json"}, UnexpectedReply),
    ({"kind": "html_200"}, UnexpectedReply),
    ({"kind": "disconnect"}, UpstreamDown),
    ({"kind": "repeat_page"}, UnexpectedReply),
    ({"kind": "early_401"}, UnexpectedReply),
]


def named(value: Any) -> str:
    return " ".join(str(each) for each in value.values()) if isinstance(value, dict) else ""


@pytest.mark.parametrize("fault", PASSING, ids=named)
async def test_a_passing_fault_is_not_seen(stage: NewStage, fault: dict[str, Any]) -> None:
    here = await stage(days=60)
    here.fault(path=SLEEPS, after=1, **fault)
    assert (await here.backfill()).state == "succeeded"
    await here.sync()
    assert await here.differences() == []
    assert here.simulator.state.faults.active[0].struck == 1


@pytest.mark.parametrize(("fault", "error"), LASTING, ids=named)
async def test_a_lasting_fault_ends_its_type_and_only_that(
    stage: NewStage, fault: dict[str, Any], error: type[CircadiaError]
) -> None:
    here = await stage(days=60)
    await here.backfill()
    await here.sync()
    before = await here.state("sleep")
    here.clock.advance(86_400)
    here.fault(path=SLEEPS, count=None, **fault)
    report = await here.sync()
    assert set(report.errors) == {"sleep"}
    assert isinstance(report.errors["sleep"], error)
    assert report.state == "partial"
    failed = await here.state("sleep")
    assert failed.cursor_at == before.cursor_at
    assert failed.success_began_at == before.success_began_at
    assert failed.failures == 1
    assert failed.error is not None
    assert failed.error["kind"] == error.kind
    assert failed.due_at is not None
    assert failed.due_at > here.clock()
    here.simulator.state.faults.clear()
    here.clock.advance(3600)
    assert (await here.sync()).state == "succeeded"
    assert (await here.state("sleep")).failures == 0
    assert await here.differences() == []


async def test_failures_in_a_row_come_back_ever_later(stage: NewStage) -> None:
    here = await stage(days=20)
    here.fault("status", path=SLEEPS, count=None)
    waits = []
    for _ in range(5):
        await here.sync("sleep")
        state = await here.state("sleep")
        assert state.due_at is not None
        waits.append(state.due_at - here.clock())
        here.clock.advance(waits[-1].total_seconds())
    assert waits == [timedelta(minutes=each) for each in (1, 2, 4, 8, 16)]


@pytest.mark.parametrize(
    ("fault", "pause"), [({"retry_after": 30, "headers": False}, 30), ({"headers": False}, 60), ({}, None)]
)
async def test_after_a_429_nobody_sends_anything_until_whoop_says(
    stage: NewStage, fault: dict[str, Any], pause: int | None
) -> None:
    here = await stage(days=20)
    here.fault("rate_limited", path=SLEEPS, **fault)
    report = await here.sync("sleep")
    error = report.errors["sleep"]
    assert isinstance(error, RateLimited)
    if pause is not None:
        assert error.until == here.clock() + timedelta(seconds=pause)
    assert error.until > here.clock()
    state = await here.state("sleep")
    assert state.due_at is not None
    assert state.due_at >= error.until
    assert await until_granted(here) == error.until
    here.clock.advance((error.until - here.clock()).total_seconds() + 1)
    assert (await here.sync("sleep")).state == "succeeded"


async def until_granted(here: Stage) -> object:
    """When the whole app's budget opens again, asked without waiting for it."""
    found = await here.db.row("SELECT paused_until FROM budget WHERE app = %s", (here.runtime.app,))
    return found and found[0]


async def test_a_lost_grant_ends_the_whole_sync(stage: NewStage) -> None:
    here = await stage(days=20)
    here.simulator.revoke(here.account)
    here.simulator.traffic.reset()
    report = await here.sync()
    assert report.state == "failed"
    assert [type(each) for each in report.errors.values()] == [GrantLost]
    assert here.asked("cycle") == 1
    assert [here.asked(each.name) for each in COLLECTIONS[1:]] == [0, 0, 0]
    state = await here.state("cycle")
    assert state.due_at is not None
    assert state.due_at >= here.clock() + timedelta(days=1)


async def test_a_page_that_lists_nothing_but_says_there_is_more(stage: NewStage) -> None:
    """An empty page with a token is walked through, an endless row of the same token is not."""
    here = await stage(days=20)
    here.wire.rewrite = lambda request, body: (
        b'{"records": [], "next_token": "again"}' if request.url.path == SLEEPS else body
    )
    report = await here.sync("sleep")
    assert report.state == "succeeded", "the newest page of a history is one page"
    report = await here.sync("sleep")
    assert isinstance(report.errors["sleep"], UnexpectedReply)
    assert here.asked("sleep") == 3


@pytest.mark.parametrize("body", [b"[]", b'{"records": 7}', b'{"records": [], "next_token": 5}', b"null"])
async def test_a_page_of_another_shape(stage: NewStage, body: bytes) -> None:
    here = await stage(days=20)
    await here.backfill()
    here.wire.rewrite = lambda request, real: body if request.url.path == SLEEPS else real
    here.clock.advance(60)
    report = await here.sync("sleep")
    assert isinstance(report.errors["sleep"], UnexpectedReply)
