"""Proof `converge`, small and with fixed seeds; `script/prove converge` runs it at size."""

from __future__ import annotations

import pytest

from tests.postgres import Server, serve_alone
from tests.prove.converge import has_processes, prove
from tests.prove.histories import drawn


@pytest.mark.parametrize("seed", [2, 23, 37])
async def test_the_store_ends_equal_to_whoop(postgres_server: Server, seed: int) -> None:
    history = await prove(postgres_server, seed)
    assert history.problems == []
    assert history.counts["records"] > 100
    assert history.counts["changes"] > 0


async def test_it_does_so_whatever_is_killed_and_crashes() -> None:
    assert has_processes(10)
    with serve_alone() as server:
        history = await prove(server, 10)
    assert history.problems == []
    assert history.counts["kill"] > 0


@pytest.mark.parametrize("processes", [True, False])
def test_a_seed_is_always_the_same_history(processes: bool) -> None:
    assert drawn(7, processes=processes) == drawn(7, processes=processes) != drawn(8, processes=processes)
