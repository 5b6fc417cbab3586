"""Sign in with WHOOP: a member is known by their account, somebody new is let in by SIGNUP or leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from circadia.storage import allowed_emails
from tests.api.conftest import Api, Serve
from tests.api.doors import FROM_US, by_whoop, claimed, deeds, entered, link, whoami
from tests.api.table import problem


def accounts(api: Api) -> list[int]:
    return list(api.simulator.state.world.user_ids)


def email(api: Api, account: int) -> str:
    return str(api.simulator.state.world.member(account).profile()["email"])


async def members(api: Api) -> list[str]:
    return [each[0] for each in await api.db.rows("SELECT user_id FROM members ORDER BY id")]


def grants(api: Api) -> list[int]:
    """The accounts that WHOOP lets this app see."""
    return [each.user_id for each in api.simulator.state.grants.lineages]


async def test_who_is_new_signs_up_and_who_is_known_signs_in(serve: Serve) -> None:
    api = await serve(worker=False, SIGNUP="open")
    await claimed(api)
    async with api.browser() as first, api.browser() as second:
        answer = await by_whoop(api, first)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        me = await whoami(first)
        assert me["user_id"].startswith("m-")
        profile = api.simulator.state.world.member(api.account).profile()
        assert me["name"] == f"{profile['first_name']} {profile['last_name']}"
        assert (me["role"], me["connection"]["state"], me["has_data"]) == ("member", "connected", False)
        before = await api.db.rows("SELECT version FROM tokens")
        assert (await by_whoop(api, second)).status_code == 303
        assert (await whoami(second))["user_id"] == me["user_id"]
    assert await members(api) == [me["user_id"]]
    after = await api.db.rows("SELECT version FROM tokens")
    assert (len(before), len(after)) == (1, 1)
    assert before != after, "the new pair is in place of the old"
    assert await deeds(api, me["user_id"]) == ["connection.made", "session.opened"] * 2


async def test_sign_up_is_closed_until_somebody_owns_the_installation(serve: Serve) -> None:
    api = await serve(worker=False, SIGNUP="open")
    async with api.browser() as browser:
        await refused(await by_whoop(api, browser), api)


async def refused(answer: object, api: Api) -> None:
    """A stranger was turned away, and nothing of them is left, here or at WHOOP."""
    assert answer.status_code == 403, answer.text  # type: ignore[attr-defined]
    assert "set-cookie" not in answer.headers  # type: ignore[attr-defined]
    assert await members(api) == []
    assert await api.db.row("SELECT count(*) FROM people WHERE role <> 'owner'") == (0,)
    assert grants(api) == []


@pytest.mark.parametrize("mode", ["owner", "invite", "allowlist"])
async def test_a_stranger_is_turned_away_and_whoop_is_told(serve: Serve, mode: str) -> None:
    api = await serve(worker=False, SIGNUP=mode)
    await claimed(api)
    async with api.browser() as browser:
        await refused(await by_whoop(api, browser, email="stranger@example.org"), api)


async def test_a_member_signs_in_however_sign_up_is(serve: Serve) -> None:
    api = await serve()
    await api.connected()
    ended = await api.http.delete("/internal/auth/connection/alice")
    assert ended.status_code == 200
    async with api.browser() as browser:
        assert (await by_whoop(api, browser)).status_code == 303
        me = await whoami(browser)
    assert (me["user_id"], me["connection"]["state"], me["has_data"]) == ("alice", "connected", True)


async def test_an_invitation_is_used_up_by_success_alone(serve: Serve) -> None:
    api = await serve(worker=False, members=2, SIGNUP="invite")
    await claimed(api)
    first, second = accounts(api)
    token = await link(api, "invitation")
    async with api.browser() as browser, api.browser() as other:
        declined = await by_whoop(api, browser, first, consent="deny", invitation=token)
        assert (declined.status_code, declined.headers["location"]) == (303, "/welcome?refused")
        begun = (await other.post("/auth/signin", json={"invitation": token}, headers=FROM_US)).json()
        assert (await by_whoop(api, browser, first, invitation=token)).status_code == 303
        late = await other.get("/auth/callback", params=await api.consent(begun["authorization_url"], second))
        assert late.status_code == 403
        assert "invitation" in late.text
        used = await other.post("/auth/signin", json={"invitation": token}, headers=FROM_US)
        problem(used, 404, "unknown_link")
    assert len(await members(api)) == 1
    assert grants(api) == [first]


async def test_one_new_account_in_two_browsers_at_once_is_one_member(serve: Serve) -> None:
    api = await serve(worker=False, SIGNUP="open")
    await claimed(api)
    async with api.browser() as first, api.browser() as second:
        api.wire.hold(lambda request: request.url.path.endswith("/profile/basic"))
        coming = [asyncio.create_task(by_whoop(api, each)) for each in (first, second)]
        async with asyncio.timeout(20):
            while api.wire.waiting < 2:
                await asyncio.sleep(0.01)
        api.wire.let_go()
        assert [each.status_code for each in await asyncio.gather(*coming)] == [303, 303]
        assert (await whoami(first))["user_id"] == (await whoami(second))["user_id"]
    assert len(await members(api)) == 1
    assert grants(api) != []


async def test_nobody_fills_the_house_with_consents(serve: Serve) -> None:
    api = await serve(worker=False)
    await claimed(api)
    for _ in range(60):
        assert (await api.anonymous.post("/auth/signin", json={}, headers=FROM_US)).status_code == 200
    refused = await api.anonymous.post("/auth/signin", json={}, headers=FROM_US)
    problem(refused, 503, "rate_limited")
    assert refused.headers["retry-after"] == "60"
    assert (await api.http.post("/internal/auth/connect/alice")).status_code == 200, "apps know whom they ask for"
    api.clock.advance(61)
    assert (await api.anonymous.post("/auth/signin", json={}, headers=FROM_US)).status_code == 200


async def test_an_invitation_is_no_key_of_another_kind_of_door(serve: Serve) -> None:
    api = await serve(worker=False, SIGNUP="invite")
    await claimed(api)
    token = await link(api, "signin", "owner")
    async with api.browser() as browser:
        answer = await browser.post("/auth/signin", json={"invitation": token}, headers=FROM_US)
        problem(answer, 404, "unknown_link")


async def test_the_list_counts_only_with_whoop_s_word_for_it(serve: Serve) -> None:
    api = await serve(worker=False, members=2, SIGNUP="allowlist")
    await claimed(api)
    first, second = accounts(api)
    async with api.db.begin() as connection:
        await allowed_emails.replace(connection, [email(api, first).upper()], api.clock())
    async with api.browser() as browser, api.browser() as other:
        borrowed = await by_whoop(api, other, second, email=email(api, first))
        await refused(borrowed, api)
        assert (await by_whoop(api, browser, first, email=email(api, first).title())).status_code == 303
        assert (await whoami(browser))["role"] == "member"


async def test_somebody_else_s_consent_signs_nobody_in(serve: Serve) -> None:
    """A link with a stranger's code and state must not make the browser theirs."""
    api = await serve(worker=False, SIGNUP="open")
    await claimed(api)
    async with api.browser() as mallory, api.browser() as victim:
        begun = (await mallory.post("/auth/signin", json={}, headers=FROM_US)).json()
        back = await api.consent(begun["authorization_url"])
        answer = await victim.get("/auth/callback", params=back)
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers
        handed_on = {"code": back["code"], "state": back["state"], "user_id": "victim"}
        as_an_app = await api.http.post("/internal/auth/callback", json=handed_on)
        problem(as_an_app, 422, "state_of_another_user")
    assert await members(api) == []


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
async def test_only_our_own_page_begins_anything(api: Api, headers: dict[str, str]) -> None:
    async with entered(api, "owner", "owner") as browser:
        del browser.headers["Origin"]
        for path in ("/auth/signin", "/auth/connect", "/auth/signout"):
            problem(await browser.post(path, json={}, headers=headers), 403, "wrong_origin")
        assert (await whoami(browser))["user_id"] == "owner"
    assert await api.db.row("SELECT count(*) FROM authorizations") == (0,)


