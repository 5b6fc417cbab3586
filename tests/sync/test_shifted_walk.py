"""Page tokens count records: what is deleted while a history comes must not make the walk pass another record over,
whoever learns of the deletion first."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime

import pytest

from circadia.domain.catalog import BY_NAME
from circadia.sync.outcome import Outcome
from tests.conftest import NewStage

_TYPES = [BY_NAME["sleep"], BY_NAME["recovery"]]


@pytest.mark.parametrize("page", [1, 2])
async def test_a_deletion_that_a_sync_learns_of_during_the_walk(stage: NewStage, page: int) -> None:
    there = await stage(days=100)
    pages, deleted, begun, over = Counter[str](), 0, False, False

    async def progress(name: str, outcome: Outcome, reached: datetime | None) -> None:
        nonlocal deleted, begun, over
        pages[name] += 1
        if not begun and min(pages[each.name] for each in _TYPES) == page:
            begun = True
            there.mutate("delete_sleep")
            there.clock.advance(1)
            report = await there.runtime.engine.sync(there.grant, _TYPES, "webhook")
            deleted, over = sum(each.deleted for each in report.outcomes.values()), True
        while name == "sleep" and not over and pages["sleep"] > pages["recovery"] + 1:  # or it would look first
            await asyncio.sleep(0.001)

    await there.backfill(progress)
    await there.sync("profile", "body_measurement")
    assert deleted
    assert await there.differences() == []
