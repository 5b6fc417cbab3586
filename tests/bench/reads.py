"""Reading a day over HTTP against the same application's constant JSON behind the same middleware.

One server process, 16 connections, random members and dates, key check, request id and log on; slices of both routes
alternate in one run. The load comes from a process of its own.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import socket
from datetime import timedelta

import uvicorn

from circadia import logs
from circadia.app import create_app
from tests.bench import place
from tests.bench.load import latencies

_PEOPLE, _DAYS = 10, 365
_CONNECTIONS, _SLICE_S, _ROUNDS = 16, 2.0, 5


async def run() -> None:
    """Print requests a second, p50 and p99 of both, and their ratios."""
    simulator = place.whoop(people=_PEOPLE, days=_DAYS)
    context = multiprocessing.get_context("spawn")
    with place.server() as url:
        async with place.product(url, simulator) as runtime:
            for number, whoop_user_id in enumerate(simulator.state.world.user_ids):
                grant = await place.connect(runtime, simulator, f"member-{number}", whoop_user_id)
                await runtime.engine.backfill(grant, "backfill")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = context.Process(target=_serve, args=(url, port, place.settings(url).token_encryption_keys))
        server.start()
        await _up(port)
        figures: dict[str, list[list[float]]] = {"constant": [], "day": []}
        for _ in range(_ROUNDS):
            for kind, seen in figures.items():
                seen.append(await latencies(port, _paths(kind), connections=_CONNECTIONS, seconds=_SLICE_S))
        server.terminate()
        server.join()
    told = {kind: _figures(seen) for kind, seen in figures.items()}
    for kind, (rate, p50, p99) in told.items():
        print(f"{kind:9} {rate:7,.0f}/s  p50 {p50:5.2f} ms  p99 {p99:5.2f} ms")
    day, constant = told["day"], told["constant"]
    print(f"rate ratio {day[0] / constant[0]:.2f} (at least 0.4), p99 ratio {day[2] / constant[2]:.2f} (at most 4)")


def _figures(slices: list[list[float]]) -> tuple[float, float, float]:
    times = sorted(each for one in slices for each in one)
    return len(times) / (_SLICE_S * len(slices)), times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3


def _serve(url: str, port: int, keys: object) -> None:
    settings = place.settings(url).model_copy(update={"token_encryption_keys": keys})
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logs.configure("INFO", "json")
    app = create_app(settings, worker=False)

    @app.get("/bench/constant")
    async def constant() -> dict[str, object]:
        return {"user_id": "member-1", "recovery": {"score": 71, "hrv": 64.2}, "missing": []}

    uvicorn.run(app, port=port, log_level="critical", access_log=False, loop="uvloop", http="httptools")


async def _up(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


def _paths(kind: str) -> list[str]:
    if kind == "constant":
        return ["/bench/constant"]
    rng = random.Random(1)
    return [
        f"/api/v1/whoop/daily-data/member-{rng.randrange(_PEOPLE)}"
        f"?date={(place.EPOCH - timedelta(days=rng.randrange(10, _DAYS))).date()}"
        for _ in range(2000)
    ]
