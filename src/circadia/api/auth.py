"""What routes ask of their caller, as dependencies.

`Reader`, `Writer`, `Admin` take service keys only. `MemberReader`, `MemberWriter`, `MemberAdmin` also take whoever
reaches the `user_id` of the path: the person (by session or by a token of the app's issuer), the owner, and for reading
somebody the person shares with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.openapi.models import SecurityBase as Described
from fastapi.security.base import SecurityBase

from circadia.api.callers import Caller, caller_of, key_of, member_of, owner_of, person_of
from circadia.api.deps import UserId
from circadia.domain.members import KeyScope

_WAYS: dict[str, Described] = {
    "ApiKey": APIKey.model_validate(
        {"in": APIKeyIn.header, "name": "X-API-Key", "description": "`circadia keys create` makes one"}
    ),
    "Bearer": HTTPBearer(
        description="The same key as a bearer token; or a JWT of the app's issuer, for the data of its subject only"
    ),
    "Session": APIKey.model_validate(
        {
            "in": APIKeyIn.cookie,
            "name": "__Host-circadia",
            "description": "Somebody who is signed in; `circadia` where PUBLIC_URL is plain http",
        }
    ),
}
SECURITY_SCHEMES = {
    name: each.model_dump(mode="json", by_alias=True, exclude_none=True) for name, each in _WAYS.items()
}
KEY_ONLY: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Bearer": []}]
"""What the description says of a route that says nothing of its own."""

OPEN: dict[str, Any] = {"security": []}
"""`openapi_extra` of a route that needs no key."""


class _Way(SecurityBase):
    """Tells the API's description of a way in, and nothing else."""

    def __init__(self, name: str) -> None:
        self.scheme_name = name
        self.model = _WAYS[name]

    async def __call__(self) -> None:
        """Leave the judging to whoever depends on it."""


_Key = Annotated[None, Depends(_Way("ApiKey"))]
_Bearer = Annotated[None, Depends(_Way("Bearer"))]
_Session = Annotated[None, Depends(_Way("Session"))]


def _keyed(scope: KeyScope) -> Callable[[Request], Awaitable[Caller]]:
    async def caller(request: Request) -> Caller:
        return await key_of(request, scope)

    return caller


def _member(scope: KeyScope) -> Callable[..., Awaitable[Caller]]:
    async def caller(request: Request, user_id: UserId, _key: _Key, _bearer: _Bearer, _session: _Session) -> Caller:
        return await member_of(request, user_id, scope)

    return caller


_read = _keyed("read")


async def _gateway_reader(request: Request) -> Caller | None:
    """The key of a reader; nobody is asked for one under GATEWAY_ANONYMOUS."""
    return None if request.app.state.runtime.settings.gateway_anonymous else await _read(request)


async def _gateway_member_reader(
    request: Request, user_id: UserId, _key: _Key, _bearer: _Bearer, _session: _Session
) -> Caller | None:
    open_to_all = request.app.state.runtime.settings.gateway_anonymous
    return None if open_to_all else await member_of(request, user_id, "read")


async def _any_reader(request: Request, _key: _Key, _bearer: _Bearer, _session: _Session) -> Caller:
    return await caller_of(request, "read")


async def _owner(request: Request, _key: _Key, _bearer: _Bearer, _session: _Session) -> Caller:
    return await owner_of(request)


async def _person(request: Request, _session: _Session) -> Caller:
    return await person_of(request)


Reader = Annotated[Caller, Depends(_read)]
GatewayReader = Annotated[Caller | None, Depends(_gateway_reader)]
Writer = Annotated[Caller, Depends(_keyed("write"))]
Admin = Annotated[Caller, Depends(_keyed("admin"))]

MemberReader = Annotated[Caller, Depends(_member("read"))]
GatewayMemberReader = Annotated[Caller | None, Depends(_gateway_member_reader)]
MemberWriter = Annotated[Caller, Depends(_member("write"))]
MemberAdmin = Annotated[Caller, Depends(_member("admin"))]
"""For what cannot be taken back: a key has to be an admin's, a person may do it to themselves."""

AnyReader = Annotated[Caller, Depends(_any_reader)]
"""Anybody who is known. For what is nobody's, or to be decided with `callers.reaches`."""

Owner = Annotated[Caller, Depends(_owner)]
"""The owner of the installation, or a key with the scope admin."""

Person = Annotated[Caller, Depends(_person)]
"""Somebody who is signed in. `caller.session` is theirs."""
