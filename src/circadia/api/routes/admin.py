"""The owner's rooms: who is here, who is let in, keys, webhooks, and whether WHOOP is set up."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from circadia import self_test
from circadia.api.auth import Owner
from circadia.api.deps import RuntimeDep
from circadia.api.problems import documented
from circadia.config import Address
from circadia.domain.members import KeyScope, check_user_id
from circadia.errors import Conflict, NotFound
from circadia.runtime import Runtime
from circadia.storage import allowed_emails, audit, deliveries, keys, links, roster
from circadia.storage.deliveries import DeliveryState
from circadia.storage.links import LinkKind

router = APIRouter(prefix="/api/v1/admin", tags=["admin"])

_AT = "2026-11-20T12:00:00Z"
_URL = "https://whoop.example.org/auth/link/…"


class Members(BaseModel):
    """Everybody by user id; `next_after` asks for those behind them, null at the end."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "members": [
                        {
                            "user_id": "demo",
                            "role": "owner",
                            "name": "Ada Lovelace",
                            "connection": "connected",
                            "reason": None,
                            "as_of": _AT,
                            "records": 2913,
                        }
                    ],
                    "next_after": None,
                }
            ]
        }
    )

    members: list[roster.Member]
    next_after: str | None


class ForUser(BaseModel):
    """Whom a link signs in."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"user_id": "demo"}]})

    user_id: str


class Invite(BaseModel):
    """What the owner wants to remember of whom it is for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "for Grace"}]})

    note: str | None = Field(None, max_length=200)


class MadeLink(BaseModel):
    """A link that works once, told this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": _URL, "expires_at": _AT}]})

    url: str
    expires_at: datetime


class Allowlist(BaseModel):
    """Whom SIGNUP=allowlist lets in, by the e-mail address that WHOOP knows them by."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"emails": ["grace@example.org"]}]})

    emails: list[Address] = Field(max_length=10_000)


class NewKey(BaseModel):
    """A service key that is wanted; without `expires_days` it lives until it is revoked."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "dashboard", "scope": "read", "expires_days": 90}]}
    )

    name: str = Field(min_length=1, max_length=100)
    scope: KeyScope
    expires_days: int | None = Field(None, ge=1, le=3650)


class Key(BaseModel):
    """A service key without its secret."""

    id: str
    name: str
    scopes: list[str]
    state: Literal["good", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class Keys(BaseModel):
    """All service keys, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"keys": []}]})

    keys: list[Key]


class MadeKey(BaseModel):
    """A new service key; `key` is told this once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0d9f3a1b22c4",
                    "name": "dashboard",
                    "scopes": ["read"],
                    "expires_at": None,
                    "key": "circadia_0d9f3a1b22c4_…",
                }
            ]
        }
    )

    id: str
    name: str
    scopes: list[str]
    expires_at: datetime | None
    key: str


class Delivered(BaseModel):
    """The webhooks that arrived, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deliveries": []}]})

    deliveries: list[dict[str, Any]]


class Replayed(BaseModel):
    """A webhook that waits again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": 4711, "state": "waiting"}]})

    id: int
    state: DeliveryState


class Check(BaseModel):
    """Something that was tried; `remedy` says what to do where it failed."""

    name: str
    ok: bool
    message: str
    remedy: str | None


class SelfTest(BaseModel):
    """Everything that was tried."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "checks": [
                        {
                            "name": "credentials",
                            "ok": True,
                            "message": "WHOOP takes the app's id and secret",
                            "remedy": None,
                        }
                    ]
                }
            ]
        }
    )

    checks: list[Check]


