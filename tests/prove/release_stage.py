"""The stage of the proof of releases: two versions of the code, two processes that serve one of them behind Debian's
HAProxy with the shipped configuration, and a simulated WHOOP."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx2
import psycopg

from circadia.connections import Started
from circadia.domain.catalog import COLLECTIONS
from circadia.simulator.clock import RunningClock
from circadia.simulator.serve import epoch_at
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import World
from circadia.storage import migrate
from tests import simulated
from tests.postgres import Server
from tests.prove.gateway_proxy import HOST, free_port
from tests.prove.gateway_stack import Program
from tests.prove.release_load import Household, Load
from tests.prove.stage import serving

MEMBERS, DAYS = 3, 60
_ROOT = Path(__file__).parents[2]
_CONFIGURATION = _ROOT / "deploy" / "haproxy" / "haproxy.cfg"
_KEY = "key-of-the-release-0"
_BACKUP_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_DRAIN_S = 5
_ENDS_WITHIN_S = 60.0
_TAKEN_AFTER_S = 3.0
"""HAProxy has seen twice, a second apart, that a process is ready."""

_PATIENCE_S = 120.0
_LOOK_S = 0.1

_NEXT_STEP = f"""
from alembic import op

revision = "9999"
down_revision = "{migrate.head()}"


def upgrade():
    op.execute("ALTER TABLE members ADD COLUMN pronouns text")
    op.execute("CREATE INDEX members_pronouns_idx ON members (pronouns)")


def downgrade():
    op.execute("ALTER TABLE members DROP COLUMN pronouns")
"""


def last_tag() -> str | None:
    """The last release; None before the first."""
    words = ["git", "describe", "--tags", "--abbrev=0"]
    done = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def versions(directory: Path) -> dict[str, Path]:
    """`old`, the last release (this version before the first one), and `new`, this version with one more migration; the
    directories that their packages are in."""
    found = {"old": directory / "old", "new": directory / "new"}
    ours = _ROOT / "src"
    if (tag := last_tag()) is None:
        found["old"].symlink_to(ours)
    else:
        archive = directory / "old.tar"
        subprocess.run(["git", "archive", f"--output={archive}", f"{tag}:src"], cwd=_ROOT, check=True)
        shutil.unpack_archive(archive, found["old"], filter="data")
    shutil.copytree(ours, found["new"], ignore=shutil.ignore_patterns("__pycache__"))
    step = found["new"] / migrate.SCRIPTS.relative_to(ours) / "versions" / "9999_next.py"
    step.write_text(_NEXT_STEP)
    return found


class Place:
    """Where one process serves; the version that it runs is a link, as on a machine that keeps several."""

    def __init__(self, name: str, settings: Mapping[str, str], found: Mapping[str, Path], directory: Path) -> None:
        self._current = directory / f"{name}-current"
        self._versions = found
        words = [sys.executable, "-m", "circadia", "serve", "--drain", str(_DRAIN_S)]
        self.program = Program(words, {**settings, "PYTHONPATH": os.fspath(self._current)}, directory)

    def start(self, version: str) -> None:
        """Start a version of it."""
        self._current.unlink(missing_ok=True)
        self._current.symlink_to(self._versions[version])
        self.program.start()

    async def stop(self) -> None:
        """SIGTERM, and wait for the end. RuntimeError when it does not come, or not well."""
        self.program.signal(signal.SIGTERM)
        async with asyncio.timeout(_ENDS_WITHIN_S):
            while self.program.runs:
                await asyncio.sleep(_LOOK_S)
        if "Traceback" in self.program.output():
            raise RuntimeError(f"it did not end well: {self.program.output()[-3000:]}")

    async def checks(self) -> dict[str, str]:
        """What readiness is made of, as it tells."""
        async with httpx2.AsyncClient(base_url=self.program.url, trust_env=False) as http:
            found: dict[str, str] = (await http.get("/health/ready")).json()["checks"]
        return found

    async def ready(self) -> None:
        """Wait until it is. TimeoutError."""
        await self.program.ready()
        async with asyncio.timeout(_PATIENCE_S):
            while set((await self.checks()).values()) != {"ok"}:
                await asyncio.sleep(_LOOK_S)


@dataclass
class Stage:
    """Everything together; `url` is HAProxy's."""

    server: Server
    database: str
    url: str
    whoop: WhoopSimulator
    places: tuple[Place, Place]
    settings: Mapping[str, str]
    versions: Mapping[str, Path]
    directory: Path

    def run(self, version: str, *arguments: str, **settings: str) -> None:
        """A command of one version, to its end. RuntimeError with what it said when it fails."""
        own = {"PYTHONPATH": os.fspath(self.versions[version]), "HOME": os.fspath(self.directory)}
        environment = simulated.surroundings() | dict(self.settings) | own | settings
        words = [sys.executable, "-m", "circadia", *arguments]
        done = subprocess.run(words, cwd=self.directory, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"circadia {' '.join(arguments)}: {done.stderr[-2000:]}")

    async def command(self, version: str, *arguments: str, **settings: str) -> None:
        """The same while others go on."""
        await asyncio.to_thread(self.run, version, *arguments, **settings)

    def another(self, **settings: str) -> Place:
        """A process beside the two, which HAProxy does not know."""
        return Place("third", {**self.settings, **settings}, self.versions, self.directory)

    async def replace(self, place: Place, version: str) -> None:
        """What a release does with one process: end it, start the version, wait until it is asked again."""
        await place.stop()
        place.start(version)
        await place.ready()
        await asyncio.sleep(_TAKEN_AFTER_S)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database) as connection:
            return connection.execute(statement.encode()).fetchall()

    async def settled(self) -> None:
        """Wait until no run is under way but those held back, and every webhook has been seen to. TimeoutError."""
        async with asyncio.timeout(_PATIENCE_S):
            while self.rows(
                "SELECT 1 FROM runs r JOIN members m ON m.id = r.member_id WHERE r.finished_at IS NULL "
                "AND (r.kind <> 'backfill' OR m.paused_at IS NULL) "
                "UNION ALL SELECT 1 FROM deliveries WHERE state = 'waiting' LIMIT 1"
            ):
                await asyncio.sleep(_LOOK_S)

    async def load(self, seed: int) -> Load:
        """Everybody connected, their histories here but for one that is held back, and what can be asked then."""
        users = {account: f"user-{account}" for account in self.whoop.state.world.user_ids}
        headers = {"X-API-Key": _KEY}
        async with httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=30.0, trust_env=False) as http:
            for account, user in users.items():
                if user == list(users.values())[-1]:
                    await self.settled()
                    self.whoop.fault("slow", path=f"/developer{COLLECTIONS[0].path}", count=None, seconds=2.0)
                await connect(http, account, user)
            body = {"action": "pause"}
            held = await http.post(f"/api/v1/whoop/backfill/{user}", json=body)
            held.raise_for_status()
            self.whoop.state.faults.clear()
        truth = self.whoop.truth(next(iter(users)))
        sleeps = [str(each["id"]) for each in truth["sleep"] if each["score_state"] == "SCORED"]
        household = Household(users, sleeps, held.json()["events_url"])
        return Load(self.url, _KEY, simulated.CLIENT.client_secret, household, Random(seed))


