"""The product as it is served, without a worker, and keep-alive connections to it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests import simulated
from tests.prove.knocks import SECRET

_PATIENCE_S = 60.0


class Line:
    """A connection that carries one request at a time and is opened again when it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> int:
        """Send a request; the status of its answer, 0 when the other side hung up without one."""
        reader, writer = await self._open()
        with suppress(ConnectionError):  # a body that is refused unread may break the sending; the answer is there
            writer.write(request)
            await writer.drain()
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.close()
            return 0
        status = int(head[9:12])
        length = next((int(each[15:]) for each in head.lower().split(b"\r\n") if each[:15] == b"content-length:"), 0)
        await reader.readexactly(length)
        if b"connection: close" in head.lower():
            await self.close()
        return status

    async def leave_amid(self, request: bytes) -> None:
        """Send what is there of a request and be gone."""
        _, writer = await self._open()
        writer.write(request)
        await writer.drain()
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            await self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams


@asynccontextmanager
async def served(database: str) -> AsyncIterator[int]:
    """`circadia serve --no-worker` on a database; its port. RuntimeError with its output when it died meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = simulated.surroundings() | simulated.environment_for(database, WHOOP_CLIENT_SECRET=SECRET)
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "circadia", "serve", "--no-worker", "--port", str(port)],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            await _answers(port)
            yield port
            if process.poll() is not None:
                raise RuntimeError(f"it ended with {process.returncode}: {log.read_text()[-2000:]}")
        finally:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            line = Line(port)
            try:
                if await line.send(b"GET /health/live HTTP/1.1\r\nHost: door\r\n\r\n") == 200:
                    return
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
            finally:
                await line.close()
