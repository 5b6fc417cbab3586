"""The gateway put together: connections of its own for the WHOOP service, as many as wait for it at a time."""

from __future__ import annotations

import asyncio

from circadia.gateway.assembly import open_sources
from circadia.simulator.clock import StandingClock
from circadia.storage.postgres import Database
from tests.simulated import settings_for

USERS = 60
_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 18\r\nconnection: close\r\n\r\n{"connected":true}'


async def test_sixty_users_at_a_time_ask_the_whoop_service(
    db: Database, database_url: str, clock: StandingClock
) -> None:
    all_here = asyncio.Barrier(USERS)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await all_here.wait()
        writer.write(_ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=USERS)
    host, port = server.sockets[0].getsockname()
    settings = settings_for(
        database_url,
        WHOOP_SERVICE_URL=f"http://{host}:{port}",
        WHOOP_SERVICE_API_KEY="key-of-the-gateway-that-is-long-enough",
        WHOOP_SERVICE_TIMEOUT="5",
        GATEWAY_DEADLINE="10",
    )
    async with open_sources(settings, db, clock, None) as (_sahha, gateway):
        told = await asyncio.gather(*(gateway.sources(f"user-{n}") for n in range(USERS)))
        upstream = gateway._whoop.breaker
    assert {each.whoop.state for each in told} == {"ok"}
    assert upstream.failure_count == 0
    server.close()
