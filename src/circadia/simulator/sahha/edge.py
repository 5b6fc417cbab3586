"""Sahha's side of the wire: reads a request, lets a fault strike, answers, and keeps the record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from circadia.simulator import wire
from circadia.simulator.faults import Fault
from circadia.simulator.sahha.api import ROUTES, Route, envelope, internal, unauthorized
from circadia.simulator.sahha.state import TOKEN_PATH, Call, State
from circadia.simulator.traffic import Entry

_TITLES = {
    400: ("One or more validation errors occurred.", "request"),
    401: ("Unauthorized", "authorization"),
    410: ("Gone", "domain"),
}


@dataclass(frozen=True, slots=True)
class _Matched:
    route: Route
    method: str
    pattern: re.Pattern[str]


_MATCHED = tuple(_Matched(route, route.method, wire.pattern_of(route.template)) for route in ROUTES)


class Edge:
    """The ASGI application of the REST API."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # an external id may hold an encoded slash: routes are matched before decoding
        path = scope.get("raw_path", scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        matched, params, refusal = wire.match(_MATCHED, scope["method"], path)
        body = await wire.body_of(receive) if scope["method"] == "POST" else b""
        call = self._read(scope, matched.route.template if matched else "", params, body)
        fault: Fault | None = None
        if matched is None:
            response = refusal
        else:
            fault = self._state.faults.for_request(path=call.path, method=call.method, user_id=call.external_id)
            response = self._respond(matched.route, call, fault)
        answered = fault is None or fault.kind not in ("hang", "disconnect")
        self._note(call, scope, fault, response.status_code if answered else 0)
        await wire.send_struck(fault, response, scope, receive, send)

    def _read(self, scope: Scope, template: str, params: Any, body: bytes) -> Call:
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        now = self._state.clock()
        return Call(
            method=scope["method"],
            path=scope["path"],
            template=template,
            params={name: unquote(value) for name, value in params.items()},
            query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            body=_object(body),
            scheme=scheme.lower(),
            token=token.strip(),
            bearer=self._state.tokens.holder(scheme.lower(), token.strip(), now),
            now=now,
        )

    def _respond(self, route: Route, call: Call, fault: Fault | None) -> Response:
        response = _without_effect(fault, self._state, call) if fault is not None else None
        if response is not None:
            return response
        if route.access == "open":
            response = route.answer(self._state, call)
        elif call.scheme == "bearer" and self._state.switches.bearer == 500:
            response = internal()
        elif call.bearer is None or call.bearer.kind != route.access:
            response = unauthorized()
        else:
            response = route.answer(self._state, call)
        return wire.spoiled(fault, response) if fault is not None else response

    def _note(self, call: Call, scope: Scope, fault: Fault | None, status: int) -> None:
        query = scope["query_string"].decode("latin-1")
        self._state.traffic.note(
            Entry(
                at=call.now.isoformat(),
                path=call.template or "unknown",
                target=f"{call.path}?{query}" if query else call.path,
                method=call.method,
                status=status,
                client_id=self._state.credentials.client_id if call.bearer or call.path == TOKEN_PATH else None,
                user_id=call.external_id,
                user_agent=Headers(scope=scope).get("user-agent", ""),
                fault=fault.kind if fault else None,
            )
        )
        if call.path == TOKEN_PATH:
            self._state.traffic.token_calls["account", status] += 1


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _without_effect(fault: Fault, state: State, call: Call) -> Response | None:
    """The answer of a fault that keeps the request from taking effect."""
    match fault.kind:
        case "status" if fault.body == "json":
            title, location = _TITLES.get(fault.status, ("An internal exception has occurred.", "domain"))
            return envelope(fault.status, title, location)
        case "status" | "token_down":
            return fault.reply()
        case "rate_limited":
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return Response(status_code=429, headers=headers)
        case "early_401":
            state.tokens.end(call.token)
            return unauthorized()
        case _:
            return None
