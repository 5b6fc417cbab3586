"""One-time links: a page with one button, and what the button does. Opening the page uses nothing up, because mail
programs and previews open links, too."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from circadia.admission import gone
from circadia.api import pages
from circadia.api.auth import OPEN
from circadia.api.callers import only_from_our_page, visitor_of
from circadia.api.deps import RuntimeDep
from circadia.api.entrances import let_in, sign_in
from circadia.api.problems import status_of
from circadia.errors import CircadiaError, Conflict
from circadia.runtime import Runtime
from circadia.storage import audit, links, people, shares
from circadia.storage.links import Link
from circadia.storage.postgres import Connection

router = APIRouter(prefix="/auth", tags=["people"])

_PAGES: dict[int | str, dict[str, Any]] = {
    303: {"description": "On to the page it leads to"},
    **pages.described(403, 404, 409, 422),
}
_WORDS = {
    "owner": ("Own this installation?", "Whoever continues looks after it: members, keys, budget.", "Continue"),
    "signin": ("Sign in?", "This link was made for you and signs this browser in.", "Sign in"),
    "share": ("See shared data?", "Somebody lets you read their WHOOP data here, until they end it.", "Continue"),
}


@router.get(
    "/link/{token}", summary="A one-time link", openapi_extra=OPEN, response_class=HTMLResponse, responses=_PAGES
)
async def show_link(token: Annotated[str, Path(max_length=200)], runtime: RuntimeDep) -> Response:
    """A page with one button. An invitation leads on to the page on which one signs in."""
    link = await links.look(runtime.db, token, runtime.clock())
    if link is None:
        return _failed(gone())
    if link.kind == "invitation":
        return RedirectResponse(f"/welcome?invitation={token}", status_code=303)
    return pages.link(*_WORDS[link.kind], token)


@router.post("/link", summary="Use a one-time link", openapi_extra=OPEN, response_class=HTMLResponse, responses=_PAGES)
async def use_link(request: Request, runtime: RuntimeDep, token: Annotated[str, Form(max_length=200)]) -> Response:
    """The button of the page: uses the link up, signs in and leads to `/`. Only from our own page."""
    try:
        only_from_our_page(request, runtime.settings)
        link = await links.look(runtime.db, token, runtime.clock())
        if link is None or link.kind == "invitation":
            raise gone()
        if link.kind == "share":
            return await _take_up(request, runtime, link)
        return await _enter(request, runtime, link)
    except CircadiaError as failure:
        return _failed(failure)


async def _enter(request: Request, runtime: Runtime, link: Link) -> Response:
    """Sign in as the link's user, who becomes the owner if it says so."""
    assert link.user_id is not None
    now = runtime.clock()
    async with runtime.db.begin() as connection:
        await _use_up(connection, runtime, link)
        if link.kind == "owner":
            await people.claim(connection, link.user_id, now)
            await audit.note(connection, now, link.user_id, "person", link.user_id, "owner.claimed")
        else:
            await people.admit(connection, link.user_id, now)
        token = await sign_in(connection, runtime, request, link.user_id, "link")
    return let_in(runtime, token)


async def _take_up(request: Request, runtime: Runtime, link: Link) -> Response:
    """Add a share to whoever is signed in, or to a coach who is made for it."""
    visitor, now = await visitor_of(request), runtime.clock()
    present = visitor and visitor.user_id
    async with runtime.db.begin() as connection:
        await _use_up(connection, runtime, link)
        share = await shares.offered(connection, link.token_hash, now)
        if share is None:
            raise gone()
        coach = present or (await people.create(connection, "coach", now)).user_id
        if await shares.accept(connection, link.token_hash, coach, now) is None:
            raise Conflict(
                "these are your own data, which you see anyway",
                kind="own_share",
                remedy="Send the link to the person whom it is for.",
            )
        await audit.note(connection, now, coach, "person", share.user_id, "share.accepted", {"share": str(share.id)})
        token = None if present else await sign_in(connection, runtime, request, coach, "share")
    location = f"/?member={share.user_id}"
    return let_in(runtime, token, location) if token else RedirectResponse(location, status_code=303)


async def _use_up(connection: Connection, runtime: Runtime, link: Link) -> None:
    if await links.consume(connection, link.token_hash, runtime.clock()) is None:
        raise gone()


def _failed(error: CircadiaError) -> Response:
    return pages.message("This link does not work", error.message, error.remedy or "", status=status_of(error))
