"""Connecting WHOOP: begin, come back, confirm, finish, look, disconnect."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Body, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict

from circadia.api import examples, pages
from circadia.api.auth import OPEN, Reader, Writer
from circadia.api.cookies import clear_consent, presented_consent, set_consent
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.entrances import let_in, sign_in
from circadia.api.problems import documented, status_of
from circadia.connections import FLOW_LIFETIME, Finished
from circadia.errors import CircadiaError, Invalid
from circadia.runtime import Runtime

router = APIRouter()

_REASONS = {
    "access_denied": (
        "The consent was declined at WHOOP.",
        "Nothing was connected. Start again if that was a mistake, and choose Grant.",
    ),
    "invalid_scope": (
        "WHOOP does not let this app ask for all the kinds of data it asked for.",
        "The owner of this installation has to tick every read scope and `offline` in WHOOP's developer dashboard.",
    ),
    "invalid_state": ("WHOOP rejected the request as too weak.", "Start connecting again."),
    "request_forbidden": ("The consent took too long or was opened twice.", "Start connecting again."),
    "server_error": ("WHOOP had a problem of its own.", "Wait a moment and start again."),
    "temporarily_unavailable": ("WHOOP is not available right now.", "Wait a moment and start again."),
}
_PAGES: dict[int | str, dict[str, Any]] = {
    303: {"description": "Connected or signed in; on to the redirect_url of the beginning, or to `/`"},
    **pages.described(400, 403, 409, 422, 502),
}
_OTHER_REASON = ("WHOOP did not grant the connection.", "Start connecting again.")


class ConnectRequest(BaseModel):
    """Where the browser goes after connecting; it has to be allowed by REDIRECT_URLS."""

    model_config = ConfigDict(extra="forbid")

    redirect_url: str | None = None


class ConnectStarted(BaseModel):
    """Send the member's browser to `authorization_url` within `expires_in` seconds."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.STARTED]})

    user_id: str
    authorization_url: str
    state: str
    expires_in: int


class CallbackRequest(BaseModel):
    """What the app received at its redirect URL, and whom it is for."""

    model_config = ConfigDict(extra="forbid")

    code: str
    state: str
    user_id: str


class Connected(BaseModel):
    """The connection that was made."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CONNECTED]})

    success: bool
    user_id: str
    whoop_user_id: int
    connected: bool


@router.post(
    "/internal/auth/connect/{user_id}",
    tags=["connect"],
    summary="Begin connecting",
    responses=documented(401, 403, 422),
)
async def begin(
    user_id: UserId,
    runtime: RuntimeDep,
    response: Response,
    _key: Writer,
    redirect_url: Annotated[str | None, Query(description="Where the browser goes afterwards")] = None,
    body: Annotated[ConnectRequest | None, Body()] = None,
) -> ConnectStarted:
    """Make an authorization URL for a user. A browser that calls this keeps the cookie and needs no confirmation."""
    started = await runtime.connections.begin(user_id, redirect_url or (body.redirect_url if body else None))
    set_consent(response, runtime.settings, started.browser, FLOW_LIFETIME)
    return ConnectStarted(
        user_id=user_id,
        authorization_url=started.authorization_url,
        state=started.state,
        expires_in=int(FLOW_LIFETIME.total_seconds()),
    )


@router.post(
    "/internal/auth/callback",
    tags=["connect"],
    summary="Finish connecting",
    responses=documented(401, 403, 409, 422, 502),
)
async def finish(body: CallbackRequest, runtime: RuntimeDep, key: Writer) -> Connected:
    """For apps whose own URL is WHOOP's redirect target: hand over the code, for the user it was begun for."""
    by = (key.name, key.kind)
    grant = (await runtime.connections.finish(body.code, body.state, user_id=body.user_id, by=by)).grant
    return Connected(success=True, user_id=grant.user_id, whoop_user_id=grant.whoop_user_id, connected=True)


@router.get(
    "/internal/auth/status/{user_id}",
    tags=["connect"],
    summary="How the connection stands",
    responses={200: {"content": {"application/json": {"example": examples.CONNECTION}}}, **documented(401, 403, 422)},
)
async def status(user_id: UserId, runtime: RuntimeDep, _key: Reader) -> dict[str, Any]:
    """Always 200; an unknown user is `not_connected`."""
    return await runtime.connections.status(user_id)


