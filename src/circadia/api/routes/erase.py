"""How a connection stands, how it ends, and how everything that is kept of a member goes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from circadia.api import examples, member_examples
from circadia.api.auth import MemberAdmin, MemberReader, MemberWriter
from circadia.api.callers import reaches
from circadia.api.cookies import clear_session
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.errors import Invalid
from circadia.storage import leaving

router = APIRouter(prefix="/api/v1/whoop", tags=["leaving"])

_THE_MEMBERS_OWN = ("whoop_user_id", "scopes", "token_expires_at")


class Erase(BaseModel):
    """The user id once more, typed by the person who means it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"confirm": "demo"}]})

    confirm: str


class Erased(BaseModel):
    """A table that was looked at: how many rows of the user it held, and how many are left."""

    table: str
    rows: int
    left: int


class Kept(BaseModel):
    """A table from which rows stay, and why; `pg_roles` is the server's own."""

    table: str
    rows: int
    why: str


class Report(BaseModel):
    """What became of everything. `erased` has every table in which a person may be found."""

    model_config = ConfigDict(json_schema_extra={"examples": [member_examples.ERASED]})

    user_id: str
    revoked_at_whoop: bool
    erased: list[Erased]
    kept: list[Kept] = Field(description="Rows that stay on purpose")


class Ended(BaseModel):
    """A connection that has ended; the data are still here."""

    model_config = ConfigDict(json_schema_extra={"examples": [member_examples.ENDED]})

    user_id: str
    connected: bool
    revoked_at_whoop: bool
    data: str


@router.get(
    "/connection/{user_id}",
    summary="How the connection stands",
    responses={
        200: {"content": {"application/json": {"example": examples.CONNECTION}}},
        **documented(401, 403, 404, 422),
    },
)
async def show(request: Request, user_id: UserId, runtime: RuntimeDep, caller: MemberReader) -> dict[str, Any]:
    """Always 200 for whom the caller reaches; an unknown user is `not_connected`. Whoever is only shown a member's data
    is not told of the account and the grant behind."""
    told = await runtime.connections.status(user_id)
    if await reaches(request, caller, user_id, "write"):
        return told
    return {name: value for name, value in told.items() if name not in _THE_MEMBERS_OWN}


@router.delete("/connection/{user_id}", summary="Disconnect", responses=documented(401, 403, 404, 422))
async def disconnect(user_id: UserId, runtime: RuntimeDep, caller: MemberWriter) -> Ended:
    """End the access at WHOOP and here. What is stored stays."""
    return Ended(**await runtime.connections.disconnect(user_id, "keep", by=(caller.name, caller.kind)))


@router.post(
    "/erase/{user_id}", summary="Erase everything that is kept of a member", responses=documented(401, 403, 404, 422)
)
async def erase(
    request: Request,
    user_id: UserId,
    runtime: RuntimeDep,
    response: Response,
    caller: MemberAdmin,
    body: Annotated[Erase, Body()],
) -> Report:
    """End the access at WHOOP, erase everything, then look into every table whether something is left. Who erased
    themselves is signed out, unless the installation is theirs."""
    if body.confirm != user_id:
        raise Invalid(
            "`confirm` is not this user's id, so nothing was erased",
            kind="not_confirmed",
            remedy="Send the user id once more as `confirm`.",
        )
    async with runtime.db.connection() as connection:
        traces = await leaving.find(connection, user_id)
    before = await leaving.count(runtime.db, traces)
    ended = await runtime.connections.disconnect(user_id, "erase", by=(caller.name, caller.kind))
    request.app.state.sessions.forget(user_id)
    left = await leaving.count(runtime.db, traces)
    if caller.user_id == user_id and not left["people"]:
        clear_session(response, runtime.settings)
    stays = {name: why for name, why in leaving.KEPT.items() if left[name] and (name == "audit" or left["people"])}
    kept = [Kept(table=name, rows=left[name], why=why) for name, why in stays.items()]
    if roles := await leaving.roles_left(runtime.db, traces):
        kept.append(Kept(table="pg_roles", rows=roles, why=leaving.ROLES_STAY))
    return Report(
        user_id=user_id,
        revoked_at_whoop=ended["revoked_at_whoop"],
        erased=[Erased(table=name, rows=rows, left=left[name]) for name, rows in before.items() if name not in stays],
        kept=kept,
    )
