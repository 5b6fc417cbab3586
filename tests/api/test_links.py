"""One-time links: opening one uses nothing up, its button does, once, in time, and from our own page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from circadia.storage import shares
from circadia.storage.links import LIFETIMES, LinkKind
from tests.api.conftest import Api, Serve
from tests.api.doors import claimed, deeds, entered, link, use, whoami


async def test_opening_uses_nothing_up_and_the_button_signs_in_once(api: Api) -> None:
    token = await link(api, "owner", "me")
    async with api.browser() as browser, api.browser() as other:
        for _ in range(2):
            page = await browser.get(f"/auth/link/{token}")
            assert page.status_code == 200
            assert "me" not in page.text.partition("<main>")[2].replace("members", "").split(), "it names nobody"
            assert "form-action 'self'" in page.headers["content-security-policy"]
            assert page.headers["referrer-policy"] == "same-origin", "else the form would come from nowhere"
        answer = await use(browser, token)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        me = await whoami(browser)
        assert (me["user_id"], me["role"], me["session"]["how"]) == ("me", "owner", "link")
        again = await use(other, token)
        assert (again.status_code, "set-cookie" in again.headers) == (404, False)
    assert await deeds(api, "me") == ["owner.claimed", "session.opened"]


async def test_over_https_the_cookie_is_of_this_host_alone(serve: Serve) -> None:
    api = await serve(worker=False, PUBLIC_URL="https://whoop.example.org")
    async with api.browser() as browser:
        answer = await use(browser, await link(api, "owner", "me"), Origin="https://whoop.example.org")
        cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-circadia=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "domain" not in cookie.lower()


@pytest.mark.parametrize("kind", ["owner", "signin", "share"])
async def test_a_link_runs_out(api: Api, kind: LinkKind) -> None:
    token = await link(api, kind, "alice")
    api.clock.advance(LIFETIMES[kind].total_seconds() - 1)
    async with api.browser() as browser:
        assert (await browser.get(f"/auth/link/{token}")).status_code == 200
        api.clock.advance(1)
        assert (await browser.get(f"/auth/link/{token}")).status_code == 404
        assert (await use(browser, token)).status_code == 404
    assert await api.db.row("SELECT count(*) FROM sessions") == (0,)


async def test_every_link_that_does_not_count_is_answered_alike(api: Api) -> None:
    used = await link(api, "signin", "alice")
    async with api.browser() as browser:
        await use(browser, used)
        pages = {(await browser.get(f"/auth/link/{each}")).text for each in (used, "x" * 43, "alice")}
    assert len(pages) == 1


async def test_another_site_s_form_uses_nothing_up(api: Api) -> None:
    token = await link(api, "owner", "me")
    async with api.browser() as browser:
        for origin in ("https://evil.example", "null", ""):
            answer = await use(browser, token, Origin=origin)
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        assert (await use(browser, token)).status_code == 303


async def test_there_is_never_a_second_owner(api: Api) -> None:
    token = await link(api, "owner", "other")
    await claimed(api, "me")
    async with api.browser() as browser:
        answer = await use(browser, token)
        assert answer.status_code == 409
    assert await api.db.rows("SELECT user_id FROM people") == [("me",)]
    assert await api.db.row("SELECT count(*) FROM sessions") == (0,)


async def test_a_link_signs_in_a_member_without_whoop(alice: Api) -> None:
    async with entered(alice, "alice") as browser:
        me = await whoami(browser)
    assert (me["user_id"], me["role"], me["has_data"]) == ("alice", "member", True)


async def test_a_link_makes_no_member_of_a_coach(alice: Api) -> None:
    async with alice.browser() as coach:
        await use(coach, await offered(alice))
        user_id = (await whoami(coach))["user_id"]
    async with entered(alice, user_id) as browser:
        assert (await whoami(browser))["role"] == "coach"


async def test_an_invitation_leads_to_the_page_that_keeps_it(api: Api) -> None:
    token = await link(api, "invitation")
    async with api.browser() as browser:
        answer = await browser.get(f"/auth/link/{token}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/welcome?invitation={token}")
        assert (await use(browser, token)).status_code == 404
        assert (await browser.get(f"/auth/link/{token}")).status_code == 303, "it is still good"


async def offered(api: Api, user_id: str = "alice", **body: object) -> str:
    """The token of a share's link, made by the member's app."""
    answer = await api.http.post(f"/api/v1/shares/{user_id}", json={"name": "Coach"} | body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"].rpartition("/")[2])


async def test_a_share_makes_a_coach_who_reads_and_nothing_more(alice: Api) -> None:
    async with alice.browser() as coach:
        answer = await use(coach, await offered(alice))
        assert (answer.status_code, answer.headers["location"]) == (303, "/?member=alice")
        me = await whoami(coach)
        assert (me["role"], me["name"]) == ("coach", None)
        assert [each["user_id"] for each in me["shared_with_me"]] == ["alice"]
        assert me["shared_with_me"][0]["name"]
        assert (await coach.get("/api/v1/whoop/daily-data/alice")).status_code == 200
        assert (await coach.get("/api/v1/shares/alice")).status_code == 404
        assert (await coach.get("/api/v1/audit/alice")).status_code == 404
    assert (await deeds(alice, "alice"))[-1] == "share.accepted"


async def test_a_share_is_added_to_whoever_is_signed_in(alice: Api) -> None:
    async with entered(alice, "owner", "owner") as browser:
        assert (await use(browser, await offered(alice))).status_code == 303
        me = await whoami(browser)
    assert me["user_id"] == "owner"
    assert [each["user_id"] for each in me["shared_with_me"]] == ["alice"]
    assert await alice.db.row("SELECT count(*) FROM people WHERE role = 'coach'") == (0,)


async def test_one_s_own_share_is_left_for_the_other(alice: Api) -> None:
    token = await offered(alice)
    async with entered(alice, "alice") as browser:
        assert (await use(browser, token)).status_code == 409
    async with alice.browser() as coach:
        assert (await use(coach, token)).status_code == 303


async def test_a_share_that_was_revoked_before_it_was_used(alice: Api) -> None:
    token = await offered(alice)
    (share,) = await shares.every(alice.db, "alice")
    assert (await alice.http.delete(f"/api/v1/shares/alice/{share.id}")).status_code == 204
    async with alice.browser() as coach:
        assert (await use(coach, token)).status_code == 404
    assert await alice.db.row("SELECT count(*) FROM people") == (0,)


async def test_a_share_that_ended_before_it_was_used(alice: Api) -> None:
    token = await offered(alice, expires_days=1)
    alice.clock.advance(timedelta(days=1).total_seconds())
    async with alice.browser() as coach:
        assert (await use(coach, token)).status_code == 404
