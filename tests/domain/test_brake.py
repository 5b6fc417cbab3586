"""How much missing is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circadia.domain.brake import plausible

COUNTS = st.integers(0, 5000)


@pytest.mark.parametrize(
    ("missing", "live", "believed"),
    [(0, 0, True), (5, 5, True), (6, 6, False), (6, 19, False), (6, 20, True), (30, 100, True), (31, 100, False)],
)
def test_a_handful_or_three_in_ten(missing: int, live: int, believed: bool) -> None:
    assert plausible(missing, live) is believed


@given(COUNTS, COUNTS)
def test_more_missing_is_never_more_plausible(missing: int, live: int) -> None:
    assert plausible(missing, live) or not plausible(missing + 1, live)
    assert not plausible(missing, live) or plausible(missing, live + 1)
