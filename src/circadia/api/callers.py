"""Who is calling and whom they reach: a service key, an app's user by a token of its issuer, or somebody signed in.

A key or token in a header counts before a cookie, so that a page cannot lend its visitor's session to a script that
shows who it is itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request

from circadia.api.cookies import presented_session
from circadia.config import Settings
from circadia.domain.members import KeyScope
from circadia.errors import Forbidden, NotFound, Unauthenticated
from circadia.storage import sessions, shares
from circadia.storage.people import Role
from circadia.storage.sessions import Session

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS = {"http": 80, "https": 443}
_TOKENS_REACH = "/api/v1/whoop/"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` and `kind` are what the audit says of them; `user_id` is their own, which a key has not."""

    kind: Literal["key", "person", "token"]
    name: str
    user_id: str | None = None
    role: Role | None = None
    session: Session | None = None


async def key_of(request: Request, scope: KeyScope) -> Caller:
    """The caller by service key only. Unauthenticated without a good one, Forbidden when it lacks the scope."""
    text, _bearer = _presented(request)
    if text is None:
        raise _nobody("this needs a service key", "Send it as X-API-Key or as a bearer token")
    return await _by_key(request, text, scope)


async def caller_of(request: Request, scope: KeyScope) -> Caller:
    """The caller by key, token or session. Unauthenticated without any of them, Forbidden when a key lacks the scope
    or a session's request comes from a page that is not ours."""
    text, bearer = _presented(request)
    if text is not None:
        token = bearer and await _by_token(request, text)
        return token or await _by_key(request, text, scope)
    return await _by_session(request)


async def owner_of(request: Request) -> Caller:
    """The owner, or a key with the scope admin."""
    text, _bearer = _presented(request)
    if text is not None:
        return await _by_key(request, text, "admin")
    caller = await _by_session(request)
    if caller.role != "owner":
        raise Forbidden("only the owner of this installation may do this", kind="owner_only")
    return caller


async def person_of(request: Request) -> Caller:
    """Somebody who is signed in; a key or token is nobody in particular."""
    if _presented(request)[0] is not None:
        raise Unauthenticated(
            "this is about somebody who is signed in, and a key or token is not",
            kind="no_session",
            remedy="Leave the header out and sign in.",
        )
    return await _by_session(request)


async def visitor_of(request: Request) -> Caller | None:
    """The same, or None for nobody."""
    try:
        return await person_of(request)
    except Unauthenticated:
        return None


async def reaches(request: Request, caller: Caller, user_id: str, scope: KeyScope) -> bool:
    """Whether a caller may do to a user what `scope` names. Whoever is in the store plays no part in it."""
    if caller.kind == "key" or caller.role == "owner" or caller.user_id == user_id:
        return True
    if caller.kind != "person" or caller.user_id is None or scope != "read":
        return False
    runtime = request.app.state.runtime
    return await shares.reaches(runtime.db, caller.user_id, user_id, runtime.clock())


def members_only(caller: Caller) -> None:
    """Forbidden for a coach: being shown somebody's data lets nobody become a member, whatever SIGNUP says."""
    if caller.role == "coach":
        raise Forbidden(
            "this account is for reading what others share with it, and has no data of its own",
            kind="members_only",
            remedy="The owner of this installation can let you in as a member: sign in with WHOOP then.",
        )


async def may_still_read(request: Request, caller: Caller, user_id: str) -> bool:
    """Whether the caller of a request that goes on would still be let in to read what is a user's. A session is not
    asked for its token again: that may have been replaced since, and would pass for a stolen one."""
    if caller.session is not None:
        runtime = request.app.state.runtime
        session = await sessions.again(runtime.db, caller.session, runtime.clock())
        return session is not None and await reaches(request, _somebody(session), user_id, "read")
    try:
        return await reaches(request, await caller_of(request, "read"), user_id, "read")
    except (Unauthenticated, Forbidden):
        return False


async def member_of(request: Request, user_id: str, scope: KeyScope) -> Caller:
    """The caller, who reaches a user. NotFound in the same words whether there is such a user or not."""
    caller = await caller_of(request, scope)
    if not await reaches(request, caller, user_id, scope):
        raise unknown_user()
    return caller


def unknown_user() -> NotFound:
    """What whoever does not reach a user is told, and whoever asks for one whom nobody knows: no word may differ."""
    return NotFound("there is no such user, or nothing of theirs is yours to see", kind="unknown_user")


def only_from_our_page(request: Request, settings: Settings) -> None:
    """Forbidden unless the page that asks is our own: browsers say so in `Origin` with everything but plain reading."""
    origins = request.headers.getlist("origin")
    found = _normal(origins[0]) if len(origins) == 1 else None
    if found is None or found != _normal(settings.origin):
        raise Forbidden(
            "the request came from a page of another site",
            kind="wrong_origin",
            remedy=f"Use the address that PUBLIC_URL names: {settings.origin}.",
        )


def _presented(request: Request) -> tuple[str | None, bool]:
    """The text of a key header, and whether it is a bearer token: `X-API-Key`, else `Authorization`."""
    if text := request.headers.get("x-api-key"):
        return text, False
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return (text.strip() or None, True) if scheme.lower() == "bearer" else (None, False)


async def _by_key(request: Request, text: str, scope: KeyScope) -> Caller:
    key = await request.app.state.keys.check(text)
    if not key.allows(scope):
        raise Forbidden(f"the key lacks the scope {scope}", kind="scope_too_small")
    return Caller("key", f"{key.name} ({key.id})")


async def _by_token(request: Request, text: str) -> Caller | None:
    """The user whom an issuer's token names; None for what is no such token, or where tokens do not count."""
    issuer = request.app.state.issuer
    if issuer is None or text.count(".") != 2 or not request.scope["route"].path.startswith(_TOKENS_REACH):
        return None
    if await request.app.state.keys.find(text) is not None:
        return None  # an operator's own key may look like anything
    subject = await issuer.subject(text)
    return Caller("token", subject, subject)


async def _by_session(request: Request) -> Caller:
    settings = request.app.state.runtime.settings
    token = presented_session(request, settings)
    if token is None:
        raise _nobody("this needs a service key, or somebody who is signed in", "Sign in, or send a key as X-API-Key")
    session = await request.app.state.sessions.check(token)
    if request.method not in _SAFE:
        only_from_our_page(request, settings)
    return _somebody(session)


def _somebody(session: Session) -> Caller:
    person = session.person
    return Caller("person", person.user_id, person.user_id, person.role, session)


def _nobody(what: str, how: str) -> Unauthenticated:
    return Unauthenticated(what, kind="no_key", remedy=f"{how}; `circadia keys create` makes one.")


def _normal(origin: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    return (parts.scheme, parts.hostname, port) if parts.hostname and not more else None
