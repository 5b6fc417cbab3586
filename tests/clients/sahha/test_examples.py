"""Every answer collected of Sahha's parses to pinned objects."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from pydantic import BaseModel
from syrupy.assertion import SnapshotAssertion

from circadia.clients.sahha.parsing import listing
from circadia.domain.sahha import Archetype, Biomarker, Comparison, Integration, Profile, Score, Trend
from circadia.simulator.clock import StandingClock
from tests.clients.sahha.sahha import FIXTURES, Sahha, client, read

MODELS: dict[str, type[BaseModel]] = {
    "scores": Score,
    "biomarkers": Biomarker,
    "archetypes": Archetype,
    "trends": Trend,
    "comparisons": Comparison,
    "integrations": Integration,
    "profiles": Profile,
}
LISTS = sorted(each.name for each in FIXTURES.glob("*.json") if each.name.split(".")[0] in MODELS)


def rows(found: Any) -> list[dict[str, Any]]:
    """The objects as JSON, a biomarker's with its day and its value as read."""
    return [
        item.model_dump(mode="json")
        | ({"day": str(item.day), "parsed": item.parsed} if isinstance(item, Biomarker) else {})
        for item, _ in found.items
    ]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_becomes_these_objects(name: str, clock: StandingClock, snapshot: SnapshotAssertion) -> None:
    found = listing(MODELS[name.split(".")[0]], read(name), clock())
    assert found.rejects == ()
    assert rows(found) == snapshot


def test_a_profile_becomes_this_object(snapshot: SnapshotAssertion) -> None:
    assert Profile.model_validate(read("profile.json")).model_dump(mode="json") == snapshot


def test_all_the_lists_are_there() -> None:
    assert len(LISTS) == 11


async def test_the_token_is_taken_as_documented(clock: StandingClock) -> None:
    sahha = Sahha(token_answers=[httpx2.Response(200, json=read("account_token.json"))])
    await client(sahha, clock).scores("ana", clock().date(), clock().date())
    assert sahha.tokens_sent()[0] == "made-up.account.token"
