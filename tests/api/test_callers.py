"""Who reaches whom: by session, by token, by key; which of them counts; and how soon it ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx2
import pytest

from circadia.api.credentials import Sessions
from circadia.api.routes import runs
from circadia.errors import UpstreamDown
from circadia.storage import sessions, shares
from tests.api.asking import asking
from tests.api.conftest import BOOTSTRAP, ORIGIN, Api, Serve
from tests.api.household import Headers, Household, bearer, browser, household
from tests.api.table import problem

DAY = "/api/v1/whoop/daily-data/{}"
SYNC = "/api/v1/whoop/sync/{}"
ME = "/api/v1/me"
STATUS = "/api/v1/whoop/status"


@pytest.fixture
async def house(serve: Serve) -> Household:
    """Nobody is connected: who gets past the door is told 409."""
    return await household(serve, connected=False)


async def get(house: Household, path: str, headers: Headers) -> httpx2.Response:
    return await house.api.anonymous.get(path, headers=headers)


async def post(house: Household, path: str, headers: Headers) -> httpx2.Response:
    return await house.api.anonymous.post(path, headers=headers, json={})


async def test_one_s_own(house: Household) -> None:
    for headers in (await house.signed_in("alice"), house.token("alice")):
        assert (await get(house, DAY.format("alice"), headers)).status_code == 200
        problem(await post(house, SYNC.format("alice"), headers), 409, "not_connected")
        problem(await get(house, DAY.format("bob"), headers), 404, "unknown_user")
        assert (await get(house, "/api/v1/whoop/metrics", headers)).status_code == 200
    assert (await get(house, "/api/v1/unified/alice/policy", await house.signed_in("alice"))).status_code == 200


async def test_the_owner_reaches_everybody(house: Household) -> None:
    headers = await house.signed_in("olga")
    for user_id in ("alice", "bob", "nobody"):
        assert (await get(house, DAY.format(user_id), headers)).status_code == 200
        problem(await post(house, SYNC.format(user_id), headers), 409, "not_connected")
    assert (await get(house, STATUS, headers)).status_code == 200
    problem(await get(house, STATUS, await house.signed_in("alice")), 403, "owner_only")
    problem(await get(house, STATUS, await house.api.key("write")), 403, "scope_too_small")
    assert (await get(house, STATUS, await house.api.key("admin"))).status_code == 200


async def test_a_coach_reads_until_the_share_ends(house: Household) -> None:
    headers = await house.signed_in("carl")
    problem(await get(house, DAY.format("bob"), headers), 404, "unknown_user")
    await house.share("bob", "carl", days=1)
    assert (await get(house, DAY.format("bob"), headers)).status_code == 200
    problem(await post(house, SYNC.format("bob"), headers), 404, "unknown_user")
    problem(await get(house, DAY.format("alice"), headers), 404, "unknown_user")
    house.api.clock.advance(24 * 3600)
    problem(await get(house, DAY.format("bob"), headers), 404, "unknown_user")


async def test_a_revoked_share_ends_at_once(house: Household) -> None:
    headers = await house.signed_in("cora")
    assert (await get(house, DAY.format("alice"), headers)).status_code == 200
    share = (await shares.every(house.api.db, "alice"))[0]
    async with house.api.db.begin() as connection:
        assert await shares.revoke(connection, "alice", share.id, house.api.clock())
    problem(await get(house, DAY.format("alice"), headers), 404, "unknown_user")


_ELSEWHERE = [
    "",
    "null",
    "https://evil.example.org",
    "http://127.0.0.1",
    "http://127.0.0.1:8001",
    "https://127.0.0.1:8000",
    "http://localhost:8000",
    "http://127.0.0.1:8000x",
    f"{ORIGIN}/path",
    f"{ORIGIN}?query",
    f"{ORIGIN}, {ORIGIN}",
    f"{ORIGIN}.evil.example.org",
    f"{ORIGIN}@evil.example.org",
    "http://evil.example.org@127.0.0.1:8000",
]


async def test_what_changes_something_comes_from_our_own_pages(house: Household) -> None:
    token = await house.session("alice")
    cookie = {"Cookie": f"circadia={token}"}
    for origin in (None, *_ELSEWHERE):
        headers = cookie | ({} if origin is None else {"Origin": origin})
        problem(await post(house, SYNC.format("alice"), headers), 403, "wrong_origin")
        answer = await house.api.anonymous.delete("/api/v1/unified/alice/policy", headers=headers)
        problem(answer, 403, "wrong_origin")
        assert (await get(house, DAY.format("alice"), headers)).status_code == 200
    doubled = [("Cookie", cookie["Cookie"]), ("Origin", ORIGIN), ("Origin", "https://evil.example.org")]
    problem(await house.api.anonymous.post(SYNC.format("alice"), headers=doubled, json={}), 403, "wrong_origin")
    problem(await post(house, SYNC.format("alice"), cookie | {"Origin": ORIGIN}), 409, "not_connected")
    problem(await post(house, SYNC.format("alice"), house.token("alice")), 409, "not_connected")


@pytest.mark.parametrize("public_url", ["https://Whoop.Example.org", "https://whoop.example.org:443"])
async def test_an_origin_is_compared_as_browsers_write_it(serve: Serve, public_url: str) -> None:
    house = await household(serve, connected=False, PUBLIC_URL=public_url)
    headers = {"Cookie": f"__Host-circadia={await house.session('alice')}", "Origin": "https://whoop.example.org"}
    problem(await post(house, SYNC.format("alice"), headers), 409, "not_connected")


async def test_over_https_only_the_guarded_cookie_counts(serve: Serve) -> None:
    """`circadia` could have been planted by a sibling host; a browser lets nobody plant `__Host-`."""
    house = await household(serve, connected=False, PUBLIC_URL="https://whoop.example.org")
    token = await house.session("alice")
    problem(await get(house, DAY.format("alice"), {"Cookie": f"circadia={token}"}), 401, "no_key")
    assert (await get(house, DAY.format("alice"), {"Cookie": f"__Host-circadia={token}"})).status_code == 200


async def test_two_cookies_of_the_name_are_nobody_s_word(house: Household) -> None:
    mine, hers = await house.session("alice"), await house.session("bob")
    for cookies in (f"circadia={mine}; circadia={hers}", f"circadia={hers};circadia={mine}", "circadia=", "circadia"):
        problem(await get(house, DAY.format("alice"), {"Cookie": cookies}), 401, "no_key")
    twice = [("Cookie", f"circadia={mine}"), ("Cookie", f"circadia={hers}")]
    problem(await house.api.anonymous.get(DAY.format("alice"), headers=twice), 401, "no_key")
    among_others = {"Cookie": f"theme=dark; circadia={mine}; xcircadia={hers}; circadia2={hers}"}
    assert (await get(house, DAY.format("alice"), among_others)).status_code == 200


async def test_what_a_header_shows_counts_before_the_cookie(house: Household) -> None:
    """Also when it is worth less: a page that sends a key means the key."""
    olga = await house.signed_in("olga")
    problem(await get(house, DAY.format("alice"), olga | {"X-API-Key": "nonsense"}), 401, "invalid_key")
    problem(await get(house, DAY.format("alice"), olga | bearer("nonsense")), 401, "invalid_key")
    problem(await get(house, DAY.format("alice"), olga | house.token("bob")), 404, "unknown_user")
    problem(await post(house, SYNC.format("alice"), olga | await house.api.key("read")), 403, "scope_too_small")
    problem(await get(house, STATUS, olga | await house.api.key("read")), 403, "scope_too_small")
    problem(await get(house, ME, olga | await house.api.key("admin")), 401, "no_session")
    stale = browser("no-token-of-ours") | await house.api.key("read")
    assert (await get(house, DAY.format("alice"), stale)).status_code == 200
    both = {"X-API-Key": "nonsense"} | house.token("alice")
    problem(await get(house, DAY.format("alice"), both), 401, "invalid_key")
    basic = olga | {"Authorization": "Basic b2xnYTpvbGdh"}
    assert (await get(house, DAY.format("alice"), basic)).status_code == 200


async def test_a_token_is_a_bearer_token_below_whoop_only(house: Household) -> None:
    text = house.token("alice")["Authorization"].removeprefix("Bearer ")
    problem(await get(house, DAY.format("alice"), {"X-API-Key": text}), 401, "invalid_key")
    problem(await get(house, DAY.format("alice"), {"Cookie": f"circadia={text}"}), 401, "session_over")
    for path in ("/api/v1/unified/alice/policy", "/internal/auth/status/alice", "/api/v1/preferences/alice", STATUS):
        problem(await get(house, path, bearer(text)), 401, "invalid_key")


async def test_an_operator_s_key_may_look_like_a_token(serve: Serve) -> None:
    house = await household(serve, connected=False)
    text = house.token("alice")["Authorization"].removeprefix("Bearer ")
    other = await household(serve, connected=False, SERVICE_API_KEY=text)
    assert (await get(other, DAY.format("bob"), bearer(text))).status_code == 200


async def test_without_an_issuer_no_token_counts(serve: Serve) -> None:
    house = await household(serve, connected=False, AUTH_JWT_ISSUER="", AUTH_JWT_AUDIENCE="", AUTH_JWT_JWKS_URL="")
    problem(await get(house, DAY.format("alice"), house.token("alice")), 401, "invalid_key")


async def test_keys_that_cannot_be_had_let_nobody_in(house: Household) -> None:
    house.api.wire.others["issuer.example.org"] = httpx2.MockTransport(lambda _asked: httpx2.Response(500))
    problem(await get(house, DAY.format("alice"), house.token("alice")), 503, "issuer_down")
    assert (await get(house, DAY.format("alice"), await house.signed_in("alice"))).status_code == 200


async def test_an_ended_session_is_out_within_five_seconds_in_every_process(serve: Serve) -> None:
    house = await household(serve, connected=False)
    other = await serve(simulator=house.api.simulator, worker=False)
    token = await house.session("alice")
    for each in (house.api, other):
        assert (await each.anonymous.get(DAY.format("alice"), headers=browser(token))).status_code == 200
    async with house.api.db.begin() as connection:
        assert await sessions.end_all(connection, "alice") == 1
    async with asyncio.timeout(5):
        for each in (house.api, other):
            while (answer := await each.anonymous.get(DAY.format("alice"), headers=browser(token))).status_code == 200:
                await asyncio.sleep(0.1)
            problem(answer, 401, "session_over")


async def test_a_session_ends_at_its_time_at_once(house: Household) -> None:
    headers = await house.signed_in("alice")
    house.api.clock.advance((sessions.IDLE - timedelta(seconds=1)).total_seconds())
    assert (await get(house, DAY.format("alice"), headers)).status_code == 200
    house.api.clock.advance(sessions.IDLE.total_seconds())
    problem(await get(house, DAY.format("alice"), headers), 401, "session_over")


async def test_a_session_is_not_waited_for_while_the_database_hangs(house: Household) -> None:
    token = await house.session("alice")
    checked = Sessions(house.api.db, house.api.clock, patience_s=0.05)
    async with house.api.db.begin() as connection:
        await connection.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(5):
            with pytest.raises(UpstreamDown):
                await checked.check(token)
    await checked.close()
    assert (await checked.check(token)).person.user_id == "alice"


async def test_events_end_with_the_right_to_see_them(serve: Serve) -> None:
    """A run may go on for hours; whoever was let in at its beginning is not let in for good."""
    house = await household(serve, connected=False)
    api = house.api
    assert (await api.connect("alice")).status_code == 200  # no worker: the history waits
    run = await api.db.row("SELECT id FROM runs")
    assert run is not None
    streams = [await house.signed_in("alice"), await house.signed_in("cora"), await api.key("read")]
    following = [asyncio.create_task(_followed(api, f"/api/v1/whoop/runs/{run[0]}/events", each)) for each in streams]
    await asyncio.sleep(0.5)
    assert not any(each.done() for each in following)
    share = (await shares.every(api.db, "alice"))[0]
    async with api.db.begin() as connection:
        await sessions.end_all(connection, "alice")
        await shares.revoke(connection, "alice", share.id, api.clock())
    await asyncio.wait(following[:2], timeout=8)
    assert [each.done() for each in following] == [True, True, False]
    assert "event: end" not in following[0].result()
    await api.db.execute("UPDATE runs SET state = 'failed', finished_at = now()")
    assert "event: end" in await asyncio.wait_for(following[2], 5)


async def test_events_go_on_under_a_new_token(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream has only the token that it was asked for with: that is nobody's theft."""
    monkeypatch.setattr(runs, "_WHO_EVERY_S", 0.0)
    api, token = house.api, await house.session("alice")
    assert (await api.connect("alice")).status_code == 200  # no worker: the history waits
    run = await api.db.row("SELECT id FROM runs")
    assert run is not None
    async with asking(api, f"/api/v1/whoop/runs/{run[0]}/events", browser(token)) as (stream, serving):
        session = await sessions.check(api.db, token, api.clock())
        assert session is not None
        fresh = await sessions.offer(api.db, session, api.clock())
        assert fresh is not None
        assert await sessions.check(api.db, fresh, api.clock()) is not None
        api.clock.advance(sessions.GRACE.total_seconds())
        api.app.state.sessions.forget("alice")
        await api.db.execute("UPDATE runs SET state = 'failed', finished_at = now()")
        stream.taking.set()
        await asyncio.wait_for(serving, 20)
        assert b"event: end" in stream.body
    assert await sessions.check(api.db, fresh, api.clock()) is not None


async def _followed(api: Api, url: str, headers: Headers) -> str:
    answer = await api.anonymous.get(url, headers=headers)
    assert answer.status_code == 200
    return answer.text


async def test_keys_see_as_much_as_ever(house: Household) -> None:
    assert (await get(house, DAY.format("nobody"), {"X-API-Key": BOOTSTRAP})).status_code == 200
    answer = await house.api.anonymous.head(DAY.format("alice"), headers=await house.signed_in("alice"))
    assert (answer.status_code, answer.content) == (200, b"")
