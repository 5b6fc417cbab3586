"""Leaving for good: nothing of a person is left in any table, the report says so, and nobody else is touched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2

from circadia.storage import audit, grafana, leaving, people, sessions, shares
from circadia.storage.schema import metadata
from tests import everywhere
from tests.api.conftest import ORIGIN, Api, Json, Serve
from tests.api.doors import entered, whoami
from tests.api.household import household
from tests.api.table import problem

ERASE = "/api/v1/whoop/erase/{}"
NAMES_SOMEBODY = {"member_id", "profile_id", "user_id", "whoop_user_id", "coach", "email", "external_id"}


async def erase(api: Api, user_id: str = "alice") -> Json:
    answer = await api.http.post(ERASE.format(user_id), json={"confirm": user_id})
    assert answer.status_code == 200, answer.text
    report: Json = answer.json()
    return report


async def test_every_table_is_somebody_s_or_said_to_be_nobody_s(api: Api) -> None:
    found = await api.db.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    tables = {each[0] for each in found if not each[0].startswith(("procrastinate_", "alembic_"))}
    assert tables == {each.name for each in leaving.somebodys()} | set(leaving.NOBODYS)
    for table in leaving.somebodys():
        assert leaving.rows_of(table)
    for name in leaving.NOBODYS:
        assert not NAMES_SOMEBODY & set(metadata.tables[name].columns.keys()), name


async def test_nothing_is_left_in_any_table(alice: Api) -> None:
    api = alice
    profile = await api.get("/internal/data/profile/alice")
    traces = await everywhere.fill(api.db, "alice")
    others = await everywhere.fill(api.db, "bob")
    before, of_bob = await leaving.count(api.db, traces), await leaving.count(api.db, others)
    report = await erase(api)
    assert report["user_id"] == "alice"
    assert report["revoked_at_whoop"] is True
    assert {each["table"]: each["rows"] for each in report["erased"]} == {
        name: rows for name, rows in before.items() if name != "audit"
    }
    assert {each["left"] for each in report["erased"]} == {0}
    assert [(each["table"], each["rows"]) for each in report["kept"]] == [("audit", before["audit"] + 1)]
    assert await everywhere.mentions(api.db, "alice", profile["email"], str(api.account)) == {"audit"}
    assert await leaving.count(api.db, others) == of_bob
    assert api.simulator.state.grants.lineages == []


async def test_a_role_for_grafana_stays_and_is_told(alice: Api) -> None:
    role = await grafana.role_of(alice.db, "alice")
    assert await grafana.grant(alice.db, role, "alice", "a password", alice.clock()) is None
    report = await erase(alice)
    assert [(each["table"], each["rows"]) for each in report["kept"]] == [("audit", 2), ("pg_roles", 1)]
    assert "circadia grafana revoke" in report["kept"][1]["why"]
    assert await grafana.revoke(alice.db, role) is None


async def test_it_is_written_down(alice: Api) -> None:
    await erase(alice)
    newest = (await audit.page(alice.db, "alice", None, 1))[0]
    assert (newest.actor_kind, newest.deed, newest.details) == ("key", "data.erased", {"revoked_at_whoop": True})


async def test_not_confirmed(api: Api) -> None:
    await everywhere.fill(api.db, "alice")
    for wrong in ("bob", "Alice", ""):
        answer = await api.http.post(ERASE.format("alice"), json={"confirm": wrong})
        assert "confirm" in problem(answer, 422, "not_confirmed")["remedy"]
    for body in ({}, {"confirm": "alice", "data": "all"}, {"confirm": None}):
        problem(await api.http.post(ERASE.format("alice"), json=body), 422, "invalid_request")
    assert 0 not in (await leaving.count(api.db, await everywhere.found(api.db, "alice"))).values()


async def test_nobody_to_erase(api: Api) -> None:
    problem(await api.http.post(ERASE.format("nobody"), json={"confirm": "nobody"}), 404, "not_connected")
    assert await audit.page(api.db, "nobody", None, 5) == []


async def test_a_key_of_an_admin_is_asked_for(api: Api) -> None:
    answer = await api.anonymous.post(ERASE.format("alice"), json={"confirm": "alice"}, headers=await api.key("write"))
    problem(answer, 403, "scope_too_small")


async def test_whoop_being_away_leaves_nothing_here(alice: Api) -> None:
    alice.wire.others["whoop.example"] = httpx2.MockTransport(lambda _request: httpx2.Response(503))
    report = await erase(alice)
    assert report["revoked_at_whoop"] is False
    assert {each["left"] for each in report["erased"]} == {0}


async def test_the_owner_goes_on_owning(api: Api) -> None:
    async with api.db.begin() as connection:
        await people.claim(connection, "alice", api.clock())
    await everywhere.fill(api.db, "alice")
    report = await erase(api)
    kept = {each["table"]: each for each in report["kept"]}
    assert {name: each["rows"] for name, each in kept.items()} == {"audit": 2, "people": 1, "sessions": 1}
    assert all(each["why"].endswith(".") for each in kept.values())
    assert {each["left"] for each in report["erased"]} == {0}
    owner = await people.owner(api.db)
    assert owner is not None
    assert owner.user_id == "alice"
    assert await everywhere.mentions(api.db, "alice") == set(kept)


async def test_an_owner_is_shown_nothing_any_more(serve: Serve) -> None:
    house = await household(serve, connected=False)
    await house.share("alice", "olga")
    report = await erase(house.api, "olga")
    assert {each["table"]: each["rows"] for each in report["erased"] if each["rows"]} == {"shares": 1}
    assert {each["left"] for each in report["erased"]} == {0}
    assert [each.coach for each in await shares.every(house.api.db, "alice")] == ["cora"]


async def test_somebody_who_only_coaches(api: Api) -> None:
    async with api.db.begin() as connection:
        await people.ensure(connection, "carol", "coach", api.clock())
    report = await erase(api, "carol")
    assert {each["table"]: each["rows"] for each in report["erased"] if each["rows"]} == {"people": 1}
    assert await everywhere.mentions(api.db, "carol") == {"audit"}


async def test_a_person_erases_themselves(alice: Api) -> None:
    async with alice.db.begin() as connection:
        await people.ensure(connection, "alice", "member", alice.clock())
        token = await sessions.open_(connection, "alice", "link", None, alice.clock())
    async with alice.browser() as browser:
        browser.cookies.set("circadia", token)
        answer = await browser.post(ERASE.format("alice"), json={"confirm": "alice"})
        problem(answer, 403, "wrong_origin")
        answer = await browser.post(ERASE.format("alice"), json={"confirm": "alice"}, headers={"Origin": ORIGIN})
        assert answer.status_code == 200, answer.text
        assert answer.headers["Set-Cookie"].startswith('circadia=""; ')
    assert await everywhere.mentions(alice.db, "alice") == {"audit"}


async def finishing(api: Api, user_id: str) -> asyncio.Task[httpx2.Response]:
    """Somebody connects anew who had disconnected, and WHOOP has been asked whose account it is."""
    assert (await api.http.delete(f"/internal/auth/connection/{user_id}")).status_code == 200
    api.wire.hold(lambda request: request.url.path.endswith("/profile/basic"))
    task = asyncio.create_task(api.connect(user_id))
    async with asyncio.timeout(20):
        while not api.wire.waiting:
            await asyncio.sleep(0.01)
    return task


async def test_a_consent_under_way_does_not_bring_anybody_back(alice: Api) -> None:
    connecting = await finishing(alice, "alice")
    await erase(alice)
    alice.wire.let_go()
    problem(await connecting, 409, "erased_meanwhile")
    assert await everywhere.mentions(alice.db, "alice") == {"audit"}
    assert alice.simulator.state.grants.lineages == [], "it was given back"


async def test_the_owner_s_erase_counts_though_the_owner_stays(alice: Api) -> None:
    async with alice.db.begin() as connection:
        await people.claim(connection, "alice", alice.clock())
    connecting = await finishing(alice, "alice")
    await erase(alice)
    alice.wire.let_go()
    problem(await connecting, 409, "erased_meanwhile")
    assert await alice.db.row("SELECT count(*) FROM members") == (0,)


async def test_a_file_that_is_still_arriving_does_not_bring_anybody_back(alice: Api) -> None:
    erased = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"Cycle start time,"
        await erase(alice)
        erased.set()
        yield b"Cycle end time"

    problem(await alice.http.post("/api/v1/whoop/import/alice", content=slowly()), 409, "erased_meanwhile")
    assert erased.is_set()
    assert await everywhere.mentions(alice.db, "alice") == {"audit"}


async def test_the_owner_stays_signed_in(api: Api) -> None:
    async with entered(api, "owner", "owner") as browser:
        for user_id in ("alice", "owner"):
            await everywhere.fill(api.db, user_id)
            answer = await browser.post(ERASE.format(user_id), json={"confirm": user_id})
            assert answer.status_code == 200, answer.text
            assert "Set-Cookie" not in answer.headers
        assert (await whoami(browser))["role"] == "owner"


async def test_the_connection_is_shown_and_ended_with_the_data_kept(alice: Api) -> None:
    path = "/api/v1/whoop/connection/alice"
    shown = await alice.get(path)
    assert shown == await alice.get("/internal/auth/status/alice")
    assert shown["state"] == "connected"
    answer = await alice.http.delete(path)
    assert answer.json() == {"user_id": "alice", "connected": False, "revoked_at_whoop": True, "data": "keep"}
    assert (await alice.get(path))["state"] == "not_connected"
    assert (await alice.get("/api/v1/whoop/statistics/alice"))["types"]["cycle"]["count"] > 20
    assert (await audit.page(alice.db, "alice", None, 1))[0].deed == "connection.ended"
    problem(await alice.http.delete("/api/v1/whoop/connection/nobody"), 404, "not_connected")