async def test_connecting_oneself_leads_back(serve: Serve) -> None:
    api = await serve(worker=False)
    async with entered(api, "owner", "owner") as browser:
        begun = (await browser.post("/auth/connect")).json()
        assert begun["expires_in"] == 600
        declined = await api.consent(begun["authorization_url"], sim_consent="deny")
        assert (await browser.get("/auth/callback", params=declined)).headers["location"] == "/welcome?refused"
        begun = (await browser.post("/auth/connect")).json()
        answer = await browser.get("/auth/callback", params=await api.consent(begun["authorization_url"]))
        assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1:8000/?connected=true")
        me = await whoami(browser)
    assert (me["role"], me["connection"]["state"]) == ("owner", "connected")
    assert await members(api) == ["owner"]


async def test_signing_out_ends_the_session_and_clears_the_device(api: Api) -> None:
    async with entered(api, "owner", "owner") as browser:
        answer = await browser.post("/auth/signout")
        assert (answer.status_code, answer.headers["clear-site-data"]) == (204, '"storage"')
        assert dict(browser.cookies) == {}
        problem(await browser.get("/api/v1/me"), 401, "no_key")
    assert await api.db.row("SELECT count(*) FROM sessions") == (0,)
    assert (await deeds(api, "owner"))[-1] == "session.ended"


async def test_signing_out_everywhere(api: Api) -> None:
    async with entered(api, "owner", "owner") as browser, entered(api, "owner") as other:
        await whoami(other)
        assert (await browser.post("/auth/signout", json={"everywhere": True})).status_code == 204
        problem(await other.get("/api/v1/me"), 401, "session_over")
    assert await api.db.row("SELECT count(*) FROM sessions") == (0,)


async def test_without_a_whoop_app_the_page_says_what_to_do(serve: Serve) -> None:
    api = await serve(worker=False, WHOOP_CLIENT_ID="", WHOOP_CLIENT_SECRET="")
    found = problem(await api.anonymous.post("/auth/signin", json={}, headers=FROM_US), 503, "whoop_not_configured")
    assert "WHOOP_CLIENT_ID" in found["remedy"]
