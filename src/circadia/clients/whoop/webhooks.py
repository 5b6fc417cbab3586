"""WHOOP's webhooks on the wire: the signature, and what the body says.

base64(HMAC-SHA256(client secret, timestamp header + raw body)); the timestamp is milliseconds since the epoch as text.
Source: WHOOP's webhook page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from circadia.domain.catalog import CATALOG
from circadia.errors import Invalid, Unauthenticated

OLDEST = timedelta(hours=24)
"""WHOOP retries for about an hour and may keep the first timestamp; the trace id is what stops replays."""

LARGEST = 64 * 1024
_LONGEST_ID = 200
_NOUNS = {each.push for each in CATALOG if each.push}


@dataclass(frozen=True, slots=True)
class Event:
    """`record_id` is the UUID of the workout or sleep; for a recovery it is its sleep's."""

    trace_id: str
    whoop_user_id: int
    noun: str
    verb: str
    record_id: str


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature WHOOP would send."""
    return base64.b64encode(hmac.digest(secret.encode(), timestamp.encode() + body, hashlib.sha256)).decode()


def verify(secrets: Sequence[str], timestamp: str, signature: str, body: bytes, now: datetime) -> None:
    """Unauthenticated unless one of our secrets signed exactly these bytes within the last day."""
    presented = signature.encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(sign(each, timestamp, body).encode(), presented) for each in secrets]
    if not any(matches):
        raise Unauthenticated("the signature does not belong to this body", kind="bad_signature")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise Unauthenticated("the signature's timestamp is not a number of milliseconds", kind="bad_signature")
    if abs(now.timestamp() * 1000 - int(timestamp)) > OLDEST / timedelta(milliseconds=1):
        raise Unauthenticated("the signature is more than a day away from now", kind="bad_signature")


def read(body: bytes) -> Event:
    """What a verified body says; Invalid when it is not of the documented shape."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("the webhook's body is no JSON") from error
    fields = ("user_id", "id", "type", "trace_id")
    if not isinstance(found, dict) or any(each not in found for each in fields):
        raise Invalid("a webhook has user_id, id, type and trace_id")
    user_id, record_id, type_, trace_id = (found[each] for each in fields)
    noun, _, verb = str(type_).partition(".")
    if noun not in _NOUNS or verb not in ("updated", "deleted"):
        raise Invalid("the webhook's type is not one Circadia knows", kind="unknown_webhook")
    if not _whole(user_id) or not 0 <= user_id < 2**63:
        raise Invalid("a webhook's user_id is a number")
    if not isinstance(trace_id, str) or not (isinstance(record_id, str) or _whole(record_id)):
        raise Invalid("a webhook's trace_id is a text, and its id a text or a number")
    if not all(0 < len(each) <= _LONGEST_ID and "\x00" not in each for each in (trace_id, str(record_id))):
        raise Invalid("the webhook's ids are empty, or longer than any id of WHOOP's")
    return Event(trace_id, user_id, noun, verb, str(record_id))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
