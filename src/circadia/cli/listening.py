"""ASGI applications on sockets of this process."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from circadia.errors import Misconfigured

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

GRACE_S = 10
"""How long answers under way may take at a stop."""

_BACKLOG = 2048
_IDLE_S = 150
"""Longer than proxies keep connections that nothing comes over (Caddy two minutes), so that none is closed under a
request."""
_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EACCES: "ports below 1024 need more rights",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Misconfigured says why there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or "the system refused")
        raise Misconfigured(
            f"cannot listen on {host} port {port}: {reason}",
            remedy="Choose another with --host and --port, or HOST and PORT.",
        ) from error


def bind_free(host: str, preferred: int) -> socket.socket:
    """A listening socket on the preferred port, or on a free one when it is taken."""
    try:
        return bind(host, preferred)
    except Misconfigured:
        return bind(host, 0)


def port_of(listener: socket.socket) -> int:
    """The port a socket listens on."""
    return int(listener.getsockname()[1])


class _Server(uvicorn.Server):
    """Leaves signals to whoever started it, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Answer requests meanwhile; at the end let those under way finish."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # what breaks in a request is logged by the application, once
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=_IDLE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    try:
        await server.up.wait()
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def serving_with_lifespan(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """The same around an application that opens things first. What its start raises comes out here, where uvicorn
    would only print it. At the end event streams go first: whoever follows one comes back, to another process."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        await stack.enter_async_context(serving(app, listener))
        try:
            yield
        finally:
            app.state.leaving = app.state.last_answers = True


@asynccontextmanager
async def drained(app: FastAPI, seconds: float) -> AsyncIterator[None]:
    """At the end be not ready for so long and answer on, so that whoever shares requests out has gone elsewhere before
    anything closes."""
    try:
        yield
    finally:
        app.state.leaving = True
        await asyncio.sleep(seconds)
