"""Sahha's tokens: opaque texts that look like JWT, one kind for the account and two for profiles."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import orjson

Kind = Literal["account", "profile", "refresh"]
_CLAIMS = "https://api.sahha.ai/claims/"
_HEADER = {"alg": "HS256", "typ": "JWT"}


@dataclass(slots=True)
class Bearer:
    """What a token opens: the account (`subject` is the client id), or a profile (its external id)."""

    kind: Kind
    subject: str
    expires_at: datetime


class Tokens:
    """The tokens given out since the start; a restart forgets them."""

    def __init__(self) -> None:
        self._issued: dict[str, Bearer] = {}

    def issue(self, kind: Kind, subject: str, now: datetime, seconds: int) -> str:
        """A new token of this life."""
        expires_at = now + timedelta(seconds=seconds)
        owner = f"{_CLAIMS}{'accountId' if kind == 'account' else 'profileId'}"
        claims = {owner: subject, "use": kind, "jti": len(self._issued), "exp": int(expires_at.timestamp())}
        text = b".".join(_base64(orjson.dumps(part)) for part in (_HEADER, claims))
        token = (text + b"." + _base64(hmac.digest(b"simulated", text, hashlib.sha256))).decode()
        self._issued[token] = Bearer(kind, subject, expires_at)
        return token

    def holder(self, kind: str, token: str, now: datetime) -> Bearer | None:
        """What a token opens, if it is of this kind, known and alive."""
        found = self._issued.get(token)
        return found if found is not None and found.kind == kind and now < found.expires_at else None

    def end(self, token: str) -> None:
        """A token dies before its time."""
        self._issued.pop(token, None)


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
