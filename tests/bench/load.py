"""A load from a process of its own: keep-alive connections that each ask as soon as they were answered.

`python -m tests.bench.load PORT CONNECTIONS SECONDS KEY` with the paths on stdin; prints the latency of each answer, in
seconds. The connections deal the paths out among themselves. An answer other than 200 ends it.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.bench.place import KEY


async def latencies(
    port: int, paths: Sequence[str], *, connections: int, seconds: float, key: str = KEY
) -> list[float]:
    """The latencies (seconds) of a slice of requests. RuntimeError when one of them was not answered with 200."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.load",
        str(port),
        str(connections),
        str(seconds),
        key,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    out, _ = await process.communicate("\n".join(paths).encode())
    if process.returncode:
        raise RuntimeError("not every request was answered")
    return [float(each) for each in out.split()]


class _Asker(asyncio.Protocol):
    """One connection; notes how long each answer took."""

    def __init__(self, requests: Sequence[bytes], until: float, seen: list[float]) -> None:
        self._requests, self._until, self._seen = requests, until, seen
        self._missing, self._sent_at = -1, 0.0
        self._head = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the other side hung up"))

    def _ask(self) -> None:
        self._sent_at = time.perf_counter()
        self._missing, self._head = -1, b""
        self._transport.write(random.choice(self._requests))

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._head.startswith(b"HTTP/1.1 200"):
                self.done.set_exception(RuntimeError(self._head[:1000].decode()))
                self._transport.close()
                return
            at = self._head.index(b"content-length: ") + 16
            self._missing = int(self._head[at : self._head.index(b"\r", at)]) - (len(self._head) - end - 4)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            now = time.perf_counter()
            self._seen.append(now - self._sent_at)
            if now < self._until:
                self._ask()
            else:
                self.done.set_result(None)
                self._transport.close()


async def _main(port: int, connections: int, seconds: float, key: str, paths: Sequence[str]) -> None:
    seen: list[float] = []
    until = time.perf_counter() + seconds
    requests = [f"GET {each} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\n\r\n".encode() for each in paths]
    loop = asyncio.get_running_loop()
    askers = []
    for number in range(connections):
        own = requests[number::connections] or requests
        askers.append((await loop.create_connection(partial(_Asker, own, until, seen), "127.0.0.1", port))[1])
    await asyncio.gather(*(each.done for each in askers))
    print(*(f"{each:.6f}" for each in seen))


if __name__ == "__main__":
    port, connections, seconds, key = sys.argv[1:]
    asyncio.run(_main(int(port), int(connections), float(seconds), key, sys.stdin.read().splitlines()))
