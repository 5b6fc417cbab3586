"""Consents, codes and token pairs of the authorization server, without HTTP.

One consent begins one lineage. A lineage has one live pair of tokens; each refresh replaces both, and a refresh
token shown a second time ends the whole lineage. Lineages of the same member and app do not touch each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from circadia.simulator.switches import Switches

OFFLINE = "offline"

_DESCRIPTIONS = {
    "invalid_request": (
        "The request is missing a required parameter, includes an invalid parameter value, includes a parameter "
        "more than once, or is otherwise malformed."
    ),
    "invalid_grant": (
        "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token "
        "is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or "
        "was issued to another client."
    ),
    "invalid_client": (
        "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported "
        "authentication method)."
    ),
    "invalid_scope": "The requested scope is invalid, unknown, or malformed.",
    "invalid_state": (
        "The state is missing or does not have enough characters and is therefore considered too weak. Request "
        "parameter 'state' must be at least be 8 characters long to ensure sufficient entropy."
    ),
    "access_denied": "The resource owner or authorization server denied the request.",
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization server.",
    "unsupported_response_type": ("The authorization server does not support obtaining a token using this method."),
    "token_inactive": (
        "Token is inactive because it is malformed, expired or otherwise invalid. Token validation failed."
    ),
}
"""Error texts of Ory Hydra, the server that WHOOP's answers point to."""


class OAuthError(Exception):
    """An OAuth 2.0 error answer: `error`, its text and an HTTP status."""

    def __init__(self, error: str, status: int = 400, *, description: str | None = None) -> None:
        self.error = error
        self.status = status
        self.description = description or _DESCRIPTIONS[error]
        super().__init__(self.description)


@dataclass(slots=True)
class Code:
    """An authorization code and what it was granted for."""

    value: str
    client_id: str
    user_id: int
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    expires_at: datetime
    lineage: Lineage | None = None


@dataclass(slots=True, eq=False)
class Lineage:
    """One consent's chain of token pairs; `spent` are its used refresh tokens."""

    client_id: str
    user_id: int
    scopes: tuple[str, ...]
    code: str
    access_expires_at: datetime
    access_token: str = ""
    refresh_token: str | None = None
    refresh_expires_at: datetime | None = None
    spent: list[str] = field(default_factory=list)
    delivered: bool = False
    """Whether the answer that carried the present pair was sent whole."""
    used: bool = False
    """Whether the present pair has been shown: then the app has it for certain."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a lineage ended, and whether the app could still have held its last pair.

    A used refresh token shown again while the last pair was `delivered` and `used` is a client that lost its way;
    without them the pair had been lost on the wire, and nothing could have saved the grant.
    """

    client_id: str
    user_id: int
    cause: Literal["reused", "revoked"]
    delivered: bool
    used: bool


