"""How commands run: an event loop that signals end cleanly, the open parts they need, and what their end is called."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg
import typer
from typer.core import TyperGroup

from circadia import config, logs
from circadia.cli import output
from circadia.errors import CircadiaError, NotFound, UpstreamDown

if TYPE_CHECKING:
    from circadia.config import Settings
    from circadia.runtime import GatewayRuntime, Runtime
    from circadia.storage.postgres import Database

DONE, PARTLY, REFUSED, INTERRUPTED = 0, 1, 3, 130
"""Exit codes, next to 2 for wrong usage. 130 is the shells' own for a command that was interrupted."""

_CHECK_DATABASE = "Check DATABASE_URL and that the server is up."


class Answering(TyperGroup):
    """The root of the commands: whatever they raise ends as one sentence and an exit code, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command asked for."""
        try:
            return super().invoke(ctx)
        except CircadiaError as error:
            output.complain(error)
            raise typer.Exit(REFUSED) from error
        except psycopg.OperationalError as error:
            output.complain(UpstreamDown("PostgreSQL does not answer", remedy=_CHECK_DATABASE))
            raise typer.Exit(REFUSED) from error


def settings_with(**overrides: str | None) -> Settings:
    """The settings, with a command's own options in front of everything else."""
    return config.load({**os.environ, **{name: text for name, text in overrides.items() if text is not None}})


def run(work: Coroutine[Any, Any, int], *, until_stopped: bool = False) -> NoReturn:
    """Carry out a command and exit with its code.

    The first SIGINT or SIGTERM cancels it, so that everything open is closed in order; further ones change nothing.
    For what runs `until_stopped` that is its good end.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        code = runner.run(_interruptible(work, DONE if until_stopped else INTERRUPTED))
    raise typer.Exit(code)


def run_here(work: Callable[[], int]) -> NoReturn:
    """Carry out a command that needs no event loop and exit with its code. SIGINT and SIGTERM end it as an exception
    does, so that what is open is closed in order."""
    stopped = False

    def stop(*_: object) -> NoReturn:
        nonlocal stopped
        stopped = True
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        code = work()
    except (KeyboardInterrupt, SystemError):  # the driver's C code can make the one into the other
        if not stopped:
            raise
        code = INTERRUPTED
    raise typer.Exit(code)


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The libpq URL of the database of these settings; the embedded server stays up meanwhile."""
    from circadia.storage.embedded import EmbeddedPostgres
    from circadia.storage.postgres import libpq_url

    if settings.database_url is not None:
        yield libpq_url(settings.database_url.get_secret_value())
    else:
        with EmbeddedPostgres(settings.circadia_data_dir) as embedded:
            yield embedded.url()


async def _interruptible(work: Coroutine[Any, Any, int], code_when_stopped: int) -> int:
    task = asyncio.create_task(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if not stopped:
            raise
        return code_when_stopped


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def quiet_log(settings: Settings) -> None:
    """The log of a short command: what is wrong, unless LOG_LEVEL asks for more."""
    wanted = settings.log_level if "log_level" in settings.model_fields_set else "WARNING"
    logs.configure(wanted, settings.log_format)


@asynccontextmanager
async def opened() -> AsyncIterator[Runtime]:
    """Everything a deed needs, for one command."""
    from circadia.runtime import open_runtime

    settings = config.load()
    quiet_log(settings)
    async with open_runtime(settings) as runtime:
        yield runtime


@asynccontextmanager
async def opened_database(*, migrated: bool = True) -> AsyncIterator[tuple[Settings, Database]]:
    """Only the database, for commands that read or keep house. They never see a token."""
    from circadia.runtime import database

    settings = config.load(opens_tokens=False)
    quiet_log(settings)
    async with database(settings, migrated=migrated) as db:
        yield settings, db


def opened_gateway() -> AbstractAsyncContextManager[GatewayRuntime]:
    """The gateway as `circadia serve` would open it, for one command."""
    from circadia.runtime import open_gateway, open_runtime

    settings = config.load()
    quiet_log(settings)
    apart = settings.whoop_service_url is not None or not settings.enable_whoop_integration
    return open_gateway(settings) if apart else open_runtime(settings)


async def known(db: Database, user_id: str) -> None:
    """NotFound unless somebody is called so here."""
    from circadia.storage import members

    if await members.find(db, user_id) is None:
        raise NotFound(f"nobody is called {user_id} here", remedy="`circadia status` lists everybody.")
