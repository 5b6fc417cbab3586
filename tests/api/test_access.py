"""Who gets in: every route as a stranger first, then with keys that are wrong, over, too weak, and good."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from circadia.api.credentials import Keys
from circadia.errors import UpstreamDown
from circadia.storage import keys
from tests.api.conftest import BOOTSTRAP, Api, Serve
from tests.api.table import CLOSED, OF_A_USER, ROUTES, SIGNED_IN, WEAKER, problem

DAY = "/api/v1/whoop/daily-data/alice"
HOSTILE = [
    "..",
    "-dash-first",
    "a b",
    "a'; DROP TABLE members;--",
    "<script>",
    "x" * 129,
    "a%00b",
    "%F0%9F%98%80",
    "a%0A",
]


async def test_a_stranger_gets_nothing(api: Api) -> None:
    for route in CLOSED:
        answer = await route.ask(api.anonymous)
        found = problem(answer, 401, "no_key")
        assert answer.headers["www-authenticate"].startswith("Bearer"), route
        assert "circadia keys create" in found["remedy"], route
    left = await api.db.row("SELECT (SELECT count(*) FROM members) + (SELECT count(*) FROM runs)")
    assert left == (0,), "a refused request left something behind"


async def test_open_routes_ask_for_no_key(api: Api) -> None:
    for route in ROUTES:
        if route.scope is None:
            answer = await route.ask(api.anonymous)
            assert answer.status_code not in (405, 500), route
            assert "no_key" not in answer.text, route
            assert "no_such_route" not in answer.text, route


async def test_what_is_for_somebody_signed_in_takes_no_key(api: Api) -> None:
    for route in SIGNED_IN:
        problem(await route.ask(api.anonymous), 401, "no_key")
        problem(await route.ask(api.http), 401, "no_session")


async def test_a_wrong_key(api: Api) -> None:
    for wrong in [
        "nonsense",
        "circadia_",
        "circadia_0123456789ab_",
        "circadia_0123456789ab_secret",
        BOOTSTRAP + "x",
        BOOTSTRAP[:-1],
        "k\u00e9y-with-\u00fcmlauts",
        "circadia_\u00e9\u00e9_x",
        "x" * 5000,
    ]:
        headers = {b"X-API-Key": wrong.encode("latin-1")}
        problem(await api.anonymous.get(DAY, headers=headers), 401, "invalid_key")
        bearer = {b"Authorization": b"Bearer " + wrong.encode("latin-1")}
        problem(await api.anonymous.get(DAY, headers=bearer), 401, "invalid_key")


async def test_somebody_else_s_secret_under_a_real_id(api: Api) -> None:
    mine, other = (await api.key("read"))["X-API-Key"], (await api.key("admin"))["X-API-Key"]
    crossed = "_".join([*other.split("_")[:2], mine.split("_", 2)[2]])
    problem(await api.anonymous.get(DAY, headers={"X-API-Key": crossed}), 401, "invalid_key")


async def test_header_and_bearer_alike(api: Api) -> None:
    text = (await api.key("read"))["X-API-Key"]
    for headers in (
        {"X-API-Key": text},
        {"Authorization": f"Bearer {text}"},
        {"Authorization": f"bearer  {text} "},
        {"X-API-Key": BOOTSTRAP},
        {"Authorization": f"Bearer {BOOTSTRAP}"},
    ):
        assert (await api.anonymous.get(DAY, headers=headers)).status_code == 200, headers
    for headers in ({"Authorization": f"Basic {text}"}, {"Authorization": text}, {"Authorization": "Bearer "}):
        problem(await api.anonymous.get(DAY, headers=headers), 401, "no_key")


async def test_every_scope_opens_its_routes_and_no_others(api: Api) -> None:
    keyed = {scope: await api.key(scope) for scope in ("read", "write", "admin")}
    for route in CLOSED:
        assert route.scope is not None
        for weak in WEAKER[route.scope]:
            found = problem(await route.ask(api.anonymous, **keyed[weak]), 403, "scope_too_small")
            assert route.scope in found["detail"]
        for strong in {"read", "write", "admin"} - set(WEAKER[route.scope]):
            answer = await route.ask(api.anonymous, **keyed[strong])
            assert answer.status_code not in (401, 403), (route, strong, answer.text)


async def test_a_revoked_key_dies_within_five_seconds_in_every_process(serve: Serve) -> None:
    api = await serve(worker=False)
    other = await serve(simulator=api.simulator, worker=False)
    headers = await api.key("read")
    for each in (api, other):
        assert (await each.anonymous.get(DAY, headers=headers)).status_code == 200
    async with api.db.begin() as connection:
        assert await keys.revoke(connection, headers["X-API-Key"].split("_")[1], api.clock())
    async with asyncio.timeout(5):
        for each in (api, other):
            while (answer := await each.anonymous.get(DAY, headers=headers)).status_code == 200:
                await asyncio.sleep(0.1)
            problem(answer, 401, "invalid_key")


async def test_a_key_ends_at_its_expiry_at_once(api: Api) -> None:
    headers = await api.key("read", expires_at=api.clock() + timedelta(hours=1))
    api.clock.advance(3599)
    assert (await api.anonymous.get(DAY, headers=headers)).status_code == 200
    api.clock.advance(1)
    problem(await api.anonymous.get(DAY, headers=headers), 401, "invalid_key")


async def test_the_last_use_is_written_at_most_once_a_minute(serve: Serve) -> None:
    """Each process writes when it meets a key for the first time; the row says no within the minute."""
    first = await serve(worker=False)
    headers = await first.key("read")
    key_id = headers["X-API-Key"].split("_")[1]

    async def used_in(api: Api) -> object:
        assert (await api.anonymous.get(DAY, headers=headers)).status_code == 200
        await api.app.state.keys.close()
        found = await api.db.row("SELECT last_used_at, xmin::text FROM api_keys WHERE id = %s", (key_id,))
        assert found is not None
        return found

    began_at = first.clock()
    noted = await used_in(first)
    assert noted[0] == began_at  # type: ignore[index]
    first.clock.advance(40)
    assert await used_in(first) == noted
    assert await used_in(await serve(simulator=first.simulator, worker=False)) == noted
    first.clock.advance(20)
    again = await used_in(await serve(simulator=first.simulator, worker=False))
    assert again[0] == began_at + timedelta(seconds=60)  # type: ignore[index]


async def test_without_a_bootstrap_key_only_made_keys_count(serve: Serve) -> None:
    api = await serve(worker=False, SERVICE_API_KEY="")
    problem(await api.http.get(DAY), 401, "invalid_key")
    problem(await api.anonymous.get(DAY, headers={"X-API-Key": ""}), 401, "no_key")
    assert (await api.anonymous.get(DAY, headers=await api.key("read"))).status_code == 200


async def test_the_key_of_a_gateway_writes_and_administers_nothing(serve: Serve) -> None:
    api = await serve(worker=False, GATEWAY_API_KEY="the-gateway-s-very-own")
    mine = {"X-API-Key": "the-gateway-s-very-own"}
    assert (await api.anonymous.get("/internal/auth/status/alice", headers=mine)).status_code == 200
    assert (await api.anonymous.post("/internal/auth/connect/alice", headers=mine, json={})).status_code == 200
    gone = await api.anonymous.delete("/internal/auth/connection/alice", headers=mine)
    problem(gone, 404, "not_connected")
    for path in ("/metrics", "/api/v1/admin/keys"):
        problem(await api.anonymous.get(path, headers=mine), 403, "scope_too_small")


async def test_a_key_is_stored_as_a_hash(api: Api) -> None:
    text = (await api.key("read"))["X-API-Key"]
    found = await api.db.row("SELECT to_jsonb(k)::text FROM api_keys k")
    assert found is not None
    assert text.split("_", 2)[2] not in found[0]


async def test_hostile_user_ids(api: Api) -> None:
    """Never stored, never a 500: refused as an id, or no route at all."""
    for user_id in HOSTILE:
        for route in OF_A_USER:
            answer = await route.ask(api.http, user_id)
            if answer.status_code == 404 and answer.json()["type"].endswith("no_such_route"):
                continue
            problem(answer, 422, "invalid_user_id")
        body = {"code": "c", "state": "s" * 32, "user_id": user_id}
        answer = await api.http.post("/internal/auth/callback", json=body)
        problem(answer, 422, "state_unknown")
        assert await api.db.row("SELECT count(*) FROM members") == (0,)


async def test_an_unknown_member(api: Api) -> None:
    """Reading is 200 and says so where the contract says 200, 404 where it says 404, 409 where nothing can be done."""
    expected = {
        "/api/v1/whoop/sync/{user_id}": (409, "not_connected"),
        "/api/v1/whoop/reconcile/{user_id}": (409, "not_connected"),
        "/api/v1/whoop/backfill/{user_id}": (409, "not_connected"),
        "/internal/auth/connection/{user_id}": (404, "not_connected"),
        "DELETE /api/v1/whoop/connection/{user_id}": (404, "not_connected"),
        "/api/v1/whoop/erase/{user_id}": (422, "not_confirmed"),
        "PUT /api/v1/preferences/{user_id}": (404, "unknown_user"),
        "POST /api/v1/shares/{user_id}": (404, "unknown_user"),
        "/api/v1/shares/{user_id}/{share_id}": (404, "unknown_share"),
    } | {f"/internal/data/{each}/{{user_id}}": (404, "no_data") for each in _INTERNAL}
    for route in OF_A_USER:
        answer = await route.ask(api.http, "nobody")
        if told := expected.get(route.path) or expected.get(str(route)):
            problem(answer, *told)
        else:
            assert answer.status_code in (200, 202), route
    statistics = await api.get("/api/v1/whoop/statistics/nobody-else")
    assert {name: each["count"] for name, each in statistics["types"].items()} == dict.fromkeys(_TYPES, 0)
    assert await api.get("/api/v1/whoop/records/nobody-else/sleep") == {"records": [], "next_cursor": None}


_INTERNAL = ("recovery", "sleep", "workouts", "cycles", "profile", "all")
_TYPES = ("cycle", "sleep", "recovery", "workout")


async def test_a_key_is_not_waited_for_while_the_database_hangs(api: Api) -> None:
    checked = Keys(api.db, api.runtime.keyring, api.clock, {}, patience_s=0.05)
    _key, text = await keys.create(api.db, api.runtime.keyring, "laptop", frozenset({"read"}), api.clock(), None)
    async with api.db.begin() as connection:
        await connection.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(5):
            with pytest.raises(UpstreamDown):
                await checked.check(text)
    await checked.close()
    assert (await checked.check(text)).name == "laptop"
    await checked.close()
