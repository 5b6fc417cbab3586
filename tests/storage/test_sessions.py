"""Signed-in browsers: nothing kept that could be shown, two ends, and a copied token that gives itself away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from circadia.storage import audit, people, sessions
from circadia.storage.postgres import Database
from circadia.storage.sessions import GRACE, IDLE, LIFETIME, Session

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def signed_in(db: Database, user_id: str = "ann", now: datetime = NOW, agent: str | None = None) -> str:
    async with db.begin() as connection:
        await people.ensure(connection, user_id, "member", now)
        return await sessions.open_(connection, user_id, "whoop", agent, now)


async def good(db: Database, token: str, now: datetime = NOW) -> Session:
    found = await sessions.check(db, token, now)
    assert found is not None
    return found


async def test_a_token_is_long_and_kept_as_a_hash_only(db: Database) -> None:
    tokens = {await signed_in(db) for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 43  # 256 bits in base 64
    kept = await db.row("SELECT string_agg(to_jsonb(s)::text, '') FROM sessions s")
    assert kept is not None
    for each in tokens:
        assert each not in kept[0]
        assert each.encode().hex() not in kept[0]


async def test_a_token_is_its_person_s(db: Database) -> None:
    token = await signed_in(db, agent="Firefox \x00\x1b[31m" + "x" * 900)
    found = await good(db, token)
    assert (found.person.user_id, found.person.role, found.how) == ("ann", "member", "whoop")
    assert (found.created_at, found.rotated_at, found.seen_at, found.expires_at) == (NOW, NOW, NOW, NOW + LIFETIME)
    assert found.agent == ("Firefox [31m" + "x" * 900)[:200]
    for wrong in ("", token[:-1], token + "x", token.swapcase(), str(found.id), found.token_hash.hex()):
        assert await sessions.check(db, wrong, NOW) is None


async def test_an_unused_session_ends(db: Database) -> None:
    token = await signed_in(db)
    await good(db, token, NOW + IDLE - SECOND)
    await good(db, token, NOW + 2 * IDLE - 2 * SECOND)
    assert await sessions.check(db, token, NOW + 3 * IDLE) is None
    assert await sessions.every(db, "ann", NOW + 3 * IDLE) == []


async def test_a_session_ends_however_much_it_is_used(db: Database) -> None:
    token = await signed_in(db)
    for day in range(0, LIFETIME.days, 10):
        await good(db, token, NOW + timedelta(days=day))
    await good(db, token, NOW + LIFETIME - SECOND)
    assert await sessions.check(db, token, NOW + LIFETIME) is None


async def test_ended_sessions_are_forgotten_with_the_next_sign_in(db: Database) -> None:
    await signed_in(db, "ben", NOW - IDLE)
    await signed_in(db)
    assert await db.rows("SELECT user_id FROM sessions") == [("ann",)]


async def test_use_is_written_once_a_minute(db: Database) -> None:
    token = await signed_in(db)
    seen = []
    for seconds in (30, 59, 60, 90, 119, 120):
        await good(db, token, NOW + seconds * SECOND)
        seen.append((await sessions.every(db, "ann", NOW))[0].seen_at)
    assert [(each - NOW).seconds for each in seen] == [0, 0, 60, 60, 60, 120]


async def offered(db: Database, token: str, now: datetime = NOW) -> str:
    """The token that a session is offered in place of its present one."""
    fresh = await sessions.offer(db, await good(db, token, now), now)
    assert fresh is not None
    return fresh


async def test_a_replaced_token_is_good_for_a_minute_after_the_new_one_was_shown(db: Database) -> None:
    old = await signed_in(db)
    before = await good(db, old)
    fresh = await offered(db, old)
    shown = NOW + 30 * SECOND
    after = await good(db, fresh, shown)
    assert (after.id, after.expires_at, after.rotated_at) == (before.id, before.expires_at, shown)
    assert (await good(db, fresh, shown + GRACE)).rotated_at == shown
    assert (await good(db, old, shown + GRACE - SECOND)).id == before.id
    assert await audit.page(db, "ann", None, 10) == []


async def test_a_token_that_never_arrived_is_offered_again(db: Database) -> None:
    old = await signed_in(db)
    lost = [await offered(db, old, NOW + n * GRACE) for n in range(3)]
    assert await sessions.offer(db, await good(db, old), NOW + 2 * GRACE) is None, "it may be on its way"
    at = NOW + 3 * GRACE
    fresh = await offered(db, old, at)
    assert [await sessions.check(db, each, at) for each in lost] == [None] * 3
    session = await good(db, fresh, at)
    assert (await good(db, old, at + GRACE - SECOND)).id == session.id
    assert await sessions.check(db, old, at + GRACE) is None
    assert [each.deed for each in await audit.page(db, "ann", None, 10)] == ["session.reused"]


async def test_a_session_goes_on_under_a_request_whose_token_was_replaced(db: Database) -> None:
    old = await signed_in(db)
    before = await good(db, old)
    fresh = await offered(db, old)
    await good(db, fresh)
    late = NOW + GRACE
    present = await sessions.again(db, before, late)
    assert present is not None
    assert present == await good(db, fresh)
    assert await sessions.again(db, before, NOW + IDLE) is None
    async with db.begin() as connection:
        await sessions.end_all(connection, "ann")
    assert await sessions.again(db, before, late) is None


async def test_a_stolen_token_ends_the_session_for_both(db: Database) -> None:
    stolen = await signed_in(db)
    other = await signed_in(db)
    fresh = await offered(db, stolen)
    await good(db, fresh)
    late = NOW + GRACE
    assert await sessions.check(db, stolen, late) is None
    assert await sessions.check(db, fresh, late) is None
    assert await sessions.check(db, stolen, late) is None
    assert await sessions.check(db, other, late) is not None
    noted = await audit.page(db, "ann", None, 10)
    assert [(each.deed, each.actor_kind, each.at) for each in noted] == [("session.reused", "system", late)]
    assert stolen not in str(noted)


async def test_of_two_rotations_at_once_one_wins(db: Database) -> None:
    token = await signed_in(db)
    session = await good(db, token)
    made = await asyncio.gather(*(sessions.offer(db, session, NOW) for _ in range(5)))
    won = [each for each in made if each is not None]
    assert len(won) == 1
    assert (await good(db, won[0])).id == session.id
    assert (await good(db, token)).id == session.id


async def test_an_ended_session_is_not_brought_back_by_a_rotation(db: Database) -> None:
    session = await good(db, await signed_in(db))
    async with db.begin() as connection:
        assert await sessions.end(connection, "ann", session.id)
    assert await sessions.offer(db, session, NOW) is None


async def test_a_person_ends_their_own_sessions_only(db: Database) -> None:
    mine, hers = await signed_in(db), await signed_in(db, "eve")
    session = await good(db, mine)
    async with db.begin() as connection:
        assert not await sessions.end(connection, "eve", session.id)
        assert not await sessions.end(connection, "ann", uuid4())
        assert await sessions.end(connection, "ann", session.id)
    assert await sessions.check(db, mine, NOW) is None
    again = [await signed_in(db), await signed_in(db)]
    async with db.begin() as connection:
        assert await sessions.end_all(connection, "ann") == 2
    assert [await sessions.check(db, each, NOW) for each in again] == [None, None]
    await good(db, hers)


async def test_sessions_go_with_the_person(db: Database) -> None:
    token = await signed_in(db)
    async with db.begin() as connection:
        await people.forget(connection, "ann")
    assert await sessions.check(db, token, NOW) is None


async def test_the_last_used_is_listed_first(db: Database) -> None:
    tokens = [await signed_in(db, now=NOW + n * SECOND) for n in range(3)]
    await good(db, tokens[0], NOW + timedelta(minutes=5))
    listed = [each.created_at for each in await sessions.every(db, "ann", NOW + timedelta(minutes=5))]
    assert [(each - NOW).seconds for each in listed] == [0, 2, 1]
