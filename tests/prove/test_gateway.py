"""Proof `gateway`: three rows of its table, with a short deadline; `script/prove gateway` runs all, and looks at the
clock.

None of them opens a breaker, whose pause is longer than a test may take.
"""

from __future__ import annotations

from tests.postgres import Server
from tests.prove.gateway import Size, prove
from tests.prove.gateway_faults import Row


async def test_it_answers_whatever_breaks(postgres_server: Server) -> None:
    rows = (Row(("whoop",), "wrong key"), Row(("sahha",), "hung"), Row(("sahha", "whoop"), "wrong key"))
    outcomes = await prove(postgres_server, [rows], Size(rounds=1, pause_s=0.0, seed=1, deadline_s=1.0))
    assert [each.problems for each in outcomes] == [[], [], []]
    assert [each.told for each in outcomes] == [
        {"sahha": ["ok"], "whoop": ["unavailable"]},
        {"sahha": ["timeout"], "whoop": ["ok"]},
        {"sahha": ["unavailable"], "whoop": ["unavailable"]},
    ]
