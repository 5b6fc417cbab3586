"""Proof `takeover`, small and with a fixed seed; `script/prove takeover` runs it at size."""

from __future__ import annotations

from tests.postgres import Server
from tests.prove.takeover import Size, prove


async def test_killed_backfills_go_on_elsewhere(postgres_server: Server) -> None:
    figures = await prove(postgres_server, Size(members=3, days=300, seed=2, slow_s=0.1, hurried=True))
    assert figures.problems == []
    assert len(figures.resumed_s) == 3
    assert 3 * 4 <= figures.pages_at_the_kill < figures.floor <= figures.pages
