"""WHOOP's side of the wire: reads a request, counts it, lets a fault strike, answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from circadia.simulator import oauth, resources, wire
from circadia.simulator.faults import TOKEN_PATH, Fault, edge_page
from circadia.simulator.resources import unauthorized
from circadia.simulator.state import Answer, Call, State
from circadia.simulator.traffic import Entry

_DEFAULT_AGENT = re.compile(r"$|python|aiohttp|urllib", re.IGNORECASE)
_FORM = "application/x-www-form-urlencoded"
_DATA = "/developer/"


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    template: str
    scope: str | None
    answer: Answer
    pattern: re.Pattern[str]


def _route(method: str, template: str, scope: str | None, answer: Answer) -> _Route:
    return _Route(method, template, scope, answer, wire.pattern_of(template))


_ROUTES = (
    *(_route(*route) for route in resources.ROUTES),
    *(_route(method, template, None, answer) for method, template, answer in oauth.ROUTES),
)


class Edge:
    """The ASGI application of the OAuth server and the data API.

    An answer is made without a pause, so every request takes effect as a whole; only sending it may take time.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route, params, refusal = wire.match(_ROUTES, scope["method"], scope["path"])
        body = await wire.body_of(receive) if scope["method"] == "POST" else b""
        call = self._read(scope, body, route, params)
        fault: Fault | None = None
        if route is None:
            response = refusal
        elif self._blocked(call):
            response = edge_page(403)
        else:
            fault = self._state.faults.for_request(
                path=call.path,
                method=call.method,
                user_id=call.user_id,
                grant_type=call.form.get("grant_type"),
            )
            response = self._respond(route, call, fault)
        answered = fault is None or fault.kind not in ("hang", "disconnect")
        self._note(call, scope, fault, response.status_code if answered else 0)
        meant = await wire.send_struck(fault, response, scope, receive, send)
        if meant and call.path == TOKEN_PATH and response.status_code == 200:
            self._state.grants.note_delivery(code=call.form.get("code"), refresh_token=call.form.get("refresh_token"))

    def _read(self, scope: Scope, body: bytes, route: _Route | None, params: Mapping[str, str]) -> Call:
        headers = Headers(scope=scope)
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        form = dict(pairs)
        is_form = len(form) == len(pairs) and headers.get("content-type", "").startswith(_FORM)
        form = form if is_form else {}
        kind, _, token = headers.get("authorization", "").partition(" ")
        now, grants = self._state.clock(), self._state.grants
        lineage = grants.bearer(token, now) if kind.lower() == "bearer" else None
        if lineage is not None:
            user_id: int | None = lineage.user_id
        else:
            user_id = grants.holder(code=form.get("code"), refresh_token=form.get("refresh_token"))
        return Call(
            method=scope["method"],
            path=scope["path"],
            template=route.template if route else "",
            params=params,
            query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            headers=headers,
            form=form,
            form_problem=not is_form,
            lineage=lineage,
            user_id=user_id,
            now=now,
        )

    def _blocked(self, call: Call) -> bool:
        for_programs = call.path.startswith(_DATA) or call.path == TOKEN_PATH
        if not for_programs or not self._state.switches.block_default_agents:
            return False
        return _DEFAULT_AGENT.match(call.headers.get("user-agent", "").strip()) is not None

    def _respond(self, route: _Route, call: Call, fault: Fault | None) -> Response:
        state = self._state
        is_data = route.template.startswith(_DATA)
        verdict = None
        if is_data and call.lineage is not None:
            verdict = state.windows_of(call.lineage.client_id).admit(call.now.timestamp())
        response = _without_effect(fault, state, call) if fault is not None else None
        if response is None:
            if verdict is not None and not verdict.allowed:
                response = Response(status_code=429)
            elif is_data:
                response = resources.answered(state, call, route.scope, route.answer)
            else:
                response = route.answer(state, call)
            if fault is not None:
                response = _spoiled(fault, state, call, response)
        bare = fault is not None and fault.kind in ("rate_limited", "lose_response", "html_200")
        if verdict is not None and not bare:
            response.headers.update(verdict.headers)
        return response

    def _note(self, call: Call, scope: Scope, fault: Fault | None, status: int) -> None:
        query = scope["query_string"].decode("latin-1")
        shown = bool(query) and not call.template.startswith("/oauth/")
        self._state.traffic.note(
            Entry(
                at=call.now.isoformat(),
                path=call.template or "unknown",
                target=f"{call.path}?{query}" if shown else call.path,
                method=call.method,
                status=status,
                client_id=call.lineage.client_id if call.lineage else call.form.get("client_id"),
                user_id=call.user_id,
                user_agent=call.headers.get("user-agent", ""),
                fault=fault.kind if fault else None,
            )
        )
        if call.path == TOKEN_PATH:
            self._state.traffic.token_calls[call.form.get("grant_type", ""), status] += 1


def _without_effect(fault: Fault, state: State, call: Call) -> Response | None:
    """The answer of a fault that keeps the request from taking effect."""
    match fault.kind:
        case "status" | "token_down":
            return fault.reply()
        case "rate_limited":
            return _rate_limited(fault, state, call)
        case "early_401":
            if call.lineage is not None:
                state.grants.expire_access(call.lineage, call.now)
            return unauthorized()
        case _:
            return None


def _rate_limited(fault: Fault, state: State, call: Call) -> Response:
    response = Response(status_code=429)
    if fault.headers and call.lineage is not None:
        windows = state.windows_of(call.lineage.client_id)
        response.headers.update(windows.exhausted_headers(call.now.timestamp()))
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _spoiled(fault: Fault, state: State, call: Call, response: Response) -> Response:
    """What a fault makes of the answer to a request that took effect."""
    kind = resources.COLLECTIONS.get(call.path)
    if fault.kind == "repeat_page" and kind is not None and response.status_code == 200:
        return resources.repeated_page(kind, state, call, response)
    return wire.spoiled(fault, response)
