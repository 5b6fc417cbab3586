"""Many readers, few statements, and nobody is left waiting."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from circadia.errors import UpstreamDown
from circadia.storage.batches import Batches
from circadia.storage.day_reader import DayReader
from tests.conftest import NewStage

DAY = date(2026, 11, 10)


async def test_everybody_is_answered_whenever_they_come(stage: NewStage) -> None:
    """Readers that arrive in the very step in which the senders finish are sent for, too."""
    here = await stage(days=20)
    await here.backfill()
    reader = DayReader(here.db)

    async def read(number: int) -> str:
        document = ""
        for step in range(40):
            document = await reader.document("alice", DAY - timedelta(days=(number + step) % 7))
        return document

    async with asyncio.timeout(30):
        documents = await asyncio.gather(*(read(each) for each in range(12)))
    assert all('"user_id":"alice"' in each for each in documents)


async def test_a_failure_reaches_those_it_concerns_and_nobody_after_them(stage: NewStage) -> None:
    here = await stage(days=5)
    await here.backfill()
    reader = DayReader(here.db)
    failed, fine = await asyncio.gather(
        reader.document("a\x00b", DAY), reader.document("a\x00b", DAY), return_exceptions=True
    )
    assert isinstance(failed, Exception)
    assert isinstance(fine, Exception)
    assert '"user_id":"alice"' in await reader.document("alice", DAY)


async def test_a_statement_that_was_cancelled_is_told_and_the_next_is_sent() -> None:
    cancelled = iter([True, False])

    async def send(asked: list[int]) -> list[int]:
        if next(cancelled, False):
            raise asyncio.CancelledError
        return asked

    batches: Batches[int, int] = Batches(send, most=10)
    for _ in range(3):  # more often than statements may be under way
        cancelled = iter([True, False])
        with pytest.raises(UpstreamDown):
            await batches.ask(1)
        assert await batches.ask(2) == 2
