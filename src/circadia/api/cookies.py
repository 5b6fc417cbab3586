"""The cookie of a signed-in browser."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Request
from fastapi.responses import Response

from circadia.config import Settings
from circadia.storage.sessions import LIFETIME


def session_cookie(settings: Settings) -> str:
    """What it is called. Browsers take `__Host-` from this very host over https only, and from no script or sibling
    host; over http there is no such promise."""
    return "__Host-circadia" if _secure(settings) else "circadia"


def presented_session(request: Request, settings: Settings) -> str | None:
    """The token that a browser shows. Shown twice under the name, one of them was planted: it is nobody's word."""
    name = session_cookie(settings)
    pairs = (each.partition("=") for header in request.headers.getlist("cookie") for each in header.split(";"))
    found = [value.strip() for key, _, value in pairs if key.strip() == name]
    return found[0] or None if len(found) == 1 else None


def set_session(response: Response, settings: Settings, token: str, max_age: timedelta = LIFETIME) -> None:
    """Have the browser keep a token for as long as the session lasts at most."""
    response.set_cookie(
        session_cookie(settings),
        token,
        max_age=int(max_age.total_seconds()),
        path="/",
        secure=_secure(settings),
        httponly=True,
        samesite="lax",
    )


def clear_session(response: Response, settings: Settings) -> None:
    """Have the browser forget its token."""
    response.delete_cookie(session_cookie(settings), path="/", secure=_secure(settings), httponly=True, samesite="lax")


def _secure(settings: Settings) -> bool:
    return settings.origin.lower().startswith("https://")
