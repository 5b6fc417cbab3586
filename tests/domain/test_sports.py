"""Sports: the slugs and ids of WHOOP's documentation, and names it does not list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from circadia.domain.sports import SPORT_IDS, slug_of, sport_id_of

DOCUMENTED = json.loads((Path(__file__).parents[1] / "fixtures" / "whoop" / "sports.json").read_text(encoding="utf-8"))


def test_every_documented_sport_is_known_by_its_display_name() -> None:
    expected = {each["name"]: (each["sport_name_v2"], each["sport_id"]) for each in DOCUMENTED["sports"]}
    assert {name: (slug_of(name), sport_id_of(slug_of(name))) for name in expected} == expected
    assert len(SPORT_IDS) == len(expected)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Muay Thai", "muay-thai"),
        ("Barry’s", "barrys"),
        ("  Musculac\u0327a\u0303o  ", "musculação"),
        ("Hiking / Rucking", "hiking-rucking"),
        ("", "activity"),
        ("!!!", "activity"),
    ],
)
def test_names_become_slugs(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_an_unknown_sport_has_no_id() -> None:
    assert sport_id_of("underwater-chess") is None
