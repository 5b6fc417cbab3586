"""Sync plans as settings."""

from __future__ import annotations

import pytest

from circadia.domain.plans import parse_plan


@pytest.mark.parametrize("text", ["adaptive", "four-a-day", "manual", "interval:5m", "interval:90m"])
def test_a_plan_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_plan(text)) == text


@pytest.mark.parametrize("text", ["", "hourly", "interval:4m", "interval:0m", "interval:5", "interval:-5m", "MANUAL"])
def test_what_is_no_plan(text: str) -> None:
    with pytest.raises(ValueError, match="adaptive"):
        parse_plan(text)
