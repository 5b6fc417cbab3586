"""The parts of an admin API that every simulated service has: its clock, its faults, and how errors are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from circadia.simulator.clock import Movable
from circadia.simulator.faults import Faults

Deed = Callable[[Request], Awaitable[Any]]


class Body(BaseModel):
    """A request's JSON object; unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class _Advance(Body):
    advance_seconds: float = Field(ge=0)


def steering(clock: Callable[[], datetime], faults: Faults, moved: Callable[[], None]) -> list[Route]:
    """`/_sim/clock` and `/_sim/faults`; `moved` is called after the clock was."""

    async def time(request: Request) -> Any:
        if request.method == "POST":
            asked = _Advance.model_validate_json(await request.body())
            if not isinstance(clock, Movable):
                raise ValueError("this simulator's clock cannot be moved")
            clock.advance(asked.advance_seconds)
            moved()
        return {"now": clock(), "movable": isinstance(clock, Movable)}

    async def trouble(request: Request) -> Any:
        if request.method == "POST":
            faults.add(orjson.loads(await request.body()))
        elif request.method == "DELETE":
            faults.clear()
        return [fault.model_dump() for fault in faults.active]

    return [route("/clock", time, "GET", "POST"), route("/faults", trouble, "GET", "POST", "DELETE")]


def route(path: str, deed: Deed, *methods: str) -> Route:
    """A route under `/_sim`. Errors are `{"error": sentence}`: 404 for what there is not, 422 for a body not right."""

    async def endpoint(request: Request) -> Response:
        try:
            return _json(await deed(request))
        except KeyError as error:
            return _json({"error": f"there is no {error}"}, 404)
        except ValidationError as error:
            return _json({"error": str(error)}, 422)
        except ValueError as error:
            return _json({"error": str(error)}, 422)

    return Route(f"/_sim{path}", endpoint, methods=methods or ("GET",))


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