class Grants:
    """All codes, lineages and consents. Every change is atomic: nothing here awaits."""

    def __init__(self) -> None:
        self.consents: dict[tuple[str, int], datetime] = {}
        """(client_id, user_id) -> since when the member has allowed the app."""
        self.endings: list[Ending] = []
        """Of every lineage that is dead, in order; not kept over a restart."""
        self._codes: dict[str, Code] = {}
        self._access: dict[str, Lineage] = {}
        self._refresh: dict[str, Lineage] = {}

    @property
    def lineages(self) -> list[Lineage]:
        """Living lineages, each once."""
        return list(self._access.values())

    def consent(
        self,
        client_id: str,
        user_id: int,
        *,
        scopes: tuple[str, ...],
        redirect_uri: str,
        challenge: str | None,
        now: datetime,
        switches: Switches,
    ) -> str:
        """Record that a member allowed an app; returns the code."""
        self._codes = {k: c for k, c in self._codes.items() if c.lineage is not None or c.expires_at > now}
        value = _token("ac")
        expires_at = now + timedelta(seconds=switches.code_seconds)
        self._codes[value] = Code(value, client_id, user_id, scopes, redirect_uri, challenge, expires_at)
        self.consents.setdefault((client_id, user_id), now)
        return value

    def redeem(
        self,
        value: str,
        *,
        client_id: str,
        redirect_uri: str,
        verifier: str | None,
        now: datetime,
        switches: Switches,
    ) -> Lineage:
        """Exchange a code for a first token pair. A code shown twice ends the lineage it began."""
        code = self._codes.get(value)
        if code is None or code.client_id != client_id:
            raise OAuthError("invalid_grant")
        if code.lineage is not None:
            self._end(code.lineage, "reused")
            raise OAuthError("invalid_grant")
        if now >= code.expires_at or code.redirect_uri != redirect_uri or not _verified(code, verifier):
            raise OAuthError("invalid_grant")
        code.lineage = Lineage(client_id, code.user_id, code.scopes, value, now)
        self._issue(code.lineage, now, switches)
        return code.lineage

    def rotate(self, refresh_token: str, *, client_id: str, now: datetime, switches: Switches) -> Lineage:
        """Replace a lineage's pair; both old tokens are dead at once."""
        lineage = self._refresh.get(refresh_token)
        refusal = OAuthError(switches.refresh_error, switches.refresh_error_status)
        if lineage is None or lineage.client_id != client_id:
            raise refusal
        if lineage.refresh_token != refresh_token:
            self._end(lineage, "reused")
            raise refusal
        if lineage.refresh_expires_at is not None and now >= lineage.refresh_expires_at:
            raise refusal
        lineage.spent.append(refresh_token)
        del self._access[lineage.access_token]
        self._issue(lineage, now, switches)
        return lineage

    def bearer(self, access_token: str, now: datetime) -> Lineage | None:
        """The lineage whose live access token this is."""
        lineage = self._access.get(access_token)
        if lineage is not None:
            lineage.used = True
        return lineage if lineage is not None and now < lineage.access_expires_at else None

    def note_delivery(self, *, code: str | None, refresh_token: str | None) -> None:
        """The answer to the request that showed one of these was sent whole, unless a newer pair has been made."""
        begun = self._codes.get(code or "")
        lineage = begun.lineage if begun is not None else self._refresh.get(refresh_token or "")
        if lineage is not None and (begun is not None or lineage.spent[-1:] == [refresh_token]):
            lineage.delivered = True

    def holder(self, *, code: str | None, refresh_token: str | None) -> int | None:
        """The member a token request is about."""
        if refresh_token in self._refresh:
            return self._refresh[refresh_token].user_id
        return self._codes[code].user_id if code in self._codes else None

    def expire_access(self, lineage: Lineage, now: datetime) -> None:
        """End an access token early; its refresh token goes on."""
        lineage.access_expires_at = min(lineage.access_expires_at, now)

    def revoke_token(self, token: str, client_id: str) -> None:
        """RFC 7009: end the lineage of an access or refresh token; unknown and foreign ones change nothing."""
        lineage = self._access.get(token) or self._refresh.get(token)
        if lineage is not None and lineage.client_id == client_id:
            self._end(lineage, "revoked")

    def disconnect(self, user_id: int, client_id: str | None = None) -> int:
        """End every lineage and consent of a member with one app, or with all; returns how many lineages."""
        ended = [
            lineage
            for lineage in self.lineages
            if lineage.user_id == user_id and client_id in (None, lineage.client_id)
        ]
        for lineage in ended:
            self._end(lineage, "revoked")
        self._codes = {
            value: code
            for value, code in self._codes.items()
            if code.user_id != user_id or client_id not in (None, code.client_id)
        }
        for key in [k for k in self.consents if k[1] == user_id and client_id in (None, k[0])]:
            del self.consents[key]
        return len(ended)

    def dump(self) -> dict[str, Any]:
        """A JSON-ready copy of consents and lineages; unredeemed codes are not worth keeping."""
        return {
            "consents": [
                {"client_id": client_id, "user_id": user_id, "since": since.isoformat()}
                for (client_id, user_id), since in self.consents.items()
            ],
            "lineages": [
                asdict(lineage)
                | {
                    "access_expires_at": lineage.access_expires_at.isoformat(),
                    "refresh_expires_at": lineage.refresh_expires_at and lineage.refresh_expires_at.isoformat(),
                }
                for lineage in self.lineages
            ],
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave. Codes redeemed before stay used, so a replay still ends its lineage."""
        for entry in dumped["consents"]:
            self.consents[entry["client_id"], entry["user_id"]] = datetime.fromisoformat(entry["since"])
        for entry in dumped["lineages"]:
            until = entry["refresh_expires_at"]
            lineage = Lineage(
                **entry
                | {
                    "scopes": tuple(entry["scopes"]),
                    "access_expires_at": datetime.fromisoformat(entry["access_expires_at"]),
                    "refresh_expires_at": datetime.fromisoformat(until) if until else None,
                }
            )
            self._codes[lineage.code] = Code(
                lineage.code,
                lineage.client_id,
                lineage.user_id,
                lineage.scopes,
                "",
                None,
                lineage.access_expires_at,
                lineage,
            )
            self._index(lineage)
            self._refresh.update(dict.fromkeys(lineage.spent, lineage))

    def _issue(self, lineage: Lineage, now: datetime, switches: Switches) -> None:
        lineage.delivered = lineage.used = False
        lineage.access_token = _token("at")
        lineage.access_expires_at = now + timedelta(seconds=switches.access_token_seconds)
        if OFFLINE in lineage.scopes:
            lineage.refresh_token = _token("rt")
            life = switches.refresh_token_seconds
            lineage.refresh_expires_at = None if life is None else now + timedelta(seconds=life)
        self._index(lineage)

    def _index(self, lineage: Lineage) -> None:
        self._access[lineage.access_token] = lineage
        if lineage.refresh_token is not None:
            self._refresh[lineage.refresh_token] = lineage

    def _end(self, lineage: Lineage, cause: Literal["reused", "revoked"]) -> None:
        self.endings.append(Ending(lineage.client_id, lineage.user_id, cause, lineage.delivered, lineage.used))
        self._codes.pop(lineage.code, None)
        self._access.pop(lineage.access_token, None)
        for token in (lineage.refresh_token, *lineage.spent):
            if token is not None:
                self._refresh.pop(token, None)


def _token(sort: str) -> str:
    return f"ory_{sort}_{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}"


def _verified(code: Code, verifier: str | None) -> bool:
    """RFC 7636 S256: required when a challenge was sent, ignored otherwise."""
    if code.challenge is None:
        return True
    digest = hashlib.sha256((verifier or "").encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(expected, code.challenge)
