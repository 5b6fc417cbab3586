"""The admin API under `/_sim`: the truth, the clock, mutations, faults, switches and what was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from circadia.simulator.console import Body, route, steering
from circadia.simulator.limits import Limits
from circadia.simulator.resources import end_access
from circadia.simulator.state import State


class _Member(Body):
    user_id: int
    hidden: bool = True


class _Mutation(Body):
    user_id: int
    action: str
    target: str | None = None


class _Limits(Body):
    per_minute: int = Field(gt=0)
    per_day: int = Field(gt=0)


class _Registration(Body):
    """What the developer dashboard lets an app's owner change."""

    client_secret: str | None = None
    redirect_uris: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    webhook_url: str | None = None


def routes(state: State, deliver_due: Callable[[], Awaitable[int]]) -> list[Route]:
    """All routes. Errors are `{"error": sentence}`: 404 for an unknown member, 422 for a body that is not right."""

    async def members(request: Request) -> Any:
        return [_member(state, user_id) for user_id in state.world.user_ids]

    async def truth_of(request: Request) -> Any:
        return state.truth(request.path_params["user_id"])

    async def mutate(request: Request) -> Any:
        asked = _Mutation.model_validate_json(await request.body())
        events = state.mutate(asked.user_id, asked.action, asked.target)
        return {"events": [asdict(event) for event in events]}

    async def switches(request: Request) -> Any:
        if request.method == "POST":
            state.switches = state.switches.changed(orjson.loads(await request.body()))
        return state.switches.model_dump()

    async def limits(request: Request) -> Any:
        if request.method == "POST":
            asked = _Limits.model_validate_json(await request.body())
            state.set_limits(Limits(asked.per_minute, asked.per_day))
        return asdict(state.limits)

    async def requests(request: Request) -> Any:
        windows = {
            client_id: {"peak_minute": w.peak_minute, "refused": w.refused} for client_id, w in state.windows.items()
        }
        last = int(request.query_params.get("last", "50"))
        return {"windows": windows} | state.traffic.report(last)

    async def reset_requests(request: Request) -> Any:
        state.traffic.reset()
        for windows in state.windows.values():
            windows.reset_peak()
        return {}

    async def deliveries(request: Request) -> Any:
        return {
            "until": state.outbox.until,
            "pending": [asdict(d) for d in state.outbox.pending],
            "finished": [asdict(d) for d in state.outbox.finished],
        }

    async def deliver(request: Request) -> Any:
        return {"delivered": await deliver_due()}

    async def revoke(request: Request) -> Any:
        asked = _Member.model_validate_json(await request.body())
        state.world.member(asked.user_id)
        return {"lineages_ended": end_access(state, asked.user_id)}

    async def hide(request: Request) -> Any:
        asked = _Member.model_validate_json(await request.body())
        state.world.member(asked.user_id)
        (state.hidden.add if asked.hidden else state.hidden.discard)(asked.user_id)
        state.save()
        return {"hidden": sorted(state.hidden)}

    async def clients(request: Request) -> Any:
        return [_client(state, client_id) for client_id in state.clients]

    async def client(request: Request) -> Any:
        client_id = request.path_params["client_id"]
        asked = _Registration.model_validate_json(await request.body())
        changes = {name: getattr(asked, name) for name in asked.model_fields_set}
        state.clients[client_id] = replace(state.clients[client_id], **changes)
        return _client(state, client_id)

    return [
        route("/members", members),
        route("/truth/{user_id:int}", truth_of),
        route("/mutate", mutate, "POST"),
        *steering(state.clock, state.faults, state.save),
        route("/switches", switches, "GET", "POST"),
        route("/limits", limits, "GET", "POST"),
        route("/requests", requests),
        route("/requests/reset", reset_requests, "POST"),
        route("/deliveries", deliveries),
        route("/deliver", deliver, "POST"),
        route("/revoke", revoke, "POST"),
        route("/hide", hide, "POST"),
        route("/clients", clients),
        route("/clients/{client_id}", client, "POST"),
    ]


def _member(state: State, user_id: int) -> dict[str, Any]:
    return state.world.member(user_id).profile() | {
        "hidden": user_id in state.hidden,
        "consents": [client_id for client_id, member in state.grants.consents if member == user_id],
        "lineages": sum(lineage.user_id == user_id for lineage in state.grants.lineages),
    }


def _client(state: State, client_id: str) -> dict[str, Any]:
    client = asdict(state.clients[client_id])
    del client["client_secret"]
    return client
