"""Notes of links: written behind everybody's back, made up for when they fail, and hardly waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from circadia.gateway.link_notes import LinkNotes
from circadia.simulator.clock import StandingClock
from circadia.storage.postgres import Database
from circadia.storage.whoop_links import LinkMemory
from tests.postgres import Server


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """One that is given up soon."""
    impatient = Database(database_url, size=4, timeout=0.5)
    await impatient.open()
    yield impatient
    await impatient.close()


@pytest.fixture
def memory(db: Database, clock: StandingClock) -> LinkMemory:
    return LinkMemory(db, clock)


@pytest.fixture
async def notes(memory: LinkMemory) -> AsyncIterator[LinkNotes]:
    made = LinkNotes(memory)
    yield made
    await made.close()


async def kept(memory: LinkMemory, whoop_id: str, linked: bool | None) -> None:
    async with asyncio.timeout(10):
        while await memory.recall(whoop_id) is not linked:
            await asyncio.sleep(0.01)


async def test_the_last_that_was_heard_stays(notes: LinkNotes, memory: LinkMemory) -> None:
    for linked in (True, False, None, True, False):
        notes.heard("alice", linked)
    assert await notes.recall("alice") is False
    await kept(memory, "alice", False)
    notes.heard("alice", None)
    await kept(memory, "alice", None)
    assert await LinkNotes(memory).recall("alice") is None


async def test_a_note_that_failed_is_made_up_for(
    notes: LinkNotes, memory: LinkMemory, postgres_server: Server, db: Database
) -> None:
    with postgres_server.away(db.url):
        notes.heard("alice", False)
        async with asyncio.timeout(20):
            while notes._tasks:
                await asyncio.sleep(0.01)
    notes.heard("alice", False)
    await kept(memory, "alice", False)


async def test_a_database_that_hangs_keeps_nobody(notes: LinkNotes, memory: LinkMemory, db: Database) -> None:
    await memory.note("bob", linked=False)
    async with db.begin() as connection:
        await connection.execute("LOCK TABLE whoop_links IN ACCESS EXCLUSIVE MODE")
        notes.heard("alice", True)
        assert await notes.recall("bob") is None
        assert await notes.recall("alice") is True
    assert await notes.recall("bob") is False
