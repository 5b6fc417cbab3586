"""The load of `tests.bench.reads`: keep-alive connections that each ask as soon as they were answered."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from datetime import timedelta

from tests.bench.place import EPOCH, KEY

PEOPLE, DAYS, CONNECTIONS, SLICE_S = 10, 365, 16, 2.0


class _Asker(asyncio.Protocol):
    """One connection; notes how long each answer took."""

    def __init__(self, requests: list[bytes], until: float, seen: list[float]) -> None:
        self._requests, self._until, self._seen = requests, until, seen
        self._missing, self._sent_at = -1, 0.0
        self._head = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

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
                raise RuntimeError(self._head[:200].decode())
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
                self._transport.close()
                self.done.set_result(None)


def _requests(kind: str) -> list[bytes]:
    rng = random.Random(1)
    if kind == "constant":
        paths = ["/bench/constant"]
    else:
        paths = [
            f"/api/v1/whoop/daily-data/member-{rng.randrange(PEOPLE)}"
            f"?date={(EPOCH - timedelta(days=rng.randrange(10, DAYS))).date()}"
            for _ in range(2000)
        ]
    return [f"GET {each} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {KEY}\r\n\r\n".encode() for each in paths]


async def _main(port: int, kind: str) -> None:
    seen: list[float] = []
    until = time.perf_counter() + SLICE_S
    loop = asyncio.get_running_loop()
    askers = [
        (await loop.create_connection(lambda: _Asker(_requests(kind), until, seen), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(each.done for each in askers))
    print(*(f"{each:.6f}" for each in seen))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2]))
