"""The worker beside the server: `circadia worker` as a child process, so that taking histories in keeps no reader
waiting (docs/adr/0011).

It is started again whenever it ends, later each time. What it counts it tells on its standard output, for this process
to show. It ends when its standard input does, so that it does not outlive a server that is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from circadia import metrics

log = structlog.get_logger()

READY = b"ready\n"

_COMMAND = (sys.executable, "-m", "circadia", "worker", "--attached")
_FIRST_BACK_OFF, _MOST_BACK_OFF = 0.5, 30.0
_START_S = 30.0
END_S = 45.0
"""WHOOP has as long to answer a token renewal that has begun. With the ten seconds for answers after it, this fits into
the minute that containers are given to end; a worker by itself can have longer."""


class Beside:
    """The child and what is known of it."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._dismissed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    def works(self) -> bool:
        """Whether it has started and not ended."""
        return self._ready.is_set()

    async def ready(self) -> None:
        """Wait until it works, or has taken too long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), _START_S)

    def dismiss(self) -> None:
        """Have it come to an end: pages and token renewals under way finish."""
        self._dismissed.set()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    async def keep(self) -> None:
        """Keep one running until it is dismissed and has ended."""
        back_off, loop = _FIRST_BACK_OFF, asyncio.get_running_loop()
        while not self._dismissed.is_set():
            began = loop.time()
            code = await self._run()
            if self._dismissed.is_set():
                return
            if loop.time() - began > _MOST_BACK_OFF:
                back_off = _FIRST_BACK_OFF
            log.warning("worker.ended", exit=code, again_in_s=back_off)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._dismissed.wait(), back_off)
            back_off = min(back_off * 2, _MOST_BACK_OFF)

    async def _run(self) -> int:
        # in a session of its own: Ctrl-C is for the server, which passes it on
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        self._process = process
        try:
            if self._dismissed.is_set():
                process.send_signal(signal.SIGTERM)
            await self._listen(process)
            return await process.wait()
        finally:
            self._ready.clear()
            self._process = None
            if process.returncode is None:
                process.kill()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line == READY:
                self._ready.set()
            else:
                metrics.count_told(line)


@asynccontextmanager
async def worker_beside() -> AsyncIterator[Beside]:
    """A worker as a child meanwhile."""
    beside = Beside()
    keeping = asyncio.create_task(beside.keep(), name="beside")
    try:
        await beside.ready()
        yield beside
    finally:
        beside.dismiss()
        _, late = await asyncio.wait([keeping], timeout=END_S)
        for each in late:
            each.cancel()
            await asyncio.wait([each])


@asynccontextmanager
async def attached() -> AsyncIterator[asyncio.Event]:
    """In the child: says that it works, tells what it counts, and sets the event when the server has gone."""
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    out = sys.stdout.fileno()
    os.set_blocking(out, False)

    def listen() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            gone.set()

    def tell(line: bytes) -> None:
        with suppress(BlockingIOError, BrokenPipeError):  # a count that nobody takes is not worth waiting for
            os.write(out, line)

    loop.add_reader(sys.stdin.fileno(), listen)
    metrics.relay(tell)
    tell(READY)
    yield gone
