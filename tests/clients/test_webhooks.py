"""WHOOP's webhooks: the published vectors, what is refused, what is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from circadia.clients.whoop.webhooks import OLDEST, Event, read, sign, verify
from circadia.errors import Invalid, Unauthenticated

FIXTURES = Path(__file__).parents[1] / "fixtures" / "whoop"
VECTORS: dict[str, Any] = json.loads((FIXTURES / "webhook.signature_vectors.json").read_text(encoding="utf-8"))
SECRET, STAMP, BODY = "the client secret", "1795176000000", b'{"user_id":1}'
SENT_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENT = {"user_id": 456, "id": "550e8400-e29b-41d4-a716-446655440000", "type": "sleep.updated", "trace_id": "t-1"}


def stamped(vector: dict[str, str]) -> tuple[str, str, bytes, datetime]:
    """Time stamp, signature, body and the moment of arrival of a vector."""
    stamp = vector["X-WHOOP-Signature-Timestamp"]
    at = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    return stamp, vector["X-WHOOP-Signature"], vector["raw_body_utf8"].encode(), at


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda each: each["X-WHOOP-Signature"][:6])
def test_what_whoop_signed_is_taken(vector: dict[str, str]) -> None:
    stamp, signature, body, at = stamped(vector)
    assert sign(vector["client_secret"], stamp, body) == signature
    verify([vector["client_secret"]], stamp, signature, body, at)
    verify(["the one before", vector["client_secret"]], stamp, signature, body, at)


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda each: each["X-WHOOP-Signature"][:6])
def test_what_is_signed_otherwise_is_not(vector: dict[str, str]) -> None:
    stamp, signature, body, at = stamped(vector)
    with pytest.raises(Unauthenticated) as caught:
        verify([vector["client_secret"]], stamp, signature, body, at)
    assert caught.value.kind == "bad_signature"


@pytest.mark.parametrize(
    ("stamp", "body", "secrets"),
    [
        ("1795176000001", BODY, [SECRET]),
        (STAMP, BODY + b" ", [SECRET]),
        (STAMP, BODY, ["another"]),
        (STAMP, BODY, []),
    ],
)
def test_one_bit_off_is_not_ours(stamp: str, body: bytes, secrets: list[str]) -> None:
    signature = sign(SECRET, STAMP, BODY)
    verify([SECRET], STAMP, signature, BODY, SENT_AT)
    with pytest.raises(Unauthenticated):
        verify(secrets, stamp, signature, body, SENT_AT)


@pytest.mark.parametrize("signature", ["", "é", "\udcff", "x" * 5000])
def test_a_signature_of_any_bytes_is_refused_in_peace(signature: str) -> None:
    with pytest.raises(Unauthenticated):
        verify([SECRET], STAMP, signature, BODY, SENT_AT)


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e12", "9" * 16, "١٧٩٥", " 1795176000000"])
def test_a_time_stamp_that_is_no_number_of_milliseconds(stamp: str) -> None:
    with pytest.raises(Unauthenticated, match="timestamp"):
        verify([SECRET], stamp, sign(SECRET, stamp, BODY), BODY, SENT_AT)


def test_a_day_is_the_limit_in_both_directions() -> None:
    signature = sign(SECRET, STAMP, BODY)
    for late in (OLDEST, -OLDEST):
        verify([SECRET], STAMP, signature, BODY, SENT_AT + late)
        with pytest.raises(Unauthenticated, match="a day away"):
            verify([SECRET], STAMP, signature, BODY, SENT_AT + late * 1.001)


@pytest.mark.parametrize("name", sorted(each.name for each in FIXTURES.glob("webhook.v2.*.json")))
def test_every_documented_event_is_read(name: str) -> None:
    body = (FIXTURES / name).read_bytes()
    noun, verb = name.split(".")[2:4]
    told = json.loads(body)
    assert read(body) == Event(told["trace_id"], told["user_id"], noun, verb, told["id"])


def test_a_legacy_id_is_read_as_text() -> None:
    assert read((FIXTURES / "webhook.v1.workout.updated.legacy.json").read_bytes()).record_id == "10235"


@pytest.mark.parametrize(
    "change",
    [
        {"type": "cycle.updated"},
        {"type": "sleep.created"},
        {"type": "sleep"},
        {"type": 7},
        {"user_id": "456"},
        {"user_id": -1},
        {"user_id": 2**63},
        {"trace_id": ""},
        {"trace_id": 5},
        {"trace_id": "t" * 201},
        {"trace_id": "t\x00"},
        {"id": "i" * 201},
        {"id": "\x00"},
    ],
    ids=lambda each: str(each)[:40],
)
def test_what_is_no_event_of_whoop(change: dict[str, Any]) -> None:
    read(json.dumps(EVENT).encode())
    with pytest.raises(Invalid):
        read(json.dumps(EVENT | change).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"{}"])
def test_a_body_that_is_no_event_at_all(body: bytes) -> None:
    with pytest.raises(Invalid):
        read(body)


@pytest.mark.parametrize("left_out", sorted(EVENT))
def test_every_field_is_needed(left_out: str) -> None:
    with pytest.raises(Invalid):
        read(json.dumps({name: value for name, value in EVENT.items() if name != left_out}).encode())
