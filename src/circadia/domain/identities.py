"""Who an app's user is at each source."""

from __future__ import annotations

from dataclasses import dataclass

from circadia.domain.members import check_user_id
from circadia.errors import Invalid

_LONGEST_SAHHA_ID = 128


@dataclass(frozen=True, slots=True)
class Identity:
    """A user's external id at Sahha and user id at the WHOOP service; None: they are not there.

    `mapped` tells whether somebody has said so. Otherwise the user's own id counts at both.
    """

    user_id: str
    sahha_id: str | None
    whoop_id: str | None
    mapped: bool = True


def identity_of(user_id: str, sahha_id: str | None, whoop_id: str | None) -> Identity:
    """What somebody says of a user, checked; Invalid for an id that could not be one."""
    check_user_id(user_id)
    if whoop_id is not None:
        check_user_id(whoop_id)
    if sahha_id is not None and not _could_be_of_sahha(sahha_id):
        raise Invalid(f"an id at Sahha is 1 to {_LONGEST_SAHHA_ID} visible characters", kind="invalid_sahha_id")
    return Identity(user_id, sahha_id, whoop_id)


def _could_be_of_sahha(text: str) -> bool:
    """Sahha documents no alphabet; what could not stand in a path or a header is left out."""
    return 0 < len(text) <= _LONGEST_SAHHA_ID and text.isascii() and text.isprintable() and " " not in text
