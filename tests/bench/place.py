"""A throw-away server (fsync on) and a product around a simulated WHOOP that answers at once."""

from __future__ import annotations

import multiprocessing
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import uvicorn

from circadia import logs
from circadia.config import Settings, load
from circadia.domain.members import Connection as Grant
from circadia.runtime import Runtime, open_runtime
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import Client, Limits, WhoopSimulator
from circadia.simulator.world import World
from circadia.storage import members
from circadia.storage.embedded import EmbeddedPostgres
from circadia.storage.envelope import new_key

EPOCH = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEED = 7
KEY = "bench-key-bench-key-bench-key"
CLIENT = Client("bench", "bench-secret-bench", ("http://127.0.0.1:8000/auth/callback",), webhook_url=None)
_KEYS = new_key()


@contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database on a server of its own."""
    place = Path(tempfile.mkdtemp(prefix="circadia-bench-", dir="/tmp"))
    place.chmod(0o755)
    try:
        with EmbeddedPostgres(place) as embedded:
            yield embedded.start()
            embedded.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def settings(url: str, **more: str) -> Settings:
    """Settings for a product that may ask the simulator as fast as it can."""
    logs.configure("ERROR", "json")
    return load(
        {
            "DATABASE_URL": url,
            "TOKEN_ENCRYPTION_KEYS": _KEYS,
            "SERVICE_API_KEY": KEY,
            "WHOOP_CLIENT_ID": CLIENT.client_id,
            "WHOOP_CLIENT_SECRET": CLIENT.client_secret,
            "WHOOP_API_BASE_URL": "http://whoop.test/developer",
            "WHOOP_OAUTH_BASE_URL": "http://whoop.test/oauth/oauth2",
            "RATE_LIMIT_PER_MINUTE": "1000000",
            "RATE_LIMIT_PER_DAY": "100000000",
            **more,
        },
        Path("/nonexistent"),
    )


def whoop(people: int, days: int, seed: int = SEED) -> WhoopSimulator:
    """A simulated WHOOP with a history that is grown already."""
    world = World(seed=seed, members=people, days=days, epoch=EPOCH)
    simulator = WhoopSimulator(
        world,
        clock=StandingClock(EPOCH),
        limits=Limits(1_000_000, 100_000_000),
        clients=[CLIENT],
    )
    for user_id in world.user_ids:
        simulator.truth(user_id)
    return simulator


@asynccontextmanager
async def product(url: str, simulator: WhoopSimulator, base: str | None = None) -> AsyncIterator[Runtime]:
    """The product's parts, speaking to the simulator in process or, with `base`, over a socket."""
    transport = None if base else httpx2.ASGITransport(app=simulator.app)
    bases = {"WHOOP_API_BASE_URL": f"{base}/developer", "WHOOP_OAUTH_BASE_URL": f"{base}/oauth/oauth2"} if base else {}
    async with open_runtime(settings(url, **bases), clock=StandingClock(EPOCH), transport=transport) as runtime:
        yield runtime


@contextmanager
def listening(people: int, days: int) -> Iterator[str]:
    """The same simulated WHOOP in a process of its own; yields its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=_listen, args=(people, days, port), daemon=True)
    process.start()
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


def _listen(people: int, days: int, port: int) -> None:
    uvicorn.run(whoop(people, days).app, port=port, log_level="error", lifespan="off", loop="uvloop", http="httptools")


async def connect(runtime: Runtime, simulator: WhoopSimulator, user_id: str, whoop_user_id: int) -> Grant:
    """A member through the real consent; the backfill it asks for stays in the queue."""
    started = await runtime.connections.begin(user_id)
    over_socket = "127.0.0.1" in str(runtime.settings.whoop_api_base_url)
    transport = None if over_socket else httpx2.ASGITransport(app=simulator.app)
    async with httpx2.AsyncClient(transport=transport) as browser:
        url = f"{started.authorization_url}&sim_consent=allow&sim_member={whoop_user_id}"
        location = (await browser.get(url)).headers["location"]
    answer = parse_qs(urlsplit(location).query)
    await runtime.connections.finish(answer["code"][0], started.state, user_id=user_id)
    grant = await members.grant_of_user(runtime.db, user_id)
    assert grant is not None
    return grant
