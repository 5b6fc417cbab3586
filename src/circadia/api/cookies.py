"""The cookies of browsers: one of who is signed in, one of a consent under way."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Request
from fastapi.responses import Response

from circadia.config import Settings
from circadia.storage.sessions import LIFETIME


def session_cookie(settings: Settings) -> str:
    """What the cookie of a signed-in browser is called."""
    return _named(settings, "circadia")


def consent_cookie(settings: Settings) -> str:
    """What the cookie is called that binds a consent to the browser it began in."""
    return _named(settings, "circadia-connect")


def presented_session(request: Request, settings: Settings) -> str | None:
    """The token that a browser shows."""
    return _presented(request, session_cookie(settings))


def presented_consent(request: Request, settings: Settings) -> str | None:
    """The secret of a consent that a browser shows."""
    return _presented(request, consent_cookie(settings))


def set_session(response: Response, settings: Settings, token: str, max_age: timedelta = LIFETIME) -> None:
    """Have the browser keep a token for as long as the session lasts at most."""
    _set(response, settings, session_cookie(settings), token, max_age)


def set_consent(
    response: Response, settings: Settings, secret: str, max_age: timedelta, *, strict: bool = False
) -> None:
    """Have the browser keep the secret of a consent. It comes back with WHOOP's redirect, unless it is `strict`."""
    _set(response, settings, consent_cookie(settings), secret, max_age, strict=strict)


def clear_session(response: Response, settings: Settings) -> None:
    """Have the browser forget its token."""
    _clear(response, settings, session_cookie(settings))


def clear_consent(response: Response, settings: Settings) -> None:
    """Have the browser forget the secret of a consent."""
    _clear(response, settings, consent_cookie(settings))


def _named(settings: Settings, name: str) -> str:
    """Browsers take `__Host-` from this very host over https only, and from no script or sibling host; over http there
    is no such promise."""
    return f"__Host-{name}" if _secure(settings) else name


def _presented(request: Request, name: str) -> str | None:
    """A cookie's value. Shown twice under the name, one of them was planted: it is nobody's word."""
    pairs = (each.partition("=") for header in request.headers.getlist("cookie") for each in header.split(";"))
    found = [value.strip() for key, _, value in pairs if key.strip() == name]
    return found[0] or None if len(found) == 1 else None


def _set(
    response: Response, settings: Settings, name: str, value: str, max_age: timedelta, *, strict: bool = False
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(max_age.total_seconds()),
        path="/",
        secure=_secure(settings),
        httponly=True,
        samesite="strict" if strict else "lax",
    )


def _clear(response: Response, settings: Settings, name: str) -> None:
    response.delete_cookie(name, path="/", secure=_secure(settings), httponly=True, samesite="lax")


def _secure(settings: Settings) -> bool:
    return settings.origin.lower().startswith("https://")
