"""Sahha's profiles: what is known of them, what was asked for, what was taken, and that they can be erased."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from circadia.clients.sahha.parsing import MODELS, listing
from circadia.domain.freshness import Asked
from circadia.domain.sahha import Kind
from circadia.errors import NotFound
from circadia.storage import sahha, sahha_rejects, sahha_rows
from circadia.storage.postgres import Database
from circadia.storage.sahha import Standing

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
MINUTE = timedelta(minutes=1)
NUMBERS = count()
KINDS: tuple[Kind, ...] = ("score", "biomarker")


@pytest.fixture
def ana() -> str:
    """A person that nobody else knows."""
    return f"person-{next(NUMBERS)}"


async def profile_of(db: Database, external_id: str) -> int:
    async with db.begin() as connection:
        return await sahha.profile_id(connection, external_id, AT)


async def known(db: Database, external_id: str) -> Standing | None:
    return await sahha.standing(db, external_id, KINDS, DAY - timedelta(days=9), DAY, AT)


async def stores(db: Database, profile: int, kind: Kind, received: datetime, **told: Any) -> None:
    raw = {"id": "00000000-0000-0000-0000-000000000001", "type": "sleep", "category": "sleep", "value": "1"} | told
    found = listing(MODELS[kind], [raw], received)
    assert found.items
    async with db.begin() as connection:
        await sahha_rows.write(connection, profile, kind, found.items, (), received)


async def hears(db: Database, profile: int, at: datetime, *, values: bool = True, logs: bool = False) -> None:
    async with db.begin() as connection:
        await sahha.hear(connection, profile, at, values=values, logs=logs)


async def test_a_profile_is_made_once_whoever_comes_first(db: Database, ana: str) -> None:
    assert await known(db, ana) is None
    made = await asyncio.gather(*(profile_of(db, ana) for _ in range(5)))
    assert len(set(made)) == 1
    assert await profile_of(db, f"{ana}'s sister") not in made
    untold = dict.fromkeys(KINDS, Asked())
    assert await known(db, ana) == Standing(made[0], "active", (), None, None, None, None, untold)


async def test_the_newest_fetch_of_a_date_counts(db: Database, ana: str) -> None:
    profile = await profile_of(db, ana)
    for first, last, at in ((DAY - timedelta(days=2), DAY, AT), (DAY, DAY, AT + MINUTE), (DAY, DAY, AT - MINUTE)):
        async with db.begin() as connection:
            await sahha.fetched(connection, profile, "score", first, last, at, records=False)
    found = await known(db, ana)
    assert found is not None
    assert found.asked["score"].at == {DAY: AT + MINUTE, **{DAY - timedelta(days=n): AT for n in (1, 2)}}
    assert found.asked["biomarker"].at == {}
    assert found.as_of == AT + MINUTE
    await hears(db, profile, AT + 2 * MINUTE)
    await hears(db, profile, AT)
    assert (found := await known(db, ana)) is not None
    assert (found.as_of, found.heard_at) == (AT + 2 * MINUTE, AT + 2 * MINUTE)


async def test_raw_data_are_no_values(db: Database, ana: str) -> None:
    profile = await profile_of(db, ana)
    await hears(db, profile, AT, values=False, logs=True)
    found = await known(db, ana)
    assert found is not None
    assert (found.heard_at, found.as_of, found.asked["score"].logged_at) == (None, None, AT)


async def test_the_offset_is_that_of_the_newest_record(db: Database, ana: str) -> None:
    profile = await profile_of(db, ana)
    await stores(db, profile, "score", AT, scoreDateTime="2026-11-20T00:00:00-11:00")
    assert (found := await known(db, ana)) is not None
    assert found.offset == timedelta(hours=-11)
    window = {"startDateTime": "2026-11-19T18:00:00+14:00", "endDateTime": "2026-11-20T17:59:59+14:00"}
    await stores(db, profile, "biomarker", AT, **window)
    future = {"startDateTime": "2099-01-01T00:00:00+01:00", "endDateTime": "2099-01-01T23:59:59+01:00"}
    await stores(db, profile, "biomarker", AT, id="00000000-0000-0000-0000-000000000002", **future)
    assert (found := await known(db, ana)) is not None
    assert found.offset == timedelta(hours=14)
    assert found.asked["score"].offset == timedelta(hours=14)


async def test_a_refusal_holds_until_something_newer_is_heard_or_fetched(db: Database, ana: str) -> None:
    profile = await profile_of(db, ana)
    await sahha.refuse(db, profile, "unknown", AT)
    assert (found := await known(db, ana)) is not None
    assert (found.state, found.described_at) == ("unknown", AT)
    async with db.begin() as connection:
        await sahha.fetched(connection, profile, "score", DAY, DAY, AT, records=False)
    assert (found := await known(db, ana)) is not None
    assert found.state == "unknown"
    async with db.begin() as connection:
        await sahha.fetched(connection, profile, "score", DAY, DAY, AT + MINUTE, records=False)
    assert (found := await known(db, ana)) is not None
    assert found.state == "active"
    await hears(db, profile, AT + 2 * MINUTE)
    await sahha.refuse(db, profile, "gone", AT + 2 * MINUTE)
    assert (found := await known(db, ana)) is not None
    assert found.state == "active"
    await sahha.refuse(db, profile, "gone", AT + 3 * MINUTE)
    await hears(db, profile, AT + 4 * MINUTE)
    assert (found := await known(db, ana)) is not None
    assert found.state == "active"


async def test_a_webhook_is_taken_once_even_when_its_copies_come_together(db: Database) -> None:
    async def take() -> bool:
        async with db.begin() as connection:
            taken = await sahha.take_delivery(connection, b"digest", "event", AT)
            await asyncio.sleep(0)
            return taken

    assert sorted(await asyncio.gather(*(take() for _ in range(5)))) == [False] * 4 + [True]
    assert await sahha.forget_deliveries(db, AT) == 0
    assert await sahha.forget_deliveries(db, AT + MINUTE) == 1
    assert await take()


async def test_erasing_leaves_nothing_and_nothing_comes_after_it(db: Database, ana: str) -> None:
    profile, other = await profile_of(db, ana), await profile_of(db, f"{ana}'s sister")
    for each in (profile, other):
        await stores(db, each, "score", AT, scoreDateTime="2026-11-20T00:00:00Z")
        async with db.begin() as connection:
            await sahha.fetched(connection, each, "score", DAY, DAY, AT, records=True)
            await sahha_rejects.keep(connection, each, "score", [("raw", "why")], AT)
    async with db.begin() as connection:
        assert await sahha.forget(connection, ana)
        assert not await sahha.forget(connection, ana)
    for table in ("scores", "fetches", "rejects"):
        left = await db.rows(f"SELECT profile_id FROM sahha_{table} WHERE profile_id = ANY (%s)", ([profile, other],))
        assert left == [(other,)], table
    with pytest.raises(NotFound) as failure:
        async with db.begin() as connection:
            await sahha.lock(connection, profile)
    assert failure.value.kind == "profile_erased"


async def test_who_was_never_known_is_forgotten_and_nobody_else(db: Database, ana: str) -> None:
    kinds = ("unknown", "unasked", "empty", "gone", "known", "heard", "logged")
    profiles = {each: await profile_of(db, f"{ana} {each}") for each in kinds}
    for each in ("empty", "gone", "known"):
        await sahha.describe(db, profiles[each], ["com.apple.health"], AT)
    await sahha.refuse(db, profiles["unknown"], "unknown", AT)
    await sahha.refuse(db, profiles["gone"], "gone", AT)
    async with db.begin() as connection:
        await sahha.fetched(connection, profiles["known"], "score", DAY, DAY, AT, records=True)
    await sahha.refuse(db, profiles["known"], "unknown", AT)
    await hears(db, profiles["heard"], AT)
    await hears(db, profiles["logged"], AT, values=False, logs=True)

    async def left() -> set[str]:
        found = await db.rows("SELECT id FROM sahha_profiles WHERE id = ANY (%s)", (list(profiles.values()),))
        return {name for name, profile in profiles.items() if (profile,) in found}

    async with db.begin() as connection:
        await sahha.lock(connection, profiles["unknown"])
        await sahha.forget_unknown(db, AT)
        assert await left() == set(kinds)
        await sahha.forget_unknown(db, AT + MINUTE)
        assert await left() == set(kinds) - {"unasked"}, "one that is being fetched stays"
    await sahha.forget_unknown(db, AT + MINUTE)
    assert await left() == set(kinds) - {"unasked", "unknown"}
