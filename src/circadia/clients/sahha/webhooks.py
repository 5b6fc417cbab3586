"""Sahha's webhooks on the wire: the signature, and what the body says.

Lower-case hexadecimal HMAC-SHA256 of the raw body under the webhook's secret as text. Neither the headers nor the time
are signed, so a delivery may be repeated and the signed body is believed before a header. Source: Sahha's webhook page.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import orjson

from circadia.domain.sahha import Kind
from circadia.errors import Invalid, Unauthenticated

LARGEST = 64 * 1024
"""Bytes of a body; Sahha's own are of one or two thousand."""

EVENTS: Mapping[str, Kind | Literal["log"]] = MappingProxyType(
    {
        "ScoreCreatedIntegrationEvent": "score",
        "BiomarkerCreatedIntegrationEvent": "biomarker",
        "ArchetypeCreatedIntegrationEvent": "archetype",
        "DataLogReceivedIntegrationEvent": "log",
    }
)

_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Event:
    """A delivery about one person. Each item is a kind and Sahha's JSON object; a `log` tells that raw data came."""

    name: str
    external_id: str
    items: tuple[tuple[Kind | Literal["log"], dict[str, Any]], ...]


def sign(secret: str, body: bytes) -> str:
    """The signature Sahha would send."""
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def verify(secret: str, signature: str | None, body: bytes) -> None:
    """Unauthenticated of kind `invalid_signature` unless our secret signed exactly these bytes."""
    presented = (signature or "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(sign(secret, body).encode(), presented):
        raise Unauthenticated("the signature does not belong to this body", kind="invalid_signature")


def read(body: bytes, headers: Mapping[str, str]) -> Event:
    """What a verified body says: one object, or a list of them; Invalid when it is not of the documented shape. Whether
    an object can be read as its kind is not asked here."""
    told = {name.lower(): value for name, value in headers.items()}
    name = told.get("x-event-type", "")
    kind = EVENTS.get(name)
    if kind is None:
        raise Invalid("the webhook's X-Event-Type is not one Circadia knows", kind="unknown_webhook")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("the webhook's body is no JSON") from error
    objects = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in objects):
        raise Invalid("a webhook's body is an object, or a list of objects")
    owners = {_external_id(each.get("externalId") or told.get("x-external-id")) for each in objects}
    if len(owners) != 1:
        raise Invalid("a webhook is about one person")
    return Event(name, owners.pop(), tuple((kind, each) for each in objects))


def _external_id(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or "\x00" in value:
        raise Invalid(f"a webhook's externalId is a text of 1 to {_LONGEST_ID} characters")
    return value
