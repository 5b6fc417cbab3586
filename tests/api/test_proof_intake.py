"""Proof `intake`, small and with a fixed seed; `script/prove intake` runs it at size, and looks at the clock."""

from __future__ import annotations

from tests.prove.intake import Size, prove


async def test_good_ones_are_stored_and_no_others(database_url: str) -> None:
    figures = await prove(database_url, Size(rate=100, seconds=1.0, forged=600, seed=1))
    assert figures.problems == []
    assert figures.stored == 100
    assert sum(figures.refused.values()) + figures.left >= 600
    assert set(figures.refused) <= {400, 401, 413, 422}
