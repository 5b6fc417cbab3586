"""Faults on demand, the admin API and the record of what was asked."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from circadia.simulator.world import World

from .conftest import Receiver, Server, made

SCORES, API = "profile/score/anna", "/api/v1/"


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"kind": "status"}, 500, "An internal exception has occurred."),
        ({"kind": "status", "status": 503, "body": "text"}, 503, "simulated fault"),
        ({"kind": "status", "status": 410}, 410, "Gone"),
        ({"kind": "status", "status": 400, "body": "empty"}, 400, ""),
        ({"kind": "lose_response"}, 502, "<!DOCTYPE html>"),
        ({"kind": "html_200"}, 200, "<!DOCTYPE html>"),
        ({"kind": "rate_limited"}, 429, ""),
    ],
)
async def test_a_fault_strikes_once_and_only_its_path(
    server: Server, fault: dict[str, Any], status: int, body: str
) -> None:
    calm = await server.told(SCORES)
    details = {key: value for key, value in fault.items() if key != "kind"}
    server.sim.fault(fault["kind"], path=f"{API}profile/score", **details)
    assert (await server.ask("account/profile/anna")).status_code == 200
    struck = await server.ask(SCORES)
    assert struck.status_code == status
    assert body in struck.text
    assert "Retry-After" not in struck.headers
    assert await server.told(SCORES) == calm


async def test_a_fault_may_be_of_one_profile_only(server: Server) -> None:
    server.sim.fault("status", user_id="bert", count=None)
    found = {name: (await server.ask(f"profile/score/{name}")).status_code for name in ("anna", "bert", "carl")}
    assert found == {"anna": 200, "bert": 500, "carl": 200}


async def test_rate_limited_may_say_when(server: Server) -> None:
    server.sim.fault("rate_limited", retry_after=7)
    assert (await server.ask(SCORES)).headers["Retry-After"] == "7"


@pytest.mark.parametrize("kind", ["truncate", "invalid_json"])
async def test_a_body_that_is_no_json(server: Server, kind: str) -> None:
    server.sim.fault(kind)
    struck = await server.ask(SCORES)
    assert struck.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        struck.json()


async def test_early_401_ends_that_token(server: Server) -> None:
    server.sim.fault("early_401")
    assert [(await server.ask(SCORES)).status_code for _ in range(2)] == [401, 401]
    await server.sign_in()
    assert (await server.ask(SCORES)).status_code == 200


async def test_a_status_fault_leaves_the_token_alone(server: Server) -> None:
    server.sim.fault("status", status=401, path=f"{API}profile")
    assert [(await server.ask(SCORES)).status_code for _ in range(2)] == [401, 200]


async def test_token_endpoint_down(server: Server) -> None:
    server.sim.fault("token_down")
    assert (await server.sign_in()).status_code == 503
    assert (await server.ask(SCORES)).status_code == 200
    assert (await server.sign_in()).status_code == 200
    assert server.sim.traffic.token_calls == {("account", 200): 2, ("account", 503): 1}


async def test_slow_hung_and_broken(server: Server) -> None:
    server.sim.fault("slow", seconds=0.01)
    assert (await server.ask(SCORES)).status_code == 200
    server.sim.fault("hang", seconds=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await server.ask(SCORES)
    server.sim.fault("disconnect")
    with pytest.raises(httpx2.RemoteProtocolError):
        await server.ask(SCORES)
    assert (await server.ask(SCORES)).status_code == 200


async def test_traffic_is_counted_by_template_and_profile(server: Server) -> None:
    await server.ask(SCORES)
    await server.ask("profile/score/bert", {"types": "sleep"})
    await server.ask("profile/score/bert", scheme="Bearer")
    path = "/api/v1/profile/score/{external_id}"
    assert server.sim.traffic.count(path=path) == 3
    assert server.sim.traffic.count(path=path, user_id="bert", status=200) == 1
    report = (await server.http.get("/_sim/requests")).json()
    assert report["recent"][1]["target"] == "/api/v1/profile/score/bert?types=sleep"
    await server.http.post("/_sim/requests/reset")
    assert (await server.http.get("/_sim/requests")).json()["total"] == 0


async def test_admin(server: Server, receiver: Receiver) -> None:
    http = server.http
    profiles = {each["external_id"]: each for each in (await http.get("/_sim/profiles")).json()}
    assert [profiles[name]["device"] for name in ("anna", "bert", "carl")] == ["watch", "phone", "whoop"]
    assert (await http.get("/_sim/truth/anna?days=3")).json() == server.sim.truth("anna", 3)
    assert (await http.get("/_sim/truth/nobody")).status_code == 404
    new = {"external_id": "erik", "whoop_user_id": profiles["anna"]["whoop_user_id"], "device": "phone"}
    assert new in (await http.post("/_sim/profiles", json=new)).json()
    assert (await server.told("account/profile/erik"))["dataSources"]
    assert (await http.post("/_sim/profiles", json=new | {"whoop_user_id": 1})).status_code == 404
    assert new not in (await http.request("DELETE", "/_sim/profiles/erik")).json()
    assert (await http.post("/_sim/switches", json={"empty": 204})).json()["empty"] == 204
    assert (await http.post("/_sim/switches", json={"empty": 418})).status_code == 422
    assert len((await http.post("/_sim/faults", json={"kind": "slow"})).json()) == 1
    assert (await http.delete("/_sim/faults")).json() == []
    before = (await http.get("/_sim/clock")).json()["now"]
    assert (await http.post("/_sim/clock", json={"advance_seconds": 9 * 3600})).json()["now"] > before
    assert (await http.post("/_sim/deliver")).json()["delivered"] == len(receiver.requests) > 0
    finished = (await http.get("/_sim/deliveries")).json()["finished"]
    assert {each["state"] for each in finished} == {"delivered"}


async def test_a_receiver_may_be_named_later(world: World, receiver: Receiver) -> None:
    sim = made(world, webhook_transport=httpx2.MockTransport(receiver))
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=sim.app), base_url="https://sahha.example")
    async with http:
        assert (await http.get("/_sim/receiver")).json() == {"url": None}
        await http.post("/_sim/receiver", json={"url": "https://late.example/", "secret": "s"})
        assert await sim.deliver_due() == 0
        await http.post("/_sim/clock", json={"advance_seconds": 9 * 3600})
        assert await sim.deliver_due() == len(receiver.requests) > 0
    assert {str(request.url) for request in receiver.requests} == {"https://late.example/"}
