"""Faults on demand: each strikes as told, and then no more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from circadia.simulator.grants import Ending

from .conftest import App

PROFILE = "/v2/user/profile/basic"
TOKEN = "/oauth/oauth2/token"


async def statuses(app: App, tokens: dict[str, Any], times: int, path: str = PROFILE) -> list[int]:
    return [(await app.get(path, tokens)).status_code for _ in range(times)]


async def test_lost_refresh_answer_means_the_rotation_is_committed(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("lose_response", path=TOKEN, grant_type="refresh_token")
    lost = await app.refresh(tokens["refresh_token"])
    assert lost.status_code == 502
    assert lost.headers["Content-Type"].startswith("text/html")
    assert "prod.whoop.com | 502: Bad gateway" in lost.text
    assert await statuses(app, tokens, 1) == [401]
    assert (await app.refresh(tokens["refresh_token"])).status_code == 400


async def test_how_a_lineage_ended_tells_whether_its_last_pair_could_be_held(app: App) -> None:
    user = app.users[0]
    for lost, shown in ((True, False), (False, False), (False, True)):
        old = (await app.connect(user))["refresh_token"]
        if lost:
            app.sim.fault("lose_response", path=TOKEN, grant_type="refresh_token")
        fresh = await app.refresh(old)
        if shown:
            assert await statuses(app, fresh.json(), 1) == [200]
        assert (await app.refresh(old)).status_code == 400
        assert app.sim.endings[-1] == Ending(app.client.client_id, user, "reused", delivered=not lost, used=shown)
    tokens = await app.connect(user)
    app.sim.revoke(user)
    assert app.sim.endings[-1] == Ending(app.client.client_id, user, "revoked", delivered=True, used=False)
    assert await statuses(app, tokens, 1) == [401]


async def test_token_endpoint_down_changes_nothing(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("token_down", count=2)
    for _ in range(2):
        assert (await app.refresh(tokens["refresh_token"])).status_code == 503
    assert await statuses(app, tokens, 1) == [200]
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("html", "text/html"), ("json", "application/json"), ("text", "text/plain"), ("empty", "")],
)
async def test_status_with_every_kind_of_body(app: App, body: str, content_type: str) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("status", path="/developer", status=500, body=body)
    answer = await app.get(PROFILE, tokens)
    assert answer.status_code == 500
    assert answer.headers.get("Content-Type", "").startswith(content_type)
    assert bool(answer.content) is (body != "empty")
    assert await statuses(app, tokens, 1) == [200]


async def test_ordered_429(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("rate_limited")
    answer = await app.get(PROFILE, tokens)
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (429, "0")
    assert "Retry-After" not in answer.headers
    app.sim.fault("rate_limited", headers=False, retry_after=7)
    answer = await app.get(PROFILE, tokens)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]


async def test_count_after_and_matching(app: App) -> None:
    one, two = await app.connect(app.users[0]), await app.connect(app.users[1])
    app.sim.fault("status", path="/developer/v2/cycle", user_id=app.users[0], after=2, count=2, status=503)
    assert await statuses(app, two, 3, "/v2/cycle") == [200, 200, 200]
    assert await statuses(app, one, 2) == [200, 200]
    assert await statuses(app, one, 5, "/v2/cycle") == [200, 200, 503, 503, 200]


async def test_method_is_matched(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("status", method="DELETE", status=500)
    assert await statuses(app, tokens, 1) == [200]


async def test_probability_is_seeded(app: App) -> None:
    tokens = await app.connect(app.users[0])
    runs = []
    for _ in range(2):
        app.sim.state.faults.clear()
        app.sim.fault("status", probability=0.5, seed=3, count=None)
        runs.append(await statuses(app, tokens, 30))
    assert runs[0] == runs[1]
    assert 5 < runs[0].count(500) < 25


async def test_early_401_ends_the_access_token_but_not_the_grant(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("early_401")
    assert await statuses(app, tokens, 2) == [401, 401]
    renewed = (await app.refresh(tokens["refresh_token"])).json()
    assert await statuses(app, renewed, 1) == [200]


async def test_answers_that_are_not_json(app: App) -> None:
    tokens = await app.connect(app.users[0])
    for kind in ("truncate", "invalid_json", "html_200"):
        app.sim.fault(kind)
        answer = await app.get("/v2/cycle", tokens)
        assert answer.status_code == 200
        assert ("html" in answer.headers["Content-Type"]) is (kind == "html_200")
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        with pytest.raises(json.JSONDecodeError):
            answer.json()


async def test_broken_connection_took_effect(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("disconnect", path=TOKEN)
    with pytest.raises(httpx2.RemoteProtocolError):
        await app.refresh(tokens["refresh_token"])
    assert await statuses(app, tokens, 1) == [401]
    assert app.sim.traffic.token_calls["refresh_token", 0] == 1


async def test_slow_answer_was_made_before_it_is_sent(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("slow", path=TOKEN, seconds=0.05)
    waiting = asyncio.create_task(app.refresh(tokens["refresh_token"]))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    assert await statuses(app, tokens, 1) == [401]
    assert await statuses(app, (await waiting).json(), 1) == [200]


async def test_hanging_request_is_counted_and_ends_with_its_client(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.fault("hang", seconds=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await app.get(PROFILE, tokens)
    assert app.sim.traffic.count(path="/developer/v2/user/profile/basic", status=0) == 1
    app.sim.fault("hang", seconds=0.01)
    with pytest.raises(httpx2.RemoteProtocolError):
        await app.get(PROFILE, tokens)


async def test_repeated_page_leads_to_itself(app: App) -> None:
    tokens = await app.connect(app.users[0])
    first = (await app.get("/v2/cycle", tokens)).json()
    app.sim.fault("repeat_page", count=None)
    second = [(await app.get("/v2/cycle", tokens, nextToken=first["next_token"])).json() for _ in range(2)]
    assert second[0] == second[1]
    assert second[0]["next_token"] == first["next_token"]
    start = (await app.get("/v2/cycle", tokens)).json()
    again = (await app.get("/v2/cycle", tokens, nextToken=start["next_token"])).json()
    assert start == again
    assert start["records"] == first["records"]


async def test_faults_over_the_admin_api(app: App) -> None:
    tokens = await app.connect(app.users[0])
    kinds = [{"kind": "status", "status": 520, "body": "html"}, {"kind": "status", "status": 504}]
    answer = await app.http.post("/_sim/faults", json=kinds)
    assert [fault["status"] for fault in answer.json()] == [520, 504]
    assert await statuses(app, tokens, 1) == [520]
    listed = (await app.http.get("/_sim/faults")).json()
    assert [(fault["matched"], fault["struck"]) for fault in listed] == [(1, 1), (0, 0)]
    assert (await app.http.delete("/_sim/faults")).json() == []
    assert await statuses(app, tokens, 1) == [200]
    for wrong in ({"kind": "meteor"}, {"kind": "status", "sattus": 500}, "nonsense"):
        assert (await app.http.post("/_sim/faults", json=wrong)).status_code == 422
    assert (await app.http.post("/_sim/faults", content=b"{")).status_code == 422


async def test_admin_is_spared(app: App) -> None:
    app.sim.fault("status", count=None)
    assert (await app.http.get("/_sim/members")).status_code == 200
