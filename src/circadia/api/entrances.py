"""Letting a browser in: a session in its cookie, written down."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from circadia.api.cookies import set_session
from circadia.runtime import Runtime
from circadia.storage import audit, sessions
from circadia.storage.postgres import Connection


async def sign_in(connection: Connection, runtime: Runtime, request: Request, user_id: str, how: str) -> str:
    """Open a session for a person in the caller's transaction; the token for `let_in`."""
    now = runtime.clock()
    token = await sessions.open_(connection, user_id, how, request.headers.get("user-agent"), now)
    await audit.note(connection, now, user_id, "person", user_id, "session.opened", {"how": how})
    return token


def let_in(runtime: Runtime, token: str, location: str = "/") -> Response:
    """On to a page with the session's cookie."""
    response = RedirectResponse(location, status_code=303)
    set_session(response, runtime.settings, token)
    return response
