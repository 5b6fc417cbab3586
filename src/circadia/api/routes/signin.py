"""Signing in with WHOOP, connecting oneself, signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from circadia.admission import admission
from circadia.api.auth import OPEN, Person
from circadia.api.callers import members_only, only_from_our_page
from circadia.api.cookies import clear_session, set_consent
from circadia.api.deps import RuntimeDep
from circadia.api.problems import documented
from circadia.connections import FLOW_LIFETIME, Started
from circadia.storage import audit, sessions

router = APIRouter(prefix="/auth", tags=["people"])


class SignIn(BaseModel):
    """What lets somebody sign up who is nobody here yet; a member needs neither."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"email": "me@example.org"}]})

    invitation: str | None = Field(None, max_length=200, description="The token of an invitation's link")
    email: str | None = Field(
        None, max_length=254, description="For SIGNUP=allowlist: the address that WHOOP knows them by"
    )


class Leave(BaseModel):
    """How far to sign out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"everywhere": True}]})

    everywhere: bool = Field(False, description="End the person's other sessions, too")


class Consent(BaseModel):
    """Send the browser to `authorization_url` within `expires_in` seconds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"authorization_url": "https://api.prod.whoop.com/oauth/oauth2/auth?client_id=…", "expires_in": 600}
            ]
        }
    )

    authorization_url: str
    expires_in: int


@router.post("/signin", summary="Sign in with WHOOP", openapi_extra=OPEN, responses=documented(403, 404, 422))
async def sign_in(
    request: Request, response: Response, runtime: RuntimeDep, body: Annotated[SignIn | None, Body()] = None
) -> Consent:
    """Begin a sign-in: the consent at WHOOP says who somebody is. Whether somebody new is let in is decided here, by
    SIGNUP; who is not let in afterwards leaves nothing behind, here or at WHOOP. Only from our own page."""
    only_from_our_page(request, runtime.settings)
    asked = body or SignIn()
    admitted = await admission(runtime.db, runtime.settings.signup, asked.invitation, asked.email, runtime.clock())
    started = await runtime.connections.begin_signin(admitted)
    set_consent(response, runtime.settings, started.browser, FLOW_LIFETIME)
    return _consent(started)


@router.post("/connect", summary="Connect oneself", responses=documented(401, 403, 422))
async def connect(response: Response, runtime: RuntimeDep, caller: Person) -> Consent:
    """Begin a consent for whoever is signed in, unless they are a coach; it leads back to `/`."""
    members_only(caller)
    assert caller.user_id is not None
    started = await runtime.connections.begin(caller.user_id, f"{runtime.settings.origin}/")
    set_consent(response, runtime.settings, started.browser, FLOW_LIFETIME)
    return _consent(started)


@router.post("/signout", summary="Sign out", status_code=204, responses=documented(401, 403, 422))
async def sign_out(
    request: Request, runtime: RuntimeDep, caller: Person, body: Annotated[Leave | None, Body()] = None
) -> Response:
    """End this session, or all of the person's. The browser forgets what it has kept of the days."""
    session, now = caller.session, runtime.clock()
    assert session is not None
    user_id = session.person.user_id
    async with runtime.db.begin() as connection:
        if body is not None and body.everywhere:
            await sessions.end_all(connection, user_id)
            deed = "sessions.ended"
        else:
            await sessions.end(connection, user_id, session.id)
            deed = "session.ended"
        await audit.note(connection, now, user_id, "person", user_id, deed)
    request.app.state.sessions.forget(user_id)
    response = Response(status_code=204, headers={"Clear-Site-Data": '"storage"'})
    clear_session(response, runtime.settings)
    return response


def _consent(started: Started) -> Consent:
    return Consent(authorization_url=started.authorization_url, expires_in=int(FLOW_LIFETIME.total_seconds()))
