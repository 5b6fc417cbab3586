"""How a user's merge differs from what the catalogue of metrics says."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from circadia.api.auth import MemberReader, MemberWriter
from circadia.api.deps import GatewayRuntimeDep, UserId
from circadia.api.problems import documented
from circadia.domain.metrics import METRICS, Policy, parse_policy, policy_for
from circadia.storage import overrides

router = APIRouter(prefix="/api/v1/unified", tags=["unified"])

_GIVEN: JsonDict = {"steps": {"sources": ["whoop", "sahha"]}, "sleep_score": {"fresh_for_s": 86400}}
_EFFECTIVE: JsonDict = {"steps": {"sources": ["whoop", "sahha"], "fresh_for_s": 21600, "how": "choose"}}


class Overrides(BaseModel):
    """A user's overrides by name of the metric; what a policy leaves out stays as the catalogue has it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overrides": _GIVEN}]})

    overrides: dict[str, dict[str, Any]] = Field(
        description="By metric: `sources` in the order they are believed, `fresh_for_s` seconds, `how` choose or mean"
    )


class Merging(BaseModel):
    """A user's overrides, and the policy that counts for every metric."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": "demo", "overrides": _GIVEN, "policies": _EFFECTIVE}]}
    )

    user_id: str
    overrides: dict[str, dict[str, Any]]
    policies: dict[str, dict[str, Any]]


@router.get("/{user_id}/policy", summary="How a user is merged", responses=documented(401, 403, 422))
async def show_policy(user_id: UserId, runtime: GatewayRuntimeDep, _caller: MemberReader) -> Merging:
    """What was said of this user in `overrides`, and in `policies` what counts for every metric."""
    return _merging(user_id, await overrides.said(runtime.db, user_id), await overrides.policies(runtime.db, user_id))


@router.put("/{user_id}/policy", summary="Have a user merged otherwise", responses=documented(401, 403, 422))
async def put_policy(
    user_id: UserId, runtime: GatewayRuntimeDep, _caller: MemberWriter, body: Annotated[Overrides, Body()]
) -> Merging:
    """Replaces all overrides of the user. It works within seconds, on every date that is read from then on."""
    await overrides.replace(runtime.db, user_id, body.overrides, runtime.clock())
    runtime.gateway.forget(user_id)
    counting = {metric: parse_policy(metric, given) for metric, given in body.overrides.items()}
    return _merging(user_id, body.overrides, counting)


@router.delete("/{user_id}/policy", summary="Have a user merged like everybody", responses=documented(401, 403, 422))
async def delete_policy(user_id: UserId, runtime: GatewayRuntimeDep, _caller: MemberWriter) -> Merging:
    """Removes all overrides of the user. Asking again changes nothing."""
    await overrides.replace(runtime.db, user_id, {}, runtime.clock())
    runtime.gateway.forget(user_id)
    return _merging(user_id, {}, {})


def _merging(user_id: str, given: dict[str, dict[str, Any]], counting: dict[str, Policy]) -> Merging:
    policies = {each.name: policy_for(each, counting).as_json() for each in METRICS}
    return Merging(user_id=user_id, overrides=given, policies=policies)
