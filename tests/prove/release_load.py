"""The load of the proof of releases: apps that read and ask for syncs, WHOOP's webhooks, a browser that follows a run.

Whatever is not answered as it has to be, or not at all, is a failure and is kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID

import httpx2
import orjson

from circadia.simulator.deliveries import signed

_READERS = 8
_BETWEEN_READS_S = 0.04
_BETWEEN_WEBHOOKS_S = 0.1
_BETWEEN_SYNCS_S = 2.0
_COMES_BACK_S = 0.3
_KINDS = ("reads", "webhooks", "syncs", "events")


@dataclass(frozen=True, slots=True)
class Household:
    """Whom the load is about: user ids by account, the records of the first account's sleeps, and a run that does not
    end."""

    users: Mapping[int, str]
    sleeps: Sequence[str]
    endless: str


@dataclass(slots=True)
class Load:
    """What was asked for and how it went. `traces` are the webhooks that were acknowledged, `runs` the syncs that were
    accepted."""

    url: str
    key: str
    secret: str
    household: Household
    random: Random
    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    traces: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    came_back: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Go on meanwhile; what is under way at the end is waited for."""
        async with asyncio.TaskGroup() as group:
            for number in range(_READERS):
                group.create_task(self._read(number))
            for each in (self._tell, self._sync, self._follow):
                group.create_task(each())
            try:
                yield
            finally:
                self._over.set()

    def __str__(self) -> str:
        took = sorted(self.took_s)
        told = ", ".join(f"{self.answered[each]} {each}" for each in _KINDS)
        return (
            f"{told}; {len(self.failures)} failed; p50 {1e3 * took[len(took) // 2]:.0f} ms, "
            f"p99 {1e3 * took[int(0.99 * len(took))]:.0f} ms, longest {1e3 * took[-1]:.0f} ms ({self.slowest[1]}); "
            f"the follower came back {self.came_back} times"
        )

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, headers={"X-API-Key": self.key}, timeout=30.0, trust_env=False)

    async def _asked(
        self, http: httpx2.AsyncClient, kind: str, method: str, path: str, wanted: int, **details: Any
    ) -> httpx2.Response | None:
        began = perf_counter()
        try:
            answer = await http.request(method, path, **details)
        except httpx2.TransportError as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return None
        self.took_s.append(perf_counter() - began)
        self.slowest = max(self.slowest, (self.took_s[-1], f"{method} {path}"))
        if answer.status_code != wanted:
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return None
        self.answered[kind] += 1
        return answer

    async def _pause(self, seconds: float) -> None:
        if not self._over.is_set():
            await asyncio.sleep(seconds)

    async def _read(self, number: int) -> None:
        users = list(self.household.users.values())
        today = datetime.now(UTC).date()
        since = today - timedelta(days=20)
        async with self._client() as http:
            while not self._over.is_set():
                user = users[number % len(users)]
                path = self.random.choice(
                    (
                        f"/api/v1/whoop/daily-data/{user}",
                        f"/api/v1/whoop/days/{user}?from={since}&to={today}",
                        f"/api/v1/whoop/sync-status/{user}",
                        f"/api/v1/health/{user}?days=7",
                    )
                )
                await self._asked(http, "reads", "GET", path, 200)
                await self._pause(_BETWEEN_READS_S)

    async def _tell(self) -> None:
        account = next(iter(self.household.users))
        async with self._client() as http:
            while not self._over.is_set():
                trace = str(UUID(int=self.random.getrandbits(128), version=4))
                record = self.random.choice(self.household.sleeps)
                body = orjson.dumps({"user_id": account, "id": record, "type": "sleep.updated", "trace_id": trace})
                stamp = str(round(datetime.now(UTC).timestamp() * 1000))
                headers = signed(self.secret, stamp, body)
                if await self._asked(http, "webhooks", "POST", "/webhooks/whoop", 204, content=body, headers=headers):
                    self.traces.add(trace)
                await self._pause(_BETWEEN_WEBHOOKS_S)

    async def _sync(self) -> None:
        users = list(self.household.users.values())
        async with self._client() as http:
            while not self._over.is_set():
                path = f"/api/v1/whoop/sync/{self.random.choice(users)}"
                if answer := await self._asked(http, "syncs", "POST", path, 202, json={"types": ["cycle"]}):
                    self.runs.add(answer.json()["run_id"])
                await self._pause(_BETWEEN_SYNCS_S)

    async def _follow(self) -> None:
        """A browser's EventSource: when a stream ends before its run does, it comes back with the last event's id."""
        last: str | None = None
        async with self._client() as http:
            while not self._over.is_set():
                headers = {"Last-Event-ID": last} if last else {}
                try:
                    async with http.stream("GET", self.household.endless, headers=headers) as answer:
                        if answer.status_code != 200:
                            self.failures.append(f"events: {answer.status_code}")
                        async for line in answer.aiter_lines():
                            last = line[4:] if line.startswith("id: ") else last
                            self.answered["events"] += line.startswith("event: ")
                            if self._over.is_set():
                                return
                except httpx2.TransportError as error:
                    self.failures.append(f"events: {error!r}")
                self.came_back += 1
                await self._pause(_COMES_BACK_S)
