"""Members, their connections to WHOOP, tokens and service keys as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from circadia.errors import Invalid

ConnectionState = Literal["connected", "needs_reconnect", "not_connected"]
KeyScope = Literal["read", "write", "admin"]
KEY_SCOPES: tuple[KeyScope, ...] = ("read", "write", "admin")
ActorKind = Literal["person", "key", "token", "terminal", "system"]
Actor = tuple[str, ActorKind]
"""Who did something: a name and what it is the name of."""

_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,127}")
_WORDS_OF_PATHS = frozenset({"detailed", "sources"})
"""Words that stand where a user id would in `/api/v1/health/…`."""


def check_user_id(text: str) -> str:
    """The app's own id of a user, as given; Invalid if it could not be one."""
    if _USER_ID.fullmatch(text) is None:
        raise Invalid(
            "a user id is 1 to 128 characters out of letters, digits and . _ @ : + - and starts with a letter or digit",
            kind="invalid_user_id",
        )
    if text in _WORDS_OF_PATHS:
        raise Invalid(f"no user can be called `{text}`: the word is part of an address", kind="invalid_user_id")
    return text


@dataclass(frozen=True, slots=True)
class Member:
    """A person whose data is kept here. `user_id` is the app's name for them, `id` is ours."""

    id: int
    user_id: str
    created_at: datetime
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Connection:
    """A member's grant at WHOOP. `reason` says in words why it is not connected."""

    member_id: int
    user_id: str
    whoop_user_id: int
    state: ConnectionState
    scopes: frozenset[str]
    connected_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One pair as WHOOP handed it out. `version` counts the pairs of a connection, so that a newer one is known."""

    access: str
    refresh: str | None
    obtained_at: datetime
    expires_at: datetime
    version: int

    def __repr__(self) -> str:
        return f"Token(version={self.version}, expires_at={self.expires_at.isoformat()})"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A service key without its secret."""

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> Literal["good", "expired", "revoked"]:
        """Whether the key is taken, and why not."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "good"

    def allows(self, scope: KeyScope) -> bool:
        """Whether the key may do what `scope` names; admin may all, write may read."""
        granted = max((KEY_SCOPES.index(each) for each in KEY_SCOPES if each in self.scopes), default=-1)
        return granted >= KEY_SCOPES.index(scope)
