"""`circadia serve` and `circadia worker`: what runs for good."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Literal

import structlog
import typer

from circadia import config, logs
from circadia.cli import owner, running
from circadia.sync.pace import SLOTS

if TYPE_CHECKING:
    from circadia.config import Settings
    from circadia.runtime import Runtime

log = structlog.get_logger()

_PORT_OF_WHOOP_ALONE = 8001
_LOOK_S = 0.05


Part = Literal["whoop", "gateway"]
"""What `serve` can be narrowed to."""


def serve(
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Also run a worker beside it.")] = True,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default HOST, else 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; default PORT, else 8000. 0 takes a free one.")
    ] = None,
    only: Annotated[
        Part | None,
        typer.Option(help="Serve one part alone: the WHOOP service (port 8001), or the gateway, which has no worker."),
    ] = None,
    drain: Annotated[
        float, typer.Option(min=0, max=300, help="Seconds to answer on, but be not ready, once told to stop.")
    ] = 0.0,
) -> None:
    """Serve the API and, unless told otherwise, run a worker beside it.

    Stops cleanly on Ctrl-C or SIGTERM: answers and pages under way finish first.
    Behind a load balancer --drain gives it time to send requests elsewhere.

    \b
    Examples:
      circadia serve
      PUBLIC_URL=https://whoop.example.org circadia serve --host 0.0.0.0
      circadia serve --no-worker     (and `circadia worker` on other machines)
      circadia serve --only gateway  (and `circadia serve --only whoop` elsewhere)
      circadia serve --drain 10      (behind a load balancer)
    """
    settings, listener = _listening(host, port, only)
    logs.configure(settings.log_level, settings.log_format)
    running.run(_serve(settings, listener, only, worker and only != "gateway", drain), until_stopped=True)


def worker(
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, help="How many runs go side by side; at least 4, one a queue.")
    ] = SLOTS,
    attached: Annotated[bool, typer.Option(hidden=True, help="End with whoever started it.")] = False,
) -> None:
    """Run only a worker: syncs, backfills and what is due, for a service that runs elsewhere.

    Start as many as you like, on any machine that reaches the same DATABASE_URL.
    METRICS_PORT serves what each has counted.

    \b
    Examples:
      circadia worker
      circadia worker --concurrency 16
    """
    settings = config.load()
    logs.configure(settings.log_level, settings.log_format)
    running.run(_work(settings, concurrency, attached), until_stopped=True)


def _listening(host: str | None, port: int | None, only: Part | None) -> tuple[Settings, socket.socket]:
    """The socket, and settings that know its real port (PUBLIC_URL follows it)."""
    from circadia.cli import listening

    settings = running.settings_with(HOST=host, PORT=None if port is None else str(port))
    if only == "whoop" and "port" not in settings.model_fields_set:
        settings = running.settings_with(HOST=host, PORT=str(_PORT_OF_WHOOP_ALONE))
    listener = listening.bind(settings.host, settings.port)
    if settings.port == 0:
        settings = running.settings_with(HOST=host, PORT=str(listening.port_of(listener)))
    return settings, listener


async def _serve(settings: Settings, listener: socket.socket, only: Part | None, worker: bool, drain: float) -> int:
    from circadia.app import create_app
    from circadia.cli import beside, listening
    from circadia.runtime import await_schema, retry_rejects

    part = only or "all"
    app = create_app(settings, part=part, worker=False)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listening.serving_with_lifespan(app, listener))
        if await await_schema(app.state.runtime):
            await retry_rejects(app.state.runtime)
        if worker:
            child = await stack.enter_async_context(beside.worker_beside())
            app.state.employed = child.works
        await stack.enter_async_context(listening.drained(app, drain))
        if only != "gateway":
            await owner.offer(app.state.runtime.db, settings)
        # what is here now stays until the end: the collector need not look at it again (a sixth of a gateway's read)
        gc.collect()
        gc.freeze()
        log.info("serve.ready", part=part, url=settings.public_url, port=listening.port_of(listener), worker=worker)
        await asyncio.Event().wait()
    return running.DONE


async def _registered(runtime: Runtime) -> None:
    """Wait until others can see that somebody works."""
    while True:
        if await runtime.jobs.someone_works():
            return
        await asyncio.sleep(_LOOK_S)


async def _work(settings: Settings, concurrency: int, attached: bool) -> int:
    from circadia.cli import beside
    from circadia.runtime import await_schema, open_runtime
    from circadia.scrape import Scrape

    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(settings))
        # one beside a server tells it what it counts
        if settings.metrics_port is not None and not attached:
            told = Scrape(runtime, "worker").served(settings.metrics_host, settings.metrics_port)
            await stack.enter_async_context(told)
        await await_schema(runtime)
        runtime.jobs.start_worker(concurrency)
        await _registered(runtime)
        log.info("worker.ready", concurrency=concurrency)
        over = await stack.enter_async_context(beside.attached()) if attached else asyncio.Event()
        await over.wait()
    return running.DONE
