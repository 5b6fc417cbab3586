"""The one exception tree, cut by what the caller can do about it.

    CircadiaError
    ├── GrantLost          the member has to consent again
    ├── RateLimited        wait until `until`
    ├── UpstreamDown       try again later; nothing is known to have changed
    │   ├── Unreachable    nor will the next request get an answer
    │   └── Unsent         nothing was asked, for a reason of our own
    ├── UnexpectedReply    the other side broke its contract; look at it
    ├── ScopeMissing       the member did not allow this record type
    ├── NotFound           there is no such thing
    ├── Conflict           it collides with what is already there
    ├── Forbidden          not allowed for this caller
    ├── Unauthenticated    no caller is known
    ├── Invalid            the input is wrong; the message says how
    └── Misconfigured      the operator has to change a setting

Nothing here knows an HTTP status: `api.problems` holds that table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def advised(message: str, remedy: str | None) -> str:
    """A message with the remedy after it as a sentence of its own, however the message ends."""
    return f"{message.rstrip('.')}. {remedy}" if remedy else message


class CircadiaError(Exception):
    """Something Circadia can name. `message` is written for the person who reads it, `extension` for programs."""

    kind = "error"

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        remedy: str | None = None,
        extension: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.extension = extension or {}
        if kind is not None:
            self.kind = kind

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        return advised(self.message, self.remedy)


class GrantLost(CircadiaError):
    """The grant is dead at WHOOP for certain: only a new consent of the member helps."""

    kind = "needs_reconnect"


class RateLimited(CircadiaError):
    """No request may be sent before `until` (an aware instant)."""

    kind = "rate_limited"

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class UpstreamDown(CircadiaError):
    """The other side did not answer, or answered 5xx."""

    kind = "upstream_down"


class Unreachable(UpstreamDown):
    """The other side did not answer at all, whatever was asked."""


class Unsent(UpstreamDown):
    """We could not ask: that says nothing about the other side."""


class UnexpectedReply(CircadiaError):
    """The other side answered something its documentation does not allow."""

    kind = "unexpected_reply"


class ScopeMissing(CircadiaError):
    """The grant does not cover what was asked."""

    kind = "scope_missing"


class NotFound(CircadiaError):
    """There is no such thing, or it is not yours to see."""

    kind = "not_found"


class Conflict(CircadiaError):
    """The request collides with the present state."""

    kind = "conflict"


class Forbidden(CircadiaError):
    """The caller is known and may not do this."""

    kind = "forbidden"


class Unauthenticated(CircadiaError):
    """The caller did not show who it is."""

    kind = "unauthenticated"


class Invalid(CircadiaError):
    """The input is wrong."""

    kind = "invalid_request"


class Misconfigured(CircadiaError):
    """A setting or the surroundings have to change before this can work."""

    kind = "misconfigured"
