"""`circadia simulate`: services in processes of their own; Sahha's people are those of a WHOOP begun that day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2

from circadia.simulator.sahha.serve import demo_simulator, world
from tests.cli.terminal import Terminal

WORLD = ("--members", "2", "--days", "20", "--seed", "5")


def test_whoop_sends_browsers_to_either_service(tmp_path: Path) -> None:
    with Terminal(tmp_path).start("simulate", "whoop", "--port", "0", *WORLD) as running:
        url = running.stdout(r"WHOOP_API_BASE_URL=(\S+)/developer\n")[1]
        (client,) = httpx2.get(f"{url}/_sim/clients", trust_env=False).json()
        said = running.stop()
    first, second = client["redirect_uris"]
    assert f"WHOOP_REDIRECT_URL={first}\n" in said.stdout
    assert (first, second) == (second.replace("8001", "8000"), "http://127.0.0.1:8001/auth/callback")
    assert f"WHOOP_REDIRECT_URL={second}\n" in said.stderr


def test_sahha_listens_and_tells_what_leads_to_it(tmp_path: Path) -> None:
    people = world(members=2, days=20, seed=5, now=datetime.now(UTC))
    second = people.user_ids[1]
    who = ("--profile", f"anna={second}", "--profile", f"a=b={people.user_ids[0]}")
    terminal = Terminal(tmp_path)
    with terminal.start("simulate", "sahha", "--port", "0", *WORLD, *who, "--json") as running:
        told = json.loads(running.stdout(r".*\n")[0])
        assert (told["ready"], told["profiles"]) == (True, ["anna", "a=b"])
        settings = told["settings"]
        assert settings["SAHHA_API_BASE_URL"] == told["url"]
        pair = {"clientId": settings["SAHHA_CLIENT_ID"], "clientSecret": settings["SAHHA_CLIENT_SECRET"]}
        with httpx2.Client(base_url=told["url"], trust_env=False) as http:
            token = http.post("/api/v1/oauth/account/token", json=pair).json()["accountToken"]
            headers = {"Authorization": f"account {token}"}
            assert http.get("/api/v1/account/profile/anna", headers=headers).json()["externalId"] == "anna"
            now = datetime.fromisoformat(http.get("/_sim/clock").json()["now"])
            truth = http.get("/_sim/truth/anna?days=15").json()["scores"]
        running.stop()
    same = world(members=2, days=20, seed=5, now=now)
    here = demo_simulator(same, clock=lambda: now, accounts={"anna": second}, devices={}, webhook_url=None)
    mine = {each["id"]: each for each in here.truth("anna", 15)["scores"]}
    past = [each for each in truth if each["scoreDateTime"] < str(now.date() - timedelta(days=2))]
    assert len(past) > 30
    assert past == [mine[each["id"]] for each in past]


def test_sahha_knows_nobody_else(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    assert terminal.run("simulate", "sahha", "--port", "0", *WORLD, "--profile", "anna=1").refused("1", "--seed")
    assert terminal.run("simulate", "sahha", "--profile", "anna").code == 2


def test_members_connect_themselves_only_with_a_key(tmp_path: Path) -> None:
    refused = Terminal(tmp_path).run("simulate", "whoop", "--connect", "http://127.0.0.1:8000")
    assert refused.refused("SERVICE_API_KEY")
