"""Errors as RFC 9457 problem documents, or as `api.envelopes` has it: the one table from an error's remedy to an HTTP
status."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from circadia import errors
from circadia.api import envelopes
from circadia.errors import CircadiaError
from circadia.gateway.breaker import OPEN_S, CircuitOpen

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:circadia:problem:"
_PLAIN_IN_A_PATH = "/:@!$&'()*+,;="

STATUS: dict[type[CircadiaError], int] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.ScopeMissing: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.GrantLost: 409,
    errors.UnexpectedReply: 502,
    errors.UpstreamDown: 503,
    errors.RateLimited: 503,
    errors.Misconfigured: 503,
}

KIND_STATUS = {"both_parameters": 400, "body_too_large": 413}

_ASK_AGAIN_S = {"sahha_service_error": 2.0, "whoop_service_error": 2.0}
"""Seconds after which the same question may be answered: asking goes on when the answer has gone out."""

_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Invalid input",
    500: "Internal error",
    502: "Unexpected answer from upstream",
    503: "Not available",
}


_BEFORE_A_ROUTE = {
    404: ("no_such_route", "there is nothing at this path; the API's description lists what there is"),
    405: ("method_not_allowed", "this path does not take this method; the Allow header says which it takes"),
    413: ("body_too_large", "the request's body is larger than this path takes"),
}


class Problem(BaseModel):
    """A problem document. `type` is stable and names the kind of problem; `remedy` says what to do."""

    type: str = Field(examples=["urn:circadia:problem:invalid_date"])
    title: str
    status: int
    detail: str
    remedy: str | None = None
    instance: str
    request_id: str | None = None
    errors: list[dict[str, Any]] | None = None


def status_of(error: CircadiaError) -> int:
    """The HTTP status of a named error."""
    return KIND_STATUS.get(error.kind) or next(STATUS[each] for each in type(error).__mro__ if each in STATUS)


def retry_after(error: CircadiaError, now: datetime) -> dict[str, str]:
    """The header that says how many seconds to wait, where waiting helps."""
    if isinstance(error, errors.RateLimited):
        wait_s = max((error.until - now).total_seconds(), 1.0)
    elif isinstance(error, CircuitOpen):
        wait_s = OPEN_S
    elif error.kind in _ASK_AGAIN_S:
        wait_s = _ASK_AGAIN_S[error.kind]
    else:
        return {}
    return {"Retry-After": str(math.ceil(wait_s))}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of the problems a route may answer; 503 is always one, because the database may be away."""
    content = {MEDIA_TYPE: {"schema": _schema()}}
    return {each: {"description": _TITLES[each], "content": content} for each in sorted({*statuses, 503})}


@cache
def _schema() -> dict[str, Any]:
    return Problem.model_json_schema()


def answer(
    request: Request,
    status: int,
    kind: str,
    detail: str,
    *,
    remedy: str | None = None,
    headers: dict[str, str] | None = None,
    found: Sequence[Any] = (),
    extension: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """A problem as a response, in the envelope of its path. `found` is what validation found, as Pydantic tells it;
    `extension` are a problem document's further members."""
    path = request.scope["path"]
    request_id = structlog.contextvars.get_contextvars().get("request")
    if enveloped := envelopes.of(path):
        now = request.app.state.runtime.clock()
        return enveloped(envelopes.Trouble(status, kind, detail, remedy, found, headers, request_id, path, now))
    body = Problem(
        type=_TYPE + kind,
        title=_TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        remedy=remedy,
        instance=quote(path, safe=_PLAIN_IN_A_PATH),
        request_id=request_id,
        errors=[{"where": _where(each), "message": each["msg"]} for each in found] or None,
    )
    told = {**(extension or {}), **body.model_dump(exclude_none=True)}
    return JSONResponse(told, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have the app answer every error as a problem."""
    app.add_exception_handler(CircadiaError, _on_named)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


async def _on_named(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CircadiaError)
    status = status_of(error)
    headers = retry_after(error, request.app.state.runtime.clock())
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="circadia"'
    return answer(
        request, status, error.kind, error.message, remedy=error.remedy, headers=headers, extension=error.extension
    )


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    detail = "; ".join(f"{_where(each)}: {each['msg']}" for each in found)
    return answer(request, 422, "invalid_request", detail, found=found)


def _where(found: dict[str, Any]) -> str:
    return ".".join(map(str, found["loc"]))


_UNREADABLE = {"type": "unreadable", "loc": ("body",), "msg": "it could not be read"}


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # only a body is refused so early: one that no parser gets through
        return answer(request, 422, "invalid_request", f"body: {_UNREADABLE['msg']}", found=[_UNREADABLE])
    kind, detail = _BEFORE_A_ROUTE.get(error.status_code, ("http_error", str(error.detail)))
    headers = dict(error.headers or {})
    if "GET" in (allowed := headers.get("Allow", "")) and "HEAD" not in allowed:
        headers["Allow"] += ", HEAD"
    return answer(request, error.status_code, kind, detail, headers=headers)


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    structlog.get_logger().error("request.broke", exc_info=error)
    return answer(request, 500, "internal", "an unexpected error; the log has its trace under this request id")
