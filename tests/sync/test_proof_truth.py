"""Proof `truth`, small and with fixed seeds; `script/prove truth` runs it at size."""

from __future__ import annotations

import pytest

from tests.postgres import Server
from tests.prove.truth import Size, prove


@pytest.mark.parametrize("seed", [1])
async def test_the_store_equals_the_world_whatever_is_killed(postgres_server: Server, seed: int) -> None:
    figures = await prove(postgres_server, Size(members=2, days=60, kills=3, seed=seed))
    assert figures.problems == []
    assert figures.kills == 3
    assert figures.changes > 10
    assert figures.records > 1000
