"""The error bodies of routes that are older than problem documents, by path.

The combined health routes and the older ones answer FastAPI's `{"detail"}`, the unified-health routes
`{"error", "type", "timestamp", "request_id"}` with 400 for bad input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi.responses import JSONResponse

from circadia.errors import advised

_TYPED = ("/api/v1/unified-health/",)
_TYPED_EXACT = "/api/v1/health/detailed"
_DETAIL = ("/api/v1/health/", "/api/v1/whoop/connect/", "/api/v1/health-metrics/", "/api/v1/sahha/")

UNEXPECTED = "Error retrieving health data"
_UNEXPECTED_AT = (
    ("/api/v1/health/sources/", "", "Error checking data sources"),
    ("/api/v1/health/", "/sources", "Error checking data sources"),
    ("/api/v1/whoop/connect/", "", "Error initiating Whoop connection"),
)

TYPES = frozenset(
    {
        "whoop_service_error",
        "whoop_auth_error",
        "whoop_api_error",
        "user_not_connected",
        "service_unavailable",
        "sahha_service_error",
        "data_merge_error",
        "timeout_error",
        "validation_error",
    }
)
"""The documented kinds of the typed envelope."""

_STATUS = {409: 404, 422: 400}
"""Statuses that the typed envelope does not know, and what it says instead."""

_TYPE_OF_STATUS = {
    400: "validation_error",
    500: "data_merge_error",
    502: "whoop_service_error",
    503: "service_unavailable",
}
_KIND_TYPES = {
    "circuit_open": "service_unavailable",
    "no_whoop_identity": "user_not_connected",
    "not_connected": "user_not_connected",
    "rate_limited": "whoop_api_error",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, before it has a shape. `found` is what validation found, as Pydantic tells it."""

    status: int
    kind: str
    detail: str
    remedy: str | None
    found: Sequence[Any]
    headers: dict[str, str] | None
    request_id: str | None
    path: str
    now: datetime

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        return advised(self.detail, self.remedy)


def of(path: str) -> Callable[[Trouble], JSONResponse] | None:
    """How errors at a path are told; None: as a problem document."""
    if path == _TYPED_EXACT or path.startswith(_TYPED):
        return _typed
    return _detail if path.startswith(_DETAIL) else None


def refuses(path: str, status: int) -> bool:
    """Whether what has this status elsewhere is told by another one at a path."""
    return of(path) is _typed and status in _STATUS


def written(moment: datetime) -> str:
    """An instant of UTC in a body or a header, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _detail(trouble: Trouble) -> JSONResponse:
    detail: Any = trouble.sentence
    if trouble.status == 500:
        path = trouble.path
        fitting = (text for head, tail, text in _UNEXPECTED_AT if path.startswith(head) and path.endswith(tail))
        detail = next(fitting, UNEXPECTED)
    elif trouble.found:
        detail = [{"type": each["type"], "loc": each["loc"], "msg": each["msg"]} for each in trouble.found]
    return JSONResponse({"detail": detail}, trouble.status, trouble.headers)


def _typed(trouble: Trouble) -> JSONResponse:
    status = 429 if trouble.kind == "rate_limited" else _STATUS.get(trouble.status, trouble.status)
    kind = trouble.kind
    if kind not in TYPES:
        kind = _KIND_TYPES.get(kind) or _TYPE_OF_STATUS.get(status, kind)
    body = {
        "error": trouble.sentence,
        "type": kind,
        "timestamp": written(trouble.now),
        "request_id": trouble.request_id,
    }
    return JSONResponse(body, status, trouble.headers)


_DETAIL_SCHEMA = {
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": ["string", "array"], "items": {"type": "object"}}, "reason": {"type": "string"}},
}
_TYPED_SCHEMA = {
    "type": "object",
    "required": ["error", "type", "timestamp", "request_id"],
    "properties": {
        "error": {"type": "string"},
        "type": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "request_id": {"type": "string"},
    },
}
_MEANING = {
    400: "Bad input",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Nothing there",
    422: "Invalid input",
    429: "Too many requests; Retry-After says how long to wait",
    500: "Internal error",
    503: "Not available",
}


def documented_detail(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of a route whose errors are `{"detail"}`; 503 is always one, as the database may be away."""
    return _documented(_DETAIL_SCHEMA, statuses)


def documented_typed(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same for the typed envelope."""
    return _documented(_TYPED_SCHEMA, statuses)


def _documented(schema: dict[str, Any], statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": schema}}
    return {each: {"description": _MEANING[each], "content": content} for each in sorted({*statuses, 503})}
