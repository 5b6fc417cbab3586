"""The stage of the proof of alerts: `circadia serve` against a simulated WHOOP, and Debian's Prometheus that scrapes it
with the shipped rules."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import psycopg
import yaml
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from circadia.runtime import Runtime, open_runtime
from circadia.simulator.clock import RunningClock
from circadia.simulator.deliveries import signed
from circadia.simulator.serve import epoch_at
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import World
from tests import simulated
from tests.cli.terminal import PROGRAM
from tests.postgres import Server
from tests.prove.gateway_proxy import HOST, free_port
from tests.prove.gateway_stack import Program
from tests.prove.stage import serving

MEMBERS, DAYS = 3, 60
_SHIPPED = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = sorted((_SHIPPED / "rules").glob("*.yaml"))
_KEY = "key-of-the-monitor-0"
_EVERY = {"scrape_interval": "4s", "scrape_timeout": "4s", "evaluation_interval": "1s"}
_AT_ONCE = "1s"
_PATIENCE_S = 120.0


class Line:
    """The simulated WHOOP's application; while `spoils`, the first record of each page of workouts is none."""

    def __init__(self, whoop: WhoopSimulator) -> None:
        self.spoils = False

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def changed(message: Message) -> None:
                if self.spoils and message["type"] == "http.response.body":
                    message = {**message, "body": message["body"].replace(b"SCORED", b"SPOILT", 1)}
                await send(message)

            await whoop.app(scope, receive, changed if scope.get("path", "").endswith("/workout") else send)

        self.app: ASGIApp = app


class Prometheus:
    """Debian's, on rules that wait for nothing. The jobs are those that are shipped; all of them ask one service."""

    def __init__(self, directory: Path, target: str) -> None:
        self._directory = directory
        self._port = free_port()
        self._target = target
        self._targets = directory / "targets.json"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Scrape and judge meanwhile."""
        self._write()
        words = [
            "prometheus",
            f"--config.file={self._directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address={HOST}:{self._port}",
            "--log.level=error",
        ]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def _write(self) -> None:
        """The shipped rules and configuration, each `for:` shortened, and one target."""
        (self._directory / "rules").mkdir()
        for path in RULES:
            rules = yaml.safe_load(path.read_text())
            for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
                rule["for"] = _AT_ONCE
            (self._directory / "rules" / path.name).write_text(yaml.safe_dump(rules))
        config = yaml.safe_load((_SHIPPED / "prometheus.yml").read_text())
        jobs = [
            {
                "job_name": each["job_name"],
                "authorization": {"credentials": _KEY},
                "file_sd_configs": [{"files": [str(self._targets)]}],
            }
            for each in config["scrape_configs"]
        ]
        ours = {"global": _EVERY, "rule_files": config["rule_files"], "scrape_configs": jobs}
        (self._directory / "prometheus.yml").write_text(yaml.safe_dump(ours))
        self.finds(there=True)

    def finds(self, *, there: bool) -> None:
        """Whether the target is found, as DNS finds a container until it stops."""
        fresh = self._targets.with_suffix(".fresh")
        fresh.write_text(json.dumps([{"targets": [self._target] if there else []}]))
        fresh.replace(self._targets)

    async def ready(self) -> None:
        """Wait until it has scraped three times."""
        async with asyncio.timeout(_PATIENCE_S):
            while not await self._value("count_over_time(circadia_database_up[1m]) >= 3"):
                await asyncio.sleep(0.5)

    async def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        alerts = (await self._ask("/api/v1/alerts"))["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    async def over(self, alert: str) -> None:
        """Wait until an alert no longer fires."""
        async with asyncio.timeout(_PATIENCE_S):
            while alert in await self.firing():
                await asyncio.sleep(0.2)

    async def _value(self, query: str) -> Sequence[Any]:
        found: Sequence[Any] = (await self._ask("/api/v1/query", query=query)).get("result", [])
        return found

    async def _ask(self, path: str, **parameters: str) -> dict[str, Any]:
        async with httpx2.AsyncClient(base_url=f"http://{HOST}:{self._port}", trust_env=False) as http:
            try:
                answer = await http.get(path, params=parameters)
            except httpx2.ConnectError:
                return {}
        if answer.status_code == 503:  # it is still starting
            return {}
        found: dict[str, Any] = answer.json().get("data", {})
        return found


@dataclass
class Stage:
    """Everything together; `http` has a key, `runtime` is the operator's own process, without a worker."""

    server: Server
    database: str
    whoop: WhoopSimulator
    line: Line
    service: Program
    runtime: Runtime
    http: httpx2.AsyncClient
    prometheus: Prometheus
    _asked: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def accounts(self) -> Sequence[int]:
        """The members' accounts at WHOOP."""
        return self.whoop.state.world.user_ids

    def user(self, place: int) -> str:
        """One of the users."""
        return f"user-{self.accounts[place]}"

    async def sql(self, statement: str) -> None:
        """Change the database."""
        async with await psycopg.AsyncConnection.connect(self.database, autocommit=True) as connection:
            await connection.execute(statement.encode())

    async def sync(self, place: int, *types: str) -> None:
        """Ask for a sync."""
        body = {"types": list(types)} if types else {}
        (await self.http.post(f"/api/v1/whoop/sync/{self.user(place)}", json=body)).raise_for_status()

    def read(self, path: str) -> None:
        """Ask for something, and leave the answer."""

        async def ask() -> None:
            await self.http.get(path)

        task = asyncio.create_task(ask())
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def leave(self) -> None:
        """Wait for no answer any more."""
        for each in self._asked:
            each.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def webhook(self, record_id: str, secret: str = simulated.CLIENT.client_secret) -> None:
        """A webhook about the first member's sleep."""
        payload = {"user_id": self.accounts[0], "id": record_id, "type": "sleep.updated", "trace_id": str(uuid4())}
        body = orjson.dumps(payload)
        stamp = str(round(datetime.now(UTC).timestamp() * 1000))
        await self.http.post("/webhooks/whoop", content=body, headers=signed(secret, stamp, body))

    async def well(self) -> None:
        """Wait until the service is ready and nothing is under way."""
        async with asyncio.timeout(_PATIENCE_S):
            while (await self.http.get("/health/ready")).status_code != 200 or await self.runtime.db.row(
                "SELECT 1 FROM runs WHERE state IN ('queued', 'running') LIMIT 1"
            ):
                await asyncio.sleep(0.2)

    def worker(self) -> int:
        """The process id of the worker beside the service."""
        (child,) = Path(f"/proc/{self.service.pid}/task/{self.service.pid}/children").read_text().split()
        return int(child)


