"""Who is signed in: themselves, their browsers, their settings, and what was done about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from circadia.api.auth import MemberAdmin, MemberReader, MemberWriter, Owner, Person
from circadia.api.callers import unknown_user
from circadia.api.cookies import set_session
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.domain.members import ConnectionState
from circadia.domain.preferences import Preferences
from circadia.errors import NotFound
from circadia.runtime import Runtime
from circadia.storage import audit, members, preferences, roster, sessions, shares
from circadia.storage.people import Role
from circadia.storage.sessions import Session

router = APIRouter(prefix="/api/v1", tags=["people"])

_ROTATE_AFTER = timedelta(hours=24)
_AT = "2026-11-20T12:00:00Z"
_SESSION: JsonDict = {
    "id": "8e2f6a52-6f0e-4f8e-9f10-0d5f3f2f8b10",
    "how": "whoop",
    "agent": "Firefox on a laptop",
    "created_at": _AT,
    "seen_at": _AT,
    "expires_at": "2027-02-18T12:00:00Z",
    "current": True,
}
_ENTRY: JsonDict = {
    "id": 7,
    "at": _AT,
    "actor": "demo",
    "actor_kind": "person",
    "user_id": "demo",
    "deed": "session.opened",
    "details": {"how": "whoop"},
}


class Standing(BaseModel):
    """How a connection to WHOOP stands, and why it is not connected."""

    state: ConnectionState
    reason: str | None


class Sharing(BaseModel):
    """Somebody who shares their data."""

    user_id: str
    name: str | None


class Browser(BaseModel):
    """A signed-in browser. `how` it came in: `whoop`, `link` or `share`."""

    id: UUID
    how: str
    agent: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


class Me(BaseModel):
    """Whoever is signed in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "demo",
                    "role": "owner",
                    "name": "Ada Lovelace",
                    "connection": {"state": "connected", "reason": None},
                    "has_data": True,
                    "shared_with_me": [{"user_id": "m-7f3k2q9d", "name": "Grace Hopper"}],
                    "session": _SESSION,
                    "preferences": Preferences().model_dump(),
                }
            ]
        }
    )

    user_id: str
    role: Role
    name: str | None
    connection: Standing
    has_data: bool
    shared_with_me: list[Sharing]
    session: Browser
    preferences: Preferences


class Browsers(BaseModel):
    """A person's signed-in browsers, the last used first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sessions": [_SESSION]}]})

    sessions: list[Browser]


class Audit(BaseModel):
    """Deeds, newest first; `next_before` asks for those before them, null at the end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": [_ENTRY], "next_before": None}]})

    entries: list[audit.Entry]
    next_before: int | None


Before = Annotated[int | None, Query(ge=1, description="The `next_before` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many")]


@router.get("/me", summary="Who is signed in", responses=documented(401))
async def show_me(response: Response, runtime: RuntimeDep, caller: Person) -> Me:
    """The person, their connection and what others share with them. Once a day the session is offered a new token here,
    again until the browser shows it."""
    session = _session(caller)
    now, user_id = runtime.clock(), session.person.user_id
    if now - session.rotated_at > _ROTATE_AFTER and (token := await sessions.offer(runtime.db, session, now)):
        set_session(response, runtime.settings, token, session.expires_at - now)
    grant = await members.grant_of_user(runtime.db, user_id)
    reachable = await shares.reachable(runtime.db, user_id, now)
    called = await roster.names(runtime.db, [user_id, *reachable])
    return Me(
        user_id=user_id,
        role=session.person.role,
        name=called[user_id],
        connection=Standing(state=grant.state if grant else "not_connected", reason=grant.reason if grant else None),
        has_data=await roster.has_data(runtime.db, user_id),
        shared_with_me=[Sharing(user_id=each, name=called[each]) for each in reachable],
        session=_browser(session, session),
        preferences=await preferences.get(runtime.db, user_id),
    )


@router.get("/me/sessions", summary="One's signed-in browsers", responses=documented(401))
async def list_sessions(runtime: RuntimeDep, caller: Person) -> Browsers:
    """Where the person is signed in."""
    mine = _session(caller)
    found = await sessions.every(runtime.db, mine.person.user_id, runtime.clock())
    return Browsers(sessions=[_browser(each, mine) for each in found])


@router.delete(
    "/me/sessions/{session_id}", summary="Sign a browser out", status_code=204, responses=documented(401, 403, 404, 422)
)
async def end_session(session_id: UUID, request: Request, runtime: RuntimeDep, caller: Person) -> None:
    """It is out within five seconds, wherever it asks."""
    user_id, now = _session(caller).person.user_id, runtime.clock()
    async with runtime.db.begin() as connection:
        if not await sessions.end(connection, user_id, session_id):
            raise NotFound("there is no such session of yours", kind="unknown_session")
        await audit.note(connection, now, user_id, "person", user_id, "session.ended", {"session": str(session_id)})
    request.app.state.sessions.forget(user_id)


@router.get("/preferences/{user_id}", summary="A person's settings", responses=documented(401, 403, 404, 422))
async def show_preferences(user_id: UserId, runtime: RuntimeDep, _caller: MemberReader) -> Preferences:
    """Units, clock, week, how WHOOP is asked; what was never said is as everybody has it."""
    return await preferences.get(runtime.db, user_id)


@router.put("/preferences/{user_id}", summary="Change a person's settings", responses=documented(401, 403, 404, 422))
async def put_preferences(
    user_id: UserId, runtime: RuntimeDep, _caller: MemberWriter, body: Annotated[Preferences, Body()]
) -> Preferences:
    """Replaces all of them; what is left out is as everybody has it."""
    if not await roster.known(runtime.db, user_id):
        raise unknown_user()
    await preferences.put(runtime.db, user_id, body, runtime.clock())
    return body


@router.get("/audit/{user_id}", summary="What was done about somebody", responses=documented(401, 403, 404, 422))
async def show_audit(
    user_id: UserId, runtime: RuntimeDep, _caller: MemberAdmin, before: Before = None, limit: Limit = 50
) -> Audit:
    """Sign-ins, connections, exports, shares, keys and erasures that concern one person; for them and the owner."""
    return await _entries(runtime, user_id, before, limit)


@router.get("/audit", summary="What was done", responses=documented(401, 403, 422))
async def show_whole_audit(runtime: RuntimeDep, _caller: Owner, before: Before = None, limit: Limit = 50) -> Audit:
    """The same about everybody."""
    return await _entries(runtime, None, before, limit)


async def _entries(runtime: Runtime, user_id: str | None, before: int | None, limit: int) -> Audit:
    entries = await audit.page(runtime.db, user_id, before, limit)
    return Audit(entries=entries, next_before=entries[-1].id if len(entries) == limit else None)


def _session(caller: Person) -> Session:
    assert caller.session is not None
    return caller.session


def _browser(session: Session, mine: Session) -> Browser:
    return Browser(
        id=session.id,
        how=session.how,
        agent=session.agent,
        created_at=session.created_at,
        seen_at=session.seen_at,
        expires_at=session.expires_at,
        current=session.id == mine.id,
    )
