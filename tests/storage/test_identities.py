"""Who is who: what was said counts, then one's own id, and no id belongs to two users."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from circadia.domain.identities import Identity, identity_of
from circadia.errors import Conflict, Invalid
from circadia.storage import identities
from circadia.storage.postgres import Database

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def say(db: Database, user_id: str, sahha_id: str | None, whoop_id: str | None) -> None:
    await identities.put(db, identity_of(user_id, sahha_id, whoop_id), NOW)


async def test_a_user_of_whom_nothing_was_said_has_the_same_id_everywhere(db: Database) -> None:
    assert await identities.resolve(db, "alice") == Identity("alice", "alice", "alice", mapped=False)


async def test_what_was_said_counts_and_the_last_word_is_all_of_it(db: Database) -> None:
    await say(db, "alice", "firebase|28", "uuid-1")
    assert await identities.resolve(db, "alice") == Identity("alice", "firebase|28", "uuid-1")
    await say(db, "alice", None, "uuid-1")
    assert await identities.resolve(db, "alice") == Identity("alice", None, "uuid-1")
    assert await identities.remove(db, "alice") == Identity("alice", "alice", "alice", mapped=False)
    assert await identities.remove(db, "alice") == await identities.resolve(db, "alice")


async def test_an_id_that_another_user_has_is_nobody_elses(db: Database) -> None:
    await say(db, "alice", "bob", "carol")
    assert await identities.resolve(db, "bob") == Identity("bob", None, "bob", mapped=False)
    assert await identities.resolve(db, "carol") == Identity("carol", "carol", None, mapped=False)
    for told in (("bob", "bob", "bob"), ("carol", "x", "carol")):
        with pytest.raises(Conflict, match="already") as refused:
            await say(db, *told)
        assert refused.value.kind == "identity_taken"
    await say(db, "bob", "carol", "bob")
    assert await identities.resolve(db, "bob") == Identity("bob", "carol", "bob")


async def test_one_of_two_who_claim_the_same_at_once_is_refused(db: Database) -> None:
    ended = await asyncio.gather(*(say(db, user, "shared", None) for user in ("alice", "bob")), return_exceptions=True)
    assert [type(each) for each in ended if each is not None] == [Conflict]


async def test_those_of_whom_something_was_said_in_pages(db: Database) -> None:
    for user in ("carol", "alice", "bob"):
        await say(db, user, None, f"{user}-1")
    first = await identities.page(db, limit=2)
    assert [each.user_id for each in first] == ["alice", "bob"]
    assert [each.user_id for each in await identities.page(db, after="bob", limit=2)] == ["carol"]


async def test_who_is_behind_an_id_at_the_whoop_service(db: Database) -> None:
    await say(db, "alice", "alice", "bob")
    await say(db, "bob", "bob-s", "carol")
    await say(db, "dora", "dora-s", "dora-w")
    async with db.connection() as connection:
        found = {each: (await identities.behind(connection, each)).user_id for each in ("bob", "carol", "dora", "eve")}
    assert found == {"bob": "alice", "carol": "bob", "dora": "dora", "eve": "eve"}


@pytest.mark.parametrize("sahha_id", ["", " ", "a b", "a\n", "\u00e4", "x" * 129])
def test_what_could_be_no_id_at_sahha(sahha_id: str) -> None:
    with pytest.raises(Invalid) as refused:
        identity_of("alice", sahha_id, None)
    assert refused.value.kind == "invalid_sahha_id"


def test_what_could_be_no_user_id() -> None:
    for told in (("..", None, None), ("alice", None, "a/b")):
        with pytest.raises(Invalid) as refused:
            identity_of(*told)
        assert refused.value.kind == "invalid_user_id"
