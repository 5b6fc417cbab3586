"""The dashboard's addresses. Each of its rooms is the same page; what it shows is decided in the browser, which reads
the public API."""

from __future__ import annotations

import gzip
import json
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from circadia.web.assets import Assets, sent

ROOMS = (
    "/day/{date}", "/trends", "/sleep", "/strain", "/insights", "/data", "/settings", "/admin", "/welcome"
)  # fmt: skip
POLICY = (
    "default-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_FIRST = ("app/main.js", "app/rooms/today.js")
"""What the first page needs; everything that these import is fetched beforehand."""
_SHELL = ("app", "styles", "icons")
"""The directories that a device keeps to open the page without a network."""
_CHECKED = "no-cache"


class _ForBrowsers(APIRoute):
    """A route only for who wants HTML, so that a program which asks for the same address is told JSON."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        accepts = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        return super().matches(scope) if b"text/html" in accepts else (Match.NONE, {})


class _Elsewhere(_ForBrowsers):
    """Whatever a browser visits that is nothing here. The API answers for its own addresses, to everybody alike."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        visited = scope.get("method") in ("GET", "HEAD") and not scope["path"].startswith("/api/")
        return super().matches(scope) if visited else (Match.NONE, {})


def install_static(app: FastAPI) -> None:
    """Serve `/static`."""
    app.state.assets = assets = Assets()

    async def static(path: str, request: Request) -> Response:
        return await assets.answer(path, request)

    app.add_api_route("/static/{path:path}", static, include_in_schema=False)


def install(app: FastAPI) -> None:
    """Serve the pages and the service worker. Comes before any other route of `/`."""
    assets: Assets = app.state.assets
    worker = _worker(assets)
    index = _answering(_index(assets))

    async def service_worker(request: Request) -> Response:
        return sent(worker, "text/javascript; charset=utf-8", request, cache=_CHECKED, headers=HEADERS)

    root = APIRouter(route_class=_ForBrowsers)
    root.add_api_route("/", index, include_in_schema=False)
    app.include_router(root)
    for room in ROOMS:
        app.add_api_route(room, index, include_in_schema=False)
    app.add_api_route("/sw.js", service_worker, include_in_schema=False)


def install_elsewhere(app: FastAPI) -> None:
    """Serve the page, as 404, where a browser is lost: it says so and has a way home. Comes after every other route."""
    page = _index(app.state.assets)

    async def lost() -> Response:
        return Response(page, 404, {**HEADERS, "Vary": "Accept", "Cache-Control": _CHECKED}, "text/html; charset=utf-8")

    elsewhere = APIRouter(route_class=_Elsewhere)
    elsewhere.add_api_route("/{path:path}", lost, include_in_schema=False)
    app.include_router(elsewhere)


def _answering(page: bytes) -> Callable[[Request], Awaitable[Response]]:
    """The route that sends the page."""
    packed = gzip.compress(page, 9, mtime=0)

    async def index(request: Request) -> Response:
        headers = {**HEADERS, "Vary": "Accept, Accept-Encoding"}
        return sent(page, "text/html; charset=utf-8", request, cache=_CHECKED, packed=packed, headers=headers)

    return index


def _index(assets: Assets) -> bytes:
    """The page, with the version in its addresses and the modules of the first room told in advance: their number then
    costs one round trip."""
    base = f"/static/{assets.version}"
    preloads = "\n".join(f'    <link rel="modulepreload" href="{base}/{name}">' for name in assets.modules(*_FIRST))
    text = assets.text("index.html").replace("{{static}}", base).replace("    {{preloads}}", preloads)
    return text.encode()


def _worker(assets: Assets) -> bytes:
    """The service worker, with its version and the files it keeps."""
    base = f"/static/{assets.version}"
    kept = [name for place in _SHELL for name in assets.names(place)] + ["vendor/preact/preact-htm.js"]
    text = assets.text("sw.js").replace('"{{version}}"', json.dumps(assets.version))
    return text.replace('["{{shell}}"]', json.dumps([f"{base}/{name}" for name in kept])).encode()
