"""A way to a service on this machine that goes wrong when it is told to: a reverse proxy for HTTP/1.1.

Each connection of a client is carried over one of its own to the service, a request at a time, so that a service that
hangs or dies does so for the client as well. Bodies have a content length, as Circadia's and the simulators' have.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"
_PORTS = range(20000, 32000)
_HEAD_BYTES = 65536


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections get, so that it stays free meanwhile."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to each request: it waits, it is answered here instead of at the service, or what `mangle` finds in
    it is made unreadable (the length stays)."""

    delay_s: float = 0.0
    answer: bytes | None = None
    mangle: re.Pattern[bytes] | None = None


def answering(status: int, body: bytes) -> Fault:
    """Each request is answered with this JSON, or what goes for it."""
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return Fault(answer=head.encode() + body)


def without(secret: str) -> Fault:
    """What is said instead of this secret, or of a token got for it, is wrong."""
    return Fault(mangle=re.compile(rb"%b|(?i:(?<=authorization: account ))\S+" % re.escape(secret.encode())))


class Proxy:
    """The way to `service` (a port of this machine). `seen` counts the requests that came."""

    def __init__(self, service: int) -> None:
        self.port = free_port()
        self.fault: Fault | None = None
        self.seen = 0
        self._service = service
        self._server: asyncio.Server | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Take connections (again)."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port, limit=_HEAD_BYTES)

    async def cut(self) -> None:
        """Break all connections and refuse new ones, as the kernel does for a process that was killed."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for each in self._under_way:
            each.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._carry(reader, writer)
        finally:
            self._under_way.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one client until somebody hangs up."""
        onward: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while True:
                request = await _message(reader)
                self.seen += 1
                if (fault := self.fault) is not None:
                    await asyncio.sleep(fault.delay_s)
                    if fault.answer is not None:
                        writer.write(fault.answer)
                        continue
                    if fault.mangle is not None:
                        request = fault.mangle.sub(lambda found: b"x" * len(found[0]), request)
                if onward is not None and onward[0].at_eof():  # the service ends connections that nothing came over
                    onward[1].transport.abort()
                    onward = None
                if onward is None:
                    onward = await asyncio.open_connection(HOST, self._service, limit=_HEAD_BYTES)
                onward[1].write(request)
                writer.write(await _message(onward[0]))
                await writer.drain()
        finally:
            if onward is not None:
                onward[1].transport.abort()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """A request or an answer, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")
