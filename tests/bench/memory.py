"""How much the server's memory grows while ten years of one member arrive (PostgreSQL and simulator not counted)."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from pathlib import Path

import httpx2
import uvicorn

from circadia.runtime import open_runtime
from circadia.simulator.clock import StandingClock
from circadia.storage import members
from tests.bench import place

_DAYS = 3653


async def run() -> None:
    """Backfill in a process of its own against a simulator behind a real socket; print its growth."""
    simulator = place.whoop(people=1, days=_DAYS)
    server = uvicorn.Server(uvicorn.Config(simulator.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    with place.server() as url:
        async with place.product(url, simulator) as runtime:
            await place.connect(runtime, simulator, "member", simulator.state.world.user_ids[0])
        context = multiprocessing.get_context("spawn")
        queue: multiprocessing.Queue[tuple[float, float, int]] = context.Queue()
        keys = place.settings(url).token_encryption_keys
        child = context.Process(target=_backfill, args=(url, base, keys, queue))
        child.start()
        before, after, records = await asyncio.to_thread(queue.get, True, 600)
        child.join()
    server.should_exit = True
    thread.join()
    print(f"{records} records; {before:.0f} MB before, peak {after:.0f} MB, grown {after - before:.0f} MB (at most 60)")


def _backfill(url: str, base: str, keys: object, queue: multiprocessing.Queue[tuple[float, float, int]]) -> None:
    queue.put(asyncio.run(_measured(url, base, keys)))


async def _measured(url: str, base: str, keys: object) -> tuple[float, float, int]:
    settings = place.settings(
        url, WHOOP_API_BASE_URL=f"{base}/developer", WHOOP_OAUTH_BASE_URL=f"{base}/oauth/oauth2"
    ).model_copy(update={"token_encryption_keys": keys})
    transport = httpx2.AsyncHTTPTransport()
    async with open_runtime(settings, clock=StandingClock(place.EPOCH), transport=transport) as runtime:
        grant = await members.grant_of_user(runtime.db, "member")
        assert grant is not None
        await runtime.db.row("SELECT 1")
        before = resident_mb("VmRSS")
        report = await runtime.engine.backfill(grant, "backfill")
        assert not report.errors, report.errors
        return before, resident_mb("VmHWM"), sum(each.written for each in report.outcomes.values())


def resident_mb(field: str, process: int | str = "self") -> float:
    """A line of /proc/PROCESS/status in MB; VmHWM is the peak so far."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"this kernel does not tell {field}")
