"""Signatures by the Standard Webhooks scheme, version 1 (symmetric).

The key is what follows `whsec_`, in base64; signed are the message's id, the time in whole seconds and the raw body,
with dots between them. Source: the Standard Webhooks specification, section "Signature scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


def key_of(secret: str) -> bytes:
    """The key in a secret; ValueError says how one looks."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(
            f"it has to be whsec_ and {_SHORTEST} to {_LONGEST} bytes in base64: make one with "
            "`echo whsec_$(openssl rand -base64 32)`"
        )
    return key


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; `timestamp` is in seconds since the epoch."""
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
