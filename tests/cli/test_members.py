"""Connecting, syncing, importing and looking, from the terminal against a simulated WHOOP."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx2

from tests.cli.conftest import DAYS, Whoop, connect
from tests.cli.terminal import Terminal
from tests.exports_of import export_of

_OWN = ("DATABASE_URL", "TOKEN_ENCRYPTION_KEYS")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_backfill_and_sync_work_by_themselves_without_a_worker(connected: Terminal, whoop: Whoop) -> None:
    left = connected.run("sync", "alice")
    assert left.code == 0
    assert "no worker is running" in left.stderr

    said = connected.run("backfill", "alice", "--wait", "--json").data
    assert (said["state"], said["error"]) == ("succeeded", None)
    truth = whoop.http.get(f"{whoop.url}/_sim/truth/{whoop.accounts[0]}").json()
    told = connected.run("stats", "alice", "--json").data
    assert {name: each["count"] for name, each in told["types"].items()} == {
        name: len(truth[name]) for name in told["types"]
    }
    assert told["coverage"]["complete"]
    assert {name: each["got"] for name, each in told["coverage"]["types"].items()} == {
        name: len(truth[name]) for name in told["coverage"]["types"]
    }

    said = connected.run("sync", "alice", "--type", "sleep", "--type", "cycle", "--wait", "--json").data
    assert set(said["outcome"]["types"]) >= {"sleep", "cycle"}
    table = connected.run("stats", "alice").stdout
    assert all(name in table for name in ("cycle", "sleep", "recovery", "workout", "scored"))
    assert "The walk through the history: proven complete" in table

    told = connected.run("status", "alice", "--json").data
    (member,) = told["members"]
    assert (member["user_id"], member["connection"]["state"]) == ("alice", "connected")
    (budget,) = told["budgets"]
    assert budget["lanes"]["backfill"]["taken"] > 0
    assert budget["minute"]["limit"] == 6000
    assert "The history is here, proven complete." in connected.run("status", "alice").stdout
    shown = connected.run("status").stdout
    assert "1 member: 1 ok." in shown
    assert "No worker is alive" in shown
    (line,) = connected.run("status", "--json").data["members"]
    assert (line["user_id"], line["standing"], line["history_complete"]) == ("alice", "ok", True)

    # the terminal of somebody who has not got the service's settings
    elsewhere = Terminal(connected.directory, {name: connected.settings[name] for name in _OWN})
    assert f"Requests to WHOOP of app {whoop.settings['WHOOP_CLIENT_ID']}" in elsewhere.run("status").stdout


def test_the_doctor_says_what_is_wrong_and_what_to_do(connected: Terminal, whoop: Whoop) -> None:
    ill = connected.run("doctor", "alice")
    assert ill.code == 1
    assert "No worker".lower() in ill.stdout.lower()
    assert "Start `circadia serve` or `circadia worker`" in ill.stdout
    connected.run("backfill", "alice", "--wait")
    with connected.start("worker") as working:
        while connected.run("doctor", "alice", "--json").data["evidence"]["workers"]["alive"] is False:
            pass
        well = connected.run("doctor", "alice", "--days", "90")
        working.stop()
    assert well.code == 0, well.stdout
    assert "alice: nothing is wrong." in well.stdout
    assert "history: whole, and all that arrived is here" in well.stdout
    whoop.order("/revoke", user_id=whoop.accounts[0])
    connected.run("sync", "alice", "--wait")
    lost = connected.run("doctor", "alice", "--json")
    assert lost.code == 1
    assert [each["kind"] for each in lost.data["findings"] if each["severity"] == "error"] == ["needs_reconnect"]


def test_the_doctor_fits_on_a_narrow_terminal(connected: Terminal) -> None:
    narrow = connected.with_settings(COLUMNS="80", FORCE_COLOR="1")
    assert max(len(_ESCAPE.sub("", line)) for line in narrow.run("doctor", "alice").stdout.splitlines()) <= 80


def test_where_nobody_is(terminal: Terminal) -> None:
    assert terminal.run("status", "nobody").refused("nobody is called nobody")
    assert terminal.run("stats", "nobody").refused("nobody is called nobody")
    assert terminal.run("doctor", "nobody").refused("nobody is called nobody")
    assert "Nobody is here yet" in terminal.run("status").stdout
    assert terminal.run("deliveries", "list", "--json").data == {"deliveries": []}
    assert "No webhook is parked" in terminal.run("deliveries", "list", "--state", "parked").stdout
    assert terminal.run("deliveries", "replay", "7").refused("there is no delivery 7")


def test_what_did_not_come_through_is_the_exit_code(connected: Terminal, whoop: Whoop) -> None:
    workouts = "/developer/v2/activity/workout"
    whoop.order("/faults", kind="status", path=workouts, status=418, body="empty", count=None)
    partly = connected.run("sync", "alice", "--wait")
    assert (partly.code, "workout: WHOOP answered 418" in partly.stderr) == (1, True)
    assert "sleep" in partly.stdout
    whoop.http.delete(f"{whoop.url}/_sim/faults")

    whoop.order("/revoke", user_id=whoop.accounts[0])
    lost = connected.run("sync", "alice", "--wait")
    assert lost.code == 3
    assert connected.run("sync", "alice").refused("alice is not connected", "circadia connect alice")


def test_nobody_is_connected_by_mistake(terminal: Terminal, whoop: Whoop) -> None:
    here = terminal.with_settings(**whoop.settings)
    account = whoop.accounts[1]
    assert terminal.run("connect", "bob", "--headless").refused("WHOOP_CLIENT_ID")
    with here.start("connect", "bob", "--headless") as running:
        running.type(whoop.consent(running.stderr(r"http\S+")[0], account, "deny"))
        assert running.ended().refused_at_the_end("WHOOP did not grant")
    with here.start("connect", "bob", "--headless") as running:
        running.type("https://example.org/?code=abc&state=another")
        assert running.ended().refused_at_the_end("not the address")
    connect(here, whoop, "carol", account)
    with here.start("connect", "bob", "--headless") as running:
        running.type(whoop.consent(running.stderr(r"http\S+")[0], account))
        assert running.ended().refused_at_the_end("already belongs to another user")
    assert here.run("sync", "bob").refused("bob is not connected")


def test_connect_waits_for_the_browser(terminal: Terminal, whoop: Whoop) -> None:
    settings = {name: value for name, value in whoop.settings.items() if name != "WHOOP_REDIRECT_URL"}
    with terminal.with_settings(**settings).start("serve", "--port", "0") as service:
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        whoop.order(f"/clients/{settings['WHOOP_CLIENT_ID']}", redirect_uris=[f"{url}/auth/callback"])
        here = terminal.with_settings(**settings, PUBLIC_URL=url)
        with here.start("connect", "dave", "--json") as running:
            authorization_url = running.stderr(rf"{whoop.url}\S+")[0]
            with httpx2.Client(trust_env=False) as browser:
                back = httpx2.URL(whoop.consent(authorization_url, whoop.accounts[2]))
                assert "dave" in browser.get(back).text
                form = {name: back.params[name] for name in ("code", "state")} | {"decision": "connect"}
                assert browser.post(f"{url}/auth/confirm", data=form).status_code == 200
            assert running.ended().data["whoop_user_id"] == whoop.accounts[2]
        followed = here.run("backfill", "dave", "--wait", "--json").data
        assert followed["state"] == "succeeded"
        stopped = service.stop(signal.SIGINT)
    whoop.order(f"/clients/{settings['WHOOP_CLIENT_ID']}", redirect_uris=[whoop.settings["WHOOP_REDIRECT_URL"]])
    assert (stopped.code, stopped.stdout) == (0, "")


def test_interrupted_waiting(connected: Terminal, whoop: Whoop) -> None:
    whoop.order("/faults", kind="hang", path="/developer/v2/cycle", seconds=4)
    with connected.start("sync", "alice", "--type", "cycle", "--wait") as running:
        while not whoop.http.get(f"{whoop.url}/_sim/faults").json()[0]["struck"]:
            pass
        said = running.stop(signal.SIGINT)
    whoop.http.delete(f"{whoop.url}/_sim/faults")
    assert (said.code, said.stdout) == (130, "")
    assert "Traceback" not in said.stderr


def test_import(terminal: Terminal, whoop: Whoop, tmp_path: Path) -> None:
    truth = whoop.http.get(f"{whoop.url}/_sim/truth/{whoop.accounts[0]}").json()
    file = export_of(truth, tmp_path / "export.zip")
    first = terminal.run("import", str(file), "--user", "erin", "--json").data
    assert first["types"]["sleep"]["read"] == first["types"]["sleep"]["written"] > DAYS // 2
    again = terminal.run("import", str(file), "--user", "erin")
    assert (again.code, again.stderr) == (0, "")
    assert "0 days changed." in again.stdout

    sleeps = tmp_path / "sleeps.csv"
    sleeps.write_text("Cycle start time,Sleep onset,Wake onset\nyesterday,late,early\n")
    nothing = terminal.run("import", str(sleeps), "--user", "frank")
    assert nothing.code == 3
    assert "sleeps.csv" in nothing.stderr
    assert terminal.run("status", "frank").refused("nobody is called frank")


def test_held_deletions_wait_for_the_owner_s_word(connected: Terminal, whoop: Whoop) -> None:
    connected.run("backfill", "alice", "--wait")
    account = whoop.accounts[0]
    for each in whoop.http.get(f"{whoop.url}/_sim/truth/{account}").json()["workout"]:
        whoop.order("/mutate", user_id=account, action="delete_workout", target=each["id"])
    held = connected.run("reconcile", "alice", "--wait")
    assert held.code == 1
    assert "missing at WHOOP" in held.stderr
    assert "circadia reconcile alice --allow-deletes" in held.stderr
    everybody = connected.run("reconcile", "--wait", "--json")
    assert everybody.code == 1
    assert [run["state"] for run in everybody.data["runs"]] == ["partial"]
    allowed = connected.run("reconcile", "--allow-deletes", "--wait", "--json")
    (run,) = allowed.data["runs"]
    assert (allowed.code, run["state"], run["kind"]) == (0, "succeeded", "reconcile")
    assert set(run["outcome"]["types"]) == {"workout"}
    assert connected.run("reconcile", "--allow-deletes", "--wait", "--json").data == {"runs": []}
    assert connected.run("reconcile", "alice", "--full", "--wait").code == 0
    assert connected.run("stats", "alice", "--json").data["types"]["workout"]["count"] == 0


def test_a_reconciliation_is_left_to_a_worker(connected: Terminal) -> None:
    left = connected.run("reconcile")
    assert (left.code, len(left.stdout.split())) == (0, 1)
    assert "no worker is running" in left.stderr
    assert connected.run("reconcile", "bob").refused("bob is not connected")
