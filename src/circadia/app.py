"""The ASGI root: settings in, application out. The lifespan opens database, clients and worker once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import httpx2
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from circadia import __version__, telemetry
from circadia.api import envelopes, problems
from circadia.api.auth import KEY_ONLY, SECURITY_SCHEMES
from circadia.api.credentials import Keys, Sessions, given_keys
from circadia.api.middleware import Envelope
from circadia.api.routes import (
    admin,
    backfills,
    connect,
    days,
    erase,
    exports,
    gateway,
    health,
    identities,
    imports,
    instance,
    internal,
    links,
    me,
    policies,
    records,
    runs,
    sahha_webhooks,
    shares,
    signin,
    status,
    trends,
    webhooks,
)
from circadia.clock import Clock, Sleep, system_clock
from circadia.config import Settings
from circadia.runtime import GatewayRuntime, Runtime, open_gateway, open_runtime, retry_rejects
from circadia.scrape import Scrape
from circadia.sync.pace import Pace
from circadia.web import docs, pages

_DESCRIPTION = "WHOOP data from the owner's own PostgreSQL: connect members, read days, follow syncs."

_PACE = Pace()

Part = Literal["all", "whoop", "gateway"]
"""What a process serves: everything, or one of the two services it is made of."""

_WHOOP: tuple[APIRouter, ...] = (
    health.whoop,
    *(
        each.router
        for each in (
            days,
            trends,
            webhooks,
            records,
            runs,
            backfills,
            status,
            imports,
            exports,
            erase,
            internal,
            connect,
            signin,
            links,
            me,
            shares,
            admin,
        )
    ),
)
_GATEWAY: tuple[APIRouter, ...] = (
    *gateway.ROUTERS,
    *(each.router for each in (identities, policies, sahha_webhooks)),
)
_ROUTERS: dict[Part, tuple[APIRouter, ...]] = {"all": (*_WHOOP, *_GATEWAY), "whoop": _WHOOP, "gateway": _GATEWAY}


class _Application(FastAPI):
    """FastAPI with our description of itself, and the envelope around everything: the answer to a bug included."""

    def build_middleware_stack(self) -> ASGIApp:
        return Envelope(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        return _openapi(self)


def create_app(
    settings: Settings,
    *,
    part: Part = "all",
    clock: Clock = system_clock,
    transport: httpx2.AsyncBaseTransport | None = None,
    sleep: Sleep = asyncio.sleep,
    pace: Pace = _PACE,
    worker: bool = True,
) -> FastAPI:
    """The application, or a part of it. `worker` runs syncs in this process too, where the WHOOP service is part of it;
    `clock`, `transport`, `sleep` and `pace` are for tests."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(telemetry.exporting())
            runtime: GatewayRuntime
            if part == "gateway":
                runtime = await stack.enter_async_context(open_gateway(settings, clock=clock, transport=transport))
            else:
                runtime = await stack.enter_async_context(
                    open_runtime(settings, clock=clock, transport=transport, sleep=sleep, pace=pace)
                )
            app.state.runtime = runtime
            app.state.works_itself = worker
            app.state.employed = lambda: True
            app.state.tasks = set()
            app.state.turns = set()
            app.state.keys = Keys(runtime.db, runtime.keyring, clock, given_keys(settings))
            stack.push_async_callback(app.state.keys.close)
            app.state.sessions = Sessions(runtime.db, clock)
            stack.push_async_callback(app.state.sessions.close)
            app.state.issuer = runtime.issuer if isinstance(runtime, Runtime) else None
            stack.push_async_callback(_finish, app.state.tasks)
            await retry_rejects(runtime)
            if worker and isinstance(runtime, Runtime):
                runtime.jobs.start_worker()
            app.state.scrape = Scrape(runtime, part)
            if settings.metrics_port is not None:
                await stack.enter_async_context(app.state.scrape.served(settings.metrics_host, settings.metrics_port))
            yield

    shown = settings.environment == "development"
    app = _Application(
        title="Circadia",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json" if shown else None,
        telemetry={"logs": False, "operation_spans": False, "exclude": telemetry.untold},
    )
    app.state.part = part
    app.state.leaving = app.state.last_answers = False
    pages.install_static(app)
    if part != "gateway":
        pages.install(app)
    for router in (health.router, instance.router, *_ROUTERS[part]):
        app.include_router(router)
    problems.install(app)
    if shown:
        docs.install(app)
    if part != "gateway":
        pages.install_elsewhere(app)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["X-API-Key", "Authorization", "Content-Type", "If-None-Match", "X-Request-ID"],
            expose_headers=["ETag", "X-Request-ID", "Retry-After", "Warning", "X-Circadia-As-Of"],
        )
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own document, with a key asked for everywhere but where a route says otherwise, and without the
    statuses that a path's envelope replaces."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema.setdefault("components", {})["securitySchemes"] = SECURITY_SCHEMES
        for path, operations in schema["paths"].items():
            for each in operations.values():
                told = each["responses"].items()
                each["responses"] = {status: how for status, how in told if not envelopes.refuses(path, int(status))}
        schema["security"] = KEY_ONLY
        app.openapi_schema = schema
    return app.openapi_schema


async def _finish(tasks: set[asyncio.Task[None]]) -> None:
    """Let imports that have begun end."""
    await asyncio.gather(*tasks, return_exceptions=True)