@router.get("/members", summary="Everybody", responses=documented(401, 403, 422))
async def list_members(
    runtime: RuntimeDep,
    _caller: Owner,
    after: Annotated[str, Query(max_length=128, description="The `next_after` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200, description="How many")] = 50,
) -> Members:
    """Members and people with an account, with the state of the connection and how much is kept."""
    found = await roster.page(runtime.db, after, limit)
    return Members(members=found, next_after=found[-1].user_id if len(found) == limit else None)


@router.post("/signin-links", summary="Let somebody in", status_code=201, responses=documented(401, 403, 404, 422))
async def make_signin_link(runtime: RuntimeDep, caller: Owner, body: Annotated[ForUser, Body()]) -> MadeLink:
    """A link that signs in somebody who cannot by WHOOP: it is down, their grant is dead, or their data was imported.
    It works once, within 15 minutes."""
    user_id = check_user_id(body.user_id)
    if not await roster.known(runtime.db, user_id):
        raise NotFound("nobody is called so here", kind="unknown_user")
    return await _link(runtime, caller, "signin", user_id, None)


@router.post("/invitations", summary="Invite somebody", status_code=201, responses=documented(401, 403, 409, 422))
async def invite(runtime: RuntimeDep, caller: Owner, body: Annotated[Invite | None, Body()] = None) -> MadeLink:
    """A link by which one person can sign up, within 7 days; used up only when they have. 409 unless SIGNUP=invite."""
    if runtime.settings.signup != "invite":
        raise Conflict(
            f"sign-up is not by invitation here, but `{runtime.settings.signup}`",
            kind="not_by_invitation",
            remedy="Set SIGNUP=invite and restart.",
        )
    return await _link(runtime, caller, "invitation", None, body.note if body else None)


@router.get("/allowlist", summary="Who may sign up", responses=documented(401, 403))
async def show_allowlist(runtime: RuntimeDep, _caller: Owner) -> Allowlist:
    """The addresses that count under SIGNUP=allowlist."""
    return Allowlist(emails=await allowed_emails.every(runtime.db))


@router.put("/allowlist", summary="Change who may sign up", responses=documented(401, 403, 422))
async def put_allowlist(runtime: RuntimeDep, caller: Owner, body: Annotated[Allowlist, Body()]) -> Allowlist:
    """Replaces the list. Who has signed up already stays."""
    now = runtime.clock()
    async with runtime.db.begin() as connection:
        await allowed_emails.replace(connection, body.emails, now)
        details = {"addresses": len(body.emails)}
        await audit.note(connection, now, caller.name, caller.kind, None, "allowlist.changed", details)
    return Allowlist(emails=await allowed_emails.every(runtime.db))


@router.get("/keys", summary="Service keys", responses=documented(401, 403))
async def list_keys(runtime: RuntimeDep, _caller: Owner) -> Keys:
    """Without their secrets, of which nothing but hashes is kept."""
    now = runtime.clock()
    found = await keys.every(runtime.db)
    return Keys(keys=[Key(**(asdict(each) | {"scopes": sorted(each.scopes)}), state=each.state(now)) for each in found])


@router.post("/keys", summary="Make a service key", status_code=201, responses=documented(401, 403, 422))
async def make_key(runtime: RuntimeDep, caller: Owner, body: Annotated[NewKey, Body()]) -> MadeKey:
    """Its text is in this answer and nowhere else."""
    now = runtime.clock()
    ends = now + timedelta(days=body.expires_days) if body.expires_days else None
    async with runtime.db.begin() as connection:
        key, text = await keys.create(connection, runtime.keyring, body.name, frozenset({body.scope}), now, ends)
        details = {"key": key.id, "name": key.name, "scope": body.scope}
        await audit.note(connection, now, caller.name, caller.kind, None, "key.made", details)
    return MadeKey(id=key.id, name=key.name, scopes=sorted(key.scopes), expires_at=ends, key=text)


@router.delete("/keys/{key_id}", summary="End a service key", status_code=204, responses=documented(401, 403, 404, 422))
async def revoke_key(key_id: str, runtime: RuntimeDep, caller: Owner) -> None:
    """It is refused within five seconds, in every process."""
    now = runtime.clock()
    async with runtime.db.begin() as connection:
        if not await keys.revoke(connection, key_id, now):
            raise NotFound("there is no such key that is still good", kind="unknown_key")
        await audit.note(connection, now, caller.name, caller.kind, None, "key.revoked", {"key": key_id})


@router.get("/deliveries", summary="Webhooks that arrived", responses=documented(401, 403, 422))
async def list_deliveries(
    runtime: RuntimeDep,
    _caller: Owner,
    state: Annotated[DeliveryState | None, Query(description="Only those of this state")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many")] = 50,
) -> Delivered:
    """What WHOOP told, and what became of it."""
    return Delivered(deliveries=[asdict(each) for each in await deliveries.newest(runtime.db, limit, state)])


@router.post(
    "/deliveries/{delivery_id}/replay",
    summary="Have a webhook answered again",
    responses=documented(401, 403, 404, 409, 422),
)
async def replay(delivery_id: int, runtime: RuntimeDep, caller: Owner) -> Replayed:
    """One that was parked, when its reason is gone, or any other. 409 for one of an account that nobody connected."""
    now = runtime.clock()
    async with runtime.db.begin() as connection:
        state = await deliveries.replay(connection, delivery_id, now)
        if state is None:
            raise NotFound("there is no such delivery", kind="unknown_delivery")
        if state == "unknown":
            raise Conflict("it is about a WHOOP account that nobody has connected", kind="nobodys_delivery")
        details = {"delivery": delivery_id}
        await audit.note(connection, now, caller.name, caller.kind, None, "delivery.replayed", details)
    return Replayed(id=delivery_id, state=state)


@router.post("/self-test", summary="Is WHOOP set up", responses=documented(401, 403))
async def try_setup(runtime: RuntimeDep, _caller: Owner) -> SelfTest:
    """Asks WHOOP whether it takes the app's id and secret, and looks at the addresses and the clock. Nobody's data is
    asked for, and no request of the budget is used."""
    checks = await self_test.run(runtime.settings, runtime.connections, runtime.clock())
    return SelfTest(checks=[Check(**asdict(each)) for each in checks])


async def _link(runtime: Runtime, caller: Owner, kind: LinkKind, user_id: str | None, note: str | None) -> MadeLink:
    by, now = (caller.name, caller.kind), runtime.clock()
    url, expires_at = await links.hand_out(runtime.db, runtime.settings.public_url, kind, user_id, by, now, note=note)
    return MadeLink(url=url, expires_at=expires_at)
