"""What somebody has to look at, and trying whether they are told, from the terminal."""

from __future__ import annotations

import socket

from tests.cli.conftest import Whoop
from tests.cli.terminal import Terminal
from tests.receivers import mailing, receiving

PEOPLE = {"ALERT_EMAIL_TO": "owner@example.org", "ALERT_EMAIL_FROM": "circadia@example.org"}


def test_trying_every_channel(terminal: Terminal) -> None:
    assert terminal.run("notices", "test").refused("no way to tell anybody", "ALERT_WEBHOOK_URL", "SMTP_URL")
    with receiving() as receiver, mailing() as box, socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"smtp://127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        here = terminal.with_settings(**receiver.settings, **PEOPLE, SMTP_URL=f"smtp://127.0.0.1:{box.port}")
        said = here.run("notices", "test")
        assert (said.code, said.stdout) == (0, "webhook: sent\nemail: sent\n")
        assert [each["kind"] for each in receiver.told] == ["test"]
        assert "This is a test" in box.mails[0].get_content()

        partly = here.with_settings(SMTP_URL=nowhere).run("notices", "test", "--json")
        assert partly.code == 1
        assert partly.data["webhook"] == {"sent": True, "error": None}
        assert partly.data["email"]["error"].startswith("the mail server cannot be used")

        receiver.answers = [403]
        failed = terminal.with_settings(**receiver.settings).run("notices", "test")
        assert (failed.code, failed.stdout) == (3, "webhook: the receiver answered 403\n")


def test_a_lost_grant_is_told_by_a_worker_and_listed(connected: Terminal, whoop: Whoop) -> None:
    """The whole way: WHOOP ends the grant, a run finds out, whoever leads looks, and the owner hears of it."""
    assert "nothing to look at" in connected.run("notices", "list").stdout
    whoop.order("/revoke", user_id=whoop.accounts[0])
    assert connected.run("sync", "alice", "--type", "cycle", "--wait").code == 3
    with receiving() as receiver:
        here = connected.with_settings(**receiver.settings)
        with here.start("worker") as one, here.start("worker") as two:
            assert receiver.arrived.wait(60)
            assert one.stop().code == two.stop().code == 0
    assert [(each["kind"], each["user_id"]) for each in receiver.told] == [("needs_reconnect", "alice")]
    assert len(receiver.requests) == 1

    (listed,) = connected.run("notices", "list", "--json").data["notices"]
    assert (listed["kind"], listed["user_id"], listed["over_at"]) == ("needs_reconnect", "alice", None)
    assert [(each["channel"], each["state"]) for each in listed["sendings"]] == [("webhook", "sent")]
    shown = connected.run("notices", "list").stdout
    assert "alice has to connect WHOOP again: WHOOP answered 400 invalid_request" in shown
    assert "webhook sent" in shown
    assert "circadia connect alice" in shown


def test_disconnecting(connected: Terminal, whoop: Whoop) -> None:
    kept = connected.run("disconnect", "alice", "--json").data
    assert kept == {"user_id": "alice", "connected": False, "revoked_at_whoop": True, "data": "keep"}
    assert connected.run("status", "alice").code == 0
    erased = connected.run("disconnect", "alice", "--data", "erase")
    assert (erased.code, "erased" in erased.stdout, erased.stderr) == (0, True, "")
    assert connected.run("status", "alice").refused("nobody is called alice")
    assert connected.run("disconnect", "alice").refused("not connected")


def test_erasing_somebody_with_another_id_at_whoop(connected: Terminal, whoop: Whoop) -> None:
    assert connected.run("identity", "set", "app-7", "--whoop", "alice").code == 0
    erased = connected.run("disconnect", "app-7", "--data", "erase", "--json").data
    assert erased == {"user_id": "app-7", "connected": False, "revoked_at_whoop": True, "data": "erase"}
    assert connected.run("status", "alice").refused("nobody is called alice")
    assert connected.run("disconnect", "app-7", "--data", "erase").refused("nobody is called app-7")


def test_disconnecting_while_whoop_is_away(connected: Terminal, whoop: Whoop) -> None:
    whoop.order("/faults", kind="status", path="/developer/v2/user/access", method="DELETE", status=503, count=None)
    said = connected.run("disconnect", "alice")
    whoop.http.delete(f"{whoop.url}/_sim/faults")
    assert (said.code, "what is stored stays" in said.stdout) == (1, True)
    assert "WHOOP could not be told" in said.stderr
