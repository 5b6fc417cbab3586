"""Is it up, is it ready, does WHOOP answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from circadia import __version__
from circadia.api import envelopes
from circadia.api.auth import OPEN, Admin
from circadia.api.deps import GatewayRuntimeDep, RuntimeDep
from circadia.api.problems import documented
from circadia.clients.whoop.client import Reachability
from circadia.errors import CircadiaError
from circadia.runtime import GatewayRuntime, Runtime
from circadia.storage import budget, members, migrate

router = APIRouter(tags=["health"])
whoop = APIRouter(tags=["health"])
"""What is asked only where the WHOOP service is."""

_SEEN_LATELY = timedelta(minutes=1)


@router.get("/", summary="What this is", openapi_extra=OPEN)
async def root(request: Request, response: Response) -> dict[str, str]:
    """Name, version, which part of Circadia answers (`all`, `whoop` or `gateway`) and where to read on. Who accepts
    HTML is shown the dashboard instead."""
    response.headers["Vary"] = "Accept"
    return {
        "service": "circadia",
        "part": request.app.state.part,
        "version": __version__,
        "status": "ok",
        "health": "/health/ready",
    }


@router.get("/health", summary="Is it healthy", openapi_extra=OPEN)
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "healthy"}


@router.get("/health/live", summary="Is it alive", openapi_extra=OPEN)
async def live() -> dict[str, str]:
    """The process answers; nothing else is looked at."""
    return {"status": "alive"}


@router.get(
    "/health/ready",
    summary="Is it ready",
    openapi_extra=OPEN,
    responses={503: {"description": "Not ready; `checks` says why"}},
)
async def ready(request: Request, runtime: GatewayRuntimeDep) -> Response:
    """Database, schema and, but for a gateway alone, a worker; 503 with what is missing, and while this process is
    being stopped."""
    checks = await _checks(request, runtime)
    good = all(each == "ok" for each in checks.values())
    body = {
        "status": "ready" if good else "not_ready",
        "service": "circadia",
        "version": __version__,
        "timestamp": envelopes.written(runtime.clock()),
        "checks": checks,
    }
    return JSONResponse(body, 200 if good else 503)


async def _checks(request: Request, runtime: GatewayRuntime) -> dict[str, str]:
    try:
        found = await asyncio.wait_for(migrate.revision(runtime.db), 3)
    except (CircadiaError, TimeoutError):
        unknown = ("migrations", "worker") if isinstance(runtime, Runtime) else ("migrations",)
        return {"database": "not reachable", **dict.fromkeys(unknown, "unknown")}
    checks = {"database": "ok", "migrations": "ok"}
    if not migrate.fits(found, runtime.revision):
        checks["migrations"] = f"at {found}, needs {runtime.revision}: run `circadia db upgrade`"
    if isinstance(runtime, Runtime):
        if checks["migrations"] != "ok":
            checks["worker"] = "unknown"
        else:
            checks["worker"] = "ok" if await _works(request, runtime) else "none alive: start `circadia worker`"
    if request.app.state.leaving:
        checks["process"] = "is being stopped"
    return checks


async def _works(request: Request, runtime: Runtime) -> bool:
    state = request.app.state
    return runtime.jobs.worker_alive or (
        not state.works_itself and state.employed() and await runtime.jobs.someone_works()
    )


@whoop.get("/health/whoop-api", summary="Does WHOOP answer", openapi_extra=OPEN)
async def whoop_api(runtime: RuntimeDep) -> dict[str, Any]:
    """Reachability and budget. A request is only spent when none was answered within the last minute."""
    now = runtime.clock()
    seen = runtime.client.reachability
    if seen.seen_at is None or now - seen.seen_at > _SEEN_LATELY:
        seen = await _ask(runtime)
    usage = await budget.usage(runtime.db, runtime.app, now)
    reachable = seen.status is not None and seen.status < 500
    return {
        "status": "healthy" if reachable else "degraded",
        "whoop_api": "reachable" if reachable else ("unknown" if seen.seen_at is None else "unreachable"),
        "last_answer_at": seen.seen_at,
        "last_status": seen.status,
        "rate_limit_status": {
            "per_minute": {"limit": runtime.settings.rate_limit_per_minute, "used": usage.minute},
            "per_day": {"limit": runtime.settings.rate_limit_per_day, "used": usage.day},
            "taken_by_lane": usage.taken,
            "refused_by_lane": usage.refused,
            "paused_until": usage.paused_until,
        },
    }


async def _ask(runtime: Runtime) -> Reachability:
    """Ask with some connected member's token as it is; without one, or without a unit of the budget, what is known."""
    for grant in (await members.grants(runtime.db))[:1]:
        token = await runtime.tokens.stored(grant.member_id)
        if token is not None:
            with suppress(CircadiaError):
                await runtime.client.accepts(token, "reconcile", patience=timedelta(0))
    return runtime.client.reachability


@router.get(
    "/metrics", tags=["health"], summary="Prometheus metrics", response_class=Response, responses=documented(401, 403)
)
async def prometheus(request: Request, _key: Admin) -> Response:
    """This process's metrics, and the installation's; METRICS_PORT serves them without a key."""
    return Response(await request.app.state.scrape.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