@router.delete(
    "/internal/auth/connection/{user_id}",
    tags=["connect"],
    summary="Disconnect",
    responses=documented(401, 403, 404, 422),
)
async def disconnect(
    user_id: UserId,
    runtime: RuntimeDep,
    key: Writer,
    data: Annotated[Literal["keep", "erase"], Query(description="What becomes of the stored data")] = "keep",
) -> dict[str, Any]:
    """End the access at WHOOP and here. `erase` also removes everything stored about the user, for good."""
    return await runtime.connections.disconnect(user_id, data, by=(key.name, key.kind))


@router.get(
    "/auth/callback",
    tags=["connect"],
    summary="WHOOP's way back",
    openapi_extra=OPEN,
    response_class=HTMLResponse,
    responses=_PAGES,
)
async def callback(
    request: Request,
    runtime: RuntimeDep,
    code: str | None = None,
    state: str | None = None,
    error: str | None = None,
) -> Response:
    """Where WHOOP sends the browser. Without the cookie of the browser it began in, the person is asked by name."""
    if error is not None:
        return await _refused(runtime, error, state)
    if not code or not state:
        return pages.message("Not connected", "The link is incomplete.", "Start connecting again.", status=400)
    browser = presented_consent(request, runtime.settings)
    try:
        pending, bound = await runtime.connections.awaited(state, browser)
        if bound:
            return await _welcome(request, runtime, await runtime.connections.finish(code, state, browser=browser))
        if pending.user_id is None:
            raise Invalid("this browser is not the one that began to sign in", kind="state_of_another_browser")
        response = pages.confirmation(pending.user_id, code, state, pending.redirect_url)
        secret = await runtime.connections.ask_confirmation(state)
        set_consent(response, runtime.settings, secret, FLOW_LIFETIME, strict=True)
    except CircadiaError as failure:
        return _failed(failure)
    return response


@router.post(
    "/auth/confirm",
    tags=["connect"],
    summary="Confirm by name",
    openapi_extra=OPEN,
    response_class=HTMLResponse,
    responses=_PAGES,
)
async def confirm(
    request: Request,
    runtime: RuntimeDep,
    code: Annotated[str, Form()],
    state: Annotated[str, Form()],
    decision: Annotated[Literal["connect", "cancel"], Form()],
) -> Response:
    """The button of the confirmation page; only for the browser that was shown it, from our own origin."""
    origin = request.headers.get("origin")
    if origin not in (None, "null", runtime.settings.origin):
        return _failed(Invalid("the confirmation came from another site", kind="wrong_origin"))
    browser = presented_consent(request, runtime.settings)
    try:
        _pending, bound = await runtime.connections.awaited(state, browser)
        if not bound:
            raise Invalid("this browser was not the one that was asked", kind="state_of_another_browser")
        if decision == "cancel":
            await runtime.connections.refuse(state)
            return pages.message("Not connected", "You chose not to connect.", "Nothing was stored.")
        finished = await runtime.connections.finish(code, state, browser=browser)
        return await _welcome(request, runtime, finished)
    except CircadiaError as failure:
        return _failed(failure)


async def _refused(runtime: Runtime, error: str, state: str | None) -> Response:
    """Back to the dashboard for who came from there and said no; a page for everybody and everything else."""
    pending = await runtime.connections.refuse(state) if state else None
    from_us = pending is not None and (
        pending.purpose != "connect" or pending.redirect_url == f"{runtime.settings.origin}/"
    )
    if from_us and error == "access_denied":
        return RedirectResponse("/welcome?refused", status_code=303)
    what, remedy = _REASONS.get(error, _OTHER_REASON)
    return pages.message("Not connected", what, remedy, status=400)


async def _welcome(request: Request, runtime: Runtime, finished: Finished) -> Response:
    if finished.purpose != "connect":
        async with runtime.db.begin() as connection:
            token = await sign_in(connection, runtime, request, finished.grant.user_id, "whoop")
        response = let_in(runtime, token)
    elif finished.redirect_url:
        parts = urlsplit(finished.redirect_url)
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("connected", "true")])
        response = RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=303)
    else:
        response = pages.message(
            "WHOOP is connected",
            f"The history of {finished.grant.user_id} is arriving now, newest days first.",
            "You can close this page.",
        )
    clear_consent(response, runtime.settings)
    return response


def _failed(error: CircadiaError) -> Response:
    remedy = error.remedy or "Start connecting again."
    return pages.message("Not connected", error.message, remedy, status=status_of(error))