@asynccontextmanager
async def open_stage(server: Server, seed: int) -> AsyncIterator[Stage]:
    """Everybody connected, their histories here, and Prometheus has looked."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = server.create()
        stack.callback(server.drop, database)
        clock = RunningClock()
        world = World(seed=seed, members=MEMBERS, days=DAYS, epoch=epoch_at(clock()))
        whoop = WhoopSimulator(world, clock=clock, limits=simulated.ROOMY, clients=(simulated.CLIENT,))
        line = Line(whoop)
        url = await stack.enter_async_context(serving(line))
        settings = {
            "WHOOP_API_BASE_URL": f"{url}/developer",
            "WHOOP_OAUTH_BASE_URL": f"{url}/oauth/oauth2",
            "SERVICE_API_KEY": _KEY,
            "SYNC_PLAN": "four-a-day",
            "SAHHA_CLIENT_ID": "nobody",
            "SAHHA_CLIENT_SECRET": "nothing",
            "SAHHA_API_BASE_URL": f"http://{HOST}:{free_port()}",
        }
        service = Program([os.fspath(PROGRAM), "serve"], simulated.environment_for(database, **settings), directory)
        service.start()
        stack.callback(service.end)
        await service.ready()
        runtime = await stack.enter_async_context(open_runtime(simulated.settings_for(database, **settings)))
        http = httpx2.AsyncClient(base_url=service.url, headers={"X-API-Key": _KEY}, timeout=30.0, trust_env=False)
        await stack.enter_async_context(http)
        (directory / "prometheus").mkdir()
        prometheus = Prometheus(directory / "prometheus", f"{HOST}:{service.port}")
        here = Stage(server, database, whoop, line, service, runtime, http, prometheus)
        stack.push_async_callback(here.leave)
        for place, account in enumerate(here.accounts):
            started = await runtime.connections.begin(here.user(place))
            back = await simulated.consent(None, started, account)
            await runtime.connections.finish(back["code"], back["state"], user_id=here.user(place))
        await here.well()
        stack.enter_context(prometheus.running())
        await prometheus.ready()
        yield here
