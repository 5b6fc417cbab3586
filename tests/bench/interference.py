"""Reading days while histories are fetched: what it costs those who read, and how long a job keeps an event loop.

Readers ask at an even pace from this process; WHOOP answers at once from another. Three times: idle, while histories
come as fast as WHOOP's real limits allow, and while they come as fast as this machine can take them in. First with the
worker beside the server, as `circadia serve` has it, then with the worker inside it, for comparison.

A loop is held for as long as something is late there, but no longer than the loop's own thread was at work meanwhile:
other processes on a busy machine make it late too.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import uvicorn
import uvloop

from circadia import logs
from circadia.app import create_app
from circadia.config import Settings
from circadia.runtime import open_runtime
from tests.bench import place

_READERS, _PAUSE_S, _PHASE_S = 4, 0.01, 8.0
_READ, _FETCHED, _DAYS = 4, 12, 1500
_LAG_LOOK_S = 0.005
_WARM_UP_S = 1.5

Longest = Any
"""A number of seconds in memory that processes share."""

Phase = tuple[str, str]
"""Its name and the requests a minute."""

_PHASES: tuple[Phase, ...] = (("histories at WHOOP's pace", "90"), ("histories unbounded", "100000"))


async def run() -> None:
    """Print p50 and p99 of a day read and the longest time the loop was held, for each phase."""
    people = _READ + _FETCHED * len(_PHASES)
    simulator = place.whoop(people=people, days=_DAYS)
    accounts = list(simulator.state.world.user_ids)
    with place.listening(people=people, days=_DAYS) as base:
        for inside in (False, True):
            print(f"-- worker {'inside, for comparison' if inside else 'beside, as circadia serve has it'}")
            with place.server() as url:
                async with place.product(url, simulator, base) as runtime:
                    for number in range(_READ):
                        grant = await place.connect(runtime, simulator, f"member-{number}", accounts[number])
                        await runtime.engine.backfill(grant, "backfill")
                    await runtime.db.execute("DELETE FROM procrastinate_jobs")
                    await runtime.db.execute("DELETE FROM runs")
                    idle = None
                    fetched = iter(accounts[_READ:])
                    for name, limit in _PHASES:
                        async with _served(url, base, limit, inside) as (port, longest):
                            if idle is None:
                                idle = await _measure(port, longest, "idle", None)
                            for number in range(_FETCHED):
                                await place.connect(runtime, simulator, f"new-{limit}-{number}", next(fetched))
                            await _measure(port, longest, name, idle)
                            left = await runtime.db.row("SELECT count(*) FROM runs WHERE finished_at IS NULL")
                            assert left != (0,), "the histories were through before the readers"
                            await runtime.db.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
                            await runtime.db.execute(
                                "UPDATE members SET paused_at = now() WHERE starts_with(user_id, 'new-')"
                            )


async def _measure(port: int, longest: Longest, name: str, idle: float | None) -> float:
    """Read for a while; returns p99 (seconds)."""
    await asyncio.sleep(_WARM_UP_S)
    longest.value = 0.0
    seen = [each for one in await asyncio.gather(*(_read(port) for _ in range(_READERS))) for each in one]
    seen.sort()
    p50, p99 = seen[len(seen) // 2], seen[int(len(seen) * 0.99)]
    ratio = f", p99 {p99 / idle:.1f} x idle (at most 3)" if idle else ""
    print(
        f"{name:26} p50 {p50 * 1e3:6.2f} ms  p99 {p99 * 1e3:6.2f} ms  "
        f"a loop held {longest.value * 1e3:4.1f} ms at most (at most 50){ratio}",
        flush=True,
    )
    return p99


async def _read(port: int) -> list[float]:
    """The latencies of one reader, who asks for a random day, waits a moment and asks again."""
    seen = []
    rng = random.Random(port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    until = time.perf_counter() + _PHASE_S
    while time.perf_counter() < until:
        day = (place.EPOCH - timedelta(days=rng.randrange(10, _DAYS))).date()
        began = time.perf_counter()
        await _exchange(reader, writer, f"/api/v1/whoop/daily-data/member-{rng.randrange(_READ)}?date={day}")
        seen.append(time.perf_counter() - began)
        await asyncio.sleep(_PAUSE_S * rng.uniform(0.5, 1.5))
    writer.close()
    return seen


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {place.KEY}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    at = head.index(b"content-length: ") + 16
    return await reader.readexactly(int(head[at : head.index(b"\r", at)]))


@asynccontextmanager
async def _served(url: str, base: str, limit: str, inside: bool) -> AsyncIterator[tuple[int, Longest]]:
    """The product on a port of this machine, with its worker inside or beside it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = place.settings(
        url,
        WHOOP_API_BASE_URL=f"{base}/developer",
        WHOOP_OAUTH_BASE_URL=f"{base}/oauth/oauth2",
        RATE_LIMIT_PER_MINUTE=limit,
        SYNC_PLAN="manual",
    )
    context = multiprocessing.get_context("spawn")
    longest: Longest = context.Value("d", 0.0)
    started = [context.Process(target=_serve, args=(settings, port, inside, longest))]
    if not inside:
        started.append(context.Process(target=_work, args=(settings, longest)))
    for each in started:
        each.start()
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            break
    try:
        yield port, longest
    finally:
        for each in started:
            each.terminate()
        for each in started:
            each.join()


def _hush() -> None:
    """The log is written, as in production, and nobody reads it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logs.configure("INFO", "json")


class _Watch:
    """How long the loop was held since the last look, as a number that other processes may read."""

    def __init__(self, longest: Longest) -> None:
        self._longest = longest

    async def __call__(self) -> None:
        while True:
            at, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_LAG_LOOK_S)
            late = time.perf_counter() - at - _LAG_LOOK_S
            self._longest.value = max(self._longest.value, min(late, time.thread_time() - worked))


def _serve(settings: Settings, port: int, inside: bool, longest: Longest) -> None:
    _hush()
    app = create_app(settings, worker=inside)

    async def serve() -> None:
        watching = asyncio.create_task(_Watch(longest)())
        config = uvicorn.Config(app, port=port, log_level="critical", access_log=False, http="httptools")
        await uvicorn.Server(config).serve()
        watching.cancel()

    uvloop.run(serve())


def _work(settings: Settings, longest: Longest) -> None:
    _hush()

    async def work() -> None:
        async with open_runtime(settings) as runtime:
            runtime.jobs.start_worker()
            await _Watch(longest)()

    uvloop.run(work())
