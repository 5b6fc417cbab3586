"""Ten minutes of a full house: 50 users of the gateway at once, and a day's webhooks and two rounds of syncs of 1,000
members meanwhile, against `circadia serve` as it is installed.

Each user reads a week, looks at it for a second on average, and reads again. Printed are errors and response times by
kind, memory and connections of the server, its worker and the database, and what each table has grown by. Memory and
connections are compared between the second quarter and the last; only tables that keep what happened may grow.

    script/bench load --members 1000 --users 50 --minutes 10
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any
from uuid import UUID

import httpx2
import orjson
import psycopg

from circadia.simulator.deliveries import signed
from circadia.simulator.world import World
from tests import simulated
from tests.bench import place
from tests.bench.memory import resident_mb
from tests.cli.terminal import PROGRAM
from tests.prove.gateway_stack import Program
from tests.prove.release_stage import connect

_DAYS = 14
_WEEK = f"from={(place.EPOCH - timedelta(days=6)).date()}&to={place.EPOCH.date()}"
_EVENTS_A_DAY = 3.85
"""Of a member: 1.15 sleeps, a recovery, a cycle and 0.7 workouts."""

_SYNCS = 2
_LOOK_EVERY_S = 5.0
_AT_ONCE = 4
_FLAT = 1.1
_KEEPS_HISTORY = {"deliveries", "runs", "budget_usage", "budget_turns"}
"""What happened is kept there: for months, a day, or five minutes."""

_RECORDS = """
    SELECT c.whoop_user_id, r.noun, r.id::text FROM connections c JOIN (
        SELECT member_id, 'sleep' AS noun, id FROM sleeps WHERE score_state = 'SCORED'
        UNION ALL SELECT member_id, 'workout', id FROM workouts WHERE score_state = 'SCORED') r USING (member_id)
    ORDER BY 1, 3"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type LIKE 'client%'"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many members and users for how long."""

    members: int
    users: int
    minutes: float

    @property
    def seconds(self) -> float:
        return 60 * self.minutes


@dataclass(frozen=True, slots=True)
class Look:
    """Resident memory of the server and its worker (MB), and the database's connections."""

    server_mb: float
    worker_mb: float
    connections: int


@dataclass(slots=True)
class Figures:
    """What was seen, times in seconds."""

    took_s: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def __str__(self) -> str:
        asked = sum(map(len, self.took_s.values()))
        lines = [f"{asked} requests, {len(self.errors)} errors ({100 * len(self.errors) / max(asked, 1):.3f} %)"]
        for kind, times in self.took_s.items():
            p50, p95, p99 = (sorted(times)[int(share * len(times))] * 1e3 for share in (0.5, 0.95, 0.99))
            lines.append(f"{kind:9} {len(times):6}  p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  p99 {p99:7.1f} ms")
        quarter = len(self.looks) // 4
        for name in Look.__slots__:
            early, late = (
                mean(getattr(each, name) for each in part)
                for part in (self.looks[quarter : 2 * quarter], self.looks[3 * quarter :])
            )
            flat = "flat" if late <= _FLAT * early else "GROWS"
            lines.append(f"{name:12} {early:6.1f} in the second quarter, {late:6.1f} in the last: {flat}")
        return "\n".join([*lines, *(f"ERROR {each}" for each in self.errors[:10])])


async def run(options: Sequence[str] = ()) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="script/bench load")
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    size = Size(**vars(parser.parse_args(options)))
    async with AsyncExitStack() as stack:
        database = stack.enter_context(place.server())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = stack.enter_context(place.listening(size.members, _DAYS))
        service = Program([str(PROGRAM), "serve"], _settings(database, base), directory)
        stack.callback(service.end)
        service.start()
        await service.ready()
        world = World(seed=place.SEED, members=size.members, days=_DAYS, epoch=place.EPOCH)
        load = _Load(size, service, database, world.user_ids)
        await load.fill()
        await load.carry_out()


def _settings(database: str, base: str) -> dict[str, str]:
    return simulated.environment_for(
        database,
        WHOOP_CLIENT_ID=place.CLIENT.client_id,
        WHOOP_CLIENT_SECRET=place.CLIENT.client_secret,
        WHOOP_REDIRECT_URL=place.CLIENT.redirect_uris[0],
        WHOOP_API_BASE_URL=f"{base}/developer",
        WHOOP_OAUTH_BASE_URL=f"{base}/oauth/oauth2",
        SERVICE_API_KEY=place.KEY,
        SYNC_PLAN="manual",
        RATE_LIMIT_PER_MINUTE="1000000",
        RATE_LIMIT_PER_DAY="100000000",
    )