async def connect(http: httpx2.AsyncClient, account: int, user: str) -> None:
    """A member connects, as an app does it, over whichever version answers."""
    began = await http.post(f"/internal/auth/connect/{user}", json={})
    began.raise_for_status()
    started = Started("", began.json()["authorization_url"], "", "")
    back = await simulated.consent(None, started, account)
    body = {"code": back["code"], "state": back["state"], "user_id": user}
    (await http.post("/internal/auth/callback", json=body)).raise_for_status()


@contextmanager
def _haproxy(ports: tuple[int, int]) -> Iterator[str]:
    """Debian's, with the shipped configuration; its URL."""
    port = free_port()
    one, two = ports
    where = {"CIRCADIA_LISTEN": f"{HOST}:{port}", "CIRCADIA_ONE": f"{HOST}:{one}", "CIRCADIA_TWO": f"{HOST}:{two}"}
    words = ["haproxy", "-db", "-q", "-f", os.fspath(_CONFIGURATION)]
    process = subprocess.Popen(words, env=os.environ | where, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def open_stage(server: Server, seed: int) -> AsyncIterator[Stage]:
    """Two processes of the old version, on its schema, behind HAProxy."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = server.create("template0")
        stack.callback(server.drop, database)
        world = World(seed=seed, members=MEMBERS, days=DAYS, epoch=epoch_at(RunningClock()()))
        whoop = WhoopSimulator(world, clock=RunningClock(), limits=simulated.ROOMY, clients=(simulated.CLIENT,))
        base = await stack.enter_async_context(serving(whoop))
        settings = simulated.environment_for(
            database,
            WHOOP_API_BASE_URL=f"{base}/developer",
            WHOOP_OAUTH_BASE_URL=f"{base}/oauth/oauth2",
            SERVICE_API_KEY=_KEY,
            WHOOP_REDIRECT_URL=simulated.CALLBACK,
            CIRCADIA_BACKUP_KEY=_BACKUP_KEY,
        )
        found = versions(directory)
        one, two = (Place(name, settings, found, directory) for name in ("one", "two"))
        url = stack.enter_context(_haproxy((one.program.port, two.program.port)))
        here = Stage(server, database, url, whoop, (one, two), settings, found, directory)
        await here.command("old", "db", "upgrade")
        for place in here.places:
            stack.callback(place.program.end)
            place.start("old")
        for place in here.places:
            await place.ready()
        await asyncio.sleep(_TAKEN_AFTER_S)
        yield here
