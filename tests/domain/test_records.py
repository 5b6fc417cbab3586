"""Every payload collected from WHOOP parses to a pinned row; the odd ones are refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from syrupy.assertion import SnapshotAssertion

from circadia.domain.catalog import BY_NAME, CATALOG, COLLECTIONS, SCOPES, SINGLETONS, allowed, linked_to
from circadia.domain.records import Cycle, Record, offset_of

FIXTURES = Path(__file__).parents[1] / "fixtures" / "whoop"
PREFIXES = ("cycle", "sleep", "recovery", "workout", "profile", "body_measurement")
PAYLOADS = sorted(each.name for each in FIXTURES.glob("*.json") if each.name.split(".")[0] in PREFIXES)


def read(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def parse(name: str) -> Record:
    return BY_NAME[name.split(".")[0]].model.model_validate(read(name))


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_becomes_this_row(name: str, snapshot: SnapshotAssertion) -> None:
    assert parse(name).model_dump(mode="json") == snapshot


@pytest.mark.parametrize("name", sorted(each.name for each in FIXTURES.glob("page.cycles.*.json")))
def test_the_records_of_a_page_parse(name: str, snapshot: SnapshotAssertion) -> None:
    assert [Cycle.model_validate(each).model_dump(mode="json") for each in read(name)["records"]] == snapshot


def nulls_left_out(payload: Any) -> Any:
    if not isinstance(payload, dict):
        return payload
    return {name: nulls_left_out(value) for name, value in payload.items() if value is not None}


@pytest.mark.parametrize("name", PAYLOADS)
def test_absent_and_null_mean_the_same(name: str) -> None:
    payload = read(name)
    model = BY_NAME[name.split(".")[0]].model
    assert model.model_validate(nulls_left_out(payload)) == model.model_validate(payload)


@pytest.mark.parametrize("name", PAYLOADS)
def test_what_is_unknown_changes_nothing(name: str) -> None:
    payload = read(name)
    model = BY_NAME[name.split(".")[0]].model
    assert model.model_validate(payload | {"new_in_2031": {"deep": [1]}}) == model.model_validate(payload)


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_row_is_frozen(name: str) -> None:
    row = parse(name)
    with pytest.raises(ValidationError):
        setattr(row, next(iter(type(row).model_fields)), None)


CYCLE = {
    "id": 1, "created_at": "2026-01-02T00:00:00.000Z", "updated_at": "2026-01-02T00:00:00.000Z",
    "start": "2026-01-01T22:00:00.000Z", "timezone_offset": "+01:00", "score_state": "PENDING_SCORE",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"id": 2**63},
        {"id": "x"},
        {"id": 1.5},
        {"start": "2026-01-01T22:00:00.000"},
        {"start": "1969-12-31T23:59:59Z"},
        {"start": "2200-01-01T00:00:00Z"},
        {"end": "2026-01-01T21:59:59.999Z"},
        {"timezone_offset": "Europe/Berlin"},
        {"score_state": "scored"},
        {"score_state": None},
        {"score": {"strain": float("nan")}},
        {"score": {"strain": float("inf")}},
    ],
    ids=str,
)
def test_a_cycle_that_cannot_be(change: dict[str, Any]) -> None:
    Cycle.model_validate(CYCLE)
    with pytest.raises(ValidationError):
        Cycle.model_validate(CYCLE | change)


def test_instants_are_kept_in_utc() -> None:
    cycle = Cycle.model_validate(CYCLE | {"start": "2026-01-01T23:00:00.250+01:00"})
    assert cycle.start == datetime(2026, 1, 1, 22, 0, 0, 250_000, UTC)
    assert cycle.start.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("Z", 0), ("+00:00", 0), ("-00:00", 0), ("+05:30", 330), ("-03:30", -210), ("+14:00", 840), ("-12:00", -720)],
)
def test_offsets(text: str, minutes: int) -> None:
    assert offset_of(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "z", "UTC", "+5:30", "+0530", "+05:60", "+19:00", "05:30", "+05:30 ", "−05:30"])
def test_what_is_no_offset(text: str) -> None:
    with pytest.raises(ValueError, match="offset"):
        offset_of(text)


def test_the_catalogue_fits_together() -> None:
    assert set(COLLECTIONS) | set(SINGLETONS) == set(CATALOG)
    assert [each.name for each in SINGLETONS] == ["profile", "body_measurement"]
    for type_ in CATALOG:
        assert type_.scope in SCOPES
        assert all(link.column in type_.columns and link.type in BY_NAME for link in type_.links)
        assert type_.scored == type_.collection
        assert type_.item is not None or not type_.collection
    assert {each.name for each, _ in linked_to(BY_NAME["cycle"])} == {"sleep", "recovery"}
    assert allowed(CATALOG, frozenset({"read:sleep", "offline"})) == (BY_NAME["sleep"],)