class _Load:
    """One run of it."""

    def __init__(self, size: Size, service: Program, database: str, accounts: Sequence[int]) -> None:
        self._size = size
        self._service = service
        self._database = database
        self._accounts = accounts
        self._records: list[tuple[int, str, str]] = []
        self._random = Random(1)
        self._figures = Figures()
        self._until = 0.0

    async def fill(self) -> None:
        """Everybody connects, and their histories come."""
        began = time.monotonic()
        waiting = iter(self._accounts)

        async def some() -> None:
            async with self._client() as http:
                for account in waiting:
                    await connect(http, account, f"user-{account}")

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
        await self._quiet()
        print(f"{len(self._accounts)} members connected and filled in {time.monotonic() - began:.0f} s", flush=True)
        self._records = await asyncio.to_thread(self._ask, _RECORDS)
        self._random.shuffle(self._records)

    async def carry_out(self) -> None:
        """The load, and what it left."""
        size, before = self._size, await asyncio.to_thread(self._rows)
        self._until = time.monotonic() + size.seconds
        events = round(size.members * _EVENTS_A_DAY)
        async with asyncio.TaskGroup() as group:
            for _ in range(size.users):
                group.create_task(self._read())
            group.create_task(self._paced(events, self._tell))
            group.create_task(self._paced(_SYNCS * size.members, self._sync))
            group.create_task(self._look())
        print(self._figures, flush=True)
        began = time.monotonic()
        await self._quiet()
        print(f"the last of the work was done {time.monotonic() - began:.1f} s later", flush=True)
        after = await asyncio.to_thread(self._rows)
        for name in after:
            if (grown := after[name] - before[name]) > 0:
                verdict = "keeps what happened" if name in _KEEPS_HISTORY else "SHOULD NOT GROW"
                print(f"{name:24} {before[name]:8} rows, {grown:6} more: {verdict}", flush=True)

    def _client(self) -> httpx2.AsyncClient:
        headers = {"X-API-Key": place.KEY}
        return httpx2.AsyncClient(base_url=self._service.url, headers=headers, timeout=30.0, trust_env=False)

    async def _asked(self, kind: str, asking: Awaitable[httpx2.Response], wanted: int) -> None:
        began = time.perf_counter()
        try:
            answer = await asking
        except httpx2.TransportError as error:
            self._figures.errors.append(f"{kind}: {error!r}")
            return
        self._figures.took_s.setdefault(kind, []).append(time.perf_counter() - began)
        if answer.status_code != wanted:
            self._figures.errors.append(f"{kind}: {answer.status_code} {answer.text[:200]}")

    async def _read(self) -> None:
        async with self._client() as http:
            while time.monotonic() < self._until:
                await asyncio.sleep(self._random.expovariate(1.0))
                user = f"user-{self._random.choice(self._accounts)}"
                await self._asked("gateway", http.get(f"/api/v1/health/{user}?{_WEEK}"), 200)

    async def _paced(self, count: int, send: Callable[[httpx2.AsyncClient, int], Coroutine[None, None, None]]) -> None:
        """So many, spread evenly over the time, whether the ones before are answered or not."""
        began = time.monotonic()
        async with self._client() as http, asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(max(began + number * self._size.seconds / count - time.monotonic(), 0))
                group.create_task(send(http, number))

    async def _tell(self, http: httpx2.AsyncClient, number: int) -> None:
        account, noun, record = self._records[number % len(self._records)]
        trace = str(UUID(int=self._random.getrandbits(128), version=4))
        told = {"user_id": account, "id": record, "type": f"{noun}.updated", "trace_id": trace}
        body, stamp = orjson.dumps(told), str(round(time.time() * 1000))
        headers = signed(place.CLIENT.client_secret, stamp, body)
        await self._asked("webhooks", http.post("/webhooks/whoop", content=body, headers=headers), 204)

    async def _sync(self, http: httpx2.AsyncClient, number: int) -> None:
        user = f"user-{self._accounts[number % len(self._accounts)]}"
        await self._asked("syncs", http.post(f"/api/v1/whoop/sync/{user}"), 202)

    async def _look(self) -> None:
        server = self._service.pid
        (worker,) = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        while time.monotonic() < self._until:
            ((connections,),) = await asyncio.to_thread(self._ask, _CONNECTIONS)
            server_mb, worker_mb = (resident_mb("VmRSS", each) for each in (server, int(worker)))
            self._figures.looks.append(Look(server_mb, worker_mb, int(connections)))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _quiet(self) -> None:
        waits = (
            "SELECT 1 FROM runs WHERE finished_at IS NULL "
            "UNION ALL SELECT 1 FROM deliveries WHERE state = 'waiting' LIMIT 1"
        )
        while await asyncio.to_thread(self._ask, waits):
            await asyncio.sleep(0.2)

    def _rows(self) -> dict[str, int]:
        return {name: int(self._ask(f"SELECT count(*) FROM {name}")[0][0]) for (name,) in self._ask(_TABLES)}

    def _ask(self, statement: str) -> list[Any]:
        with psycopg.connect(self._database) as connection:
            return connection.execute(statement.encode()).fetchall()
