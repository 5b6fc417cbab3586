"""People, what they share and their settings: one owner, roles that only rise, shares that end."""

from __future__ import annotations

import asyncio
import re
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from circadia.domain.members import check_user_id
from circadia.domain.preferences import Preferences
from circadia.errors import Conflict
from circadia.storage import people, preferences, shares
from circadia.storage.authorizations import fingerprint
from circadia.storage.people import Person
from circadia.storage.postgres import Database
from circadia.storage.shares import Share

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
LINK = fingerprint("a link")


async def person(db: Database, user_id: str, role: str = "member", name: str | None = None) -> Person:
    async with db.begin() as connection:
        return await people.ensure(connection, user_id, "coach" if role == "coach" else "member", NOW, name)


async def claimed(db: Database, user_id: str) -> Person:
    async with db.begin() as connection:
        return await people.claim(connection, user_id, NOW)


async def offered(db: Database, user_id: str, ends_at: datetime | None = None) -> Share:
    async with db.begin() as connection:
        return await shares.offer(connection, user_id, "my coach", LINK, NOW, ends_at)


async def accepted(db: Database, coach: str, now: datetime = NOW) -> Share | None:
    async with db.begin() as connection:
        return await shares.accept(connection, LINK, coach, now)


async def test_nobody_is_made_less_and_a_name_stays(db: Database) -> None:
    assert (await person(db, "ann", "coach", "Ann")).role == "coach"
    risen = await person(db, "ann", "member", "Somebody")
    assert (risen.role, risen.name) == ("member", "Ann")
    assert (await person(db, "ann", "coach")).role == "member"
    await claimed(db, "ann")
    assert (await person(db, "ann")).role == "owner"
    assert await people.owner(db) == Person("ann", "owner", "Ann", NOW)


async def test_nobody_is_an_owner_by_being_there(db: Database) -> None:
    await person(db, "ann")
    assert await people.owner(db) is None


async def test_there_is_one_owner_whoever_is_first(db: Database) -> None:
    found = await asyncio.gather(*(claimed(db, f"user-{n}") for n in range(6)), return_exceptions=True)
    won = [each for each in found if isinstance(each, Person)]
    lost = [each for each in found if isinstance(each, Conflict)]
    assert (len(won), len(lost)) == (1, 5)
    assert {each.kind for each in lost} == {"owned"}
    assert await people.owner(db) == won[0]
    assert await claimed(db, won[0].user_id) == won[0]
    assert await db.row("SELECT count(*) FROM people") == (1,)


async def test_a_generated_id_is_nobody_s(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {people.generated_id() for _ in range(200)}
    assert len(made) == 200
    for each in made:
        assert re.fullmatch(r"m-[0-9a-z]{8}", each)
        check_user_id(each)
    await person(db, "m-11111111")
    await db.execute("INSERT INTO members (user_id, created_at) VALUES ('m-22222222', now())")
    await db.execute("INSERT INTO identities VALUES ('m-33333333', 'm-44444444', 'm-55555555', now())")
    drawn = iter("111111112222222233333333444444445555555566666666")
    monkeypatch.setattr(secrets, "choice", lambda _letters: next(drawn))
    async with db.begin() as connection:
        assert (await people.create(connection, "member", NOW)).user_id == "m-66666666"


async def test_a_person_goes_with_what_others_share_with_them(db: Database) -> None:
    await person(db, "coach", "coach")
    await offered(db, "ann")
    await accepted(db, "coach")
    async with db.begin() as connection:
        assert await people.forget(connection, "coach")
        assert not await people.forget(connection, "coach")
    assert await shares.every(db, "ann") == []


async def test_the_owner_is_not_forgotten(db: Database) -> None:
    await claimed(db, "olga")
    async with db.begin() as connection:
        assert not await people.forget(connection, "olga")
    assert await people.owner(db) is not None


async def test_a_share_is_taken_up_once(db: Database) -> None:
    for each in ("coach", "other"):
        await person(db, each, "coach")
    made = await offered(db, "ann")
    assert not await shares.reaches(db, "coach", "ann", NOW)
    async with db.connection() as connection:
        assert await shares.offered(connection, LINK, NOW) == made
    taken = await accepted(db, "coach")
    assert taken is not None
    assert (taken.coach, taken.accepted_at) == ("coach", NOW)
    assert await accepted(db, "other") is None
    assert await shares.reaches(db, "coach", "ann", NOW)
    assert not await shares.reaches(db, "ann", "coach", NOW)
    assert not await shares.reaches(db, "other", "ann", NOW)
    assert await shares.reachable(db, "coach", NOW) == ["ann"]


async def test_nobody_takes_up_their_own_share(db: Database) -> None:
    await person(db, "ann")
    await offered(db, "ann")
    assert await accepted(db, "ann") is None


async def test_a_share_ends_at_its_time(db: Database) -> None:
    await person(db, "coach", "coach")
    await offered(db, "ann", LATER)
    assert await accepted(db, "coach", LATER) is None
    assert await accepted(db, "coach") is not None
    assert await shares.reaches(db, "coach", "ann", LATER - timedelta(seconds=1))
    assert not await shares.reaches(db, "coach", "ann", LATER)
    assert await shares.reachable(db, "coach", LATER) == []


async def test_a_share_is_revoked_by_the_member_only(db: Database) -> None:
    await person(db, "coach", "coach")
    made = await offered(db, "ann")
    await accepted(db, "coach")
    async with db.begin() as connection:
        assert not await shares.revoke(connection, "coach", made.id, NOW)
        assert await shares.revoke(connection, "ann", made.id, NOW)
        assert not await shares.revoke(connection, "ann", made.id, LATER)
    assert not await shares.reaches(db, "coach", "ann", NOW)
    assert [each.revoked_at for each in await shares.every(db, "ann")] == [NOW]


async def test_a_revoked_offer_cannot_be_taken_up(db: Database) -> None:
    await person(db, "coach", "coach")
    made = await offered(db, "ann")
    async with db.begin() as connection:
        await shares.revoke(connection, "ann", made.id, NOW)
    assert await accepted(db, "coach") is None
    async with db.begin() as connection:
        assert await shares.offered(connection, LINK, NOW) is None
        assert await shares.forget(connection, "ann") == 1


async def test_settings_are_kept_and_forgotten(db: Database) -> None:
    assert await preferences.get(db, "ann") == Preferences()
    wanted = Preferences(units="imperial", clock="12h", week_starts="sunday", sync="on_request")
    await preferences.put(db, "ann", Preferences(clock="12h"), NOW)
    await preferences.put(db, "ann", wanted, LATER)
    assert await preferences.get(db, "ann") == wanted
    assert await preferences.get(db, "ben") == Preferences()
    async with db.begin() as connection:
        assert await preferences.forget(connection, "ann")
        assert not await preferences.forget(connection, "ann")
    assert await preferences.get(db, "ann") == Preferences()


async def test_a_setting_of_another_version_is_passed_over(db: Database) -> None:
    await db.execute(
        """INSERT INTO preferences (user_id, settings, changed_at)
           VALUES ('ann', '{"units": "stones", "clock": "12h", "theme": "neon"}', now())"""
    )
    assert await preferences.get(db, "ann") == Preferences(clock="12h")
