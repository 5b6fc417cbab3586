"""Whoever is signed in: themselves, their browsers, their settings, and what was done about them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from circadia.domain.preferences import Preferences
from circadia.storage import people
from tests.api.conftest import Api, Serve
from tests.api.doors import claimed, entered, whoami
from tests.api.table import problem

DAY_S = timedelta(days=1).total_seconds()
OTHERWISE = {"units": "imperial", "clock": "12h", "week_starts": "sunday", "sync": "on_request"}


async def test_what_an_installation_is(serve: Serve) -> None:
    api = await serve(worker=False, SIGNUP="invite", WHOOP_API_BASE_URL="http://127.0.0.1:9/developer")
    told = (await api.anonymous.get("/api/v1/instance")).json()
    assert told.pop("version")
    assert len(told["setup"].pop("scopes")) == 7
    assert told == {
        "part": "all",
        "simulated": True,
        "whoop_configured": True,
        "claimed": False,
        "signup": "invite",
        "gateway": True,
        "signed_in": False,
        "setup": {
            "redirect_url": "http://127.0.0.1:8000/auth/callback",
            "webhook_url": "http://127.0.0.1:8000/webhooks/whoop",
        },
    }
    await claimed(api)
    assert (await api.anonymous.get("/api/v1/instance")).json()["claimed"] is True


async def test_a_browser_learns_whether_it_is_somebodys(api: Api) -> None:
    async with entered(api, "owner", "owner") as browser:
        assert (await browser.get("/api/v1/instance")).json()["signed_in"] is True
        await browser.post("/auth/signout")
        browser.cookies.set("circadia", "of-nobody")
        assert (await browser.get("/api/v1/instance")).json()["signed_in"] is False
    assert (await api.http.get("/api/v1/instance")).json()["signed_in"] is False


async def test_the_real_whoop_is_not_called_simulated(api: Api) -> None:
    assert (await api.anonymous.get("/api/v1/instance")).json()["simulated"] is False


async def test_nobody_and_a_key_are_not_me(api: Api) -> None:
    problem(await api.anonymous.get("/api/v1/me"), 401, "no_key")
    problem(await api.http.get("/api/v1/me"), 401, "no_session")


async def test_a_token_is_replaced_once_a_day_while_the_session_stays(api: Api) -> None:
    async with entered(api, "owner", "owner") as browser:
        first = (await whoami(browser))["session"]
        before = browser.cookies["circadia"]
        api.clock.advance(DAY_S)
        await whoami(browser)
        assert browser.cookies["circadia"] == before
        api.clock.advance(1)
        again = (await whoami(browser))["session"]
        assert browser.cookies["circadia"] != before
        assert (again["id"], again["expires_at"]) == (first["id"], first["expires_at"])
        assert (await whoami(browser))["session"]["id"] == first["id"]


async def test_one_s_browsers_are_listed_and_ended(api: Api) -> None:
    async with entered(api, "owner", "owner") as one, entered(api, "owner") as other, entered(api, "bob") as bob:
        listed = (await one.get("/api/v1/me/sessions")).json()["sessions"]
        assert [each["current"] for each in listed].count(True) == 1
        assert len(listed) == 2
        (another,) = (each["id"] for each in listed if not each["current"])
        problem(await bob.delete(f"/api/v1/me/sessions/{another}"), 404, "unknown_session")
        assert (await other.get("/api/v1/me")).status_code == 200
        assert (await one.delete(f"/api/v1/me/sessions/{another}")).status_code == 204
        problem(await one.delete(f"/api/v1/me/sessions/{another}"), 404, "unknown_session")
        assert len((await one.get("/api/v1/me/sessions")).json()["sessions"]) == 1


async def test_settings_are_kept_for_whom_they_are(api: Api) -> None:
    async with entered(api, "owner", "owner"), entered(api, "alice") as alice, entered(api, "bob") as bob:
        path = "/api/v1/preferences/alice"
        assert (await alice.get(path)).json() == Preferences().model_dump()
        assert (await alice.put(path, json=OTHERWISE)).json() == OTHERWISE
        assert (await whoami(alice))["preferences"] == OTHERWISE
        assert (await whoami(bob))["preferences"] == Preferences().model_dump()
        for method in ("GET", "PUT"):
            theirs = await bob.request(method, path, json=OTHERWISE if method == "PUT" else None)
            nobodys = await bob.request(method, path.replace("alice", "nobody"), json={} if method == "PUT" else None)
            problem(theirs, 404, "unknown_user")
            assert theirs.json()["detail"] == nobodys.json()["detail"]
        problem(await alice.put(path, json={"units": "nautical"}), 422, "invalid_request")
    problem(await api.http.put("/api/v1/preferences/nobody", json={}), 404, "unknown_user")


@pytest.mark.parametrize("user_id", ["alice", None])
async def test_the_audit_is_for_the_person_and_the_owner(api: Api, user_id: str | None) -> None:
    path = f"/api/v1/audit/{user_id}" if user_id else "/api/v1/audit"
    async with entered(api, "owner", "owner") as owner, entered(api, "alice") as alice, entered(api, "bob") as bob:
        seen = (await owner.get(path)).json()["entries"]
        assert {each["user_id"] for each in seen} == ({"alice"} if user_id else {"owner", "alice", "bob"})
        if user_id:
            assert (await alice.get(path)).json()["entries"] == seen
            problem(await bob.get(path), 404, "unknown_user")
        else:
            problem(await alice.get(path), 403, "owner_only")


async def test_the_audit_in_pages(api: Api) -> None:
    async with entered(api, "owner", "owner") as owner, entered(api, "owner"), entered(api, "owner"):
        whole = (await owner.get("/api/v1/audit")).json()
        assert whole["next_before"] is None
        found, before = [], None
        while True:
            page = (
                await owner.get("/api/v1/audit", params={"limit": 2} | ({"before": before} if before else {}))
            ).json()
            found += page["entries"]
            if (before := page["next_before"]) is None:
                break
    assert found == whole["entries"]
    assert [each["id"] for each in found] == sorted((each["id"] for each in found), reverse=True)


async def test_a_name_is_one_s_own_before_whoop_s(alice: Api) -> None:
    async with entered(alice, "alice") as browser:
        profile = alice.simulator.state.world.member(alice.account).profile()
        assert (await whoami(browser))["name"] == f"{profile['first_name']} {profile['last_name']}"
        async with alice.db.begin() as connection:
            await people.ensure(connection, "alice", "member", alice.clock(), "Ally")
        alice.clock.advance(1)
        assert (await whoami(browser))["name"] == "Ally"
