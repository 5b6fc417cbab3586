"""Sahha's webhooks: the published vectors, what is refused, what is read."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from circadia.clients.sahha.parsing import MODELS, listing
from circadia.clients.sahha.webhooks import EVENTS, Event, read, sign, verify
from circadia.errors import Invalid, Unauthenticated
from circadia.simulator.clock import StandingClock
from tests.clients.sahha import sahha

VECTORS: list[dict[str, Any]] = sahha.read("webhooks.json")
SECRET, BODY = "a secret", b'{"externalId":"ana"}'
SCORE = {"X-Event-Type": "ScoreCreatedIntegrationEvent"}
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["headers"]["X-Event-Type"])


@each_vector
def test_what_sahha_signed_is_taken(vector: dict[str, Any]) -> None:
    body, signature = vector["raw_body"].encode(), vector["headers"]["X-Signature"]
    assert sign(vector["secret"], body) == signature
    verify(vector["secret"], signature, body)


@each_vector
def test_one_bit_off_is_not_sahhas(vector: dict[str, Any]) -> None:
    body, signature = vector["raw_body"].encode(), vector["headers"]["X-Signature"]
    for secret, presented, signed in (
        ("another", signature, body),
        (vector["secret"], signature, body + b" "),
        (vector["secret"], signature, body[:-1] + b"]"),
        (vector["secret"], signature[:-1], body),
        (vector["secret"], signature.upper(), body),
        (vector["secret"], f"sha256={signature}", body),
    ):
        with pytest.raises(Unauthenticated) as caught:
            verify(secret, presented, signed)
        assert caught.value.kind == "invalid_signature"


@pytest.mark.parametrize("signature", [None, "", "é", "\udcff", "x" * 5000])
def test_a_signature_of_any_bytes_is_refused_in_peace(signature: str | None) -> None:
    with pytest.raises(Unauthenticated):
        verify(SECRET, signature, BODY)


@each_vector
def test_what_a_delivery_says(vector: dict[str, Any], clock: StandingClock) -> None:
    headers = httpx2.Headers(vector["headers"])
    event = read(vector["raw_body"].encode(), headers)
    name = vector["headers"]["X-Event-Type"]
    body = json.loads(vector["raw_body"])
    assert event == Event(name, "ext-demo-0001", ((EVENTS[name], body),))
    if (kind := EVENTS[name]) != "log":
        found = listing(MODELS[kind], [raw for _, raw in event.items], clock())
        assert [raw["id"] for _, raw in found.items] == [body["id"]]
        assert found.rejects == ()


def test_a_list_of_one_persons_objects() -> None:
    objects = [{"externalId": "ana", "id": 1}, {"externalId": "ana", "id": 2}]
    event = read(json.dumps(objects).encode(), SCORE)
    assert event.items == (("score", objects[0]), ("score", objects[1]))


@pytest.mark.parametrize("name", ["X-External-Id", "x-external-id", "X-EXTERNAL-ID"])
@pytest.mark.parametrize("body", [{}, {"externalId": None}, {"externalId": ""}])
def test_whose_it_is_may_stand_in_the_header_only(name: str, body: dict[str, Any]) -> None:
    assert read(json.dumps(body).encode(), SCORE | {name: "ana"}).external_id == "ana"


def test_the_signed_body_is_believed_before_the_header() -> None:
    assert read(BODY, SCORE | {"X-External-Id": "ben"}).external_id == "ana"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", SCORE),
        (b"not JSON", SCORE),
        (b'{"externalId": "ana"', SCORE),
        (b'"text"', SCORE),
        (b"null", SCORE),
        (b"[]", SCORE),
        (b'[{"externalId": "ana"}, 7]', SCORE),
        (b'[{"externalId": "ana"}, {"externalId": "ben"}]', SCORE),
        (b"{}", SCORE),
        (b'{"externalId": 7}', SCORE),
        (b'{"externalId": ["ana"]}', SCORE),
        (b'{"externalId": "a\\u0000"}', SCORE),
        (json.dumps({"externalId": "a" * 201}).encode(), SCORE),
        (BODY, {}),
        (BODY, {"X-Event-Type": "InsightCreatedIntegrationEvent"}),
        (BODY, {"X-Event-Type": "scorecreatedintegrationevent"}),
    ],
    ids=lambda each: str(each)[:40],
)
def test_what_is_no_delivery(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        read(body, headers)
