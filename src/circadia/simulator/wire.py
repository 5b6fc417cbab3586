"""How a simulated service reads a request and lets a fault spoil, hold back or break off its answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import httpx2
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from circadia.simulator.faults import Fault, edge_page


class Addressed(Protocol):
    """A route: a method and the pattern of a whole path."""

    @property
    def method(self) -> str: ...

    @property
    def pattern(self) -> re.Pattern[str]: ...


RouteT = TypeVar("RouteT", bound=Addressed)


def pattern_of(template: str) -> re.Pattern[str]:
    """The pattern of a path template: `{name}` is one segment."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))


def match(routes: Sequence[RouteT], method: str, path: str) -> tuple[RouteT | None, Mapping[str, str], Response]:
    """The route of a request with its path's parameters; without one, a 404 or 405 that says so."""
    refusal = Response(status_code=404)
    for route in routes:
        found = route.pattern.fullmatch(path)
        if found is not None:
            if route.method == method:
                return route, found.groupdict(), refusal
            refusal = Response(status_code=405, headers={"Allow": route.method})
    return None, {}, refusal


async def body_of(receive: Receive) -> bytes:
    """A request's whole body."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def spoiled(fault: Fault, response: Response) -> Response:
    """What a fault makes of the answer to a request that took effect."""
    match fault.kind:
        case "lose_response":
            return edge_page(502)
        case "truncate":
            body = bytes(response.body)
            return Response(body[: len(body) // 2], response.status_code, media_type="application/json")
        case "invalid_json":
            return Response(b'{"records": [}', media_type="application/json")
        case "html_200":
            return edge_page(200)
        case _:
            return response


async def send_struck(fault: Fault | None, response: Response, scope: Scope, receive: Receive, send: Send) -> bool:
    """Send an answer as the fault lets it; whether it went out as it was meant."""
    match fault.kind if fault else None:
        case "hang":
            assert fault is not None
            if not await _gone_within(fault.seconds, receive):
                await _break_off(response, send)
            return False
        case "disconnect":
            await _break_off(response, send)
            return False
        case "slow":
            assert fault is not None
            await asyncio.sleep(fault.seconds)
        case _:
            pass
    await response(scope, receive, send)
    return fault is None or fault.kind == "slow"


async def _gone_within(seconds: float, receive: Receive) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _break_off(response: Response, send: Send) -> None:
    """Half the body of a longer whole, then a dead connection."""
    body = bytes(response.body)
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    raise httpx2.RemoteProtocolError("the simulated server broke off amid the body")
