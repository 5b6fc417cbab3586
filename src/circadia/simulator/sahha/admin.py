"""The admin API under `/_sim`: profiles, the truth, the clock, faults, switches, webhooks and what was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import Route

from circadia.simulator.console import Body, route, steering
from circadia.simulator.sahha.profiles import Profile
from circadia.simulator.sahha.senses import Device
from circadia.simulator.sahha.state import State
from circadia.simulator.sahha.webhooks import Courier, Delivery


class _Profile(Body):
    external_id: str
    whoop_user_id: int | None = None
    device: Device = "watch"


class _Receiver(Body):
    url: str
    secret: str


def routes(
    state: State,
    courier: Courier,
    truth: Callable[[str, int], dict[str, Any]],
    deliver_due: Callable[[], Awaitable[int]],
) -> list[Route]:
    """All routes. Errors are `{"error": sentence}`: 404 for what there is not, 422 for a body that is not right."""

    async def profiles(request: Request) -> Any:
        if request.method == "POST":
            asked = _Profile.model_validate_json(await request.body())
            state.add(asked.external_id, asked.whoop_user_id, asked.device)
        return [_profile(each) for each in state.profiles.values()]

    async def profile(request: Request) -> Any:
        del state.profiles[request.path_params["external_id"]]
        return [_profile(each) for each in state.profiles.values()]

    async def truth_of(request: Request) -> Any:
        return truth(request.path_params["external_id"], int(request.query_params.get("days", "14")))

    async def switches(request: Request) -> Any:
        if request.method == "POST":
            state.switches = state.switches.changed(orjson.loads(await request.body()))
        return state.switches.model_dump()

    async def requests(request: Request) -> Any:
        return state.traffic.report(int(request.query_params.get("last", "50")))

    async def reset_requests(request: Request) -> Any:
        state.traffic.reset()
        return {}

    async def receiver(request: Request) -> Any:
        if request.method == "POST":
            asked = _Receiver.model_validate_json(await request.body())
            courier.receiver = asked.url, asked.secret
        return {"url": courier.receiver[0] if courier.receiver else None}

    async def deliveries(request: Request) -> Any:
        return {
            "pending": [_delivery(each) for each in courier.pending],
            "finished": [_delivery(each) for each in courier.finished],
        }

    async def deliver(request: Request) -> Any:
        return {"delivered": await deliver_due()}

    return [
        route("/profiles", profiles, "GET", "POST"),
        route("/profiles/{external_id}", profile, "DELETE"),
        route("/truth/{external_id}", truth_of),
        *steering(state.clock, state.faults, lambda: None),
        route("/switches", switches, "GET", "POST"),
        route("/requests", requests),
        route("/requests/reset", reset_requests, "POST"),
        route("/receiver", receiver, "GET", "POST"),
        route("/deliveries", deliveries),
        route("/deliver", deliver, "POST"),
    ]


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "external_id": profile.external_id,
        "whoop_user_id": profile.person.user_id if profile.person else None,
        "device": profile.device,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    names = ("external_id", "type", "state", "due_at", "attempts", "last_status")
    return {name: getattr(delivery, name) for name in names} | {"body": orjson.loads(delivery.body)}
