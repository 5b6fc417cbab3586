"""The page of the gateway's bodies shows the pinned ones, shortened where it says so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from circadia.api.envelopes import TYPES
from circadia.gateway.told import State
from tests.gateway.goldens import BODIES, golden

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "gateway.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- body: ([\w.]+) -->\n```json\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

_SHORTENED = "metrics"
"""The one object of which a part is shown."""


@pytest.mark.parametrize(("name", "text"), SHOWN, ids=[name for name, _ in SHOWN])
def test_an_example_is_the_pinned_body(name: str, text: str) -> None:
    assert _strays(json.loads(text), golden(name)) == []


def _strays(shown: Any, real: Any, where: str = "") -> list[str]:
    """Where an example differs from the body otherwise than by a shorter list."""
    if isinstance(shown, dict) and isinstance(real, dict):
        if shown.keys() != real.keys() and not (where.endswith(_SHORTENED) and shown.keys() < real.keys()):
            return [f"{where}: {shown.keys() ^ real.keys()}"]
        return [each for name, value in shown.items() for each in _strays(value, real[name], f"{where}.{name}")]
    if isinstance(shown, list) and isinstance(real, list):
        if bool(shown) != bool(real):
            return [f"{where}: {len(real)} elements"]
        return [f"{where}[]" for each in shown if all(_strays(each, one, where) for one in real)]
    return [] if shown == real else [f"{where}: {shown!r} is {real!r}"]


def test_every_kind_of_body_is_shown() -> None:
    assert {name.partition(".")[0] for name, _ in SHOWN} == {name.partition(".")[0] for name in BODIES}


def test_every_state_and_every_type_is_named() -> None:
    states = PAGE[PAGE.index("## States") : PAGE.index("## Combined health")]
    assert set(get_args(State)) <= set(re.findall(r"`(\w+)`", states))
    errors = PAGE[PAGE.index("## Errors") :]
    told = set(re.findall(r"`(\w+)`", errors))
    assert {each for each in TYPES if each in told} == TYPES - {"timeout_error", "whoop_auth_error"}
