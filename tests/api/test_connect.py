"""Connecting WHOOP as apps and as browsers do it, as attackers would, and what people are told when it fails."""

from __future__ import annotations

from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from circadia.domain.catalog import SCOPES
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import Client
from tests import simulated
from tests.api.conftest import BOOTSTRAP, ORIGIN, Api, Json, Serve
from tests.api.table import problem

COOKIE = "circadia-connect"
STATUS = "/internal/auth/status/alice"
KEYED = {"X-API-Key": BOOTSTRAP}


async def start(api: Api, browser: httpx2.AsyncClient | None = None, user_id: str = "alice", **body: Any) -> Json:
    """Begin, with a browser that keeps the cookie or as an app that does not."""
    client = browser or api.http
    answer = await client.post(f"/internal/auth/connect/{user_id}", json=body, headers=KEYED)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def page(answer: httpx2.Response, status: int, *words: str) -> str:
    """A page's text, checked for what all of them have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "<script" not in answer.text
    text = unescape(answer.text)
    for word in words:
        assert word in text, text
    return text


async def connected(api: Api, user_id: str = "alice") -> bool:
    return bool((await api.get(f"/internal/auth/status/{user_id}"))["connected"])


async def test_begin(api: Api) -> None:
    told = await start(api)
    assert set(told) == {"user_id", "authorization_url", "state", "expires_in"}
    assert (told["user_id"], told["expires_in"]) == ("alice", 600)
    assert len(told["state"]) >= 32
    query = {name: values[0] for name, values in parse_qs(urlsplit(told["authorization_url"]).query).items()}
    assert query["state"] == told["state"]
    assert query["redirect_uri"] == f"{ORIGIN}/auth/callback"
    assert query["code_challenge_method"] == "S256"
    assert query["response_type"] == "code"
    assert set(query["scope"].split()) == set(SCOPES)
    assert "secret" not in told["authorization_url"]
    assert (await start(api))["state"] != told["state"]


async def test_an_app_finishes_by_itself(serve: Serve) -> None:
    api = await serve()
    answer = await api.connect()
    assert answer.json() == {"success": True, "user_id": "alice", "whoop_user_id": api.account, "connected": True}
    told = await api.get(STATUS)
    assert set(told) == {
        "user_id",
        "connected",
        "state",
        "reason",
        "whoop_user_id",
        "scopes",
        "connection_date",
        "token_expires_at",
        "checked_at",
    }
    assert (told["connected"], told["state"], told["whoop_user_id"]) == (True, "connected", api.account)
    assert told["scopes"] == sorted(SCOPES)
    assert datetime.fromisoformat(told["token_expires_at"]) > api.clock()
    await api.history()
    assert (await api.day("alice"))["cycle"] is not None


async def test_the_status_of_nobody(api: Api) -> None:
    told = await api.get("/internal/auth/status/nobody")
    assert (told["connected"], told["state"], told["scopes"]) == (False, "not_connected", [])


async def test_a_state_works_once_for_its_user_and_for_ten_minutes(api: Api) -> None:
    path = "/internal/auth/callback"
    told = await start(api)
    back = await api.consent(told["authorization_url"])
    problem(await api.http.post(path, json={**_pair(back), "user_id": "mallory"}), 422, "state_of_another_user")
    assert (await api.http.post(path, json={**_pair(back), "user_id": "alice"})).status_code == 200
    problem(await api.http.post(path, json={**_pair(back), "user_id": "alice"}), 422, "state_unknown")
    late = await start(api, user_id="bob")
    back = await api.consent(late["authorization_url"])
    api.clock.advance(600)
    problem(await api.http.post(path, json={**_pair(back), "user_id": "bob"}), 422, "state_unknown")
    assert not await connected(api, "bob")


async def test_a_bad_code(api: Api) -> None:
    told = await start(api)
    body = {"code": "never-issued", "state": told["state"], "user_id": "alice"}
    answer = await api.http.post("/internal/auth/callback", json=body)
    assert answer.status_code in (409, 422, 502), answer.text
    assert answer.json()["remedy"]
    assert not await connected(api)


def _pair(back: dict[str, str]) -> dict[str, str]:
    return {"code": back["code"], "state": back["state"]}


async def test_the_browser_that_began_needs_no_question(api: Api) -> None:
    async with api.browser() as browser:
        told = await start(api, browser)
        cookie = browser.cookies.jar.__iter__().__next__()
        assert (cookie.name, cookie.path, cookie.secure) == (COOKIE, "/", False)
        back = await api.consent(told["authorization_url"])
        page(await browser.get("/auth/callback", params=back), 200, "WHOOP is connected", "alice")
        assert COOKIE not in browser.cookies
    assert await connected(api)


async def test_the_cookie_s_attributes(serve: Serve) -> None:
    api = await serve(worker=False, PUBLIC_URL="https://circadia.example", WHOOP_REDIRECT_URL=simulated.CALLBACK)
    answer = await api.http.post("/internal/auth/connect/alice")
    attributes = answer.headers["set-cookie"].lower()
    assert all(each in attributes for each in ("httponly", "secure", "samesite=lax", "path=/;", "max-age=600"))


async def test_a_planted_cookie_binds_nothing(serve: Serve) -> None:
    """A sibling host can set a cookie beside ours, but neither under a `__Host-` name nor so that it is believed."""
    api = await serve(worker=False, PUBLIC_URL="https://circadia.example", WHOOP_REDIRECT_URL=simulated.CALLBACK)
    for planted in ("circadia-connect={0}", "{1}={0}; {1}=other", "{1}=other; {1}={0}"):
        begun = await api.http.post("/internal/auth/connect/mallory")
        name, _, secret = begun.headers["set-cookie"].partition(";")[0].partition("=")
        assert name == "__Host-circadia-connect"
        back = await api.consent(begun.json()["authorization_url"])
        shown = {"Cookie": planted.format(secret, name)}
        answer = await api.anonymous.get("/auth/callback", params=back, headers=shown)
        page(answer, 200, "Connect your WHOOP?", "mallory")
    assert not await connected(api, "mallory")


async def test_another_browser_is_asked_by_name_once(api: Api) -> None:
    told = await start(api)
    back = await api.consent(told["authorization_url"])
    async with api.browser() as browser:
        answer = await browser.get("/auth/callback", params=back)
        page(answer, 200, "Connect your WHOOP?", "alice", "Cancel")
        assert "samesite=strict" in answer.headers["set-cookie"].lower()
        assert not await connected(api), "asking connected already"
        form = {**_pair(back), "decision": "connect"}
        page(await browser.post("/auth/confirm", data=form, headers={"Origin": ORIGIN}), 200, "WHOOP is connected")
    assert await connected(api)


async def test_cancel(api: Api) -> None:
    told = await start(api)
    back = await api.consent(told["authorization_url"])
    async with api.browser() as browser:
        await browser.get("/auth/callback", params=back)
        answer = await browser.post("/auth/confirm", data={**_pair(back), "decision": "cancel"})
        page(answer, 200, "Not connected", "Nothing was stored")
        answer = await browser.post("/auth/confirm", data={**_pair(back), "decision": "connect"})
        page(answer, 422, "Not connected")
    assert not await connected(api)


async def test_only_the_browser_that_was_asked_may_answer(api: Api) -> None:
    """A stolen state and code are worth nothing without the cookie; nor from another site with it."""
    told = await start(api)
    back = await api.consent(told["authorization_url"])
    form = {**_pair(back), "decision": "connect"}
    async with api.browser() as asked, api.browser() as other:
        page(await other.post("/auth/confirm", data=form), 422, "Not connected", "not the one that was asked")
        await asked.get("/auth/callback", params=back)
        page(await other.post("/auth/confirm", data=form), 422, "Not connected")
        other.cookies.set(COOKIE, "forged" * 8, path="/")
        page(await other.post("/auth/confirm", data=form), 422, "Not connected")
        elsewhere = {"Origin": "https://evil.example"}
        page(await asked.post("/auth/confirm", data=form, headers=elsewhere), 422, "another site")
        assert not await connected(api)
        page(await asked.post("/auth/confirm", data=form), 200, "WHOOP is connected")


async def test_an_attacker_s_link_in_a_victim_s_browser_names_the_attacker_s_account(api: Api) -> None:
    """Mallory begins and sends the link on; the victim consents, and is told whose account would get the data."""
    told = await start(api, user_id="mallory")
    back = await api.consent(told["authorization_url"])
    async with api.browser() as victim:
        page(await victim.get("/auth/callback", params=back), 200, "mallory", "not your own account")
    assert not await connected(api, "mallory")


async def test_errors_in_words(api: Api) -> None:
    for error, words in [
        ("access_denied", ("declined", "Nothing was connected")),
        ("invalid_scope", ("kinds of data", "developer dashboard")),
        ("invalid_state", ("too weak", "again")),
        ("request_forbidden", ("too long", "again")),
        ("server_error", ("problem of its own", "Wait")),
        ("temporarily_unavailable", ("not available", "Wait")),
        ("<script>alert(1)</script>", ("did not grant", "again")),
        ("", ("did not grant", "again")),
    ]:
        told = await start(api)
        query = {"error": error, "error_description": "<b>x</b>", "state": told["state"]}
        text = page(await api.anonymous.get("/auth/callback", params=query), 400, "Not connected", *words)
        assert "<b>x" not in text
        body = {"code": "c", "state": told["state"], "user_id": "alice"}
        problem(await api.http.post("/internal/auth/callback", json=body), 422, "state_unknown")


async def test_a_consent_that_whoop_s_page_denied(api: Api) -> None:
    told = await start(api)
    back = await api.consent(told["authorization_url"], sim_consent="deny")
    page(await api.anonymous.get("/auth/callback", params=back), 400, "declined")


async def test_a_link_that_is_cut_off(api: Api) -> None:
    for query in [{}, {"code": "c"}, {"state": "s" * 40}, {"code": "", "state": ""}]:
        page(await api.anonymous.get("/auth/callback", params=query), 400, "incomplete")


async def test_a_state_that_nobody_made(api: Api) -> None:
    page(await api.anonymous.get("/auth/callback", params={"code": "c", "state": "x" * 40}), 422, "ten minutes")


async def test_hostile_text_is_shown_as_text(api: Api) -> None:
    told = await start(api)
    code = "\"><script>alert('x')</script>"
    answer = await api.anonymous.get("/auth/callback", params={"code": code, "state": told["state"]})
    page(answer, 200)
    assert code not in answer.text
    assert "&quot;&gt;&lt;script&gt;" in answer.text


async def test_the_browser_goes_where_the_app_said(serve: Serve) -> None:
    """Listed exactly, or on our own origin; with `connected=true` beside what was there."""
    listed = "https://app.example/done?from=whoop#top"
    api = await serve(REDIRECT_URLS=f"https://other.example/x,{listed}")
    for wanted, expected in (
        (listed, "https://app.example/done?from=whoop&connected=true#top"),
        (f"{ORIGIN}/later", f"{ORIGIN}/later?connected=true"),
    ):
        async with api.browser() as browser:
            told = await start(api, browser, redirect_url=wanted)
            answer = await browser.get("/auth/callback", params=await api.consent(told["authorization_url"]))
            assert (answer.status_code, answer.headers["location"]) == (303, expected)
    by_query = await api.http.post("/internal/auth/connect/alice", params={"redirect_url": listed})
    assert by_query.status_code == 200


async def test_it_goes_nowhere_else(serve: Serve) -> None:
    api = await serve(worker=False, REDIRECT_URLS="https://app.example/done?from=whoop")
    for wanted in [
        "https://evil.example/",
        "https://app.example/done",
        "https://app.example/done?from=whoop&x=1",
        "https://APP.example/done?from=whoop",
        "http://127.0.0.1:8000.evil.example/",
        "http://127.0.0.1:8000@evil.example/",
        "http://127.0.0.1:8000\\@evil.example/",
        "https://127.0.0.1:8000/",
        "//evil.example",
        "/later",
        "javascript:alert(1)",
        "\thttp://evil.example",
        "http://127.0.0.1:80\n00@evil.example/",
        "http://[::1",
    ]:
        for answer in (
            await api.http.post("/internal/auth/connect/alice", json={"redirect_url": wanted}),
            await api.http.post("/internal/auth/connect/alice", params={"redirect_url": wanted}),
        ):
            found = problem(answer, 422, "redirect_not_allowed")
            assert "REDIRECT_URLS" in found["remedy"]


async def test_a_whoop_account_belongs_to_one_member(alice: Api) -> None:
    answer = await alice.connect("bob")
    found = problem(answer, 409, "whoop_account_taken")
    assert "erase" in found["remedy"]
    assert "=" not in found["remedy"]  # people read it on a page, too
    assert not await connected(alice, "bob")
    assert await connected(alice)
    told = await start(alice, user_id="bob")
    back = await alice.consent(told["authorization_url"])
    async with alice.browser() as browser:
        await browser.get("/auth/callback", params=back)
        answer = await browser.post("/auth/confirm", data={**_pair(back), "decision": "connect"})
        page(answer, 409, "already belongs")
    rows = await alice.db.rows("SELECT m.user_id FROM tokens t JOIN members m ON m.id = t.member_id")
    assert rows == [("alice",)]


async def test_a_member_s_data_comes_from_one_whoop_account(serve: Serve) -> None:
    api = await serve(members=2)
    await api.connected()
    answer = await api.connect("alice", api.simulator.state.world.user_ids[1])
    problem(answer, 409, "whoop_account_differs")


async def test_without_the_profile_nobody_knows_whose_it_is(api: Api) -> None:
    kept = [each for each in SCOPES if each != "read:profile"]
    answer = await api.connect(sim_scope="&sim_scope=".join(kept))
    found = problem(answer, 403, "scope_missing")
    assert "read:profile" in found["remedy"]


async def test_whoop_is_down_while_connecting(api: Api) -> None:
    told = await start(api)
    back = await api.consent(told["authorization_url"])
    api.simulator.fault("token_down", count=None)
    answer = await api.http.post("/internal/auth/callback", json={**_pair(back), "user_id": "alice"})
    problem(answer, 503, "upstream_down")


async def test_an_app_whose_secret_is_wrong(serve: Serve) -> None:
    api = await serve(worker=False, WHOOP_CLIENT_SECRET="not-the-secret")
    answer = await api.connect()
    assert answer.status_code == 503, answer.text
    assert "WHOOP_CLIENT_SECRET" in answer.json()["detail"] + answer.json().get("remedy", "")


async def test_disconnecting_keeps_the_data(alice: Api) -> None:
    before = await alice.get("/api/v1/whoop/records/alice/sleep")
    answer = await alice.http.delete("/internal/auth/connection/alice")
    assert answer.json() == {"user_id": "alice", "connected": False, "revoked_at_whoop": True, "data": "keep"}
    assert alice.simulator.traffic.count(path="/developer/v2/user/access", method="DELETE", status=204) == 1
    told = await alice.get(STATUS)
    assert (told["connected"], told["state"], told["token_expires_at"]) == (False, "not_connected", None)
    assert await alice.get("/api/v1/whoop/records/alice/sleep") == before
    assert await alice.db.row("SELECT count(*) FROM tokens") == (0,)
    await alice.connected()
    assert (await alice.day("alice"))["connection"] == "connected"


async def test_erasing_leaves_nothing(alice: Api) -> None:
    await start(alice)
    answer = await alice.http.delete("/internal/auth/connection/alice", params={"data": "erase"})
    assert answer.json()["data"] == "erase"
    for (table,) in await alice.db.rows(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'member_id'"
    ):
        assert await alice.db.row(f"SELECT count(*) FROM {table} WHERE member_id <> 0") == (0,), table
    for table in ("members", "authorizations"):
        assert await alice.db.row(f"SELECT count(*) FROM {table}") == (0,), table
    problem(await alice.http.delete("/internal/auth/connection/alice"), 404, "not_connected")


async def test_erasing_works_while_whoop_is_down_and_after_a_lost_grant(alice: Api) -> None:
    alice.simulator.fault("status", path="/developer", status=503, count=None)
    answer = await alice.http.delete("/internal/auth/connection/alice", params={"data": "erase"})
    assert (answer.status_code, answer.json()["revoked_at_whoop"]) == (200, False)


async def test_a_second_client_at_whoop_is_not_ours(clock: StandingClock, serve: Serve) -> None:
    """WHOOP knows another redirect for this app: it says so on its own page, nothing comes back here."""
    whoop = simulated.new_simulator(clock, client=Client("app-one", "secret-of-app-one", ("https://else.example/cb",)))
    api = await serve(simulator=whoop, worker=False)
    told = await start(api)
    async with httpx2.AsyncClient(transport=api.wire, headers={"User-Agent": "browser"}) as browser:
        answer = await browser.get(f"{told['authorization_url']}&sim_member={api.account}&sim_consent=allow")
    assert not answer.headers.get("location", "").startswith(ORIGIN)
