"""A history held back and let go on from the terminal."""

from __future__ import annotations

from tests.cli.terminal import Terminal


def test_hold_back_and_let_go_on(connected: Terminal) -> None:
    told = connected.run("backfill", "alice", "--pause", "--json").data
    assert (told["user_id"], told["paused"]) == ("alice", True)
    assert connected.run("backfill", "alice").refused("held back", "Resume")
    assert "--resume" in connected.run("backfill", "alice", "--pause").stderr
    said = connected.run("backfill", "alice", "--resume", "--wait", "--json").data
    assert (said["run_id"], said["state"]) == (told["run_id"], "succeeded")


def test_what_contradicts_itself(connected: Terminal) -> None:
    assert connected.run("backfill", "alice", "--pause", "--resume").code == 2
    assert connected.run("backfill", "alice", "--pause", "--wait").code == 2
