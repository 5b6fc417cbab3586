"""Who an app's users are at the sources."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from circadia.api.auth import Reader, Writer
from circadia.api.deps import GatewayRuntimeDep, UserId
from circadia.api.problems import documented
from circadia.domain.identities import Identity, identity_of
from circadia.domain.members import check_user_id
from circadia.storage import identities

router = APIRouter(prefix="/api/v1/identities", tags=["identities"])

_SAHHA_ID = Field(description="The external id at Sahha; null: this user is not there")
_WHOOP_ID = Field(description="The user id at the WHOOP service; null: this user is not there")


class Names(BaseModel):
    """Who a user is at each source."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"sahha_id": "kJ8s0P2vXwQ3", "whoop_id": None}]}
    )

    sahha_id: Annotated[str | None, _SAHHA_ID]
    whoop_id: Annotated[str | None, _WHOOP_ID]


class Known(BaseModel):
    """Who a user is at each source, and whether somebody has said so; else the user's own id counts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": "demo", "sahha_id": "kJ8s0P2vXwQ3", "whoop_id": None, "mapped": True}]
        }
    )

    user_id: str
    sahha_id: Annotated[str | None, _SAHHA_ID]
    whoop_id: Annotated[str | None, _WHOOP_ID]
    mapped: bool


class KnownPage(BaseModel):
    """Some of those of whom something was said; `next_after` is null on the last page."""

    identities: list[Known]
    next_after: str | None


@router.get("", summary="Who is mapped", responses=documented(401, 403, 422))
async def list_identities(
    runtime: GatewayRuntimeDep,
    _key: Reader,
    after: Annotated[str | None, Query(description="`next_after` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> KnownPage:
    """Those of whom something was said, by user id. Everybody else has the same id everywhere."""
    found = await identities.page(runtime.db, after=after and check_user_id(after), limit=limit + 1)
    following = found[limit - 1].user_id if len(found) > limit else None
    return KnownPage(identities=[_known(each) for each in found[:limit]], next_after=following)


@router.get("/{user_id}", summary="Who a user is", responses=documented(401, 403, 422))
async def show_identity(user_id: UserId, runtime: GatewayRuntimeDep, _key: Reader) -> Known:
    """The ids that count: those that were said, else the user's own. An id that another user was given counts for
    nobody else."""
    return _known(await identities.resolve(runtime.db, user_id))


@router.put("/{user_id}", summary="Say who a user is", responses=documented(401, 403, 409, 422))
async def put_identity(
    user_id: UserId, runtime: GatewayRuntimeDep, _key: Writer, body: Annotated[Names, Body()]
) -> Known:
    """Replaces what was said before. 409 `identity_taken` when another user has one of the ids."""
    said = identity_of(user_id, body.sahha_id, body.whoop_id)
    await identities.put(runtime.db, said, runtime.clock())
    runtime.gateway.forget(user_id)
    return _known(said)


@router.delete("/{user_id}", summary="Take it back", responses=documented(401, 403, 422))
async def delete_identity(user_id: UserId, runtime: GatewayRuntimeDep, _key: Writer) -> Known:
    """The user's own id counts again, which is what the answer shows. Asking again changes nothing."""
    left = await identities.remove(runtime.db, user_id)
    runtime.gateway.forget(user_id)
    return _known(left)


def _known(identity: Identity) -> Known:
    return Known(
        user_id=identity.user_id,
        sahha_id=identity.sahha_id,
        whoop_id=identity.whoop_id,
        mapped=identity.mapped,
    )
