"""Who may become a member by signing in, decided before WHOOP is asked: members are a scarce quota there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from circadia.errors import Forbidden, NotFound
from circadia.storage import allowed_emails, links, people
from circadia.storage.authorizations import Purpose
from circadia.storage.postgres import Database

SignUp = Literal["owner", "invite", "allowlist", "open"]


@dataclass(frozen=True, slots=True)
class Admission:
    """What a consent may lead to. A sign-up has to be by a WHOOP account of this e-mail, or uses up this invitation,
    where one is named."""

    purpose: Purpose
    email: str | None = None
    invitation_hash: bytes | None = None


_ONLY_KNOWN = Admission("signin")


async def admission(db: Database, mode: SignUp, invitation: str | None, email: str | None, now: datetime) -> Admission:
    """What somebody who signs in is admitted to under SIGNUP. An address that is not on the list is not told apart
    from one that is. NotFound for an invitation that does not count."""
    if await people.owner(db) is None:
        return _ONLY_KNOWN
    if mode == "open":
        return Admission("signup")
    if mode == "invite" and invitation:
        found = await links.look(db, invitation, now)
        if found is None or found.kind != "invitation":
            raise gone()
        return Admission("signup", invitation_hash=found.token_hash)
    if mode == "allowlist" and email and await allowed_emails.holds(db, email):
        return Admission("signup", email=email.casefold())
    return _ONLY_KNOWN


def closed(message: str) -> Forbidden:
    """Somebody who is nobody here and may not become a member."""
    return Forbidden(
        message,
        kind="signup_closed",
        remedy="Nothing was stored, and the access was ended at WHOOP. The owner of this installation can let you in.",
    )


def gone() -> NotFound:
    """A one-time link that does not count, for whatever reason."""
    return NotFound(
        "this link was used already, has run out, or was never one", kind="unknown_link", remedy="Ask for a new one."
    )
