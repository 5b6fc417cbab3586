"""Whoever is signed in: themselves, their browsers, their settings, and what was done about them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from circadia.domain.preferences import Preferences
from circadia.storage import people
from tests.api.conftest import Api, Serve
from tests.api.doors import claimed, deeds, entered, whoami
from tests.api.household import browser as sent_by
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


async def _me(api: Api, token: str) -> tuple[int, str | None]:
    """What `GET /api/v1/me` answers to a token, and the token that it brings. Nothing is remembered of it."""
    answer = await api.anonymous.get("/api/v1/me", headers=sent_by(token))
    api.app.state.sessions.forget("owner")
    return answer.status_code, answer.cookies.get("circadia")


async def test_an_answer_with_a_new_token_may_be_lost(api: Api) -> None:
    """Whoever never got a new token goes on with the old one, and is offered another."""
    async with entered(api, "owner", "owner") as browser:
        old = browser.cookies["circadia"]
    api.clock.advance(DAY_S + 1)
    for _lost in range(3):
        status, lost = await _me(api, old)
        assert (status, lost is not None) == (200, True)
        api.clock.advance(30)
        assert await _me(api, old) == (200, None), "it may be on its way"
        api.clock.advance(40)
    _status, fresh = await _me(api, old)
    assert fresh is not None
    assert await _me(api, fresh) == (200, None)
    assert "session.reused" not in await deeds(api)


async def test_requests_side_by_side_over_a_new_token(api: Api) -> None:
    """Of those sent with the old token one brings the new one, and all are answered, the late ones too."""
    async with entered(api, "owner", "owner") as browser:
        old = browser.cookies["circadia"]
    api.clock.advance(DAY_S + 1)
    answers = await asyncio.gather(*(_me(api, old) for _ in range(5)))
    assert {status for status, _token in answers} == {200}
    (fresh,) = {token for _status, token in answers if token is not None}
    api.clock.advance(600)
    assert await _me(api, fresh) == (200, None)
    api.clock.advance(59)
    assert await asyncio.gather(*(_me(api, each) for each in (old, fresh))) == [(200, None)] * 2
    assert "session.reused" not in await deeds(api)


async def test_a_copy_of_a_token_ends_the_session_once_the_new_one_was_used(api: Api) -> None:
    async with entered(api, "owner", "owner") as browser:
        copy = browser.cookies["circadia"]
    api.clock.advance(DAY_S + 1)
    _status, fresh = await _me(api, copy)
    assert fresh is not None
    assert (await _me(api, fresh))[0] == 200
    api.clock.advance(60)
    assert [(await _me(api, each))[0] for each in (copy, fresh)] == [401, 401]
    assert (await deeds(api))[-1] == "session.reused"


@pytest.mark.parametrize("how", ["session", "everything", "share"])
async def test_what_cannot_be_written_down_is_not_done(api: Api, how: str) -> None:
    async with entered(api, "owner", "owner") as browser:
        share = (await browser.post("/api/v1/shares/owner", json={"name": "My coach"})).json()["id"]
        session = (await whoami(browser))["session"]["id"]
        await api.db.execute("ALTER TABLE audit RENAME TO audit_away")
        path = {"session": f"/api/v1/me/sessions/{session}", "share": f"/api/v1/shares/owner/{share}"}.get(how)
        answer = await (browser.delete(path) if path else browser.post("/auth/signout", json={"everywhere": True}))
        problem(answer, 500, "internal")
        api.app.state.sessions.forget("owner")
        assert (await whoami(browser))["session"]["id"] == session
        assert (await browser.get("/api/v1/shares/owner")).json()["shares"][0]["state"] == "offered"


async def test_a_key_that_cannot_be_written_down_is_not_made(api: Api) -> None:
    made = (await api.http.post("/api/v1/admin/keys", json={"name": "one", "scope": "read"})).json()["id"]
    await api.db.execute("ALTER TABLE audit RENAME TO audit_away")
    problem(await api.http.post("/api/v1/admin/keys", json={"name": "two", "scope": "read"}), 500, "internal")
    problem(await api.http.delete(f"/api/v1/admin/keys/{made}"), 500, "internal")
    listed = (await api.http.get("/api/v1/admin/keys")).json()["keys"]
    assert [(each["id"], each["state"]) for each in listed] == [(made, "good")]


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
